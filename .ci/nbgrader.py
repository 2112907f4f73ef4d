"""nbgrader on the notebooks of the course: generate, autograde, feedback, held to what the kit's own tools say: `make nbgrader`.

nbgrader needs a folder for every step and a database, and is no part of the kit: it is installed into an environment of its own,
which also sees the kit's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import site
import sqlite3
import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
VERSION = "0.9.6"
UNIT = "2_value"
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "course"
c.GenerateAssignment.preprocessors.insert(0, "nbconvert.preprocessors.TagRemovePreprocessor")
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"instructor"}
c.ExecutePreprocessor.timeout = 300
"""


def environment(folder: Path) -> Path:
    """The program nbgrader in *folder*, installed where it is not there; it sees the packages of the kit's environment."""
    program = folder / "bin" / "nbgrader"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        quiet = ["install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([folder / "bin" / "python", "-m", "pip", *quiet, f"nbgrader=={VERSION}"], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "kit.pth").write_text("\n".join([*site.getsitepackages(), str(KIT / "lib")]) + "\n")
    return program


def main() -> int:
    """Have nbgrader handle a right and an empty submission of one unit; 0 where it gives all points and none."""
    from fivestep.course import company, copies

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=KIT / "build" / "nbgrader" / "environment")
    parser.add_argument("--out", type=Path, default=KIT / "build" / "nbgrader" / "course")
    chosen = parser.parse_args()
    program, out = environment(chosen.environment.resolve()), chosen.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    source = out / "source" / UNIT
    company.write_settings(source, learner="", customers=500, language="en")
    shutil.copyfile(KIT / "notebooks" / "course" / f"{UNIT}.ipynb", source / f"{UNIT}.ipynb")
    (out / "nbgrader_config.py").write_text(CONFIG)

    seen = {**os.environ, "PATH": os.pathsep.join([str(program.parent), os.environ.get("PATH", "")])}  # it calls alembic

    def nbgrader(*words: str) -> None:
        subprocess.run([program, *words, UNIT, "--log-level=ERROR"], cwd=out, check=True, env=seen)

    nbgrader("generate_assignment", "--create")
    instructor = json.loads((source / f"{UNIT}.ipynb").read_text("utf-8"))
    released = json.loads((out / "release" / UNIT / f"{UNIT}.ipynb").read_text("utf-8"))
    ours = ["".join(c["source"]) for c in copies.student_copy(instructor)["cells"]]
    same = ours == ["".join(c["source"]) for c in released["cells"]]
    for learner, folder in (("right", source), ("empty", out / "release" / UNIT)):
        shutil.copytree(folder, out / "submitted" / learner / UNIT)
    nbgrader("autograde")
    nbgrader("generate_feedback")
    with sqlite3.connect(out / "gradebook.db") as book:
        rows = book.execute(
            "select s.student_id, sum(coalesce(g.manual_score, g.auto_score, 0)) from grade g "
            "join submitted_notebook n on g.notebook_id = n.id join submitted_assignment s on n.assignment_id = s.id group by 1"
        ).fetchall()
    points = float(sum(copies.grading(c).get("points", 0) for c in instructor["cells"]))
    pages = sorted(p.relative_to(out).as_posix() for p in (out / "feedback").rglob("*.html"))
    print(f"cells as in the kit's own copies: {same}; points: {dict(rows)} of {points}; feedback: {', '.join(pages)}")  # noqa: T201
    return 0 if same and dict(rows) == {"right": points, "empty": 0.0} and len(pages) == 2 else 1


if __name__ == "__main__":
    sys.exit(main())

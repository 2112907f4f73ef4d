"""A class of 38 submissions graded by the command, held to what was put into them: `make class`.

Right in every unit, wrong in each anticipated way, untouched, and hostile: one hangs, one crashes, one changes the cells that
check, one tries to delete, to read what is not its own, to connect and to kill. Wrong answers are computed as the tests do, from
the tables and not by the library.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KIT = Path(__file__).resolve().parents[1]
INSTRUCTOR = KIT / "notebooks" / "course"
CUSTOMERS = 500
sys.path.insert(0, str(KIT / "tests"))


@dataclass
class Expected:
    """One learner: the notebooks handed in, the points of exercises (0 where none are named), mistakes, words of the notes."""

    notebooks: dict[str, dict[str, Any]]
    points: dict[str, float] = field(default_factory=dict)
    mistakes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    noted: tuple[str, ...] = ()


def literal(instructor: dict[str, Any], key: str, answer: Any) -> str:
    """Code that gives a plain answer the name that the check of *key* reads."""
    source = "\n".join("".join(c["source"]) for c in instructor["cells"])
    (name,) = re.findall(rf'^check\("{re.escape(key)}", (\w+)\)', source, re.M)
    if isinstance(answer, dict) and "table" in answer:
        table = answer["table"]
        return f"import pandas as pd\n\n{name} = pd.DataFrame({table['rows']!r}, columns={table['columns']!r})"
    return f"{name} = {answer!r}"


def filled_in(instructor: dict[str, Any], answers: dict[str, str | None]) -> dict[str, Any]:
    """The student's copy with *answers* by exercise: code, or None for the instructor's; without exhibits, which take long."""
    from fivestep.course import copies

    copy = copies.student_copy(instructor)
    solutions = {c["id"]: "".join(c["source"]) for c in instructor["cells"]}
    for cell in copy["cells"]:
        source = "".join(cell["source"])
        key = copies.grading(cell).get("grade_id", "").removesuffix("_answer").replace("_", ".", 1)
        if "solution" in copies.tags(cell) and key in answers:
            cell["source"] = answers[key] or solutions[cell["id"]]
        elif cell["cell_type"] == "code" and ("exhibit(" in source or "finding(" in source):
            cell["source"] = "\n".join(line for line in source.splitlines() if line.startswith(("import ", "from ")))
    return copy


def class_of(units: dict[str, dict[str, Any]], wrong: dict[tuple[str, ...], Any], thief: str) -> dict[str, Expected]:
    """Learner -> what they hand in and what it is worth; *thief* is the code of the one who tries everything."""
    from fivestep.course import grading
    from fivestep.course.answers import plain
    from fivestep.course.exercises import EXERCISES

    full = {k: float(e.points) for k, e in EXERCISES.items()}
    asked = {name: grading.keys(n) for name, n in units.items()}

    def handed(unit: str, solved: list[str], **more: str) -> dict[str, dict[str, Any]]:
        return {unit: filled_in(units[unit], dict.fromkeys(solved) | {k.replace("_", ".", 1): v for k, v in more.items()})}

    out = {
        "right": Expected({name: filled_in(n, dict.fromkeys(asked[name])) for name, n in units.items()}, full),
        "untouched": Expected(handed("2_value", []), noted=("NotImplementedError",)),
    }
    ways: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for (key, *mistakes), answer in wrong.items():
        ways.setdefault(key, []).append((tuple(mistakes), answer))
    for unit, keys in asked.items():  # the first learner makes the first mistake of every exercise of the unit, and so on
        for i in range(max((len(ways.get(k, ())) for k in keys), default=0)):
            made = {k: ways[k][i] for k in keys if i < len(ways.get(k, ()))}
            right = keys[: min(keys.index(k) for k in made)]  # what comes after may build on what is wrong
            codes = {k.replace(".", "_", 1): literal(units[unit], k, plain(answer)) for k, (_m, answer) in made.items()}
            told = {k: mistakes for k, (mistakes, _answer) in made.items()}
            out[f"{unit}, way {i + 1}"] = Expected(handed(unit, right, **codes), {k: full[k] for k in right}, told)

    first = {"unit2.rfm": full["unit2.rfm"]}
    hangs, crashes = "import time\n\ntime.sleep(100_000)", "import os\n\nos._exit(9)"
    out["hangs"] = Expected(handed("2_value", ["unit2.rfm"], unit2_important=hangs), first, noted=("it took too long",))
    out["crashes"] = Expected(handed("2_value", ["unit2.rfm"], unit2_important=crashes), first, noted=("the process ended",))
    off = "rfm_answer = course.table('customers')[['customer_id']].assign(recency_days=0, frequency=1, monetary=1.0)"
    changed = handed("2_value", [], unit2_rfm=off)
    for cell in changed["2_value"]["cells"]:
        if cell["id"].endswith("-check"):
            cell["source"] = "print('full marks')"
    out["changes checks"] = Expected(changed, {}, {"unit2.rfm": ("another mistake",)}, ("unit2_rfm, unit2_important",))
    tells = f"{thief}\nraise RuntimeError('reached: ' + ', '.join(k for k, v in told.items() if v == 'done'))"
    out["thief"] = Expected(handed("2_value", [], unit2_rfm=tells), noted=("RuntimeError: reached: own folder",))
    return out


def differing(learners: dict[str, Expected], out: Path) -> list[str]:
    """Rows of the gradebook and of the misconceptions that are not as expected."""
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        book = {row["Learner"]: row for row in csv.DictReader(file)}
    with (out / "misconceptions.csv").open(encoding="utf-8-sig", newline="") as file:
        named = {(row["Exercise"], row["Misconception"], row["Who"]) for row in csv.DictReader(file)}
    said = [f"gradebook: {name}" for name in sorted(set(book) ^ set(learners))]
    for name in sorted(set(book) & set(learners)):
        row, expected = book[name], learners[name]
        exercises = [k for k in row if k.startswith("unit")]
        points = {k: float(row[k]) for k in exercises if float(row[k])}
        if points != expected.points or float(row["Points"]) != sum(expected.points.values()):
            said.append(f"{name}: points {points}, expected {expected.points}; {row['Notes']}")
        said += [f"{name}: notes without {words!r}: {row['Notes']}" for words in expected.noted if words not in row["Notes"]]
    who: dict[tuple[str, str], list[str]] = {}
    for name, expected in learners.items():
        for exercise, mistakes in expected.mistakes.items():
            for mistake in mistakes:
                who.setdefault((exercise, mistake), []).append(name)
    wanted = {(*found, ", ".join(sorted(names))) for found, names in who.items()}
    said += [f"misconceptions, expected: {row}" for row in sorted(wanted - named)]
    return said + [f"misconceptions, not expected: {row}" for row in sorted(named - wanted)]


def main() -> int:
    """Build, grade and compare the class; 0 where every row is as expected, else the differing rows and 1."""
    from fivestep.course import checking, company, copies, grading
    from fivestep.course.units import instructor_notebooks
    from learners import THIEF, wrong_answers

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=KIT / "build" / "class")
    parser.add_argument("--minutes", type=float, default=2, help="what a notebook may take; the one that hangs takes them")
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    submissions, course = out / "submissions", out / "course"
    company.write_settings(course, learner="", customers=CUSTOMERS, language="en")
    units = {name: n for name, n in instructor_notebooks(INSTRUCTOR).items() if grading.keys(n)}
    with socket.create_server(("127.0.0.1", 0)) as server:
        thief = THIEF.format(
            class_=str(submissions), instructor=str(INSTRUCTOR / "2_value.ipynb"), library=checking.__file__,
            port=server.getsockname()[1], pid=os.getpid(),
        )  # fmt: skip
        learners = class_of(units, wrong_answers(company.Case.of(course)), thief)
        for learner, expected in learners.items():
            for name, notebook in expected.notebooks.items():
                path = submissions / learner / "units" / f"{name}.ipynb"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(copies.written(notebook))
        before = {p: p.read_bytes() for p in submissions.rglob("*") if p.is_file()}
        began = time.perf_counter()
        command = [sys.executable, "-m", "fivestep.cli", "course", "grade", submissions, "--instructor", INSTRUCTOR]
        options = ["--out", out / "grades", "--customers", CUSTOMERS, "--minutes", chosen.minutes]
        subprocess.run([*map(str, [*command, *options])], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
    said = differing(learners, out / "grades")
    if {p: p.read_bytes() for p in submissions.rglob("*") if p.is_file()} != before:
        said.append("the submissions were changed")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "submissions": len(learners), "notebooks": len(before), "rows that differ": len(said),
        "seconds": round(seconds), "seconds of processor": round(used.ru_utime + used.ru_stime),
    }  # fmt: skip
    print("\n".join([*said, json.dumps(figures)]))  # noqa: T201
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())

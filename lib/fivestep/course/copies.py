"""The student's copy of an instructor notebook: no solutions, no notes for trainers, no outputs.

Cookiecutter's hook runs this file by its path in an environment of its own, so it uses the standard library only. The marks are
those of nbgrader, whose `generate_assignment` makes the same cells of the same notebook.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HIDDEN_BEGIN, HIDDEN_END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
STUBS = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
KEPT = {"nbgrader", "tags", "slideshow"}  # of a cell's metadata


def student_copy(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without what learners must not see.

    Cells tagged ``instructor`` go. What stands between the marks of a solution becomes a stub, and so does a whole solution cell
    without marks. Outputs, attachments and all metadata that is not needed go, as they can hold an answer too.
    Raises ValueError for a mark without its other half.
    """
    out = copy.deepcopy(notebook)
    out["metadata"] = {k: v for k, v in out["metadata"].items() if k in ("kernelspec", "language_info")}
    out["cells"] = [_cell(cell) for cell in out["cells"] if "instructor" not in tags(cell)]
    return out


def written(notebook: dict[str, Any]) -> bytes:
    """A notebook as it stands in a file."""
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def tags(cell: dict[str, Any]) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def grading(cell: dict[str, Any]) -> dict[str, Any]:
    """What nbgrader knows of a cell; nothing where it is none of its own."""
    return cell["metadata"].get("nbgrader", {})


def secret_lines(notebook: dict[str, Any]) -> list[str]:
    """Every line that only the instructor's notebook has: of solutions and of notes for trainers."""
    seen = {line.strip() for cell in student_copy(notebook)["cells"] for line in "".join(cell["source"]).splitlines()}
    lines = (line.strip() for cell in notebook["cells"] for line in "".join(cell["source"]).splitlines())
    return [line for line in dict.fromkeys(lines) if line and line not in seen and line not in (BEGIN, END)]


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = "".join(cell["source"])
    stub = STUBS.get(cell["cell_type"], "")
    found = _between(source, BEGIN, END, stub)
    if found == source and (grading(cell).get("solution") or "solution" in tags(cell)):
        found = stub
    found = _between(found, HIDDEN_BEGIN, HIDDEN_END, "")
    out = {
        "cell_type": cell["cell_type"],
        "id": cell["id"],
        "metadata": {k: v for k, v in cell["metadata"].items() if k in KEPT},
        "source": found.splitlines(keepends=True),
    }
    if grading(cell).get("locked"):
        out["metadata"] |= {"deletable": False, "editable": False}
    return out | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})


def _between(source: str, begin: str, end: str, stub: str) -> str:
    """*source* with what stands from each *begin* to its *end* replaced by *stub*, as far indented as the mark."""
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        if begin in line and not inside:
            inside = True
            indent = re.match(r"\s*", line)[0]
            kept += [indent + part for part in stub.split("\n")] if stub else []
        elif end in line and inside:
            inside = False
        elif begin in line or end in line:
            raise ValueError(f"{line.strip()} has no other half")
        elif not inside:
            kept.append(line)
    if inside:
        raise ValueError(f"{begin} has no {end}")
    return "\n".join(kept)

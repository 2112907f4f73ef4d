"""docs/coverage.yml is true: what it maps exists, and its sections stand in an executed report with exhibits of their own."""

from __future__ import annotations

import ast
import importlib
import re

import nbformat
import pytest
import yaml

from conftest import KIT, SHARED
from fivestep import cli

COVERAGE = yaml.safe_load((KIT / "docs" / "coverage.yml").read_text("utf-8"))
HEADING = re.compile(r"^##? (.+)$", re.MULTILINE)
CHECKLIST = SHARED / "mission" / "checklist.md"


def names_of_tests(path: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse((KIT / path).read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_the_map_is_not_empty_and_every_entry_is_whole():
    assert len(COVERAGE) > 30
    for key, entry in COVERAGE.items():
        assert re.fullmatch(r"[A-H]\d\d", key)
        forms = [{"notebook", "section", "case"}, {"command"}, {"case_notebook", "section"}, {"course_notebook", "section"}]
        assert set(entry) in [{*form, "function", "test"} for form in forms], key


@pytest.mark.skipif(not CHECKLIST.exists(), reason="the checklist is not beside the project")
def test_every_id_is_one_of_the_checklist():
    known = set(re.findall(r"^\| ([A-H]\d\d) \|", CHECKLIST.read_text("utf-8"), re.MULTILINE))
    assert len(known) > 300
    assert set(COVERAGE) <= known


def test_every_function_and_test_named_exists():
    for key, entry in COVERAGE.items():
        module, _, name = entry["function"].rpartition(".")
        assert callable(getattr(importlib.import_module(f"fivestep.{module}"), name)), key
        path, _, test = entry["test"].partition("::")
        assert test in names_of_tests(path), key
        if "command" in entry:
            program, verb = entry["command"].split()
            assert program == "fivestep"
            assert verb in {c.name or c.callback.__name__ for c in cli.app.registered_commands}, key
        elif folder := {"case_notebook": "cases", "course_notebook": "course"}.get(next(iter(entry))):
            cells = nbformat.read(KIT / "notebooks" / folder / f"{entry[next(iter(entry))]}.ipynb", as_version=4).cells
            assert any(c.cell_type == "markdown" and c.source.startswith(f"## {entry['section']}\n") for c in cells), key
        else:
            assert entry["case"] in CASES, key


CASES = {"grocery": "en", "coffee": "zh_TW"}  # the language in which tests run each case


@pytest.mark.parametrize("case", CASES)
def test_every_section_named_is_in_the_executed_report_with_an_exhibit(demo, case):
    latest = demo(CASES[case], case) / "reports" / "latest"
    html = (latest / "report.html").read_text("utf-8")
    shown: dict[tuple[str, str], int] = {}
    titles: dict[tuple[str, str], str] = {}
    for path in sorted((KIT / "notebooks").glob("*.ipynb")):
        named = {c.id: m[1] for c in nbformat.read(path, as_version=4).cells if (m := HEADING.search(c.source))}
        section = ""
        for cell in nbformat.read(latest / path.name, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.id in named:
                section = named[cell.id]  # as the kit calls it, whatever the language of the run
                titles[path.stem, section] = HEADING.search(cell.source)[1]
            for output in cell.get("outputs", ()):
                if output.get("metadata", {}).get("fivestep", {}).get("kind") in ("figure", "table", "finding"):
                    shown[path.stem, section] = shown.get((path.stem, section), 0) + 1
    entries = {k: e for k, e in COVERAGE.items() if e.get("case") == case}
    assert len(entries) > 30
    for key, entry in entries.items():
        at = entry["notebook"], entry["section"]
        assert shown.get(at), (key, at)
        assert titles[at].replace("&", "&amp;") in html, key

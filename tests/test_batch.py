"""One report per value: all of it or a reason, nobody else's rows, and nothing done twice."""

from __future__ import annotations

import json

import pytest

from fivestep.errors import UserError
from fivestep.report.batch import batch
from test_run import notebook, printed, project, write  # noqa: F401  the small project is a fixture

COUNT = "print(sorted(engagement.tables.customers.customer_id.to_pandas()))"


def outcomes(root, **given):
    folder, found = batch(root, by="region", progress=False, **given)
    return folder, {o.value: o for o in found}


def test_a_batch_makes_skips_and_then_leaves_alone(project):  # noqa: F811
    write(project, notebook("1_profiling", COUNT))
    folder, first = outcomes(project)
    assert {v: o.status for v, o in first.items()} == {"North": "finished", "South": "skipped"}
    assert "4 customers are fewer than the 5 that min_customers asks for" in first["South"].message
    assert printed(folder / "North").strip() == str([f"c{i:02d}" for i in range(8)])
    assert not (folder / "South").exists()
    for name in ("report.pdf", "report.html", "workbook.xlsx", "index.html", "run.json"):
        assert (folder / "North" / name).stat().st_size > 500
    page = (folder / "index.html").read_text("utf-8")
    assert 'href="North/report.pdf"' in page
    assert 'href="South/' not in page
    assert "min_customers" in page

    stamp = (folder / "North" / "report.pdf").stat().st_mtime_ns
    _folder, second = outcomes(project)
    assert second["North"].status == "unchanged"
    assert (folder / "North" / "report.pdf").stat().st_mtime_ns == stamp

    (folder / "North" / "report.pdf").unlink()  # as a batch leaves it that was cut before it rendered
    write(project, notebook("1_profiling", COUNT, "1 / 0"))
    _folder, third = outcomes(project)
    assert third["North"].status == "failed"
    assert 'section "Section 2": ZeroDivisionError' in third["North"].message
    assert "ZeroDivisionError" in (folder / "index.html").read_text("utf-8")
    assert {o["value"]: o["status"] for o in json.loads((folder / "batch.json").read_text())} == {
        "North": "failed",
        "South": "skipped",
    }


def test_a_field_that_cannot_cut_the_data_is_named(project):  # noqa: F811
    with pytest.raises(UserError, match=r"'colour' is no field of customers or orders that can cut the data\. Fields are region"):
        batch(project, by="colour", progress=False)
    assert not (project / "reports").exists()

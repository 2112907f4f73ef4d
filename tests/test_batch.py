"""One report per value: all of it or a reason, nobody else's rows, and nothing done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import psutil
import pytest

from fivestep import engagement
from fivestep.errors import UserError
from fivestep.report.batch import batch
from test_run import no_kernel, notebook, printed, project, wait_for, write  # noqa: F401  fixtures among them

COUNT = "print(sorted(engagement.tables.customers.customer_id.to_pandas()))"


def outcomes(root, **given):
    folder, found = batch(root, by="region", progress=False, **given)
    return folder, {o.value: o for o in found}


@pytest.fixture
def here(no_kernel):  # noqa: F811
    """An executor of this process, with notebooks that print a word."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def set_regions(root, *regions: str, least: int = 1) -> None:
    path = root / "data" / "contract" / "first" / "customers.parquet"
    pd.read_parquet(path).assign(region=(list(regions) * 12)[:12]).to_parquet(path, index=False)
    (root / "engagement.yml").write_text(f"name: Trial\nclient: Somebody\nmin_customers: {least}\n")
    write(root, notebook("1_profiling", "print('done')"))


def test_a_batch_makes_skips_and_then_leaves_alone(project):  # noqa: F811
    write(project, notebook("1_profiling", COUNT))
    folder, first = outcomes(project)
    assert {v: o.status for v, o in first.items()} == {"North": "finished", "South": "skipped"}
    assert "4 customers are fewer than the 5 that min_customers asks for" in first["South"].message
    assert folder.name == "2024-01-24_en_by_region"
    assert printed(folder / "North").strip() == str([f"c{i:02d}" for i in range(8)])
    assert not (folder / "South").exists()
    for name in ("report.pdf", "report.html", "workbook.xlsx", "index.html", "run.json"):
        assert (folder / "North" / name).stat().st_size > 500
    page = (folder / "index.html").read_text("utf-8")
    assert 'href="North/report.pdf"' in page
    assert 'href="South/' not in page
    assert "min_customers" in page

    stamp = (folder / "North" / "report.pdf").stat().st_mtime_ns
    _folder, second = outcomes(project, executor=ThreadPoolExecutor(1))
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


def test_no_value_writes_where_another_or_the_batch_itself_does(project, here):  # noqa: F811
    set_regions(project, "batch.json", "index.html", "A", "a")
    folder, made = outcomes(project, executor=here)
    assert [o.status for o in made.values()] == ["finished"] * 4, made
    names = [o.folder for o in made.values()]
    assert len({n.casefold() for n in names} | {"batch.json", "index.html"}) == 6
    assert all((folder / n / "report.pdf").is_file() for n in names)
    assert len(json.loads((folder / "batch.json").read_text())) == 4


def test_a_report_that_would_not_be_made_today_is_removed(project, here):  # noqa: F811
    set_regions(project, "East", "West", "West", "West")
    folder, _made = outcomes(project, executor=here)
    (folder / "East" / "my notes.md").write_text("mine")
    set_regions(project, "East", "South", "South", "South", least=4)
    _folder, made = outcomes(project, executor=here)
    assert {v: o.status for v, o in made.items()} == {"East": "skipped", "South": "finished"}
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == ["East", "South"]
    assert [p.name for p in (folder / "East").iterdir()] == ["my notes.md"]


def test_batches_of_two_languages_or_days_do_not_replace_each_other(project, here):  # noqa: F811
    set_regions(project, "North")
    given = ({}, {"language": "zh_CN"}, {"as_of": "2024-01-20"})
    folders = [outcomes(project, executor=here, **g)[0] for g in given]
    assert [f.name for f in folders] == ["2024-01-24_en_by_region", "2024-01-24_zh_CN_by_region", "2024-01-20_en_by_region"]
    assert all((f / "North" / "report.pdf").is_file() for f in folders)


def test_the_data_is_validated_once_for_a_whole_batch(project, here, monkeypatch):  # noqa: F811
    set_regions(project, "East", "West", "South")
    seen = []
    validate = engagement.contract.validate
    monkeypatch.setattr(engagement.contract, "validate", lambda *given: seen.append(1) or validate(*given))
    outcomes(project, executor=here)
    assert len(seen) == 1


def test_workers_and_kernels_end_with_a_batch_that_is_killed(project):  # noqa: F811
    write(project, notebook("1_profiling", "import time\ntime.sleep(300)"))
    command = [sys.executable, "-m", "fivestep.cli", "batch", "--by", "region", "--quiet"]
    started = psutil.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = project / "reports" / "2024-01-24_en_by_region" / "North.part" / "1_profiling.ipynb"
    try:
        wait_for(lambda: part.exists() and '"running"' in part.read_text())
        family = started.children(recursive=True)
        assert any("ipykernel" in " ".join(p.cmdline()) for p in family)
    finally:
        started.kill()
        started.wait()
    _gone, alive = psutil.wait_procs(family, timeout=20)
    for process in alive:
        process.kill()
    assert alive == []


def test_a_batch_by_customer_names_no_customer(project):  # noqa: F811
    with pytest.raises(UserError) as refused:
        batch(project, by="customer_id", progress=False)
    assert "c0" not in str(refused.value)
    assert not (project / "reports").exists()

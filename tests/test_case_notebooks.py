"""The case notebooks: from the export of each CRM system to a list of segments that the simulated company bears out."""

from __future__ import annotations

import shutil
from decimal import Decimal

import duckdb
import nbformat
import pandas as pd

from conftest import KIT
from fivestep.cases import simulate
from fivestep.intake.quality import SHEET, QualitySheet

NOTEBOOKS = KIT / "notebooks" / "cases"
SYSTEMS = ("fxiaoke", "jianxin", "zoho")
CUSTOMERS = 500


def executed(system: str, folder, code: str) -> dict:
    """What the code cells of a notebook leave behind; they run in this process, as a kernel for each would take longer."""
    left: dict = {}
    for cell in nbformat.read(NOTEBOOKS / f"{system}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{system}.ipynb#{cell.id}", "exec"), left)
        if "parameters" in cell.metadata.get("tags", ()):
            left |= {"project": str(folder), "customers": CUSTOMERS, "language": code}
    return left


def test_every_system_leads_from_its_export_to_the_same_segments(tmp_path, monkeypatch, capsys):
    assert sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb")) == sorted(SYSTEMS)
    monkeypatch.setenv("FIVESTEP_KEY", "a key of this test only, of thirty-two bytes and more")
    monkeypatch.delenv("FIVESTEP_RESULTS", raising=False)
    company = simulate(tmp_path / "company", customers=CUSTOMERS)
    monkeypatch.setattr("fivestep.cases.project.simulate", lambda folder, **_same: shutil.copytree(company, folder))
    left = {s: executed(s, tmp_path / s, "zh_CN" if s == "jianxin" else "en") for s in SYSTEMS}
    capsys.readouterr()
    said = duckdb.sql(
        f"select count(*), sum(order_amount) from '{company}/orders.parquet' join '{company}/customers.parquet' "
        "using (customer_id) where customer_type <> 'consumer'"
    ).fetchone()
    for system in SYSTEMS:
        orders = pd.read_parquet(left[system]["done"].folder / "orders.parquet")
        assert (len(orders), Decimal(orders["order_amount"].sum())) == said, system
        assert left[system]["proposed"].mapping.questions == (3 if system == "fxiaoke" else 0)
        assert not QualitySheet.from_json((left[system]["done"].folder / SHEET).read_text("utf-8")).of("unmatched_header")
        listed = pd.read_csv(tmp_path / system / "reports" / "exports" / "segments.csv")
        assert len(listed) == len(left[system]["segments"]) > 20
    columns = ["value_tier", "frequency", "monetary", "lifecycle"]  # ids differ: Zoho writes its own
    lists = {s: sorted(map(str, left[s]["segments"][columns].itertuples(index=False))) for s in SYSTEMS}
    assert lists["zoho"] == lists["fxiaoke"]
    tiers = {s: left[s]["segments"]["value_tier"].value_counts().to_dict() for s in SYSTEMS}
    assert tiers["jianxin"] == tiers["zoho"], "contracts hold days, orders hold times"
    heads = {s: (tmp_path / s / "reports" / "exports" / "segments.csv").read_text("utf-8-sig").splitlines()[0] for s in SYSTEMS}
    assert heads["zoho"] == heads["fxiaoke"]
    assert heads["jianxin"] != heads["zoho"], "the list of a Chinese notebook has Chinese headings"

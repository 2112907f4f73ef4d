"""Real exports as raw input, mapped by a file under tests/mappings, imported, and held against totals counted another way."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from conftest import SHARED
from fivestep.engagement import Settings
from fivestep.intake import importing
from fivestep.intake.importing import Imported

MAPPINGS = Path(__file__).parent / "mappings"
DATA = SHARED / "data"


def imported(name: str, project: Path, files: tuple[str, ...] = ("*",), *, currency: str = "USD", zone: str = "UTC") -> Imported:
    """The import of a folder of the shared data, with its mapping."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not here: the shared data is not part of the project")
    raw = project / "data" / "raw"
    raw.mkdir(parents=True)
    for path in sorted(p for f in files for p in folder.glob(f)):
        (raw / path.name).symlink_to(path)
    shutil.copy(MAPPINGS / f"{name}.yml", project / "mapping.yml")
    return importing.import_(project, Settings(name=name, client="Test", currency=currency, time_zone=zone))


def tables(done: Imported) -> dict[str, pd.DataFrame]:
    return {p.stem: pd.read_parquet(p) for p in sorted(done.folder.glob("*.parquet"))}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", "round trips need a key of thirty-two bytes or more")


@pytest.mark.slow
def test_online_retail_keeps_every_line_and_its_total(tmp_path):
    done = imported("online_retail", tmp_path, currency="GBP", zone="Europe/London")
    made = tables(done)
    lines = made["order_lines"]
    assert len(lines) == 541_909
    assert lines["line_amount"].sum() == Decimal("9747747.93")
    assert lines["order_id"].str.startswith("C").sum() == 9_288
    assert lines["customer_id"].isna().sum() == 135_080
    assert lines["order_id"].nunique() == 25_900
    assert len(made["customers"]) == lines["customer_id"].nunique() == 4_372
    assert set(lines["product_id"]) <= set(made["products"]["product_id"])
    net = lines["line_amount"]
    assert done.money["order_lines.gross"] == net[net > 0].sum()
    assert done.money["order_lines.net"] == Decimal("9747747.93")
    assert done.quality.balanced()
    assert not lines["customer_id"].dropna().str.fullmatch(r"\d{5}").any()


def test_a_sales_pipeline_keeps_what_was_won_and_lost(tmp_path):
    done = imported("crm_opportunities", tmp_path)
    made = tables(done)
    deals = made["opportunities"]
    source = pd.read_csv(DATA / "crm_opportunities" / "sales_pipeline.csv", dtype=str)
    assert (deals["status"] == "won").sum() == 4_238
    assert (deals["status"] == "lost").sum() == 2_473
    assert deals.loc[deals["status"] == "won", "amount"].sum() == Decimal(10_005_534)
    undated = source["engage_date"].isna().sum()
    assert len(deals) == 8_800 - undated
    assert sum(x.rows for x in done.quality.of("rows_dropped")) == undated
    assert len(made["customers"]) == 85
    assert set(deals["customer_id"].dropna()) <= set(made["customers"]["customer_id"])
    assert deals["customer_id"].isna().sum() == source.loc[source["engage_date"].notna(), "account"].isna().sum()


def test_salesforce_objects_keep_their_states_and_amounts(tmp_path):
    done = imported("crm_salesforce", tmp_path, tuple(f"sf_{n}_data.csv" for n in ("account", "opportunity", "order")))
    made = tables(done)
    deals, orders = made["opportunities"], made["orders"]
    assert deals["status"].value_counts().to_dict() == {"won": 5, "lost": 4, "open": 1}
    assert deals["amount"].sum() == Decimal(24_120_000 + 200_000 + 1 + 210_000)
    assert deals["win_probability"].max() == 10  # the file says 1000 %
    source = pd.read_csv(DATA / "crm_salesforce" / "sf_order_data.csv", dtype=str, usecols=["total_amount"])
    assert orders["order_amount"].sum() == sum(map(Decimal, source["total_amount"]))
    assert len(made["customers"]) == 10
    assert "name" not in made["customers"].columns


def test_shopify_orders_in_another_currency_are_left_out_and_counted(tmp_path):
    names = tuple(f"shopify_{n}_data.csv" for n in ("customer", "order", "order_line"))
    done = imported("crm_shopify", tmp_path, names, currency="GBP")
    made = tables(done)
    assert made["orders"]["order_amount"].sum() == Decimal("11.98")
    assert len(made["orders"]) == 3
    left = [x for x in done.quality.of("rows_dropped") if x.source == "shopify_order_data.csv"]
    assert [x.rows for x in left] == [5]
    lines = made["order_lines"].merge(made["orders"], on="order_id", suffixes=("", "_order"))
    assert len(lines) == 3
    assert (lines["order_date"] == lines["order_date_order"]).all()  # the lines have no date of their own
    assert lines["line_amount"].sum() == Decimal("12.80")
    assert made["customers"]["marketing_opt_out"].tolist().count(False) == 1


def test_customers_of_a_telephone_company_keep_their_churn(tmp_path):
    done = imported("telco_churn", tmp_path)
    customers = tables(done)["customers"]
    assert len(customers) == 7_043
    assert (customers["churn"] == "Yes").sum() == 1_869
    source = pd.read_csv(DATA / "telco_churn" / "Telco-Customer-Churn.csv")
    total = pd.to_numeric(source["TotalCharges"], errors="coerce")
    assert float(customers["balance"].sum()) == pytest.approx(total.sum(), abs=0.5)
    assert customers["balance"].isna().sum() == total.isna().sum()


def test_complaints_of_two_exports_are_all_there_with_their_days(tmp_path):
    done = imported("cfpb_complaints", tmp_path)
    feedback = tables(done)["feedback"]
    one = pd.read_csv(DATA / "cfpb_complaints" / "lakshlk_Consumer_Complaints.csv", dtype=str)
    two = pd.read_csv(DATA / "cfpb_complaints" / "nobieyi00_consumer_complaints.csv", dtype=str)
    cut_off = sum(x.rows for x in done.quality.of("rows_dropped"))  # the last row of the first file ends in the middle
    assert cut_off == 1
    assert len(feedback) == one["Complaint ID"].nunique() + len(two) - cut_off
    days = pd.to_datetime(pd.concat([one[:-1], two])["Date received"], format="%m/%d/%Y")
    assert sorted(feedback["created_at"]) == sorted(days)
    assert done.quality.balanced()


def test_a_log_of_tickets_becomes_one_row_a_ticket(tmp_path):
    done = imported("service_incidents", tmp_path)
    feedback = tables(done)["feedback"].set_index("feedback_id")
    assert len(feedback) == 24_918
    with zipfile.ZipFile(DATA / "service_incidents" / "incident_event_log.zip") as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open(archive.namelist()[0]), "utf-8")))
    assert sum(x.rows for x in done.quality.of("rows_read")) == len(rows) == 141_712
    last = {row["number"]: row for row in rows}
    status = feedback["status"].to_dict()
    assert all(status[number] == row["ident_state"] for number, row in last.items())
    opened = pd.to_datetime(pd.Series({n: r["opened_at"] for n, r in last.items()}), format="%d/%m/%Y %H:%M")
    assert (feedback["created_at"] == opened.reindex(feedback.index)).all()


def test_seven_years_of_a_survey_are_one_question(tmp_path):
    done = imported("satisfaction_sfo", tmp_path)
    survey = tables(done)["survey"]
    questions = {2010: "Q8F", 2011: "Q8N", 2012: "Q8N_WHOLE", 2013: "Q7O_WHOLE", 2014: "Q7ALL", 2015: "Q7ALL", 2016: "Q7ALL"}
    for year, question in questions.items():
        path = next((DATA / "satisfaction_sfo").glob(f"{year}_*.csv"))
        source = pd.read_csv(path, dtype=str, encoding_errors="replace")
        answers = source.dropna(subset=[source.filter(like="RESPNUM").columns[0], question]).set_index(
            source.filter(like="RESPNUM").columns[0]
        )[question]
        answers = answers[~answers.index.duplicated(keep="last")]
        own = survey[survey["response_id"].str.startswith(f"{year}-")]
        assert len(own) == len(answers), year
        assert own["score"].sum() == pd.to_numeric(answers, errors="coerce").sum(), year
    assert set(survey["question_id"]) == {"overall", "Q8F"}


def test_four_wordings_of_an_answer_get_the_same_scores(tmp_path):
    done = imported("kano_reppl", tmp_path)
    survey = tables(done)["survey"]
    files = sorted((DATA / "kano_reppl").glob("*-clean.csv"))
    cells = sum(pd.read_csv(f, dtype=str).filter(regex="functional|importance").notna().sum().sum() for f in files)
    assert len(survey) == cells
    kano = survey[survey["question_id"].str.contains("functional")]
    assert kano["score"].notna().all()
    assert set(kano["score"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    by_answer = kano.groupby("answer")["score"].nunique()
    assert (by_answer == 1).all()
    assert survey["response_id"].nunique() == 363 + 358
    importance = survey[survey["question_id"].str.endswith("importance")]
    assert importance["score"].between(1, 9).all()

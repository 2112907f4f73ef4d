"""The lists that people work from: one list each, a reason on every row, and nobody on it who should be left in peace."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pandas as pd
import pytest

from conftest import GROCERY, make_tables
from fivestep import segmentation, strategy
from fivestep.engagement import Engagement
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.action_lists import (
    BUSY,
    CONTACT,
    CONTRACT,
    CONTROL,
    CROSS_SELL,
    DROP,
    KEEP,
    ONBOARD,
    REFUSED,
    REST,
    WIN_BACK,
)
from test_strategy import ABSENT, NEVER, order_frame, segment_frame

BOOK = strategy.playbook()
EVERYBODY = BOOK.model_copy(update={"control_share": 0.0})


def lists(tables, segments, playbook=EVERYBODY, recommendations=None, risks=None, **more) -> strategy.ActionLists:
    plan = strategy.plan(tables, segments, playbook)
    return strategy.action_lists(tables, plan, strategy.keep_list(tables, plan), recommendations, risks, **more)


@pytest.fixture(scope="module")
def one_of_each():
    """On 30 June 2024: k to keep, e and f whose contract ends, w to win back, n new, p without an order, r to let rest."""
    days = {"z": "2023-12-31", "k": "2024-03-01", "e": "2024-06-01", "f": "2024-06-01", "w": "2024-02-01", "n": "2024-06-20",
            "r": "2024-01-05"}  # fmt: skip
    orders = order_frame(*[(c, d, 100, "East") for c, d in days.items()], ("z", "2024-06-30", 1, None))
    customers = pd.DataFrame({
        "customer_id": [*days, "p"], "owner": [None, "Li", None, None, None, None, None, None], "region": "North",
        "contract_end": [None, None, "2024-07-15", "2024-07-15", None, None, None, None],
        "credit_status": [None, None, "good", "watch", None, None, None, None], "marketing_opt_out": False,
    })  # fmt: skip
    segments = segment_frame(
        z=("Medium value", "Mature"), k=("High value", "Lapsing"), e=("High value", "Mature"), f=("Medium value", "Mature"),
        w=("Medium value", "Lapsed"), n=("Low value", "New"), r=("Low value", "Lapsed"), p=("No order yet", "No order yet"),
    )  # fmt: skip
    return make_tables(orders=orders, customers=customers, sensitive=("credit_status",)), segments


def test_each_customer_is_on_the_first_list_that_applies_and_says_why(one_of_each):
    made = lists(*one_of_each)
    assert dict(zip(made.table["customer_id"], made.table["action_list"], strict=True)) == {
        "k": KEEP, "e": CONTRACT, "f": CONTRACT, "w": WIN_BACK, "n": ONBOARD, "p": ONBOARD, "r": DROP,
    }  # fmt: skip
    assert made.unlisted == 1  # z: nothing is known to recommend
    rows = made.contacts().set_index("customer_id")
    assert rows["list_reason"].to_dict() == {
        "k": "Lapsing: last order 121 days ago", "e": "Contract ends on 15 Jul 2024", "f": "Contract ends on 15 Jul 2024",
        "w": "Lapsed: last order 150 days ago", "n": "New: first order 10 days ago", "p": "Registered, no order yet",
        "r": "In the play “Let rest”, which has no contact",
    }  # fmt: skip
    assert rows["hand_to"].to_dict() == {"k": "Li", "p": "North", **dict.fromkeys("efwnr", "East")}
    assert rows.loc["n", "offer"] == next(p.offer for p in BOOK.plays if p.play == "Welcome")
    assert made.table.set_index("customer_id")["list_state"]["r"] == REST
    assert made.headline() == "6 of 8 customers are on a list to be contacted, 0 more are on one and left out"


def test_only_good_credit_is_offered_a_new_contract_where_it_is_asked_for(one_of_each):
    made = lists(*one_of_each, good_credit=("good",))
    assert made.table.loc[made.table["action_list"] == CONTRACT, "customer_id"].tolist() == ["e"]
    assert "Only with good credit: good." in made.note()
    assert "credit" not in lists(*one_of_each).note()


def test_who_refuses_who_was_contacted_often_and_the_control_group_are_left_out_and_counted():
    ids = [f"c{i}" for i in range(60)]
    orders = order_frame(*[(c, "2024-03-01", 10) for c in ids], ("c0", "2024-06-30", 1))
    contacts = [("c1", f"2024-06-{day:02}", "outbound") for day in (3, 10, 20, 30)]  # the 28 days begin on 3 June
    contacts += [("c2", f"2024-06-{day:02}", "outbound") for day in (2, 10, 20, 30)]
    contacts += [("c3", f"2024-06-{day:02}", "inbound") for day in (10, 20, 25, 30)]
    tables = make_tables(
        orders=orders,
        customers=pd.DataFrame({"customer_id": ids, "marketing_opt_out": [c == "c0" for c in ids]}),
        interactions=pd.DataFrame(contacts, columns=["customer_id", "occurred_at", "direction"]).assign(
            interaction_id=[str(i) for i in range(len(contacts))]
        ),
    )
    segments = segment_frame(**dict.fromkeys(ids, ("Medium value", "Lapsed")))
    made = lists(tables, segments)
    states = made.table.set_index("customer_id")["list_state"]
    assert states.drop(["c0", "c1"]).eq(CONTACT).all()
    assert (states["c0"], states["c1"]) == (REFUSED, BUSY)
    half = lists(tables, segments, BOOK.model_copy(update={"control_share": 0.5}))
    drawn = set(half.control()["customer_id"])
    assert 15 <= len(drawn) <= 45
    assert drawn == set(lists(tables, segments, BOOK.model_copy(update={"control_share": 0.5})).control()["customer_id"])
    assert drawn.isdisjoint(half.contacts()["customer_id"])
    row = half.summary().set_index("action_list").loc[WIN_BACK]
    assert row["customers"] == 60 == row[[c for c in row.index if c.startswith("listed_")]].sum()
    assert (half.table["list_state"] == CONTROL).sum() == row["listed_control"] == len(drawn)


@pytest.fixture(scope="module")
def real(grocery):
    segments = segmentation.segments(grocery, ABSENT, segmentation.value_tiers(grocery), segmentation.lifecycle(grocery), ABSENT)
    plan = strategy.plan(grocery, segments, BOOK)
    recommended = strategy.next_best_category(grocery, never=NEVER)
    keep = strategy.keep_list(grocery, plan, recommended)
    return plan, keep, recommended, strategy.action_lists(grocery, plan, keep, recommended)


def test_every_list_reconciles_with_the_tables_it_came_from(real):
    plan, keep, recommended, made = real
    table = made.table
    assert not table["customer_id"].duplicated().any()
    assert len(table) + made.unlisted == len(plan.table) == 801
    of = {name: set(group["customer_id"]) for name, group in table.groupby("action_list")}
    assert of[KEEP] == set(keep.table["customer_id"])
    members = plan.table.set_index("customer_id")
    plays = {p.play: (p.action, p.offer, p.service_level) for p in BOOK.plays}
    for row in keep.table.itertuples():
        assert (row.action, row.offer, row.service_level) == plays[members.loc[row.customer_id, "play"]]
    leaving = set(members.index[members["lifecycle"].isin(["Lapsing", "Lapsed"]) & (members["play"] != "Let rest")])
    assert of[WIN_BACK] == leaving - of[KEEP]
    assert of[DROP] == set(members.index[members["play"] == "Let rest"])
    named = recommended.table.set_index("customer_id")["next_best_category"].dropna()
    assert of[CROSS_SELL] <= set(named.index)
    assert table["spend_at_stake"].sum() + members.loc[~members.index.isin(table["customer_id"]), "spend_at_stake"].sum() == (
        pytest.approx(members["spend_at_stake"].sum())
    )
    raw = pd.read_parquet(GROCERY / "orders.parquet")
    last = raw.groupby("customer_id")["order_date"].max().dt.normalize()
    assert (table.set_index("customer_id")["last_order"].dropna() == last.reindex(table["customer_id"]).dropna()).all()
    summary = made.summary().set_index("action_list")
    assert summary["listed_to_contact"].sum() == made.branches()["listed_to_contact"].sum()
    assert summary.loc[DROP, "listed_to_contact"] == 0


def test_the_files_of_the_branches_are_the_whole_list_and_safe_for_spreadsheets(tmp_path, real):
    _plan, _keep, _recommended, made = real
    folder = tmp_path / "p"
    (folder / "data" / "contract").mkdir(parents=True)
    (folder / "data" / "contract" / "grocery").symlink_to(GROCERY)
    (folder / "engagement.yml").write_text("name: Grocery\nclient: Grocer\n", "utf-8")
    opened = Engagement(folder, "4_strategy")
    listed = made.contacts().assign(offer="=1+1")
    opened.export("action_lists", listed, by="hand_to")
    exports = folder / "reports" / "exports"
    whole = pd.read_csv(exports / "action_lists.csv", dtype=str)
    assert (exports / "action_lists.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    files = sorted((exports / "action_lists").glob("*.csv"))
    assert len(files) == listed["hand_to"].nunique() > 50
    parts = pd.concat([pd.read_csv(f, dtype=str) for f in files])
    keys = ["In charge", "Customer", "List"]
    pd.testing.assert_frame_equal(parts.sort_values(keys).reset_index(drop=True), whole.sort_values(keys).reset_index(drop=True))
    assert set(whole["Offer"]) == {"'=1+1"}
    book = openpyxl.load_workbook(files[0].with_suffix(".xlsx"))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert len(list(book.active.iter_rows())) == len(pd.read_csv(files[0])) + 1
    first = files[0].with_suffix(".xlsx").read_bytes()
    opened.export("action_lists", listed, by="hand_to")
    assert files[0].with_suffix(".xlsx").read_bytes() == first


def test_names_of_branches_that_are_no_file_names_do_not_collide(tmp_path, real):
    folder = tmp_path / "p"
    (folder / "data" / "contract").mkdir(parents=True)
    (folder / "data" / "contract" / "grocery").symlink_to(GROCERY)
    (folder / "engagement.yml").write_text("name: Grocery\nclient: Grocer\n", "utf-8")
    owners = ["A/B", "A:B", "../x", "a_b", "北京", "con", "Lpt1", "", "  ", None]
    frame = pd.DataFrame({"hand_to": owners, "customer_id": list("1234567890")})
    Engagement(folder, "4_strategy").export("list", frame, by="hand_to")
    names = {f.name for f in (folder / "reports" / "exports" / "list").glob("*.csv")}
    assert names == {"A_B.csv", "A_B_2.csv", "a_b_3.csv", "x.csv", "北京.csv", "con_.csv", "Lpt1_.csv", "Not_assigned.csv"}
    nobodys = (folder / "reports" / "exports" / "list" / "Not_assigned.csv").read_text("utf-8-sig")
    assert len(nobodys.splitlines()) == 4, "customers whom nobody is in charge of are in a list too"


def test_every_column_of_the_lists_is_described(real):
    _plan, _keep, _recommended, made = real
    for frame in (made.summary(), made.branches(), made.contacts(), made.control()):
        assert len(frame)
        assert all(isinstance(columns.formatted(name, value), str) for name in frame.columns for value in frame[name].head(3))
    assert made.finding().value == made.summary()["listed_to_contact"].sum()


def test_a_store_that_is_only_a_number_is_called_a_store(real):
    _plan, _keep, _recommended, made = real
    assert made.branches()["hand_to"].str.match(r"Store \d+$|Nobody in charge$").all()


def test_without_owner_store_or_region_there_is_one_list_and_no_branch():
    tables = make_tables(orders=order_frame(("a", "2024-01-01", 5), ("b", "2024-06-30", 5)).drop(columns="store"))
    made = lists(tables, segment_frame(a=("Medium value", "Lapsed"), b=("Medium value", "New")))
    assert isinstance(made.branches(), NotAvailable)
    assert isinstance(made.branches_headline(), NotAvailable)
    assert "hand_to" not in made.contacts()
    assert made.plan.as_of == dt.date(2024, 6, 30)
    assert "does not say who has opted out" in made.note()
    assert "does not say how often customers were contacted" in made.note()

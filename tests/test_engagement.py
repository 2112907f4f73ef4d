"""What a notebook does with its engagement: exhibits, findings, hand-over, export."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from conftest import GROCERY
from fivestep import charts, language
from fivestep.engagement import WORDS, Engagement, Settings, settings, snapshot_hash
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.known_names import known_names
from fivestep.language import columns

PLAY = """plays:
  - {play: Care, goal: g, action: a, channel: c, kpi: {measure: spend_per_customer, direction: up}, review_after_days: 30,
     owner: o, stop_if: s, effect: {origin: measured, campaign: K}}
"""
FOUND = Finding(
    key="t.share",
    value=0.5,
    unit="share",
    display="50%",
    text="Half of it.",
    evidence="n = 2",
    so_what="Do it.",
    warnings=("Few.",),
    assumptions=("A rule.",),
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "engagement.yml").write_text(
        "name: Trial\nclient: Grocer\ncurrency: USD\ntime_zone: America/New_York\nsource: The real case\n"
        "sensitive_fields: [income_band]\n"
    )
    (tmp_path / "data" / "contract").mkdir(parents=True)
    shutil.copytree(
        GROCERY,
        tmp_path / "data" / "contract" / "grocery",
        ignore=shutil.ignore_patterns("*.py", "README*", "dictionary*", "LICENSE*"),
    )
    return tmp_path


@pytest.fixture
def shown(monkeypatch):
    """What a notebook cell would have displayed."""
    out = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw, metadata: out.append((data, metadata["fivestep"])))
    return out


def test_a_table_exhibit_shows_labels_and_keeps_raw_numbers(project, shown):
    opened = Engagement(project, "2_segmentation")
    opened.exhibit(
        pd.DataFrame({"customer_id": ["=1+1"], "customers": [1200], "share_of_spend": [0.1234]}), title="A title", note="A note"
    )
    data, record = shown[0]
    assert (record["kind"], record["number"], record["title"], record["note"]) == ("table", "2.1", "A title", "A note")
    assert record["rows"] == [["=1+1", "1,200", "12.3%"]]
    assert [c["label"] for c in record["columns"]] == ["Customer", "Customers", "Share of spend"]
    assert record["source"] == "The real case; orders from 1 Jan 2017 to 31 Dec 2017"
    kept = pd.read_parquet(project / record["frame"])
    assert kept["share_of_spend"].tolist() == [0.1234]
    assert "12.3%" in data["text/html"]
    assert data["text/html"].startswith('<div class="tex2jax_ignore'), "JupyterLab would read $1 and $2 as a formula"


def test_a_note_stands_under_its_first_exhibit_and_is_named_under_the_others(project, shown):
    opened = Engagement(project, "2_segmentation")
    for note in ("A note", "", "A note", "Another", ""):
        opened.exhibit(pd.DataFrame({"customers": [1]}), title="A title", note=note)
    assert [record["note"] for _data, record in shown] == ["A note", "", "Note as under exhibit 2.1.", "Another", ""]


def test_a_figure_exhibit_is_svg_with_a_description(project, shown):
    opened = Engagement(project, "1_profiling")
    opened.exhibit(charts.bars(["a", "b"], [1, 2], write=str), title="Two bars <b>")
    data, record = shown[0]
    assert data["image/svg+xml"].startswith("<?xml")
    assert record["alt"] == "Two bars <b>"
    assert "Two bars &lt;b&gt;" in data["text/html"]


def test_what_is_absent_shows_as_one_quiet_line_without_a_number(project, shown):
    opened = Engagement(project, "1_profiling")
    gone = NotAvailable(("events",), "where visitors leave")
    opened.exhibit(gone.funnel().figure(), title=gone.headline())
    opened.finding(gone.finding())
    opened.hand_over("gone", gone)
    assert [r["kind"] for _d, r in shown] == ["not_available"], "once a cell, however many exhibits the section would have had"
    assert shown[0][1]["text"] == "Not shown: the data has no events. It would answer: where visitors leave"
    assert isinstance(opened.received("gone"), NotAvailable)


def test_a_section_of_its_own_begins_with_its_heading(project, monkeypatch):
    out = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: out.append(data))
    Engagement(project, "5_evaluation").section("The exam", "What is true?")
    assert out == [{"text/markdown": "## The exam\n\nWhat is true?", "text/plain": "The exam"}]


def test_findings_are_kept_for_the_summary(project, shown):
    opened = Engagement(project, "1_profiling")
    opened.finding(FOUND)
    opened.finding(FOUND)  # a section that is run again does not count twice
    (kept,) = json.loads((project / "results" / "1_profiling" / "findings.json").read_text())
    assert (kept["key"], kept["value"], kept["warnings"], kept["step"]) == ("t.share", 0.5, ["Few."], "1_profiling")


def test_a_later_step_accepts_only_results_of_the_same_data_day_and_scope(project):
    frame = pd.DataFrame({"customer_id": ["1"], "cluster": ["a"]})
    Engagement(project, "2_segmentation").hand_over("segments", frame)
    pd.testing.assert_frame_equal(Engagement(project, "4_strategy").received("segments"), frame)
    with pytest.raises(
        UserError,
        match=r"2_segmentation made it for another as-of date \(2017-12-31, not 2017-11-30\)\. Run 2_segmentation again\.",
    ):
        Engagement(project, "4_strategy", as_of="2017-11-30").received("segments")
    with pytest.raises(UserError, match=r"for another scope \(everybody, not age_band=25-34\)"):
        Engagement(project, "4_strategy", scope="age_band=25-34").received("segments")
    (project / "data" / "contract" / "grocery" / "offers.parquet").unlink()
    with pytest.raises(UserError, match="for other data"):
        Engagement(project, "4_strategy").received("segments")


def rewrite(project, **changes):
    said = {"name": "Trial", "client": "Grocer", "currency": "USD", "time_zone": "America/New_York", "source": "The real case"}
    said["sensitive_fields"] = "[income_band]"
    (project / "engagement.yml").write_text("".join(f"{key}: {value}\n" for key, value in (said | changes).items()))


def test_results_of_other_settings_are_refused_and_of_other_words_are_not(project):
    frame = pd.DataFrame({"customer_id": ["1"]})
    Engagement(project, "2_segmentation").hand_over("segments", frame)
    rewrite(project, name="Other", client="Other", source="Other", snapshot="grocery", min_customers=7)
    pd.testing.assert_frame_equal(Engagement(project, "4_strategy", language="zh_CN").received("segments"), frame)
    rewrite(project, rfm_window_days=90, lapsed_after_days=30)
    with pytest.raises(UserError) as stopped:
        Engagement(project, "4_strategy").received("segments")
    assert str(stopped.value) == (
        "segments: 2_segmentation made it with other settings (lapsed_after_days 90 there, 30 here; "
        "rfm_window_days 365 there, 90 here). Run 2_segmentation again."
    )
    rewrite(project, currency="EUR")
    with pytest.raises(UserError, match="currency USD there, EUR here"):
        Engagement(project, "4_strategy").received("segments")


def test_every_setting_is_either_stamped_or_a_word(project):
    stamped = Engagement(project, "1_profiling").stamp
    assert json.loads(json.dumps(stamped)) == stamped
    assert set(stamped["settings"]) | WORDS == set(Settings.model_fields)
    assert not set(stamped["settings"]) & WORDS


def test_another_playbook_spoils_only_what_was_made_with_it(project):
    frame = pd.DataFrame({"customer_id": ["1"]})
    Engagement(project, "2_segmentation").hand_over("segments", frame)
    Engagement(project, "4_strategy").hand_over("plan", frame)
    pd.testing.assert_frame_equal(Engagement(project, "5_evaluation").received("plan"), frame)
    (project / "playbook.yml").write_text("plays: []\n")
    pd.testing.assert_frame_equal(Engagement(project, "4_strategy").received("segments"), frame)
    with pytest.raises(UserError, match=r"plan: 4_strategy made it with another playbook\.yml\. Run 4_strategy again\."):
        Engagement(project, "5_evaluation").received("plan")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("segments.parquet", b"PAR1 cut short"),
        ("segments.parquet", None),
        ("segments.json", b"{"),
        ("segments.json", b"[]"),
        ("segments.json", b"\xff"),
        ("segments.json", b'{"step": "2_segmentation"}'),
    ],
)
def test_a_damaged_hand_over_says_what_to_run(project, name, content):
    Engagement(project, "2_segmentation").hand_over("segments", pd.DataFrame({"customer_id": ["1"]}))
    path = project / "results" / "handed_over" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"segments: what an earlier step handed over cannot be read\. Run the notebooks before"):
        Engagement(project, "4_strategy").received("segments")


@pytest.mark.parametrize(
    "day", ["20171231", "2017-W52-7", "2017-365", "2017-02-30", "31.12.2017", "2017-12-31T00:00", "２０１７-12-31"]
)
def test_a_day_is_written_in_one_way(project, day):
    with pytest.raises(UserError, match=r"is no date\. Write it as YYYY-MM-DD, like 2017-12-31"):
        Engagement(project, "1_profiling", as_of=day)


def test_a_snapshot_in_upper_case_is_one(project):
    folder = project / "data" / "contract" / "grocery"
    for path in folder.glob("*.parquet"):
        path.rename(path.with_suffix(".PARQUET"))
    before = snapshot_hash(folder)
    assert Engagement(project, "2_segmentation").tables.orders.count().to_pandas() > 0
    (folder / "offers.PARQUET").unlink()
    assert snapshot_hash(folder) != before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1: x", "engagement.yml: 1: Keys must be texts (it says 1). Keys are name, client,"),
        ("~: x", "engagement.yml: None: Keys must be texts (it says None). Keys are name, client,"),
        ("? [a]\n: x", "engagement.yml cannot be read: line 3, column 3: found unhashable key."),
        ("targets: {spend: 1, spend: 2}", "engagement.yml cannot be read: line 3, column 21: 'spend' is written twice."),
        ("targets: {spend: .nan}", "engagement.yml: targets.spend: "),
        ("targets: {spend: -5}", "engagement.yml: targets.spend: "),
        ("source: !!timestamp 2024-02-31", "engagement.yml cannot be read: day is out of range for month"),
        ("\tlanguage: en", "engagement.yml cannot be read: line 3, column 1: found character '\\t' that cannot start any token."),
        ("source: " + "[" * 5000, "engagement.yml cannot be read: lists or keys stand within each other without end."),
        (
            "a: &a [x]\nb: &b [*a, *a]",
            "engagement.yml cannot be read: line 4, column 8: the alias *a stands within another anchor",
        ),
        ("min_customers: true", "engagement.yml: min_customers: Write a whole number (it says True)."),
        ("rfm_window_days: 1000000000000", "engagement.yml: rfm_window_days: Write 36500 or a smaller number"),
        (
            "lapsed_after_days: 36501",
            "engagement.yml: lapsed_after_days: Write 36500 or a smaller number (it says 36501).",
        ),
        ("source: 2024", "engagement.yml: source: Write a text (it says 2024). Put it in quotes."),
        ("min_customers: " + "x" * 100_000, "engagement.yml: min_customers: Write a whole number (it says 'xxx"),
    ],
)
def test_settings_that_cannot_be_read_are_told_in_one_line(tmp_path, text, says):
    (tmp_path / "engagement.yml").write_text(f"name: T\nclient: C\n{text}\n")
    with pytest.raises(UserError) as stopped:
        settings(tmp_path)
    assert str(stopped.value).startswith(says)
    assert "\n" not in str(stopped.value)
    assert len(str(stopped.value)) < 400


@pytest.mark.parametrize("content", [b"name: \xe9\n", "name: T\n".encode("utf-16")])
def test_settings_in_another_encoding_are_told(tmp_path, content):
    (tmp_path / "engagement.yml").write_bytes(content)
    with pytest.raises(UserError, match=r"engagement\.yml cannot be read: it is not UTF-8 text\. Save it as UTF-8\."):
        settings(tmp_path)


def test_a_date_in_the_settings_stays_the_text_that_was_written(tmp_path):
    (tmp_path / "engagement.yml").write_bytes(b"\xef\xbb\xbfname: ' T '\nclient: C\nsnapshot: 2024-01-01\nsource: 2024-02-31\n")
    said = settings(tmp_path)
    assert (said.name, said.snapshot, said.source) == ("T", "2024-01-01", "2024-02-31")


@pytest.mark.parametrize("key", ["name", "client"])
def test_a_name_of_blanks_is_no_name(tmp_path, key):
    (tmp_path / "engagement.yml").write_text("\n".join(f"{k}: {'T' if k != key else repr('  ')}" for k in ("name", "client")))
    with pytest.raises(UserError, match=f"engagement.yml: {key}: Write a text; its least length is 1"):
        settings(tmp_path)


def test_an_export_is_defused_for_spreadsheets(project):
    opened = Engagement(project, "4_strategy")
    opened.export("list", pd.DataFrame({"customer_id": ["=cmd", "-1", "ok"], "spend": [-5.0, 1.0, 2.0]}))
    path = project / "reports" / "exports" / "list.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text("utf-8-sig").splitlines() == ["Customer,Spend", "'=cmd,-5.0", "'-1,1.0", "ok,2.0"]


def test_a_list_without_a_row_is_not_written_and_an_earlier_one_goes(project):
    opened = Engagement(project, "4_strategy")
    full = pd.DataFrame({"customer_id": ["a"], "hand_to": ["x"]})
    folder = project / "reports" / "exports"
    for nothing in (full.head(0), NotAvailable(("orders",), "a list")):
        opened.export("list", full, by="hand_to")
        assert {p.name for p in folder.rglob("*")} == {"list.csv", "list", "x.csv", "x.xlsx"}
        opened.export("list", nothing, by="hand_to")
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "good_credit: [god, A]",
            r"good_credit: customers.credit_status is never 'god' or 'A' in this snapshot. .* there: none",
        ),
        ("never_recommend: [COUPON, COUPONS]", r"never_recommend: products.category is never 'COUPONS' in this snapshot"),
        ("contacted_shares: {K99: 0.5}", r"contacted_shares: campaigns.campaign_id is never 'K99' .* there: 1, 10, "),
    ],
)
def test_settings_that_name_what_no_data_has_are_refused(project, line, says):
    with (project / "engagement.yml").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=says):
        Engagement(project, "1_profiling")


NO_NAMES = [
    ("engagement.yml", "group_owners: {Loyal: Ann}", r"group_owners: 'Loyal' is no group"),
    ("engagement.yml", "customer_rules: {loyalty: 2}", r"customer_rules: 'loyalty' is no rule"),
    ("engagement.yml", "value_weights: {spent: 2}", r"value_weights: 'spent' is no component"),
    ("engagement.yml", "value_cuts: [0.8, 0.5]", r"value_cuts: \[0.8, 0.5\] are not two scores"),
    ("engagement.yml", "targets: {turnover: 2}", r"targets: 'turnover' is no key figure"),
    ("engagement.yml", "rfm_classes: {Best: R 4-5}", r"rfm_classes: R 1, F 1, M 1 is in no class"),
    ("playbook.yml", "plays: []", r"playbook.yml: plays"),
    ("playbook.yml", PLAY.replace("K", "K99"), r"playbook.yml: play Care: effect.campaign: the data has no campaign 'K99'"),
]


def test_a_name_that_no_step_knows_is_refused_before_a_run(project):
    known_names(project)
    was = (project / "engagement.yml").read_text(encoding="utf-8")
    for file, text, says in NO_NAMES:
        (project / "engagement.yml").write_text(was, encoding="utf-8")
        (project / file).write_text(f"{was if file == 'engagement.yml' else ''}{text}\n", encoding="utf-8")
        with pytest.raises(UserError, match=says):
            known_names(project)


def test_an_export_has_sortable_dates_and_whole_counts(project):
    opened = Engagement(project, "4_strategy", language="zh_CN")
    frame = pd.DataFrame({"month": [pd.Timestamp("2017-12-01"), pd.NaT], "orders": [3.0, float("nan")]})
    opened.export("list", frame)
    lines = (project / "reports" / "exports" / "list.csv").read_text("utf-8-sig").splitlines()
    assert lines[1:] == ["2017-12-01,3", ","]


def test_the_snapshot_hash_knows_every_byte(project):
    folder = project / "data" / "contract" / "grocery"
    before = snapshot_hash(folder)
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text() + "x.y,z,Z,Z,\n")
    assert snapshot_hash(folder) != before


def test_a_snapshot_that_is_not_there_is_named(project):
    (project / "engagement.yml").write_text("name: T\nclient: C\nsnapshot: may\n")
    with pytest.raises(UserError, match=r"data/contract/may holds no tables\. Snapshots there: grocery"):
        Engagement(project, "1_profiling")


def test_a_report_in_chinese_speaks_chinese_of_scope_and_period(project):
    opened = Engagement(project, "1_profiling", scope="income_band=35-49K", language="zh_CN")
    assert language.current() == "zh_CN"
    assert "2017年1月1日" in opened.source
    assert "美元" in opened.scope_label


def test_every_registered_column_has_a_label_and_a_known_kind():
    for name in ("customer_id", "share_of_spend", "month"):
        assert columns.label(name)
    with pytest.raises(KeyError, match="not registered"):
        columns.label("nobody_knows")
    with pytest.raises(ValueError, match="described twice"):
        columns.register(customers=columns.Column("Other", "count"))

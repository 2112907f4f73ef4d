"""Step 3: what customers tell the company: volumes, waiting times, suggestions, pain points, contacts, texts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from conftest import KIT, SHARED, make_tables
from fivestep import needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs import sentiment_model
from fivestep.needs.contact_overload import OFTEN
from fivestep.needs.feedback_cases import COMPLAINT, INQUIRY, SUGGESTION
from fivestep.needs.kaplan_meier import kaplan_meier, logrank
from fivestep.needs.pain_points import DEFECT, INFORMATION, SERVICE, UNKNOWN, pain_class
from fivestep.needs.resolution import ANSWER, MORE_OPEN, SLOWER, SOLUTION
from fivestep.needs.segmenter import Segmenter, sentences
from fivestep.needs.sentiment import HERE, OWN, REVIEWS
from fivestep.needs.suggestions import ANSWERED, DONE, WAITING
from fivestep.privacy.masking import masked_text

AS_OF = dt.date(2024, 6, 30)
END = pd.Timestamp("2024-07-01")


def company(seed: int = 5) -> dict[str, pd.DataFrame]:
    """A made-up company: a bottle that leaks in the South, two departments that write to the same ten customers, open cases."""
    rng = np.random.default_rng(seed)
    n = 300
    names = [f"c{i:03}" for i in range(n)]
    customers = pd.DataFrame(
        {"customer_id": names, "region": rng.choice(["North", "South", "West"], n), "marketing_opt_out": False}
    )
    customers.loc[3, "marketing_opt_out"] = True
    lines = pd.DataFrame({"customer_id": rng.choice(names, 6000), "product_id": rng.choice(["P1", "P2", "P3"], 6000)})
    lines["order_id"] = lines["line_id"] = [f"o{i}" for i in range(6000)]
    lines["order_date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 182 * 24, 6000), unit="h")
    lines["line_amount"], lines["quantity"] = rng.integers(5, 50, 6000), 1
    lines.loc[0, "order_date"] = pd.Timestamp(AS_OF)
    products = pd.DataFrame({"product_id": ["P1", "P2", "P3"], "product_name": ["Cold brew bottle", "Latte", "Cake"]})
    region = lines["customer_id"].map(customers.set_index("customer_id")["region"])
    leaks = (lines["product_id"] == "P1") & (region == "South") & (rng.random(6000) < 0.12)
    slow = ~leaks & (rng.random(6000) < 0.01)
    told = lines[leaks | slow].copy()
    told["cause"] = np.where(leaks[told.index], "leaking bottle", "slow service")
    where = rng.choice(["bag", "car", "drawer", "backpack"], len(told))
    leaked = np.where(
        rng.random(len(told)) < 0.5,
        [f"The bottle leaked in my {w}. Call me on 13812345678!" for w in where],
        [f"瓶子漏了，弄湿了我的{w}，请联系张经理。" for w in where],
    )
    waited = np.where(
        rng.random(len(told)) < 0.5,
        [f"I waited twenty minutes in the queue with my {w}." for w in where],
        [f"The queue was slow and I left my {w}, and my name is Anna Smith." for w in where],
    )
    told["text"] = np.where(leaks[told.index], leaked, waited)
    told["feedback_type"] = "Complaint"
    other = lines.sample(160, random_state=seed)
    kinds = np.array(["inquiry", "建议", "review", "review"])[np.arange(160) % 4]
    said = {
        "inquiry": "Do you have lactose free milk for my {drink}?",
        "建议": "希望下午也有低因咖啡{drink}。",
        "review": "Good {drink} and friendly people.",
    }
    drinks = np.array(["latte", "mocha", "espresso"])[np.arange(160) % 3]
    words = [said[k].format(drink=d) for k, d in zip(kinds, drinks, strict=True)]
    other = other.assign(feedback_type=kinds, cause=None, text=words)
    feedback = pd.concat([told, other], ignore_index=True)
    feedback["feedback_id"] = [f"f{i:04}" for i in range(len(feedback))]
    feedback["created_at"] = feedback["order_date"] + pd.Timedelta(hours=5)
    hard = (feedback["cause"] == "leaking bottle").to_numpy()
    hours = rng.gamma(2.0, np.where(hard, 150.0, 20.0))
    feedback["resolved_at"] = (feedback["created_at"] + pd.to_timedelta(hours, unit="h")).dt.floor("s")
    feedback.loc[rng.random(len(feedback)) < np.where(hard, 0.4, 0.05), "resolved_at"] = pd.NaT
    feedback["responded_at"] = feedback["created_at"] + pd.Timedelta(hours=2)
    feedback.loc[rng.random(len(feedback)) < 0.3, "responded_at"] = pd.NaT
    feedback["satisfaction"] = np.where(feedback["feedback_type"] == "Complaint", 1.0, np.nan)
    feedback.loc[feedback["feedback_type"] == "review", "satisfaction"] = 5.0
    feedback["status"] = np.where(feedback["resolved_at"].isna(), "open", "resolved")
    feedback["department"] = "Customer service"
    feedback = feedback.drop(columns=["order_id", "line_id", "order_date", "line_amount", "quantity"])
    rows = []
    weeks = pd.date_range("2024-01-01", periods=20, freq="7D")
    for week in weeks:
        rows += [(names[i], d, week + pd.Timedelta(days=int(rng.integers(0, 7)))) for i in range(10) for d in ("Mail", "Shops")]
    many = zip(rng.choice(names, 300), rng.choice(["Mail", "Shops", "Sales"], 300), rng.choice(weeks, 300), strict=True)
    rows += [(c, d, pd.Timestamp(w)) for c, d, w in many]
    contacts = pd.DataFrame(rows, columns=["customer_id", "department", "occurred_at"]).assign(direction="outbound")
    inbound = contacts.head(200).assign(customer_id=rng.choice(names[50:60], 200), direction="inbound")
    contacts = pd.concat([contacts, inbound], ignore_index=True)
    contacts["interaction_id"], contacts["interaction_type"] = [f"i{i}" for i in range(len(contacts))], "e-mail"
    return {"customers": customers, "order_lines": lines, "products": products, "feedback": feedback, "interactions": contacts}


@pytest.fixture(scope="module")
def frames():
    return company()


@pytest.fixture(scope="module")
def tables(frames):
    return make_tables(as_of=AS_OF, **frames)


@pytest.fixture(scope="module")
def texts(tables):
    return needs.texts(tables)


# ---------------------------------------------------------------- survival
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_survival_is_that_of_the_leukaemia_trial():
    """Freireich et al. (1963) as printed by Cox and Oakes (1984): the curve of 6-MP, its median 23, log-rank 16.79."""
    curve = kaplan_meier(np.array(SIX_MP), np.array(SIX_MP_ENDED))
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.waiting.round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert curve.median()[0] == 23
    assert np.isnan(curve.median()[2])
    assert curve.after(9)[0] == pytest.approx(0.807, abs=5e-4)
    assert np.isnan(curve.after(36)[0])
    times, ended = np.array(SIX_MP + PLACEBO), np.array(SIX_MP_ENDED + [1] * 21, dtype=bool)
    statistic, p, ratio = logrank(times, ended, np.ones(42), np.arange(42) < 21)
    assert statistic == pytest.approx(16.79, abs=0.005)
    assert p < 1e-4
    assert ratio == pytest.approx(9 / 19.25, abs=5e-3)


def test_counted_cases_give_the_curve_of_single_ones():
    one = kaplan_meier(np.array([1, 1, 1, 2, 2]), np.array([1, 1, 0, 1, 0]))
    counted = kaplan_meier(np.array([1, 1, 2, 2]), np.array([1, 0, 1, 0]), np.array([2, 1, 1, 1]))
    assert counted.waiting == pytest.approx(one.waiting)
    assert counted.low == pytest.approx(one.low)
    assert kaplan_meier(np.array([1.0]), np.array([True])).after(5) == (0.0, 0.0, 1.0)


# ---------------------------------------------------------------- volumes and waiting times
def test_volumes_are_what_pandas_counts(frames, tables):
    found = needs.voice(tables)
    told, lines = frames["feedback"], frames["order_lines"]
    assert found.totals[COMPLAINT] == (told["feedback_type"] == "Complaint").sum()
    assert found.totals[INQUIRY] == found.totals[SUGGESTION] == 40
    assert found.unsolved == (~(told["resolved_at"] < END)).sum()
    t = found.levels.set_index(["dimension", "level"])
    bottle = lines[(lines["product_id"] == "P1") & (lines["order_date"] >= told["created_at"].min().normalize())]
    complaints = ((told["product_id"] == "P1") & (told["feedback_type"] == "Complaint")).sum()
    assert t.loc[("product", "Cold brew bottle"), COMPLAINT] == complaints
    assert t.loc[("product", "Cold brew bottle"), "complaint_rate"] == pytest.approx(1000 * complaints / len(bottle))
    assert found.months[COMPLAINT].sum() == found.totals[COMPLAINT]
    assert "Cold brew bottle has the highest complaint rate" in found.table_headline()


def test_open_cases_wait_and_what_was_solved_after_the_as_of_date_is_open(frames, tables):
    found = needs.resolution(tables)
    told = frames["feedback"][frames["feedback"]["feedback_type"] == "Complaint"]
    ended = told["resolved_at"] < END
    minutes = ((told["resolved_at"].where(ended, END) - told["created_at"]).dt.total_seconds() // 60).to_numpy()
    curve = found.curves[SOLUTION][COMPLAINT]
    assert curve.cases == len(told)
    assert int(curve.ended.sum()) == ended.sum()
    share = 1.0  # a second computation, one moment after the other
    for minute in sorted(set(minutes[ended & (minutes <= 7 * 1440)])):
        share *= 1 - ((minutes == minute) & ended).sum() / (minutes >= minute).sum()
    assert curve.after(7)[0] == pytest.approx(share)
    earlier = needs.resolution(tables.until(dt.date(2024, 3, 31)))
    before = told[told["created_at"] < pd.Timestamp("2024-04-01")]
    then = earlier.curves[SOLUTION][COMPLAINT]
    assert (then.cases, int(then.ended.sum())) == (len(before), (before["resolved_at"] < pd.Timestamp("2024-04-01")).sum())
    assert found.curves[ANSWER][COMPLAINT].after(1)[0] < found.curves[SOLUTION][COMPLAINT].after(1)[0]


def test_the_slow_product_and_the_unsolved_cause_are_named(tables):
    found = needs.resolution(tables)
    assert found.groups.loc[found.groups["against_rest"] == SLOWER, "level"].tolist() == ["Cold brew bottle", "South"]
    assert found.causes.loc[found.causes["against_rest"] == MORE_OPEN, "cause"].tolist() == ["leaking bottle"]
    assert "leaking bottle: only" in found.causes_headline()


def test_every_complaint_is_listed_with_its_type_product_dates_representative_and_region(frames, tables):
    found = needs.complaint_list(tables)
    told = frames["feedback"][frames["feedback"]["feedback_type"] == "Complaint"].set_index("feedback_id")
    t = found.table.set_index("feedback_id")
    assert len(t) == len(told)
    told = told.loc[t.index]
    solved = told["resolved_at"] < END
    assert t["solved"].tolist() == solved.tolist() == sorted(solved)
    for ours, theirs in (("created_on", "created_at"), ("answered_on", "responded_at"), ("solved_on", "resolved_at")):
        expected = told[theirs].where(told[theirs] < END).dt.normalize()
        assert t[ours].dropna().to_dict() == expected.dropna().to_dict()
    home = frames["customers"].set_index("customer_id")["region"]
    assert t["region"].tolist() == told["customer_id"].map(home).tolist()
    assert t["cause"].tolist() == told["cause"].tolist()
    assert t.loc[~t["solved"], "created_on"].is_monotonic_increasing
    assert "feedback_text" not in found.listed(), "engagement.yml does not allow it"
    assert "feedback_text" not in needs.suggestions(tables).follow_up()
    allowed = dataclasses.replace(tables, allowed=("feedback_text",))
    listed = needs.complaint_list(allowed).listed()
    assert needs.suggestions(allowed).follow_up()["feedback_text"].notna().any()
    assert "masked" in needs.complaint_list(allowed).note()
    assert "masked" not in found.note()
    assert {
        "stated_type",
        "complaint_cause",
        "rated_product",
        "rated_region",
        "sales_rep",
        "feedback_date",
        "solution_date",
    } <= set(listed)
    assert not listed["feedback_text"].str.contains("13812345678|Anna").any()
    assert found.headline().startswith(f"Open complaints: {(~solved).sum()} of {len(told)}, the oldest since ")
    assert not {"customer_id", "feedback_text"} & set(found.oldest())
    done = frames["feedback"].assign(resolved_at=frames["feedback"]["created_at"])
    none = needs.complaint_list(make_tables(as_of=AS_OF, **{**frames, "feedback": done}))
    assert isinstance(none.oldest(), NotAvailable)
    assert none.headline().startswith("All complaints are solved")


def test_every_suggestion_has_its_follow_up(frames, tables):
    found = needs.suggestions(tables)
    told = frames["feedback"][frames["feedback"]["feedback_type"] == "建议"].set_index("feedback_id")
    t = found.table.set_index("feedback_id")
    done, answered = told["resolved_at"] < END, told["responded_at"].notna()
    expected = np.select([done, answered], [DONE, ANSWERED], WAITING)
    assert t.loc[told.index, "follow_up"].tolist() == expected.tolist()
    open_ = told[~done]
    assert t.loc[open_.index, "days"].tolist() == ((END - open_["created_at"]).dt.total_seconds() // 86400).tolist()
    assert found.by_product()["suggestions"].sum() == len(told)


# ---------------------------------------------------------------- pain points
def test_the_planted_pain_point_comes_first_with_its_place_and_no_other(frames, tables):
    found = needs.pain_points(tables)
    top = found.table.iloc[0]
    assert (top["pain_point"], top["pain_class"]) == ("leaking bottle", DEFECT)
    assert found.places[["pain_point", "product_id", "region"]].values.tolist() == [["leaking bottle", "P1", "South"]]
    assert found.table["pain_class"].tolist() == [DEFECT, SERVICE]
    told = frames["feedback"]
    mine = told[told["cause"] == "leaking bottle"]
    lines = frames["order_lines"]
    since = told.loc[told["feedback_type"] == "Complaint", "created_at"].min().normalize()
    base = (lines["order_date"] >= since).sum()
    assert top["complaints"] == len(mine)
    assert top["rate"] == pytest.approx(1000 * len(mine) / base)
    concerned = lines[lines["customer_id"].isin(mine["customer_id"])]
    assert top["value_at_risk"] == pytest.approx(concerned["line_amount"].sum())
    unsolved = (~(mine["resolved_at"] < END)).mean()
    assert top["severity"] == pytest.approx((1 + unsolved) / 2)  # every complaint has the lowest of five scores
    assert top["priority_low"] < 100 < top["priority_high"]
    assert found.classes()["complaint_cases"].sum() == (told["feedback_type"] == "Complaint").sum()
    rival = found.table.iloc[1]
    assert (rival["priority_high"] > top["priority_low"]) == any("slow service" in w.lower() for w in found.finding().warnings)


def test_complaints_that_fall_by_chance_sit_nowhere(frames):
    rng = np.random.default_rng(3)
    wrong = 0
    for _turn in range(2):
        lines = frames["order_lines"]
        drawn = lines.sample(250, random_state=int(rng.integers(1_000_000)))
        told = drawn[["customer_id", "product_id"]].assign(
            feedback_id=drawn["order_id"],
            created_at=drawn["order_date"],
            feedback_type="complaint",
            cause=rng.choice(["a", "b"], 250),
        )
        found = needs.pain_points(make_tables(as_of=AS_OF, **{**frames, "feedback": told}))
        wrong += len(found.places)
    assert wrong <= 1


def test_words_tell_the_class_of_pain_in_both_languages():
    said = {
        "The cap is broken": DEFECT,
        "瓶子漏了": DEFECT,
        "小程序里找不到我的优惠券": INFORMATION,
        "instructions are confusing": INFORMATION,
        "等了二十多分钟，店员态度很差": SERVICE,
        "rude staff": SERVICE,
        "hello": UNKNOWN,
        "": UNKNOWN,
    }
    assert {text: pain_class(text) for text in said} == said
    assert pain_class(None) == UNKNOWN


def test_without_causes_the_texts_are_classified(frames):
    told = frames["feedback"].drop(columns="cause")
    found = needs.pain_points(make_tables(as_of=AS_OF, **{**frames, "feedback": told}))
    assert found.table["pain_point"].tolist() == [DEFECT, SERVICE]
    assert found.places["pain_point"].tolist() == [DEFECT]


# ---------------------------------------------------------------- contacts
def test_overloaded_weeks_are_those_of_a_plain_count(frames, tables):
    found = needs.contact_overload(tables)
    out = frames["interactions"][frames["interactions"]["direction"] == "outbound"]
    week = out["occurred_at"].dt.to_period("W-SUN").dt.start_time
    departments = out.groupby([out["customer_id"], week])["department"].nunique()
    over = (departments >= 2).groupby("customer_id").sum()
    assert dict(zip(found.table["customer_id"], found.table["weeks_overloaded"], strict=True)) == over[over > 0].to_dict()
    assert set(found.often()["customer_id"]) == set(over[over >= OFTEN].index) == {f"c{i:03}" for i in range(10)}
    assert found.pairs.iloc[0][["department_a", "department_b"]].tolist() == ["Mail", "Shops"]
    assert found.weeks["overloaded"].sum() == (departments >= 2).sum()
    assert "do not want marketing: 1." in found.finding().warnings[0]
    seen = (
        out.assign(week=week).drop_duplicates(["customer_id", "department", "week"]).groupby(["customer_id", "department"]).size()
    )
    wide = seen.unstack(fill_value=0)
    assert found.pairs.iloc[0]["expected_weeks"] == pytest.approx((wide["Mail"] * wide["Shops"]).sum() / len(found.weeks))
    assert needs.contacts(tables).contacts == len(frames["interactions"])


# ---------------------------------------------------------------- texts
@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("打我电话13812345678谢谢", "13812345678"),
        ("mail a.b@c.com now", "a.b@c.com"),
        ("张经理答应了", "张"),
        ("我叫王小明。", "王小明"),
        ("ask Mr. John Smith", "Smith"),
        ("my name is Anna Lee", "Anna"),
        ("加微信：abc_12345", "abc_12345"),
        ("车牌沪A12345", "沪A12345"),
        ("卡号6222 0212 3456 7890", "7890"),
        ("中山路120号3单元", "120"),
        ("see https://x.com/u/1", "x.com"),
        ("facebook.com/john.smith", "john"),
        ("138.1234.5678", "5678"),
        ("(138) 1234 – 5678", "138"),
        ("138\u200b1234\u200b5678", "5678"),
        ("一三八一二三四五六七八", "五六七八"),
        ("john(at)example.com", "john"),
        ("john.o'neil @ localhost", "john"),
        ("微信号是abcdef", "abcdef"),
    ],
)
def test_what_tells_who_is_meant_is_masked_in_a_sentence(text, hidden):
    assert hidden not in masked_text(text)
    assert "*" in masked_text(text)


def test_a_sentence_without_anybody_in_it_stays():
    for text in ("早上等了二十多分钟才拿到。", "I waited 20 minutes for 2 lattes.", "这个价格35元，不值。"):
        assert masked_text(text) == text
    assert masked_text("Ｎｏ．１２，好！") == "No.12，好！"
    assert masked_text(None) == ""
    assert len(masked_text("很好" * 500)) == 200


def test_chinese_and_english_are_cut_into_words_and_own_words_stay_whole(tmp_path):
    plain = Segmenter()
    assert plain.words("咖啡好喝，The APP is slow!") == ["咖啡", "好喝", "the", "app", "is", "slow", "!"]
    assert "蓝壶咖啡" not in plain.words("隔壁蓝壶咖啡更便宜")
    (tmp_path / "words.txt").write_text("\ufeff# rivals\n蓝壶咖啡 5 n\nCold Brew\nＶ60\n\n", encoding="utf-8")
    own = needs.dictionary(tmp_path / "words.txt")
    assert own == ("cold brew", "v60", "蓝壶咖啡")
    made = Segmenter(own)
    assert "蓝壶咖啡" in made.words("隔壁蓝壶咖啡更便宜")
    assert made.words("Cold brew or V60?") == ["cold brew", "or", "v60", "?"]
    assert needs.dictionary(tmp_path / "nothing.txt") == ()
    (tmp_path / "words.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        needs.dictionary(tmp_path / "words.txt")


def test_sentences_end_at_marks_of_both_languages():
    assert sentences("很好。太慢了！It cost 3.5 yuan. OK?\n...") == ["很好。", "太慢了！", "It cost 3.5 yuan.", "OK?"]


def test_what_an_import_has_put_in_place_of_names_and_numbers_is_no_word():
    assert Segmenter().words("[name]打电话 [phone] or [e-mail]; phone") == ["打电话", "or", "phone"]
    assert sentences("[phone]！[id]. 很好") == ["很好"]


def test_phrases_are_counted_by_the_feedback_that_holds_them(frames, tables, texts):
    found = needs.key_phrases(tables, texts).table.set_index("phrase")
    said = frames["feedback"]["text"]
    for phrase, words in (("lactose free milk", "lactose free milk"), ("bottle leaked", "bottle leaked"), ("queue", "queue")):
        assert found.loc[phrase, "feedback"] == said.str.contains(words).sum()
    assert found.loc["queue", "against_rest"] == "More in complaints"
    assert found.loc["lactose free milk", "against_rest"] == "Less in complaints"
    assert texts.n == len(said)


def test_topics_keep_apart_what_has_no_word_in_common_and_quote_nobody():
    rng = np.random.default_rng(2)
    words = {"leak": ["bottle", "cap", "leak", "bag", "wet"], "queue": ["queue", "slow", "minutes", "morning", "staff"],
             "店": ["蛋糕", "面包", "新鲜", "味道", "甜点"]}  # fmt: skip
    said = []
    for i in range(180):
        own = list(words.values())[i % 3]
        joint = "" if i % 3 == 2 else " "
        said.append(joint.join(rng.permutation(own)[:4]) + (f" 1381234{i:04}" if i % 3 == 0 else ""))
    feedback = pd.DataFrame({"feedback_id": [f"{i:03}" for i in range(180)], "text": said})
    feedback = feedback.assign(created_at="2024-01-05", feedback_type="complaint")
    orders = pd.DataFrame({"order_id": ["1"], "customer_id": ["c"], "order_date": ["2024-01-31"], "order_amount": [1]})
    made = make_tables(orders=orders, feedback=feedback)
    found = needs.topics(made, needs.texts(made))
    assert len(found.table) == 3
    assert found.covered == 180
    for group in words.values():
        assert any(set(named) <= set(group) for named in found.table["words"])
    assert not found.drill_down()["feedback_text"].str.contains("1381234").any()
    assert not found.shown()["topic_quotes"].str.contains("1381234").any()
    again = make_tables(orders=orders, feedback=feedback.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(needs.topics(again, needs.texts(again)).table, found.table)


def test_a_topic_that_takes_over_is_rising():
    months = pd.date_range("2023-01-01", periods=12, freq="MS")
    a = ["bottle cap leak bag", "bag leak bottle wet", "wet cap bottle leak", "leak bag cap wet", "cap leak wet bottle"]
    b = ["queue slow staff morning", "slow minutes queue staff", "staff queue minutes morning", "morning slow queue minutes",
         "minutes staff slow morning"]  # fmt: skip
    c = [
        "cake fresh sweet cream",
        "sweet cake cream plate",
        "plate fresh cake sweet",
        "cream plate fresh cake",
        "fresh sweet plate cream",
    ]
    rows = [(m, t) for i, m in enumerate(months) for t in a * (1 + i) + b * (12 - i) + c * 5]
    feedback = pd.DataFrame(rows, columns=["created_at", "text"]).assign(feedback_type="review")
    feedback["feedback_id"] = [str(i) for i in range(len(feedback))]
    orders = pd.DataFrame(
        {"order_id": ["1", "2"], "customer_id": ["c", "d"], "order_date": ["2023-01-01", "2023-12-31"], "order_amount": [1, 1]}
    )
    made = make_tables(orders=orders, feedback=feedback)
    found = needs.topics(made, needs.texts(made)).table
    directions = {next(k for k, words in (("a", a), ("b", b), ("c", c)) if named[0] in " ".join(words)): d
                  for named, d in zip(found["words"], found["direction"], strict=True)}  # fmt: skip
    assert directions["a"] == "Rising"
    assert directions["b"] == "Falling"
    assert directions["c"] == "Unclear"


def test_few_texts_say_nothing(frames):
    few = make_tables(as_of=AS_OF, **{**frames, "feedback": frames["feedback"].head(20)})
    gone = needs.texts(few)
    assert isinstance(gone, NotAvailable)
    assert "20 pieces of feedback have a text" in gone.text
    assert isinstance(needs.topics(few, gone), NotAvailable)


# ---------------------------------------------------------------- sentiment
def test_no_accuracy_is_claimed_for_texts_without_scores(tables, texts):
    found = needs.sentiment(tables, texts)
    assert set(found.accuracy["measured_on"]) == {REVIEWS}
    assert "is not known" in found.measured_headline()
    assert not found.trusted()
    assert found.finding().confidence == "low"


def test_a_model_of_the_clients_own_is_learnt_and_measured_on_texts_it_has_not_seen():
    rng = np.random.default_rng(8)
    good, bad, idle = ["zorp", "blim", "quax"], ["fnord", "grult", "vesh"], [f"w{c}" for c in "abcdefghijklmnopqrst"]
    rows = []
    for i in range(400):
        own = good if i % 2 else bad
        rows.append((" ".join([*rng.permutation(own)[:2], *rng.choice(idle, 6)]), 5.0 if i % 2 else 1.0))
    feedback = pd.DataFrame(rows, columns=["text", "satisfaction"]).assign(feedback_type="review", created_at="2024-01-05")
    feedback["feedback_id"] = [str(i) for i in range(len(feedback))]
    orders = pd.DataFrame({"order_id": ["1"], "customer_id": ["c"], "order_date": ["2024-01-31"], "order_amount": [1]})
    made = make_tables(orders=orders, feedback=feedback)
    found = needs.sentiment(made, needs.texts(made))
    row = found.accuracy.iloc[0]
    assert (row["model"], row["measured_on"], row["measured_texts"]) == (OWN, HERE, 400)
    assert row["accuracy"] > 0.95
    assert found.trusted()
    assert "by the model alone" in found.finding().evidence
    noise = feedback.assign(satisfaction=rng.choice([1.0, 5.0], 400))
    made = make_tables(orders=orders, feedback=noise)
    unproven = needs.sentiment(made, needs.texts(made))
    assert not unproven.trusted()
    assert "not shown that the model beats a plain list" in unproven.finding().evidence


def test_what_follows_an_english_negator_is_turned_round():
    features = sentiment_model.features
    assert {"!good", "!very", "#-", "#-1"} <= features(["not", "very", "good"])
    assert "#+" in features(["not", "so", "bad", "awful"]) - features(["so", "bad", "awful"])
    assert {"#+1", "#-1"} <= features(["not", "good", "but", "great"])
    assert not any(f.startswith("!") for f in features(["one", "two", "three", "nothing"]))


@pytest.mark.skipif(not (SHARED / "data" / "reviews_zh").is_dir(), reason="the labelled reviews are not beside the project")
@pytest.mark.parametrize("code", ["zh", "en"])
def test_the_shipped_model_is_as_right_as_it_says_on_reviews_held_out(code, monkeypatch):
    monkeypatch.syspath_prepend(str(KIT / "benchmarks"))
    import sentiment as benchmark

    table = benchmark.reviews(SHARED / "data", code)
    held = table[table["held_out"]].reset_index(drop=True)
    segmenter = Segmenter()
    found = benchmark.measured(held, [segmenter.words(t) for t in held["text"]], code, sentiment_model.shipped(code))
    told = sentiment_model.measured(code)
    assert found == pytest.approx({k: told[k] for k in found}, abs=1e-4)
    assert found["accuracy"] > max(found["majority"], found["word_list"])
    for of in ("", "crossed_") if code == "en" else ("",):  # McNemar's exact test against the plain list
        assert binomtest(int(told[f"{of}only_model"]), int(told[f"{of}only_model"] + told[f"{of}only_list"])).pvalue < 0.01
    sys.modules.pop("sentiment", None)


# ---------------------------------------------------------------- real complaints and tickets
ORDER = pd.DataFrame({"order_id": ["1"], "customer_id": ["c"], "order_date": ["2014-11-30"], "order_amount": [1]})


@pytest.mark.skipif(not (SHARED / "data" / "cfpb_complaints").is_dir(), reason="the complaints are not beside the project")
def test_real_complaints_are_counted_by_product_and_cause():
    raw = pd.read_csv(SHARED / "data" / "cfpb_complaints" / "lakshlk_Consumer_Complaints.csv")
    raw = raw[raw["Product"].notna()].head(3000)
    told = pd.DataFrame({"feedback_id": raw["Complaint ID"], "product_id": raw["Product"], "feedback_type": raw["Issue"],
                         "region": raw["State"], "status": raw["Company response"],
                         "created_at": pd.to_datetime(raw["Date received"]).astype(str)})  # fmt: skip
    made = make_tables(orders=ORDER, feedback=told)
    voice = needs.voice(made)
    levels = voice.levels[voice.levels["dimension"] == "product"].set_index("level")["feedback"]
    assert levels.to_dict() == raw["Product"].value_counts().to_dict()
    assert voice.unsolved == (~raw["Company response"].str.lower().str.startswith("closed").fillna(False)).sum()
    pain = needs.pain_points(made)
    assert not pain.named
    causes = raw["Issue"].str.strip().fillna(UNKNOWN).value_counts()
    assert pain.table.set_index("pain_point")["complaints"].to_dict() == causes.to_dict()
    assert (pain.table["pain_class"] != UNKNOWN).any()
    assert isinstance(needs.resolution(made), NotAvailable)


@pytest.mark.skipif(not (SHARED / "data" / "service_incidents").is_dir(), reason="the tickets are not beside the project")
def test_real_tickets_are_solved_as_fast_as_a_plain_median_says():
    columns = ["number", "opened_at", "resolved_at", "assignment_group"]
    raw = pd.read_csv(SHARED / "data" / "service_incidents" / "incident_event_log.zip", usecols=columns, dtype=str)
    raw = raw.drop_duplicates("number", keep="last").head(4000)
    opened, solved = (pd.to_datetime(raw[c].replace("?", None), dayfirst=True) for c in ("opened_at", "resolved_at"))
    told = pd.DataFrame({"feedback_id": raw["number"], "feedback_type": "request"}).assign(
        department=raw["assignment_group"].replace("?", None),
        created_at=opened.astype(str),
        resolved_at=solved.astype(str).replace("NaT", None),
    )
    made = make_tables(orders=ORDER.assign(order_date="2016-12-31"), feedback=told, as_of=dt.date(2016, 12, 31))
    found = needs.resolution(made)
    days = (solved.fillna(pd.Timestamp("2017-01-01")) - opened).dt.total_seconds() // 60 / 1440
    usable = days >= 0
    middle, low, high = found.curves[SOLUTION][INQUIRY].median()
    assert low <= middle <= high
    assert middle == pytest.approx(np.sort(days[usable])[int(np.ceil(usable.sum() / 2)) - 1])
    assert found.untimed == (~usable).sum()


# ---------------------------------------------------------------- the notebook
SECTIONS = ("voice", "waiting", "suggestions", "pain", "contacts", "topics", "sentiment")


class Recorder:
    """What stands in for the engagement in the notebook's cells: keeps what is shown."""

    def __init__(self, tables):
        self.tables, self.project = tables, KIT / "nowhere"
        self.shown, self.found, self.gone, self.exported = [], [], [], {}

    def exhibit(self, shown, *, title, note=""):
        if isinstance(shown, NotAvailable):
            self.gone.append(shown.text)
            return
        assert not title.endswith((".", "。"))
        for text in (title, note):
            assert text
            assert "nan" not in text.lower().split()
            assert "{" not in text
        if isinstance(shown, pd.DataFrame):
            for name in shown:
                assert all(isinstance(columns.formatted(name, cell), str) for cell in shown[name])
                assert not shown[name].astype(str).str.contains("13812345678|Anna").any()
        self.shown.append(title)

    def finding(self, found, *, headline=False):
        self.gone.append(found.text) if isinstance(found, NotAvailable) else self.found.append(found.key)

    def export(self, name, frame):
        if isinstance(frame, pd.DataFrame):
            assert all(columns.label(c) for c in frame)
            self.exported[name] = frame


def run(tables) -> Recorder:
    book = nbformat.read(KIT / "notebooks" / "3_needs.ipynb", as_version=4)
    seen = Recorder(tables)
    exec("\n".join(next(c.source for c in book.cells if c.id == i) for i in SECTIONS), {"needs": needs, "engagement": seen})
    return seen


@pytest.fixture(scope="module")
def seen(tables) -> Recorder:
    return run(tables)


def test_the_notebook_shows_every_section_of_the_voice_of_the_customer(seen):
    assert seen.gone == []
    assert len(seen.shown) == 24
    assert len(seen.found) == len(set(seen.found)) == 7
    assert set(seen.exported) == {"complaints", "suggestions", "contact_overload"}


def test_shuffling_rows_changes_no_word_of_these_sections(frames, seen):
    mixed = {name: frame.sample(frac=1, random_state=4) for name, frame in frames.items()}
    again = run(make_tables(as_of=AS_OF, **mixed))
    assert again.shown == seen.shown
    for name, frame in seen.exported.items():
        pd.testing.assert_frame_equal(frame, again.exported[name])


def test_without_feedback_and_contacts_every_section_says_one_thing():
    seen = run(make_tables(orders=ORDER))
    assert seen.shown == seen.found == []
    assert all("the data has no" in text for text in seen.gone)
    assert len(set(seen.gone)) <= 12


def test_one_piece_of_feedback_is_shown_without_a_claim():
    one = pd.DataFrame({"feedback_id": ["1"], "created_at": ["2014-11-20"]})
    seen = run(make_tables(orders=ORDER, feedback=one))
    assert seen.found == ["needs.unsolved_feedback_share", "needs.first_pain_point_value"]

"""Similar customers, proposed by Splink where it is installed."""

from __future__ import annotations

import random
import sys

import pytest

from fivestep import engine
from fivestep.errors import UserError
from fivestep.intake import fuzzy

COLUMNS = ("customer_id", "name", "phone", "email", "address")


def people(n: int, twins: int):
    """*n* made-up customers, the first *twins* of them a second time with a slip in phone and e-mail address."""
    draw = random.Random(1)
    rows = [
        (
            f"p{i:04}",
            draw.choice("王李张刘陈杨黄赵吴周") + draw.choice("芳伟娜敏静强磊军洋勇") + draw.choice("艳杰娟涛明超兰霞平刚"),
            "13" + "".join(draw.choice("0123456789") for _ in range(9)),
            f"user{i}x{draw.randrange(999)}@mail.cn",
            f"{draw.choice('东西南北')}路{draw.randrange(999)}号{draw.randrange(99)}室",
        )
        for i in range(n)
    ]
    for i, (_id, name, phone, email, address) in enumerate(rows[:twins]):
        rows.append((f"q{i:04}", name, phone[:-1] + str((int(phone[-1]) + 1) % 10), email.replace("user", "usr"), address))
    return engine.connect().create_table("people", {c: [row[i] for row in rows] for i, c in enumerate(COLUMNS)})


def test_without_splink_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(UserError, match=r"Install it: python -m pip install 'splink>=5,<6'") as error:
        fuzzy.proposals(people(3, 0))
    assert "\n" not in str(error.value)


def test_planted_twins_are_proposed_and_shown_masked():
    pytest.importorskip("splink", reason="the extra `fuzzy` is not installed")
    table = people(400, 30)
    found = fuzzy.proposals(table)
    wanted = {(f"p{i:04}", f"q{i:04}") for i in range(30)}
    got = {(p.first, p.second) for p in found}
    assert len(got & wanted) >= 27
    assert len(got - wanted) <= 3
    clear = {v for column in COLUMNS[1:] for v in table[column].to_pyarrow().to_pylist()}
    assert not [p for p in found for value in clear if value in p.seen]
    assert {p.decision for p in found} == {"proposed"}
    assert fuzzy.proposals(table) == found


def test_too_few_customers_are_refused():
    pytest.importorskip("splink", reason="the extra `fuzzy` is not installed")
    with pytest.raises(UserError, match="at least 100 customers"):
        fuzzy.proposals(people(20, 2))

"""A playbook that cannot be read is told in one line; one that can be read decides."""

from __future__ import annotations

import pytest
import yaml

from fivestep.errors import UserError
from fivestep.strategy.playbook import SHIPPED, playbook

PLAY = yaml.safe_load(SHIPPED.read_text("utf-8"))["plays"][0]


def said(path, content) -> str:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(UserError) as stopped:
        playbook(path)
    return str(stopped.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1: x\n", "playbook.yml: 1: Keys must be texts"),
        ("~: x\n", "playbook.yml: None: Keys must be texts"),
        ("plays:\n\t- play: x\n", "playbook.yml cannot be read: line 2, column 1: found character '\\t'"),
        ("plays: " + "[" * 5000, "playbook.yml cannot be read: lists or keys stand within each other without end."),
        (
            "a: &a {k: 1}\nb: &b {<<: [*a, *a]}\n",
            "playbook.yml cannot be read: line 2, column 13: the alias *a stands within another",
        ),
        ("plays: !!timestamp 2024-02-31\n", "playbook.yml cannot be read: day is out of range for month"),
        ({"plays": [3]}, "playbook.yml: play 1: "),
        (
            {"plays": [PLAY | {"goal": "  "}]},
            f"playbook.yml: play 1 ({PLAY['play']}): goal: Write a text; its least length is 1",
        ),
        (
            {"plays": [PLAY | {"review_after_days": True}]},
            f"playbook.yml: play 1 ({PLAY['play']}): review_after_days: Write a whole number",
        ),
        ({"plays": [PLAY], "gross_margin": True}, "playbook.yml: gross_margin: Write a number (it says True)."),
    ],
)
def test_a_playbook_that_cannot_be_read_names_the_place(tmp_path, content, says):
    message = said(tmp_path / "playbook.yml", content)
    assert any(line.startswith(says) for line in message.splitlines()), message


def test_a_playbook_that_is_a_folder_or_a_lost_link_is_not_silently_the_shipped_one(tmp_path):
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "link.yml").symlink_to("nowhere.yml")
    for name in ("folder.yml", "link.yml"):
        with pytest.raises(UserError, match=f"^{name} cannot be read"):
            playbook(tmp_path / name)
    assert playbook(tmp_path / "none.yml") == playbook()


@pytest.mark.parametrize("line", ["budget: 1:30", "budget: 1:30.5", "budget: 190:20:30"])
def test_a_budget_with_a_colon_is_text_and_not_counted_in_sixties(tmp_path, line):
    says = said(tmp_path / "playbook.yml", yaml.safe_dump({"plays": [PLAY]}) + line)
    assert says.startswith("playbook.yml: budget: Write a number (it says '1")


@pytest.mark.parametrize(("text", "number"), [("1_000.5", 1000.5), ("0x10", 16), ("2.0e+3", 2000.0), (".5", 0.5)])
def test_other_numbers_are_read_as_before(tmp_path, text, number):
    path = tmp_path / "playbook.yml"
    path.write_text(yaml.safe_dump({"plays": [PLAY]}) + f"budget: {text}\n")
    assert playbook(path).budget == number


def test_a_plain_alias_and_a_whole_number_are_read(tmp_path):
    path = tmp_path / "playbook.yml"
    path.write_text(
        yaml.safe_dump({"plays": [PLAY | {"cost_per_contact": 2}], "gross_margin": 1}).replace("goal: ", "goal: &g ", 1)
    )
    assert playbook(path).plays[0].cost_per_contact == 2

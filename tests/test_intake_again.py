"""Files that come again: corrected, copied, under another name, with a renamed column; and imports that are cut off."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from conftest import in_the_vault
from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing, mapping, proposal, snapshots, wizard
from fivestep.intake.importing import Imported

SETTINGS = Settings(name="Test", client="Test", currency="CNY", time_zone="Asia/Shanghai")
PLAIN = """\
sources:
- files: ["orders*.csv"]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}
"""
HEAD = "id,day,who,sum\n"
MARCH = HEAD + "1,2024-03-05,a,10\n2,2024-03-06,b,20\n3,2024-03-09,b,5\n"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


def put(project: Path, name: str, text: str) -> None:
    (project / "data" / "raw" / name).write_text(text, "utf-8")


def run(project: Path, said: str = "", **more) -> Imported:
    if said:
        (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, SETTINGS, **more)


def amounts(done: Imported) -> dict[str, Decimal]:
    return pd.read_parquet(done.folder / "orders.parquet").set_index("order_id")["order_amount"].to_dict()


def contents(project: Path) -> dict[str, bytes]:
    folder = project / "data" / "contract"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.is_file() and ".tmp" not in p.parts}


def test_a_corrected_file_says_what_it_has_no_more_and_again_takes_it_away(project):
    put(project, "orders.csv", MARCH)
    run(project, PLAIN)
    put(project, "orders.csv", HEAD + "1,2024-03-05,a,11\n3,2024-03-09,b,5\n4,2024-03-09,c,7\n")
    with pytest.raises(UserError, match=r"orders\.csv.*not in it: 1 of 3"):
        run(project, strict=("superseded",))
    merged = run(project)
    assert amounts(merged) == {"1": 11, "2": 20, "3": 5, "4": 7}
    (line,) = merged.quality.of("superseded")
    assert (line.source, line.table, line.severity, line.rows, line.of) == ("orders.csv", "orders", "warning", 1, 3)
    assert "imported before with other content" in line.text()
    assert "20.00" in line.text()
    assert "6 Mar 2024 to 6 Mar 2024" in line.text()
    assert "other files" not in line.text()
    assert "--again" in line.mend()
    said = "\n".join(importing.summary(merged))
    assert "orders.csv · orders: It was imported before with other content" in said
    assert "orders: 4 rows in all, 3 in the new files" in said
    assert "new files: $23.00 gross, $0.00 refunded, $23.00 net" in said
    assert "whole snapshot: $43.00 net" in said
    shown = run(project, again=True, dry=True)
    assert (shown.folder, amounts(merged)["2"]) == (None, 20)
    done = run(project, again=True)
    assert amounts(done) == {"1": 11, "3": 5, "4": 7}
    (line,) = done.quality.of("imported_again")
    assert (line.severity, line.rows, line.of) == ("warning", 1, 4)
    assert "gone: 1, new: 0; order_amount before: $43.00, now: $23.00" in line.text()
    assert line.text() in "\n".join(importing.summary(done))
    assert not run(project).new


def test_next_months_file_under_the_same_name_misses_nothing_and_an_earlier_content_comes_back(project):
    put(project, "orders.csv", MARCH)
    run(project, PLAIN)
    put(project, "orders.csv", HEAD + "4,2024-04-02,a,7\n")
    done = run(project)
    assert sorted(amounts(done)) == ["1", "2", "3", "4"]
    (line,) = done.quality.of("superseded")
    assert (line.severity, line.rows) == ("note", 0)
    with pytest.raises(UserError, match=r"other content: orders\.csv.*--again"):
        run(project, PLAIN + "  decimal: '.'\n")  # would lose March
    run(project, PLAIN, again=True)
    put(project, "orders.csv", MARCH)
    assert sorted(amounts(run(project))) == ["1", "2", "3", "4"]


def test_a_corrected_file_without_days_is_compared_by_key_among_other_files(project):
    said = PLAIN + '- files: ["members*.csv"]\n  table: customers\n  columns: {who: customers.customer_id, city: customers.city}\n'
    put(project, "orders.csv", MARCH)
    put(project, "members_1.csv", "who,city\na,Kyoto\nb,Nara\n")
    put(project, "members_2.csv", "who,city\nc,Kobe\n")
    run(project, said)
    put(project, "members_1.csv", "who,city\na,Uji\n")
    (line,) = run(project).quality.of("superseded")
    assert (line.source, line.table, line.rows, line.of) == ("members_1.csv", "customers", 2, 3)
    assert "rows of other files may be among them" in line.text()


def test_a_file_taken_away_is_told_with_again_and_decisions_and_names_survive(project):
    said = PLAIN.replace("orders.order_amount}", "orders.order_amount, tel: customers.phone}")
    head = "id,day,who,sum,tel\n"
    put(project, "orders_1.csv", head + "1,2024-03-05,a,10,13912345678\n")
    put(project, "orders_2.csv", head + "2,2024-04-05,b,20,13912345678\n")
    run(project, said)
    decisions = project / "data" / "identity.yml"
    decisions.write_text(decisions.read_text("utf-8").replace("proposed", "accepted"), "utf-8")
    assert pd.read_parquet(run(project).folder / "orders.parquet")["customer_id"].nunique() == 1
    (project / "data" / "raw" / "orders_2.csv").unlink()
    assert not run(project).new
    done = run(project, again=True)
    assert [x.source for x in done.quality.of("imported_again")] == ["orders_2.csv", ""]
    assert "accepted" in decisions.read_text("utf-8")
    assert in_the_vault(project)["raw_id"].tolist() == ["a", "b"]
    assert done.folder.name == "2024-04-05", "an earlier name would not be the latest"
    assert not run(project).new


def test_the_same_file_under_two_names_or_in_an_archive_is_counted_once_and_told(project):
    said = '- files: ["*.csv", "all.zip"]\n  table: interactions\n'
    said = "sources:\n" + said + "  columns: {who: customers.customer_id, at: interactions.occurred_at, by: drop}\n"
    text = "who,at,by\na,2024-03-05 10:00,x\nb,2024-03-06 10:00,y\n"
    put(project, "a.csv", text)
    put(project, "b.csv", text)
    with zipfile.ZipFile(project / "data" / "raw" / "all.zip", "w") as archive:
        archive.writestr("c.csv", text)
        archive.writestr("d.csv", text.replace("05", "07"))
    done = run(project, said)
    assert done.rows == {"interactions": 4}
    assert [(x.source, x.values["other"]) for x in done.quality.of("same_file")] == [("b.csv", "a.csv"), ("all.zip/c.csv", "a.csv")]
    assert "b.csv: It is the same as a.csv: counted once." in importing.summary(done)
    put(project, "e.csv", text)
    again = run(project)
    assert not again.new
    assert importing.summary(again)[1:] == ["e.csv: It is the same as a.csv: counted once."]


def test_an_ignored_file_does_not_take_its_copy_with_it(project):
    put(project, "a.csv", MARCH)
    put(project, "orders.csv", MARCH)
    assert run(project, PLAIN + "ignore: [a.csv]\n").rows == {"orders": 3}


def test_a_database_is_told_only_where_it_no_longer_gives_a_row(project):
    import sqlite3

    said = """\
sources:
- files: [shop]
  database: {url: "sqlite:///data/shop.db", table: orders}
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}
"""
    with sqlite3.connect(project / "data" / "shop.db") as link:
        link.execute("create table orders (id, day, who, sum)")
        link.executemany("insert into orders values (?, ?, ?, ?)", [(1, "2024-03-05", "a", 10), (2, "2024-03-06", "b", 20)])
    run(project, said)
    for change, wanted in (("insert into orders values (3, '2024-03-07', 'a', 1)", []), ("delete from orders where id = 2", [1])):
        with sqlite3.connect(project / "data" / "shop.db") as link:
            link.execute(change)
        done = run(project)
        assert [x.rows for x in done.quality.of("superseded")] == wanted
    assert "The database gave other rows before" in done.quality.of("superseded")[0].text()
    run(project, said + "  decimal: '.'\n")


def test_a_file_of_another_name_is_known_by_its_headers_where_one_source_has_them(project):
    put(project, "orders_2024-05.csv", MARCH)
    run(project, PLAIN)
    put(project, "order export (2).csv", "Sum,id,day,who\n7,9,2024-04-01,c\n")
    done = run(project)
    assert amounts(done)["9"] == 7
    (line,) = done.quality.of("same_headers")
    assert (line.source, line.values["file"]) == ("order export (2).csv", "orders*.csv")
    (source,) = proposal.propose(project, engine.connect()).mapping.sources
    assert source.files == ("orders*.csv", "order export (*).csv")
    assert source.columns == mapping.parsed(PLAIN).sources[0].columns
    assert source.matches("order export (3).csv")
    two = PLAIN + PLAIN.removeprefix("sources:\n").replace("orders*.csv", "shop*.csv")
    with pytest.raises(UserError, match=r"order export \(2\)\.csv is; it has the headers of orders\*\.csv, shop\*\.csv alike"):
        run(project, two)


def test_a_renamed_column_is_asked_with_all_that_was_said_of_the_one_before_and_both_months_import(project):
    head, later = "订单编号,会员编号,下单时间,业绩(万元)\n", "订单编号,会员编号,下单时间,付了多少,状态\n"
    said = """\
sources:
- files: ["订单_*.csv"]
  table: orders
  repeats: drop
  columns:
    订单编号: orders.order_id
    会员编号: customers.customer_id
    下单时间: orders.order_date
    业绩(万元): [orders.order_amount, {to: orders.paid_amount}]
"""
    put(project, "订单_2024-05.csv", head + "".join(f"O{i},M{i % 5},2024-05-1{i} 10:00:00,{i}.5\n" for i in range(9)))
    run(project, said)
    put(project, "订单_2024-06.csv", later + "".join(f"P{i},M{i % 5},2024-06-1{i} 10:00:00,{i}.5,完成\n" for i in range(9)))
    with pytest.raises(UserError, match="is gone"):
        run(project)
    proposed = proposal.propose(project, engine.connect())
    text = proposal.text(proposed)
    assert (
        "付了多少: ask\n      # candidates: [{to: orders.order_amount, unit: 万元}, {to: orders.paid_amount, unit: 万元}] "
        "(as 业绩(万元) was)" in text
    )
    shown: list[str] = []
    answers = iter(["1", *["d"] * 5])
    done = wizard.walk(proposed, lambda prompt: next(answers), shown.append)
    before, after = done.mapping.sources
    assert before.columns == mapping.parsed(said).sources[0].columns
    assert [(t.to, t.unit) for t in after.columns["付了多少"]] == [("orders.order_amount", "万元"), ("orders.paid_amount", "万元")]
    assert after.repeats == "drop"
    assert "业绩(万元)" not in after.columns
    proposal.write(project, proposal.text(done))
    both = amounts(run(project))
    assert (len(both), both["O1"], both["P1"]) == (18, 15_000, 15_000)


def test_a_table_that_a_file_feeds_by_the_way_says_what_it_lacks(project):
    said = PLAIN.replace("orders.order_amount}", "orders.order_amount, item: products.product_name}") + """\
- files: [sent.csv]
  table: exposures
  columns: {cid: campaigns.campaign_id, name: campaigns.campaign_name, who: customers.customer_id, got: exposures.treated}
"""
    put(project, "orders.csv", "id,day,who,sum,item\n1,2024-03-05,a,10,tea\n")
    put(project, "sent.csv", "cid,name,who,got\nk1,Spring,a,1\nk1,Spring,b,0\nk2,Summer,a,1\n")
    done = run(project, said)
    found = {x.table: x for x in done.quality.of("table_left_out")}
    assert found["campaigns"].rows == 2
    assert "start_date" in found["campaigns"].text()
    assert "item" in found["products"].text()
    assert all(x.mend() for x in found.values())
    assert "campaigns" not in done.rows
    starts = "- files: [plan.csv]\n  table: campaigns\n  columns: {cid: campaigns.campaign_id, on: campaigns.start_date}\n"
    put(project, "plan.csv", "cid,on\nk1,2024-03-01\n")
    done = run(project, said + starts)
    assert done.quality.of("table_left_out")[1].rows == 1
    assert pd.read_parquet(done.folder / "campaigns.parquet")["campaign_name"].tolist() == ["Spring"]


def test_the_console_names_the_gravest_warnings_in_few_lines(project):
    put(project, "orders.csv", MARCH + "7,2024-03-10,a,ten\n,2024-03-10,a,1\n8,2024-03-10,a,eleven\n9,2999-01-01,a,1\n")
    said = importing.summary(run(project, PLAIN))
    at = next(i for i, line in enumerate(said) if line.startswith("Warnings: "))
    assert "not understood: 2 of 7" in said[at + 1]
    assert "Rows without what orders needs" in said[at + 2]
    assert len(said) <= at + 4


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_an_import_that_is_cut_off_at_any_step_leaves_all_as_it_was(project, monkeypatch, step):
    put(project, "orders_1.csv", MARCH)
    run(project, PLAIN)
    before = contents(project)
    put(project, "orders_2.csv", HEAD + "4,2024-03-09,a,7\n")
    replace, undo, made = Path.replace, snapshots._undo, []

    def cut(path: Path, target: Path) -> Path:
        if ".tmp" in path.parts + Path(target).parts:
            made.append(path)
            if len(made) == step:
                raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut)
        patched.setattr(snapshots, "_undo", lambda project: None if made else undo(project))  # killed: nothing tidies up
        with pytest.raises(KeyboardInterrupt):
            run(project)
    snapshots.mend(project)
    assert contents(project) == before
    assert sorted(amounts(run(project))) == ["1", "2", "3", "4"]
    assert not run(project).new


def test_a_second_import_at_the_same_time_says_so(project):
    put(project, "orders.csv", MARCH)
    with FileLock(project / "data" / ".import.lock"), pytest.raises(UserError, match="Another import"):
        run(project, PLAIN)
    assert run(project).rows == {"orders": 3}

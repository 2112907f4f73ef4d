"""Files that come again: corrected, copied, under another name, with a renamed column; and imports that are cut off."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pytest
from filelock import FileLock

from conftest import in_the_vault
from fivestep import engine, profiling
from fivestep.engagement import Engagement, Settings, snapshot_folder, snapshot_read
from fivestep.errors import UserError
from fivestep.intake import erasure, importing, mapping, proposal, returning_files, snapshots, wizard
from fivestep.intake.importing import Imported
from fivestep.intake.quality import Line, QualitySheet
from fivestep.privacy.pseudonyms import Pseudonyms

SETTINGS = Settings(name="Test", client="Test", currency="CNY", time_zone="Asia/Shanghai")
SHOP = """\
sources:
- files: ["orders*"]
  table: orders
  columns:
    {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount, tel: customers.phone}
"""
HEAD = "id,day,who,sum,tel\n"
MARCH = HEAD + "1,2024-03-05,a,10,13912345678\n2,2024-03-06,b,20,13912345678\n3,2024-03-09,b,5,\n"


def put(project: Path, name: str, text: str) -> None:
    (project / "data" / "raw" / name).write_text(text, "utf-8")


def run(project: Path, said: str = "", **more) -> Imported:
    if said:
        (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, SETTINGS, **more)


def amounts(done: Imported) -> dict[str, Decimal]:
    return pd.read_parquet(done.folder / "orders.parquet").set_index("order_id")["order_amount"].to_dict()


def test_files_that_are_corrected_copied_and_taken_away_are_told_and_again_makes_everything_anew(project):
    raw = project / "data" / "raw"
    put(project, "orders.csv", MARCH)
    put(project, "orders_copy.csv", MARCH)
    with zipfile.ZipFile(raw / "orders.zip", "w") as archive:
        archive.writestr("march.csv", MARCH)
    first = run(project, SHOP)
    assert first.rows == {"orders": 3}
    copies = [("orders_copy.csv", "orders.csv"), ("orders.zip/march.csv", "orders.csv")]
    assert [(x.source, x.values["other"]) for x in first.quality.of("same_file")] == copies
    assert "orders_copy.csv: It is the same as orders.csv: counted once." in importing.summary(first)
    decisions = project / "data" / "identity.yml"
    decisions.write_text(decisions.read_text("utf-8").replace("proposed", "accepted"), "utf-8")

    put(project, "orders.csv", HEAD + "1,2024-03-05,a,11,\n3,2024-03-09,b,5,\n4,2024-03-09,c,7,\n")
    put(project, "Export (2).csv", "SUM,id,day,who,tel\n9,5,2024-03-08,c,\n")
    merged = run(project)
    assert amounts(merged) == {"1": 11, "2": 20, "3": 5, "4": 7, "5": 9}
    (line,) = merged.quality.of("superseded")
    assert (line.source, line.table, line.severity, line.rows, line.of) == ("orders.csv", "orders", "warning", 1, 3)
    assert "from 5 Mar 2024 to 9 Mar 2024 that were imported before and are not in it: 1 of 3" in line.text()
    assert "from 6 Mar 2024 to 6 Mar 2024; their order_amount: $20.00; rows of other files may be among them" in line.text()
    assert "--again" in line.mend()
    (known,) = merged.quality.of("same_headers")
    assert (known.source, known.values["file"]) == ("Export (2).csv", "orders*")
    said = "\n".join(importing.summary(merged))
    assert "orders.csv · orders: It was imported before with other content" in said
    assert "orders: 5 rows in all, 4 in the new files" in said
    assert "new files: $32.00 gross, $0.00 refunded, $32.00 net" in said
    assert "whole snapshot: $52.00 net" in said
    assert merged.quality.fatal(["superseded"]) == [line]

    for name in ("orders_copy.csv", "orders.zip"):
        (raw / name).unlink()
    (project / "mapping.yml").write_text(SHOP + "  repeats: drop\n", "utf-8")
    with pytest.raises(UserError, match=r"no longer in data/raw/: orders\.zip, orders_copy\.csv\..*fivestep import --again"):
        run(project)
    done = run(project, again=True)
    assert amounts(done) == {"1": 11, "3": 5, "4": 7, "5": 9}
    lines = done.quality.of("imported_again")
    assert [(x.source, x.table, x.rows) for x in lines] == [
        ("orders.zip", "", 0), ("orders_copy.csv", "", 0), ("", "orders", 1),
    ]  # fmt: skip
    assert "gone: 1, new: 0; order_amount before: $52.00, now: $32.00" in lines[2].text()
    assert lines[2].text() in "\n".join(importing.summary(done))
    assert "accepted" in decisions.read_text("utf-8")
    assert in_the_vault(project)["raw_id"].tolist() == ["a", "b", "c"]
    (raw / "late copy.csv").write_bytes((raw / "orders.csv").read_bytes())
    again = run(project)
    assert (again.new, importing.summary(again)[1:]) == (False, ["late copy.csv: It is the same as orders.csv: counted once."])


def orders(connection, *rows: tuple) -> dict[str, ibis.Table]:
    frame = pd.DataFrame(rows, columns=["order_id", "order_date", "order_amount"])
    made = ibis.memtable(frame.assign(order_date=pd.to_datetime(frame.order_date)))
    made = made.mutate(order_amount=made.order_amount.cast("decimal(18, 2)"))
    return {"orders": connection.create_table(ibis.util.gen_name("o"), made)}


def test_a_database_is_told_only_where_it_gives_a_row_no_more_and_next_months_file_has_a_note(project):
    connection = engine.connect()
    march, april = ("1", "2024-03-05", 10), ("2", "2024-04-05", 20)
    days = snapshots.Content("2024-04-01", "2024-04-30")
    before = orders(connection, march, april)

    def told(new: tuple, *, database: bool, now=days, then=None) -> list[Line]:
        known, given = ({"shop": {"orders": then}} if then else {}), {"shop": {"orders": now}}
        return returning_files.superseded(before, orders(connection, new), known, given, {"shop": database}, (), connection)

    assert told(april, database=True) == []
    (note,) = told(april, database=False)
    assert (note.severity, note.rows, note.of, note.mend()) == ("note", 0, 1, "")
    (line,) = told(("3", "2024-04-06", 1), database=True)
    assert (line.severity, line.rows) == ("warning", 1)
    assert "The database gave other rows before" in line.text()
    (line,) = told(april, database=False, now=snapshots.Content())
    assert (line.rows, line.of) == (1, 2), "without days all keys count"
    wider = snapshots.Content("2024-03-01", "2024-03-31")
    (line,) = told(april, database=False, then=wider)
    assert (line.severity, line.rows) == ("note", 1), "next month's file has none of the days before"
    (line,) = told(april, database=True, then=wider)
    assert (line.severity, line.rows) == ("warning", 1)
    (gone,) = returning_files.made_anew(before, {})
    assert (gone.severity, gone.rows) == ("warning", 2)
    (more,) = returning_files.made_anew(orders(connection, march), before)
    assert (more.severity, more.mend()) == ("note", "")


def test_a_changed_mapping_does_not_forget_an_earlier_content_and_one_that_comes_back_is_new():
    march, april = snapshots.Import("", {"a.csv": "1", "b.csv": "2"}), snapshots.Import("03", {"a.csv": "3"})
    book = snapshots.Ledger("", {"03": march, "04": april})
    now = {"a.csv": "3", "b.csv": "2"}
    assert returning_files.gone(book, now, False) == []
    assert returning_files.replaced(book, now, ("a.csv",)) == [], "of a database this says nothing"
    files = returning_files.replaced(book, now, ())
    returning_files.refuse(files, [Line("", "orders", "", "imported_again")])  # an export of everything under the same name
    with pytest.raises(
        UserError, match=r"names of files that were imported: a\.csv\. Rows that would be gone: orders 7.*--again"
    ):
        returning_files.refuse(files, [Line("", "orders", "", "imported_again", "warning", 7)])
    assert book.fresh(now, "04") == []
    assert book.fresh({"a.csv": "1"}, "04") == ["a.csv"]
    assert book.fresh({"c.csv": "1"}, "04") == []


def test_two_sources_with_the_headers_of_a_file_and_files_of_two_columns_are_no_answer():
    said = mapping.parsed(SHOP + SHOP.removeprefix("sources:\n").replace("orders*", "shop*"))
    assert [s.files[0] for s in returning_files.same_headers(said, ["TEL", "id", "day", "who", "sum"])] == ["orders*", "shop*"]
    assert returning_files.same_headers(said, ["id", "day", "who", "sum"]) == []
    assert returning_files.same_headers(said, ["who", "city"]) == []


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
    (project / "mapping.yml").write_text(said, "utf-8")
    put(project, "订单_2024-05.csv", head + "".join(f"O{i},M{i % 5},2024-05-1{i} 10:00:00,{i}.5\n" for i in range(9)))
    put(project, "Mai nochmal.csv", head + "".join(f"Q{i},M{i % 5},2024-05-1{i} 11:00:00,1\n" for i in range(9)))
    put(project, "订单_2024-06.csv", later + "".join(f"P{i},M{i % 5},2024-06-1{i} 10:00:00,{i}.5,完成\n" for i in range(9)))
    proposed = proposal.propose(project, engine.connect())
    text = proposal.text(proposed)
    assert (
        "付了多少: ask\n      # candidates: [{to: orders.order_amount, unit: 万元}, {to: orders.paid_amount, unit: 万元}] "
        "(as 业绩(万元) was)" in text
    )
    assert "业绩(万元): [orders.order_amount, orders.paid_amount]  # gone from the file; this line goes when" in text
    proposal.write(project, text)
    proposed = proposal.propose(project, engine.connect())
    assert proposal.text(proposed) == text, "nothing is lost before the question is answered"
    shown: list[str] = []
    answers = iter(["1", *["d"] * 5])
    done = wizard.walk(proposed, lambda prompt: next(answers), shown.append)
    before, after = done.mapping.sources
    assert before.files == ("订单_2024-05.csv", "Mai nochmal.csv")
    assert before.columns == mapping.parsed(said).sources[0].columns
    assert [(t.to, t.unit) for t in after.columns["付了多少"]] == [
        ("orders.order_amount", "万元"),
        ("orders.paid_amount", "万元"),
    ]
    assert after.repeats == "drop"
    assert "业绩(万元)" not in after.columns
    proposal.write(project, proposal.text(done))
    both = amounts(run(project))
    assert (len(both), both["O1"], both["P1"], both["Q1"]) == (27, 15_000, 15_000, 10_000)


def test_a_table_that_a_file_feeds_by_the_way_says_what_it_lacks(project):
    said = """\
sources:
- files: [orders.csv]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, sum: orders.order_amount, item: products.product_name}
- files: [sent.csv]
  table: exposures
  columns: {cid: campaigns.campaign_id, name: campaigns.campaign_name, who: customers.customer_id, got: exposures.treated}
- files: [plan.csv]
  table: campaigns
  columns: {cid: campaigns.campaign_id, on: campaigns.start_date}
ignore: [a.csv]
"""
    put(project, "orders.csv", "id,day,sum,item\n1,2024-03-05,10,tea\n")
    put(project, "sent.csv", "cid,name,who,got\nk1,Spring,a,1\nk1,Spring,b,0\nk2,Summer,a,1\n")
    put(project, "plan.csv", "cid,on\nk1,2024-03-01\n")
    put(project, "a.csv", "cid,on\nk1,2024-03-01\n")  # ignored: it must not take its copy with it
    done = run(project, said)
    found = {x.table: x for x in done.quality.of("table_left_out")}
    assert (found["campaigns"].source, found["campaigns"].rows) == ("sent.csv", 1)
    assert "start_date (First day)" in found["campaigns"].text()
    assert "item: mapped to products" in found["products"].text()
    assert all(x.mend() for x in found.values())
    assert pd.read_parquet(done.folder / "campaigns.parquet")["campaign_name"].tolist() == ["Spring"]


def test_the_console_names_the_gravest_warnings_in_few_lines():
    def line(check: str, rows: int, severity: str = "warning") -> Line:
        return Line("a.csv", "orders", "", check, severity, rows, message=f"{check} {rows}")

    lines = [line("outlier", 900), line("gap", 1), line("identical_rows", 7), line("rows_dropped", 2), line("not_parsed", 3)]
    sheet = QualitySheet([*lines, line("not_parsed", 9), line("money", 5, "note"), line("superseded", 4)])
    said = importing.summary(Imported(None, sheet, told=sheet.of(*returning_files.CHECKS)))
    assert said == [
        "a.csv · orders: superseded 4",
        "Warnings: 7; see quality.html beside the tables.",
        "  a.csv · orders: not_parsed 9 (more of this kind: 1)",
        "  a.csv · orders: rows_dropped 2",
        "  a.csv · orders: identical_rows 7",
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.is_file() and ".tmp" not in p.parts
    }


@pytest.mark.parametrize("earlier", [True, False])
def test_a_write_that_is_killed_at_any_step_leaves_tables_merges_and_ledger_as_they_were(tmp_path, monkeypatch, earlier):
    connection = engine.connect()
    old, new = (orders(connection, ("1", "2024-03-05", amount)) for amount in (10, 20))
    if earlier:
        snapshots.write(tmp_path, "2024", old, QualitySheet(), before=old, done=snapshots.Import(files={"a.csv": "1"}))
    before = contents(tmp_path)
    replace, steps = Path.replace, 0
    while True:
        steps += 1
        made: list[Path] = []

        def cut(path: Path, target: Path, made=made, steps=steps) -> Path:
            if ".tmp" in (*path.parts, *Path(target).parts) or "merged" in path.parts:
                made.append(path)
                if len(made) == steps:
                    raise KeyboardInterrupt
            return replace(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", cut)
            patched.setattr(snapshots, "_undo", lambda project: None)  # killed: nothing tidies up
            try:
                snapshots.write(tmp_path, "2024", new, QualitySheet(), before=new, done=snapshots.Import(files={"a.csv": "2"}))
                break
            except KeyboardInterrupt:
                pass
        snapshots.mend(tmp_path)
        after = {k: v for k, v in contents(tmp_path).items() if "/.2024" not in k}
        assert after == before, f"cut off at step {steps}"
    assert steps > 5
    assert snapshots.ledger(tmp_path).snapshots["2024"].files == {"a.csv": "2"}


def test_a_second_import_at_the_same_time_says_so(project):
    lock = project / importing.LOCK
    lock.parent.mkdir()
    with FileLock(lock), pytest.raises(UserError, match="Another import"):
        run(project, SHOP)


# ---------------------------------------------------------------- what is latest
JANUARY = HEAD + "1,2024-01-01,a,10,\n2,2024-01-02,b,20,\n"
FEBRUARY = HEAD + "3,2024-02-02,a,30,\n"


def book(project: Path) -> snapshots.Ledger:
    return snapshots.ledger(project)


def folder(project: Path) -> str:
    return snapshot_folder(project).name


def test_the_last_import_continues_and_is_read_whatever_its_name(project):
    put(project, "orders_1.csv", JANUARY)
    assert run(project, SHOP, snapshot="pilot").folder.name == "pilot"
    (project / "data" / "raw" / "orders_1.csv").unlink()
    put(project, "orders_2.csv", FEBRUARY)
    done = run(project)
    assert (done.folder.name, folder(project), book(project).latest) == ("2024-02-02", "2024-02-02", "2024-02-02")
    assert amounts(done) == {"1": 10, "2": 20, "3": 30}
    assert not run(project).new
    put(project, "orders_3.csv", HEAD + "4,2024-02-03,a,1,\n")
    done = run(project, snapshot="pilot")  # takes the place of one that it continues
    assert (folder(project), len(amounts(done))) == ("pilot", 4)
    assert {n for n, _digest in book(project).held("pilot")} == {"orders_1.csv", "orders_2.csv", "orders_3.csv"}
    with pytest.raises(UserError, match=r"no longer in data/raw/: orders_1\.csv"):
        run(project, SHOP + "  repeats: drop\n")

    write(project, "2024-12-31")  # by hand, but 'pilot' tells no day
    assert folder(project) == "pilot"


def write(project: Path, *names: str) -> None:
    for name in names:
        path = project / "data" / "contract" / name
        path.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"order_id": ["1"]}).to_parquet(path / "orders.parquet")


def test_a_snapshot_put_there_by_hand_is_read_where_it_is_named_by_a_later_day_and_the_run_says_so(project):
    write(project, "a", "b")
    assert folder(project) == "b"
    put(project, "orders_1.csv", HEAD + "1,12/04/2023,a,10,\n2,12/05/2023,b,20,\n")
    said = SHOP + "  date_order: mdy\n"
    with pytest.raises(UserError, match=r"data/contract/b: tables lie there that were not imported"):
        run(project, said, snapshot="b", dry=True)
    assert run(project, said).folder.name == "2023-12-05"
    corrected = run(project, said.replace("mdy", "dmy"))
    assert (corrected.folder.name, folder(project)) == ("2023-05-12", "2023-05-12")
    assert not run(project).new
    write(project, "2023-05", "2023-05-12-copy", "zzz")
    assert folder(project) == "2023-05-12"
    assert snapshot_read(project, snapshot_folder(project)) == "Data: data/contract/2023-05-12"
    write(project, "2024-01-31")
    assert snapshot_read(project, snapshot_folder(project)) == "Data: data/contract/2024-01-31. The last import is 2023-05-12."


# ---------------------------------------------------------------- the sheet of a chain
def test_the_sheet_of_a_chain_tells_of_every_file_and_of_every_pair_and_strict_judges_all_of_it(project):
    said = SHOP.replace("tel: customers.phone", "tel: customers.phone, n: orders.discount_amount")
    head, phone = HEAD.replace("tel", "tel,n"), "13912345678"
    put(project, "orders_1.csv", head + f"1,2024-01-31,a,10,{phone},ten\n2,2024-01-30,b,20,{phone},\n3,,b,5,,\n")
    first = run(project, said)
    put(project, "orders_1.csv", head + f"4,2024-01-10,c,7,{phone},1\n")
    second = run(project)
    assert second.folder == first.folder
    kept = QualitySheet.from_json((second.folder / "quality.json").read_text("utf-8"))
    old = {(x.check, x.place(), x.rows) for x in kept.lines if x.snapshot}
    earlier = "orders_1.csv (2024-01-31) · orders"
    assert old >= {("not_parsed", f"{earlier}.n", 1), ("rows_dropped", earlier, 1), ("rows_read", earlier, 3)}
    assert kept.balanced()
    assert [x.values["before"] for x in kept.of("money") if "before" in x.values] == [35, 7]
    assert [x.rows for x in kept.of("rows_written")] == [3]
    shown = importing.summary(second)
    assert "Warnings on files imported before: 2" in shown
    assert not [line for line in shown if "such as ten" in line]
    assert [x.rows for x in first.quality.of("identity")] == [1]
    assert [x.rows for x in kept.of("identity")] == [2], "the undecided pair of before, too"

    decisions = project / "data" / "identity.yml"
    decisions.write_text(decisions.read_text("utf-8").replace("decision: proposed", "decision: accepted", 1), "utf-8")
    third = run(project)
    assert [x.values["before"] for x in third.quality.of("money") if "before" in x.values] == [35, 7]
    assert [x.rows for x in third.quality.of("identity")] == [1]
    with pytest.raises(
        UserError, match=r"(?s)No file is new.*orders_1\.csv \(2024-01-31\) / orders / n: Values of n that were not understood"
    ):
        run(project, strict=("not_parsed",))  # nothing is new, and yet

    erasure.erase(project, "a", Pseudonyms.from_environment_or_file(project, "Test", expected=book(project).key))
    (project / "data" / "raw" / "orders_1.csv").unlink()
    put(project, "orders_2.csv", head + "5,2024-02-01,a,1,,\n6,2024-02-02,b,2,,\n")
    later = run(project)
    assert book(project).snapshots["2024-02-02"].previous == "2024-01-31"
    assert amounts(later) == {"1": 10, "2": 20, "4": 7, "5": 1, "6": 2}


def test_rows_gone_before_and_after_what_a_corrected_file_still_has_are_told_and_an_emptied_file_too(project):
    days = HEAD + "".join(f"O{n},2024-03-0{n + 1},a,10,\n" for n in range(1, 7))
    put(project, "a.csv", days)
    run(project, SHOP)
    put(project, "a.csv", HEAD + "O3,2024-03-04,a,10,\nO4,2024-03-05,a,12,\n")
    done = run(project)
    (line,) = done.quality.of("superseded")
    assert (line.severity, line.rows, line.of) == ("warning", 4, 6)
    said = "\n".join(importing.summary(done))
    assert "rows in it then: 6, now: 2; order_amount in it then: $60.00, now: $22.00" in said
    assert "from 2 Mar 2024 to 7 Mar 2024 that were imported before and are not in it: 4 of 6" in said
    assert "run: fivestep import --again" in said
    put(project, "a.csv", HEAD)
    done = run(project)
    (line,) = [x for x in done.quality.of("superseded") if not x.snapshot]
    assert (line.rows, line.of, done.rows) == (6, 6, {"orders": 6})
    assert book(project).contents(book(project).latest)["a.csv"]["orders"] == snapshots.Content(
        "2024-03-02", "2024-03-07", 0, "0"
    )
    (project / "data" / "raw" / "a.csv").unlink()
    put(project, "b.csv", HEAD)
    (project / "mapping.yml").write_bytes((SHOP + "# Jürgen\n").encode("cp1252"))
    with pytest.raises(UserError, match=r"mapping\.yml cannot be read: it is not UTF-8 text\. Save it as UTF-8\."):
        run(project)
    with pytest.raises(UserError, match="no folder name"):
        run(project, SHOP, dry=True, snapshot="../x")


def test_a_file_that_was_taken_away_is_named_as_its_rows_stay(project):
    put(project, "a.csv", MARCH)
    put(project, "b.csv", HEAD + "7,2024-03-01,c,10,\n")
    run(project, SHOP)
    (project / "data" / "raw" / "a.csv").unlink()
    done = run(project)
    assert not done.new
    (line,) = importing.summary(done)[1:]
    assert line.startswith("Imported before and no longer in data/raw/: a.csv; their rows stay in the tables; rows of orders")
    assert "when imported: 3. Nothing where they are to stay. Where they are to go, run: fivestep import --again" in line
    put(project, "c.csv", HEAD + "8,2024-03-02,c,10,\n")
    done = run(project)
    (line,) = done.quality.of("taken_away")
    assert line.text() in "\n".join(importing.summary(done))


def test_a_corrected_date_order_names_the_snapshot_anew_and_says_what_moved_in_time(project):
    put(project, "o.csv", HEAD + "2,09/06/2025,a,10,\n3,12/04/2025,b,5,\n")
    assert run(project, SHOP + "  date_order: mdy\n").folder.name == "2025-12-04"
    done = run(project, SHOP + "  date_order: dmy\n")
    assert (done.folder.name, book(project).latest, done.replaces) == ("2025-06-09", "2025-06-09", "2025-12-04")
    said = "\n".join(importing.summary(done))
    assert "rows with another order_date: 2; order_date before: 6 Sep 2025 to 4 Dec 2025; order_date now: 12 Apr 2025 to" in said
    assert "Snapshot 2025-12-04, made before all was imported again, stays in data/contract/" in said
    assert snapshot_folder(project, "").name == "2025-06-09"


# ---------------------------------------------------------------- orders of days to come
def test_an_order_of_a_day_to_come_does_not_move_the_as_of_date_of_an_import_and_is_told(project):
    (project / "engagement.yml").write_text("name: Test\nclient: Test\ncurrency: CNY\ntime_zone: Asia/Shanghai\n", "utf-8")
    put(project, "orders.csv", MARCH + "4,2098-03-07,b,7,\n")
    done = run(project, SHOP)
    opened = Engagement(project, "2_segmentation")
    assert (opened.as_of.isoformat(), opened.tables.orders.count().to_pandas()) == ("2024-03-09", 3)
    assert ["Orders dated after the import, left out", "1"] in opened.facts()
    checks = profiling.suspicious_values(opened.tables).table.set_index("check")
    assert checks.loc["Order of a day to come", ["found_rows", "found_amount"]].tolist() == [1, 7]
    assert checks.loc["Order far from all others", "found_rows"] == 0
    (done.folder / "quality.json").unlink()  # tables that nobody has imported: nothing is known of the day
    assert Engagement(project, "2_segmentation").as_of.year == 2098

"""The course: what instructors solve is right, what learners get wrong is named, copies keep secrets, a class is contained."""

from __future__ import annotations

import csv
import gettext
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import openpyxl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from conftest import KIT
from fivestep import language
from fivestep.course import checking, company, copies, feedback, glossary, grading, sandbox, teaching, worker
from fivestep.course.answers import plain
from fivestep.course.exercises import EXERCISES, VOUCHERS
from fivestep.course.planner import planner_headline, planner_profile
from fivestep.course.units import instructor_notebooks, student_copies
from fivestep.engagement import Engagement
from fivestep.errors import UserError
from learners import THIEF, wrong_answers
from readme import tree_mismatches

INSTRUCTOR = KIT / "notebooks" / "course"
UNITS = ("0_why", "1_portrait", "2_value", "3_needs", "4_strategy", "5_evaluation", "6_survey", "7_planning")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("course") / "course"
    company.write_settings(folder, learner="", customers=500, language="en")
    return folder


@pytest.fixture(scope="module")
def case(project) -> company.Case:
    return company.Case.of(project)


@pytest.fixture(scope="module")
def notebooks() -> dict[str, dict]:
    return instructor_notebooks(INSTRUCTOR)


def executed(notebook: dict, project: Path, *, skipped: str = "") -> tuple[dict, list[str]]:
    """What the code cells leave behind, and the ids of those that failed; in this process, as kernels take longer."""
    left, failed = {}, []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or (skipped and skipped in source):
            continue
        try:
            exec(compile(source, cell["id"], "exec"), left)
        except (NotImplementedError, NameError):
            failed.append(cell["id"])
        if "parameters" in copies.tags(cell):
            left["project"] = str(project)
    return left, failed


# ------------------------------------------------------------------------------------------------ notebooks
@pytest.mark.slow
def test_every_instructor_notebook_runs_and_reaches_every_point(project, notebooks, capsys, monkeypatch):
    shown = []  # drawing the exhibits would take half of the time, and is tested with the reports

    def exhibit(_self, what, *, title, note="", detail=False):
        assert isinstance(what, pd.DataFrame | Figure)
        assert title
        shown.append((what, note))

    monkeypatch.setattr(Engagement, "exhibit", exhibit)
    for name, notebook in notebooks.items():
        _left, failed = executed(notebook, project)
        assert not failed, name
    capsys.readouterr()
    assert len(shown) >= 15
    reached = checking.progress()
    assert (reached["exercise_points"] == reached["exercise_points_of"]).all(), reached
    assert (reached["attempts"] == 1).all()
    assert [name for name, n in notebooks.items() if grading.keys(n)] == list(UNITS)
    assert [k for n in notebooks.values() for k in grading.keys(n)] == list(EXERCISES)


def test_student_copies_fail_at_every_exercise_and_nowhere_else(project, notebooks, capsys):
    for name in ("2_value", "6_survey"):
        student = copies.student_copy(notebooks[name])
        _left, failed = executed(student, project, skipped="engagement.")
        capsys.readouterr()
        assert failed == [c["id"] for c in student["cells"] if {"solution", "check"} & set(copies.tags(c))], name
    for name, notebook in notebooks.items():
        cells = copies.student_copy(notebook)["cells"]
        answers = [c for c in cells if "solution" in copies.tags(c)]
        assert all("".join(c["source"]).rstrip().endswith(copies.STUBS[c["cell_type"]]) for c in answers), name


def test_every_unit_has_theory_a_case_tips_exercises_and_an_end_to_discuss(notebooks):
    for name in UNITS:
        text = "\n".join("".join(c["source"]) for c in notebooks[name]["cells"])
        headings = ["## Exercise", "## In practice", "## To discuss", "check("]
        if name != "0_why":  # which begins with its three reasons in place of theory and case
            headings += ["## Theory", "## Worked case"]
        assert all(h in text for h in headings), name
    reasons = "".join("".join(c["source"]) for c in notebooks["0_why"]["cells"])
    assert all(f"## {r}" in reasons for r in ("Raise customer satisfaction", "Better marketing", "Growth of the business"))


def test_the_faq_answers_six_questions_each_with_an_exhibit(notebooks):
    cells = notebooks["faq"]["cells"]
    asked = [i for i, c in enumerate(cells) if "".join(c["source"]).startswith("## ")]
    assert len(asked) == 6
    for i in asked:
        assert "".join(cells[i]["source"]).split("\n")[0].endswith("?")
        assert len("".join(cells[i]["source"]).split()) > 50
        assert "engagement.exhibit(" in "".join(cells[i + 1]["source"])


def test_the_case_library_names_files_that_are_there(notebooks):
    text = "".join("".join(c["source"]) for c in notebooks["case_library"]["cells"])
    for system in ("fxiaoke", "zoho", "jianxin"):
        assert f"cases/{system}.ipynb" in text
        assert (KIT / "notebooks" / "cases" / f"{system}.ipynb").is_file()
    assert "stage_history" in text


def test_cells_carry_the_marks_that_nbgrader_reads(notebooks):
    for name, notebook in notebooks.items():
        nbformat.validate(nbformat.from_dict(json.loads(json.dumps(notebook))))
        marked = [copies.grading(c) for c in notebook["cells"] if copies.grading(c)]
        assert len({m["grade_id"] for m in marked}) == len(marked), name
        for cell in notebook["cells"]:
            mark, tags = copies.grading(cell), copies.tags(cell)
            if "check" in tags:
                key = mark["grade_id"].replace("_", ".", 1)
                assert (mark["grade"], mark["locked"], mark["points"]) == (True, True, EXERCISES[key].points)
            if "solution" in tags:
                assert mark["solution"]
            if copies.BEGIN in "".join(cell["source"]):
                assert "solution" in tags


# ------------------------------------------------------------------------------------------------ copies
def test_no_line_of_a_solution_is_anywhere_in_a_generated_course(notebooks, tmp_path):
    config = tmp_path / "config.yml"
    config.write_text(f"cookiecutters_dir: {tmp_path / 'c'}\nreplay_dir: {tmp_path / 'r'}\n")
    for code in ("en", "zh_TW"):
        command = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", config, "--directory", "template/course"]
        answers = [f"language={code}", f"project_slug={code}", "learner=Li Lei"]
        subprocess.run([*map(str, [*command, "--output-dir", tmp_path, KIT]), *answers], check=True, capture_output=True)
        made = tmp_path / code
        content = {p: p.read_bytes() for p in made.rglob("*") if p.is_file()}
        for catalog in made.rglob("*.mo"):  # whose text a search of bytes would find broken into lines
            with catalog.open("rb") as file:
                content[catalog] = "\n".join(map(str, gettext.GNUTranslations(file)._catalog.values())).encode()
        secrets = [line.encode() for n in notebooks.values() for line in copies.secret_lines(n) if len(line) > 24]
        assert len(secrets) > 60
        for line in secrets:
            assert not [p for p, b in content.items() if line in b], line.decode()
        assert {p.stem for p in (made / "units").iterdir()} == set(notebooks)
        assert company.settings(made).learner == "Li Lei"
        assert not list(made.rglob("truth*")) or {p.name for p in made.rglob("truth*")} == {"truth.py"}
        assert tree_mismatches((made / "README.md").read_text("utf-8"), made) == []
    assert (tmp_path / "en" / "units" / "2_value.ipynb").read_bytes() == copies.written(copies.student_copy(notebooks["2_value"]))


def test_outputs_attachments_and_hidden_tests_do_not_reach_learners():
    secret = "the answer is 42"
    cell = {"id": "a", "metadata": {"tags": ["solution"], "note": secret}, "attachments": {"x": secret}}
    code = {**cell, "cell_type": "code", "outputs": [{"text": secret}], "execution_count": 3, "source": [f"x = '{secret}'"]}
    marked = (
        f"before\n    {copies.BEGIN}\n    {secret}\n    {copies.END}\nafter\n{copies.HIDDEN_BEGIN}\n{secret}\n{copies.HIDDEN_END}"
    )
    told = {
        "metadata": {"secret": secret}, "nbformat": 4, "nbformat_minor": 5,
        "cells": [
            code, {**cell, "cell_type": "markdown", "source": [secret]}, {**code, "metadata": {}, "source": marked},
            {**cell, "metadata": {"tags": ["instructor"]}, "cell_type": "markdown", "source": [secret]},
        ],
    }  # fmt: skip
    copy = copies.student_copy(told)
    assert secret not in json.dumps(copy)
    assert "".join(copy["cells"][2]["source"]) == "before\n    # YOUR CODE HERE\n    raise NotImplementedError()\nafter"
    assert len(copy["cells"]) == 3
    for broken in (f"{copies.BEGIN}\nx", f"x\n{copies.END}"):
        with pytest.raises(ValueError, match="SOLUTION"):
            copies.student_copy({"metadata": {}, "cells": [{**code, "source": broken}]})


def test_the_command_makes_the_copies_and_never_writes_over_a_learners_work(tmp_path):
    made = student_copies(INSTRUCTOR, tmp_path / "units", language="en")
    assert {p.stem for p in made} >= set(UNITS)
    with pytest.raises(UserError, match="may hold answers"):
        student_copies(INSTRUCTOR, tmp_path / "units")


# ------------------------------------------------------------------------------------------------ data of one's own
def test_a_name_has_a_company_of_its_own_and_the_truth_stays_out_of_it(project, case):
    assert company.seed_of("Li Lei ") == company.seed_of("li lei") != company.seed_of("Han Meimei")
    assert company.seed_of("") == company.seed_of(" ") == case.seed == company.SEED
    held = {p.name for p in (project / "data").rglob("*")}
    assert "orders.parquet" in held
    assert not [name for name in held if "truth" in name]


# ------------------------------------------------------------------------------------------------ checks
def test_every_common_mistake_is_recognised_by_its_name(case):
    wrong = wrong_answers(case)
    for (key, *mistakes), answer in wrong.items():
        verdict = EXERCISES[key].judged(case, plain(answer))
        assert (verdict.score, verdict.mistakes) == (0, tuple(mistakes)), (key, verdict)
    known = {(e.key, m.name) for e in EXERCISES.values() for m in e.mistakes}
    assert known - set(wrong) == {("unit1.typical_order", "returns counted as orders")}, "returns hardly move the median here"


def test_an_answer_is_told_what_is_wrong_with_its_kind_columns_and_rows(case):
    rfm = EXERCISES["unit2.rfm"]
    right = rfm.right(case)
    assert rfm.judged(case, plain(right.sample(frac=1, random_state=1).assign(more=1))).score == 1
    assert rfm.judged(case, plain(right.set_index("customer_id"))).score == 1
    said = {
        "A table is asked for": 3,
        "no column frequency, monetary": right[["customer_id", "recency_days"]],
        "Rows missing: 1,": right.iloc[1:],
        "Rows missing: ": right[right["frequency"] == 1],
        "several rows": pd.concat([right, right.head(1)]),
        "Column monetary: 1 of": right.assign(monetary=[*right["monetary"][:-1], 0.0]),
    }
    for sentence, answer in said.items():
        verdict = rfm.judged(case, plain(answer))
        assert (verdict.score, verdict.mistakes) == (0, ())
        assert sentence in verdict.said
    assert EXERCISES["unit6.sample"].judged(case, plain("many")).said == "A number is asked for."
    assert EXERCISES["unit6.sample"].judged(case, plain(float("nan"))).score == 0
    with pytest.raises(UserError, match="is a module"):
        plain(json)


def test_a_decision_is_worth_its_expected_return(case):
    invest = EXERCISES["unit4.invest"]
    told = case.facts["randomised_campaign"]["parameters"]["additional_orders_per_contacted"]
    best, worst = max(told, key=told.get), min(told, key=told.get)
    scores = {
        name: invest.judged(case, plain(plan))
        for name, plan in {
            "best": {best: VOUCHERS}, "half": {best: VOUCHERS // 2}, "split": dict.fromkeys(told, VOUCHERS / 4),
            "worst": {worst: VOUCHERS}, "none": {}, "too many": {best: VOUCHERS + 1}, "unknown": {"old": 1}, "text": "the young",
        }.items()
    }  # fmt: skip
    assert scores["best"].score == 1
    assert scores["half"].score == pytest.approx(0.5)
    assert 0 < scores["split"].score < 0.5
    assert all(scores[k].score == 0 for k in ("worst", "none", "too many", "unknown", "text"))
    assert f"do not order more because of them: {VOUCHERS}." in scores["worst"].said
    assert "not used: 50" in scores["half"].said


def test_hints_grow_plainer_and_progress_is_kept(project, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(checking.ANSWERS, raising=False)
    course = checking.open_course(project, "6_survey")
    monkeypatch.setattr(checking, "PROGRESS", "progress-of-this-test.json")
    hints = EXERCISES["unit6.sample"].hints
    for level, hint in enumerate((*hints, hints[-1]), 1):
        with pytest.raises(checking.NotYetError, match=r"unit6\.sample is not right yet"):
            checking.check("unit6.sample", 1)
        assert f"Hint {min(level, 3)} of 3: {hint}" in capsys.readouterr().out
    assert checking.check("unit6.sample", EXERCISES["unit6.sample"].right(course.case)) is None
    said = capsys.readouterr().out
    assert "Right." in said
    assert "1 of 2 points of this unit" in said
    row = checking.progress().set_index("exercise").loc[EXERCISES["unit6.sample"].title]
    assert (row["exercise_points"], row["attempts"]) == (1, 5)
    with pytest.raises(checking.NotYetError):
        checking.check("unit6.sample", 1)
    assert checking.progress()["exercise_points"].sum() == 1, "a right answer is not lost"
    with pytest.raises(UserError, match="There is no exercise"):
        checking.check("unit9.none", 1)
    with pytest.raises(UserError, match=r"There is no table 'order'\. The company has customers, orders, order_lines"):
        course.table("order")


# ------------------------------------------------------------------------------------------------ a class
def tiny(*sources: str) -> dict:
    code = {"cell_type": "code", "metadata": {"tags": ["raises-exception"]}, "outputs": [], "execution_count": None}
    cells = [{**code, "id": f"c{i}", "source": source} for i, source in enumerate(sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


@pytest.mark.skipif(
    not (sandbox.landlock_version() and sandbox.own_namespaces()), reason="this machine has no Landlock or unshare"
)
def test_a_notebook_can_neither_delete_nor_read_nor_connect_nor_kill(tmp_path, project):
    class_ = tmp_path / "class"
    class_.mkdir()
    (class_ / "kept.txt").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server:
        thief = THIEF.format(
            class_=str(class_), instructor=str(INSTRUCTOR / "2_value.ipynb"), library=checking.__file__,
            port=server.getsockname()[1], pid=os.getpid(),
        )  # fmt: skip
        assert grading.run(tmp_path / "run", tiny(thief), project, grading.Limits(seconds=120)) == 0
    told = json.loads((tmp_path / "run" / "told.json").read_text())
    assert told.pop("own folder") == "done"
    assert set(told.values()) <= {"PermissionError", "OSError", "ProcessLookupError"}, told
    assert (class_ / "kept.txt").read_text() == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_notebook_that_hangs_is_stopped_and_one_that_crashes_is_said_to(tmp_path, project):
    assert (
        grading.run(tmp_path / "hangs", tiny("import time", "time.sleep(1000)"), project, grading.Limits(seconds=5))
        == worker.HUNG
    )
    assert grading.run(tmp_path / "crashes", tiny("import os; os._exit(9)"), project, grading.Limits(seconds=120)) == worker.DIED


@pytest.fixture(scope="module")
def small(tmp_path_factory, notebooks) -> Path:
    """An instructor's folder with the exercises of unit 2 alone, without its worked case."""
    folder = tmp_path_factory.mktemp("instructor")
    unit = notebooks["2_value"]
    kept = [c for c in unit["cells"] if not any(word in "".join(c["source"]) for word in ("exhibit(", "finding("))]
    (folder / "2_value.ipynb").write_bytes(copies.written({**unit, "cells": kept}))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a class is graded on Linux and macOS")
def test_a_class_is_graded_and_changed_checks_do_not_count(tmp_path, small):
    told = json.loads((small / "2_value.ipynb").read_text("utf-8"))
    right = {c["id"]: "".join(c["source"]) for c in told["cells"]}
    handed = copies.student_copy(told)
    kept = []
    for cell in handed["cells"]:
        if cell["id"] == "unit2-rfm-answer":
            cell["source"] = right["unit2-rfm-answer"] + "\nrfm_answer['recency_days'] += 1"
        if cell["id"] == "unit2-important-answer":
            cell["source"] = right["unit2-important-answer"]
        if cell["id"] == "unit2-rfm-check":
            cell["source"] = "print('full marks')"
        if cell["id"] != "unit2-important-check":
            kept.append(cell)
    class_ = tmp_path / "class"
    for name in ("=Li Lei", "broken", "empty"):
        (class_ / name / "units").mkdir(parents=True)
    (class_ / "=Li Lei" / "units" / "2_value.ipynb").write_bytes(copies.written({**handed, "cells": kept}))
    (class_ / "broken" / "2_value.ipynb").write_text("{")
    before = {p: p.read_bytes() for p in class_.rglob("*") if p.is_file()}
    grades = grading.grade(class_, small, customers=500, limits=grading.Limits(seconds=240))
    assert {p: p.read_bytes() for p in class_.rglob("*") if p.is_file()} == before
    book = grades.gradebook().set_index("learner")
    assert book.loc["=Li Lei", ["unit2.rfm", "unit2.important", "points"]].tolist() == [0, 1, 1]
    assert "unit2_rfm, unit2_important" in book.loc["=Li Lei", "notes"]
    assert book.loc[["broken", "empty"], "points"].tolist() == [0, 0]
    assert book.loc["broken", "notes"] == "2_value: not readable as a notebook"
    assert book.loc["empty", "notes"] == "2_value: not handed in"
    wrong = grades.misconceptions()
    assert wrong.loc[0, ["exercise", "misconception", "learners"]].tolist() == ["unit2.rfm", "wrong as-of date", 1]
    out = tmp_path / "out"
    feedback.write(grades, out)
    page = (out / "feedback" / "=Li Lei.html").read_text("utf-8")
    assert "Every recency is off by the same number of days" in page
    assert "1 of 4 points" in page
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(r for r in csv.DictReader(file) if "Li Lei" in r["Learner"])["Learner"] == "'=Li Lei"
    sheet = openpyxl.load_workbook(out / "gradebook.xlsx").worksheets[0]
    assert {sheet.cell(r, 1).value: sheet.cell(r, 1).data_type for r in (2, 3, 4)} == {
        "=Li Lei": "s",
        "broken": "s",
        "empty": "s",
    }


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")
def test_a_grading_that_is_ended_leaves_no_process_behind(tmp_path, small):
    def left() -> list[str]:
        lines = {p: _command_line(p) for p in Path("/proc").glob("[0-9]*")}
        return [line for line in lines.values() if str(tmp_path / "runs") in line]

    handed = copies.student_copy(json.loads((small / "2_value.ipynb").read_text("utf-8")))
    handed["cells"].insert(0, tiny("import time\n\ntime.sleep(1000)")["cells"][0])
    (tmp_path / "class" / "slow").mkdir(parents=True)
    (tmp_path / "class" / "slow" / "2_value.ipynb").write_bytes(copies.written(handed))
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-m", "fivestep.cli", "course", "grade", tmp_path / "class", "--instructor", small]
    environment = os.environ | {"TMPDIR": str(tmp_path / "runs"), "PYTHONPATH": str(KIT / "lib")}
    grader = subprocess.Popen(
        [*map(str, [*command, "--out", tmp_path / "out", "--customers", 500])], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: any("ipykernel" in line for line in left()))
        grader.terminate()
        assert grader.wait(timeout=60) == 128 + signal.SIGTERM
        until(lambda: not left())
    finally:
        grader.kill()
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "runs").iterdir()), "what was begun is cleared away"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_run_ends_when_the_process_that_grades_is_killed(tmp_path, project):
    (tmp_path / "notebook.ipynb").write_bytes(copies.written(tiny("import time\n\ntime.sleep(1000)")))
    job = {"notebook": str(tmp_path / "notebook.ipynb"), "executed": str(tmp_path / "executed.ipynb"), "folder": str(tmp_path)}
    job |= {"readable": [str(KIT), str(project)], "parameters": {}, "memory_mb": 4096, "seconds": 300}
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    run = subprocess.Popen(
        [sys.executable, "-m", "fivestep.course.worker", tmp_path / "job.json"], stdin=subprocess.PIPE, cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(KIT / "lib")},
    )  # fmt: skip
    run.stdin.close()  # as the system does with the pipes of a process that is no more
    assert run.wait(timeout=120) == worker.HUNG


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, "it did not come to that"
        time.sleep(0.1)


def test_misconceptions_are_ranked_by_how_many_learners_have_them(case):
    def result(learner: str, **answers: object) -> grading.Result:
        given = {k.replace("_", ".", 1): plain(v) for k, v in answers.items()}
        return grading.Result(learner, "6_survey", grading.RAN, (), grading._verdicts(list(given), given, case))

    answers = case.frame("survey").query("question_id == 'satisfaction/overall'")
    mean = answers["score"].mean()
    results = (result("a", unit6_sample=385), result("b", unit6_sample=385, unit6_satisfied=mean), result("c", unit6_sample=12))
    ranked = grading.Grades(results, tuple(EXERCISES.values())).misconceptions()
    assert ranked[["misconception", "learners", "who"]].to_numpy().tolist()[0] == ["size of the population left out", 2, "a, b"]
    assert set(ranked["misconception"][1:]) == {"another mistake", "mean for share"}


def test_nothing_that_an_answers_file_holds_can_break_the_grading(tmp_path, case):
    lines = [
        "not json",
        "[]",
        '{"key": "unit2.rfm"}',
        '{"key": "unit2.rfm", "answer": ' + "[" * 5000,
        '{"key": ["x"], "answer": 1}',
    ]
    strange = [
        None,
        True,
        "text",
        [],
        {},
        {"table": 1},
        {"table": {"columns": ["customer_id"], "rows": [[1, 2], []]}},
        [[[]]],
        1e308,
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    assert grading._answers(path) == {}
    for key in EXERCISES:
        for answer in strange:
            verdict = grading._verdict(EXERCISES[key], {key: answer}, case)
            assert verdict.score == 0, (key, answer)
            assert verdict.said


# ------------------------------------------------------------------------------------------------ beside the units
def test_slides_need_no_network_and_hold_notes_and_no_solution(notebooks, tmp_path):
    unit = notebooks["2_value"]
    taught = [c for c in unit["cells"] if not teaching.EXERCISE & set(copies.tags(c))]
    cells = [nbformat.from_dict({**c, "source": "".join(c["source"])}) for c in taught]
    pages = teaching.slides(nbformat.from_dict({**unit, "cells": cells}))
    body = pages[: pages.index("<script>")]
    assert pages.count("<section") >= 8
    assert '<aside class="notes">' in pages
    assert "90 minutes" in pages
    assert not [word for word in ("<link", "src=", "@import", "require(") if word in body]
    for line in copies.secret_lines(
        {**notebooks["2_value"], "cells": [c for c in notebooks["2_value"]["cells"] if "solution" in copies.tags(c)]}
    ):
        assert line not in body, line


def test_the_glossary_finds_words_and_the_profile_puts_the_weakest_first():
    found = glossary("recency")
    assert 0 < len(found) < len(glossary())
    assert all("recency" in f"{r.term} {r.term_definition}".casefold() for r in found.itertuples())
    profile = planner_profile({"Knowledge": 5, "Analysis": 2, "Integrity": 4})
    assert profile["quality"].tolist() == ["Analysis", "Integrity", "Knowledge"]
    assert profile["next_step"].nunique() == 2
    assert planner_headline(profile) == "Rated lowest: Analysis"
    assert planner_headline(planner_profile({"Analysis": 3, "Integrity": 3})) == "All are rated alike: Analysis and Integrity"
    for ratings in ({"Luck": 3}, {"Analysis": 6}, {}):
        with pytest.raises(UserError, match=r"none of the qualities|no rating"):
            planner_profile(ratings)


def test_a_course_says_what_is_wrong_with_its_settings(tmp_path):
    with pytest.raises(UserError, match=r"there is no course\.yml"):
        company.settings(tmp_path)
    (tmp_path / "course.yml").write_text("customers: 5\n")
    with pytest.raises(UserError, match=r"course\.yml: customers"):
        company.settings(tmp_path)
    with pytest.raises(UserError, match="no folders of learners"):
        grading.grade(tmp_path, INSTRUCTOR)
    assert language.current() == "en"


@pytest.mark.filterwarnings("ignore:Cell is missing an id field")
def test_a_folder_that_is_not_the_instructors_and_a_notebook_that_is_broken_are_refused_in_one_line(small, notebooks, tmp_path):
    steps, learners, broken = tmp_path / "notebooks", tmp_path / "units", tmp_path / "broken"
    for folder in (steps, learners, broken):
        folder.mkdir()
    (steps / "1_profiling.ipynb").write_bytes(copies.written(tiny("x = 1")))
    (learners / "2_value.ipynb").write_bytes(copies.written(copies.student_copy(notebooks["2_value"])))
    told = {
        "there are no notebooks": tmp_path, "have no exercises": steps, "learners' copies, which have no solutions": learners
    }  # fmt: skip
    for said, folder in told.items():
        for act in (
            instructor_notebooks,
            lambda f: student_copies(f, tmp_path / "o"),
            lambda f: teaching.teaching(f, tmp_path / "o"),
        ):
            with pytest.raises(UserError, match=f"{said}.*Name the folder of the instructor's notebooks"):
                act(folder)
    whole = (small / "2_value.ipynb").read_text("utf-8")
    texts = {
        "cannot be read as a notebook": whole[:2000],
        "END SOLUTION": whole.replace(copies.BEGIN, "#"),
        "has no id": whole.replace('"id": ', '"name": '),
    }
    for said, text in texts.items():
        (broken / "2_value.ipynb").write_text(text, "utf-8")
        with pytest.raises(UserError, match=rf"^2_value\.ipynb.*{said}.*\.$"):
            instructor_notebooks(broken)
    assert not (tmp_path / "o").exists()

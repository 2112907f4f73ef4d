"""Running the notebooks of a project: what starts, what stops before a kernel does, what is recorded and what is kept."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fivestep import cli
from fivestep.engagement import settings
from fivestep.errors import UserError
from fivestep.report import execution, folders, parameters, record, render
from fivestep.report import run as running

PARAMETERS = 'project: str = ".."\nscope: str = ""\nas_of: str = ""\nlanguage: str = ""\n'
OPEN = (
    "from fivestep.engagement import Engagement\n"
    'engagement = Engagement(project, "{step}", scope=scope, as_of=as_of, language=language)'
)


def notebook(step: str, *cells: str) -> nbformat.NotebookNode:
    """A small notebook of a project: each cell is code under a heading of its own."""
    made = [
        new_markdown_cell(f"# {step}"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(OPEN.format(step=step)),
    ]
    for i, cell in enumerate(cells, start=1):
        made += [new_markdown_cell(f"## Section {i}"), new_code_cell(cell)]
    return new_notebook(
        cells=made, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )


@pytest.fixture
def project(tmp_path) -> Path:
    """A project with twelve customers in two regions and one notebook that counts them."""
    return made_project(tmp_path / "engagement")


def made_project(root: Path) -> Path:
    (root / "notebooks").mkdir(parents=True)
    snapshot = root / "data" / "contract" / "first"
    snapshot.mkdir(parents=True)
    (root / "engagement.yml").write_text("name: Trial\nclient: Somebody\nmin_customers: 5\n")
    customers = pd.DataFrame({"customer_id": [f"c{i:02d}" for i in range(12)], "region": ["North"] * 8 + ["South"] * 4})
    customers.to_parquet(snapshot / "customers.parquet", index=False)
    orders = pd.DataFrame({
        "order_id": [f"o{i}" for i in range(24)],
        "customer_id": [f"c{i % 12:02d}" for i in range(24)],
        "order_date": pd.date_range("2024-01-01", periods=24, freq="D").astype("datetime64[us]"),
        "order_amount": [float(i) for i in range(24)],
    })  # fmt: skip
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(orders, preserve_index=False)
    money = table.column("order_amount").cast(pa.decimal128(18, 2))
    pq.write_table(table.set_column(3, "order_amount", money), snapshot / "orders.parquet")
    write(root, notebook("1_profiling", 'print("customers", engagement.tables.customers.count().to_pandas())'))
    return root


def write(root: Path, made: nbformat.NotebookNode, name: str = "1_profiling.ipynb") -> Path:
    path = root / "notebooks" / name
    nbformat.write(made, path)
    return path


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "fivestep.cli", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )


@pytest.fixture
def no_kernel(monkeypatch):
    """Notebooks are executed in this process, for tests of what a run keeps: cells that print a word or fail, no others."""

    def execute(made: nbformat.NotebookNode, kept: Path, **_given) -> None:
        failed = ""
        for cell in made.cells:
            if cell.source.startswith("print('"):
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    exec(cell.source)
                cell.outputs = [new_output("stream", name="stdout", text=said.getvalue())]
            failed = failed or ("division by zero" if cell.source == "1 / 0" else "")
        nbformat.write(made, kept)
        if failed:
            raise running.NotebookFailedError(failed)

    monkeypatch.setattr(execution, "execute", execute)


def printed(folder: Path, name: str = "1_profiling.ipynb") -> str:
    cells = nbformat.read(folder / name, as_version=4).cells
    return "".join(o.get("text", "") for c in cells if c.cell_type == "code" for o in c.outputs)


def test_a_run_records_what_it_was_made_of(project):
    folder = running.run(running.plan(project), progress=False)
    record = json.loads((folder / "run.json").read_text())
    assert folder.name == "2024-01-24_en"
    assert record["status"] == "finished"
    assert record["parameters"] == {"scope": "", "as_of": "2024-01-24", "language": "en"}
    assert len(record["stamp"]["snapshot"]) == 64
    assert [n["status"] for n in record["notebooks"]] == ["finished"]
    assert record["versions"]["pandas"] == pd.__version__
    assert "customers 12" in printed(folder)


def test_scope_and_as_of_cut_what_a_notebook_sees(project):
    write(
        project,
        notebook("1_profiling", "t = engagement.tables\nprint(sorted(t.orders.customer_id.to_pandas().unique()), t.last_day)"),
    )
    folder = running.run(running.plan(project, scope="region=South", as_of="2024-01-10"), progress=False)
    assert printed(folder).strip() == "['c08', 'c09'] 2024-01-10"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scope": "region"}, "not of the form field=value"),
        ({"scope": "region=West"}, "no row of customers has region = 'West'. Values are North, South"),
        ({"scope": "colour=red"}, "no field of customers or orders"),
        ({"as_of": "31.12.2024"}, "is no date. Write it as YYYY-MM-DD"),
        ({"as_of": "2019-01-01"}, "is outside the data. Choose a day between 2024-01-01 and 2024-01-24"),
        ({"as_of": "2030-01-01"}, "is outside the data. Choose a day between 2024-01-01 and 2024-01-24"),
        ({"language": "fr"}, "Choose one of en, zh_CN, zh_TW"),
        ({"only": (4,)}, "There is no notebook 4"),
    ],
)
def test_what_a_user_can_mend_stops_before_a_kernel_starts(project, given, said):
    with pytest.raises(UserError, match=re.escape(said)):
        running.plan(project, **given)
    assert not (project / "reports").exists()


def test_an_unknown_or_mistyped_parameter_is_named():
    made = notebook("1_profiling")
    with pytest.raises(UserError, match=r"there is no parameter 'langage'. Did you mean language\?"):
        parameters.check(made, "1_profiling.ipynb", {"langage": "en"})
    with pytest.raises(UserError, match="parameter scope is a str, and 3 is not one"):
        parameters.check(made, "1_profiling.ipynb", {"scope": 3})
    made.cells[1].source = "top: int = True"
    with pytest.raises(UserError, match="parameter top is a int, and True is not one"):
        parameters.declared(made, "x.ipynb")
    made.cells[1].source = "top = 3"
    with pytest.raises(UserError, match="must read `name: type = value`"):
        parameters.declared(made, "x.ipynb")


def test_a_failing_cell_ends_the_run_with_its_section_and_keeps_the_notebook(project):
    write(project, notebook("1_profiling", "print('before')", "1 / 0"))
    with pytest.raises(running.NotebookFailedError) as failed:
        running.run(running.plan(project), progress=False)
    assert '1_profiling.ipynb, section "Section 2": ZeroDivisionError: division by zero' in str(failed.value)
    kept = project / "reports" / "2024-01-24_en.part"
    assert "kept for reading: reports/2024-01-24_en.part/1_profiling.ipynb" in str(failed.value)
    assert "before" in printed(kept)
    record = json.loads((kept / "run.json").read_text())
    assert (record["status"], record["notebooks"][0]["status"]) == ("failed", "failed")


def test_a_users_error_in_a_cell_shows_its_message_only(project):
    write(project, notebook("1_profiling", 'engagement.received("segments")'))
    done = command("run", "--quiet", cwd=project)
    assert done.returncode == 3
    assert "no earlier step has handed it over. Run the notebooks before this one first." in done.stderr
    assert "Traceback" not in done.stderr


def test_later_notebooks_run_alone_only_on_the_same_data(project):
    frame = "import pandas as pd\nengagement.hand_over('kept', pd.DataFrame({'n': [7]}))"
    write(project, notebook("1_profiling", frame))
    write(project, notebook("2_segmentation", "print('got', engagement.received('kept')['n'].tolist())"), "2_segmentation.ipynb")
    with pytest.raises(UserError, match="there is no earlier run to go on from"):
        running.run(running.plan(project, first=2), progress=False)
    running.run(running.plan(project), progress=False)
    folder = running.run(running.plan(project, first=2), progress=False)
    assert "got [7]" in printed(folder, "2_segmentation.ipynb")
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"
    snapshot = project / "data" / "contract" / "first"
    shutil.copytree(snapshot, snapshot.with_name("second"))
    pd.DataFrame({"customer_id": ["c01"], "region": ["North"]}).to_parquet(
        snapshot.with_name("second") / "customers.parquet", index=False
    )
    with pytest.raises(UserError, match=r"Changed since the last run: the data\."):
        running.run(running.plan(project, first=2), progress=False)


def test_a_rewritten_cell_is_shown_as_written(project):
    from fivestep import language
    from fivestep.report.prose import translated

    made = notebook("1_profiling")
    made.cells[0].source = "# Mine alone"
    language.use("zh_CN")
    assert translated(made).cells[0].source == "# Mine alone"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: A\nclient: B\ncolour: red\n", "colour: There is no such key (it says 'red'). Keys are name, client,"),
        ("name: A\nclient: B\ncurrency: dollars\n", "currency: use an ISO 4217 code like USD, CNY or TWD (it says 'dollars')"),
        ("name: A\nclient: B\ntime_zone: Mars\n", "time_zone: use an IANA name"),
        ("name: A\n", "client: This key is missing"),
        ("- a\n", "expected lines of the form"),
        ("name: [\n", "engagement.yml cannot be read"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fix(tmp_path, text, said):
    (tmp_path / "engagement.yml").write_text(text)
    with pytest.raises(UserError) as stopped:
        settings(tmp_path)
    assert said in str(stopped.value)


def test_the_command_says_one_line_where_there_is_no_project(tmp_path):
    done = command("run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "there is no engagement.yml here" in done.stderr


ALIKE = [
    "35-49K", "Under 15K", "a/b", "a:b", "华东", "..", "", "x" * 200, "x" * 201, "North", "A", "a", "Straße", "STRASSE", "a=b",
    "a-b", "batch.json", "Index.html", "CON", "nul.txt", "North.part", ".North.lock", "cafe\u0301", "caf\u00e9", "a b", "a  b",
]  # fmt: skip


def test_file_names_differ_where_values_do_even_where_case_makes_no_difference():
    names = folders.names([*ALIKE, folders.names(["a b"])["a b"]])
    folded = [unicodedata.normalize("NFKC", n).casefold() for n in names.values()]
    assert len(set(folded)) == len(names) == len(ALIKE) + 1
    assert [names[v] for v in ("35-49K", "华东", "North", "a-b")] == ["35-49K", "华东", "North", "a-b"]
    assert not any(set(n) & set('/\\:*?"<>| ') or n.startswith(".") or n.endswith((".part", ".lock")) for n in names.values())
    assert not {"batch.json", "index.html", "con", "nul.txt"} & set(folded)


# --- what a run may replace


def test_settings_changed_between_two_parts_of_a_report_are_refused_by_name(project, monkeypatch, no_kernel):
    write(project, notebook("2_segmentation"), "2_segmentation.ipynb")
    running.run(running.plan(project), progress=False)
    yml = project / "engagement.yml"
    yml.write_text(yml.read_text() + "currency: EUR\nlapsed_after_days: 7\n")
    with pytest.raises(
        UserError, match=r"currency \('USD', now 'EUR'\); lapsed_after_days \(90, now 7\).*Run all notebooks: fivestep"
    ):
        running.run(running.plan(project, first=2), progress=False)
    yml.write_text("name: Trial\nclient: Somebody\nmin_customers: 5\n")
    monkeypatch.setattr(running, "library_hash", lambda: "another")
    with pytest.raises(UserError, match=r"Changed since the last run: the library in lib/\."):
        running.run(running.plan(project, only=(2,)), progress=False)


def test_a_failing_run_leaves_the_last_report_and_a_users_own_files_alone(project, no_kernel):
    write(project, notebook("1_profiling", "print('first')"))
    folder = running.run(running.plan(project), progress=False)
    render.render(folder)
    latest = project / "reports" / "latest"
    render.publish(folder, latest)
    for place in (folder, latest):
        (place / "my notes.md").write_text("mine")
    before = (folder / "report.pdf").read_bytes()
    write(project, notebook("1_profiling", "1 / 0"))
    with pytest.raises(running.NotebookFailedError):
        running.run(running.plan(project), progress=False)
    assert (folder / "report.pdf").read_bytes() == before
    assert record.read(folder)["status"] == "rendered"

    write(project, notebook("1_profiling", "print('mended')"))
    running.run(running.plan(project), progress=False)
    assert not (folder / "report.pdf").exists(), "a report of other notebooks is no report of these"
    assert not folders.unfinished(folder).exists()
    render.render(folder)
    render.publish(folder, latest)
    assert printed(latest).strip() == "mended"
    assert [(place / "my notes.md").read_text() for place in (folder, latest)] == ["mine", "mine"]


def test_a_run_goes_on_from_where_it_failed_and_else_from_the_last_that_succeeded(project, no_kernel):
    write(project, notebook("1_profiling", "print('first')"))
    write(project, notebook("2_segmentation", "1 / 0"), "2_segmentation.ipynb")
    with pytest.raises(running.NotebookFailedError, match="division by zero"):
        running.run(running.plan(project), progress=False)
    write(project, notebook("1_profiling", "print('edited since')"))
    write(project, notebook("2_segmentation", "print('second')"), "2_segmentation.ipynb")
    folder = running.run(running.plan(project, first=2), progress=False)
    assert (printed(folder), printed(folder, "2_segmentation.ipynb")) == ("first\n", "second\n")
    assert [n["name"] for n in record.read(folder)["notebooks"]] == ["1_profiling.ipynb", "2_segmentation.ipynb"]
    assert record.read(folder)["status"] == "finished"

    write(project, notebook("1_profiling", "1 / 0"))
    with pytest.raises(running.NotebookFailedError):
        running.run(running.plan(project, only=(1,)), progress=False)
    running.run(running.plan(project, only=(2,)), progress=False)
    assert (printed(folder), record.read(folder)["status"]) == ("first\n", "finished")
    (folder / "1_profiling.ipynb").unlink()
    with pytest.raises(UserError, match=r"1_profiling\.ipynb has not finished in the last run\. Start from it: .* --from 1"):
        running.run(running.plan(project, only=(2,)), progress=False)


def test_without_a_run_to_go_on_from_those_that_are_there_are_named(project):
    write(project, notebook("2_segmentation"), "2_segmentation.ipynb")
    (made := project / "reports" / "x").mkdir(parents=True)
    planned = running.plan(project, scope="region=South", as_of="2024-01-20")
    record.write(made, {**running._record(planned), "notebooks": []})
    with pytest.raises(UserError) as refused:
        running.run(running.plan(project, only=(2,)), progress=False)
    assert "Run all notebooks once: fivestep run --as-of 2024-01-24 --language en" in str(refused.value)
    assert "\n  --as-of 2024-01-20 --language en --scope region=South" in str(refused.value)


# --- two at a time, and what dies


def test_a_second_run_of_the_same_folder_is_told_who_is_at_work(project, request):
    write(project, notebook("1_profiling", "import time\ntime.sleep(60)"))
    first = subprocess.Popen([sys.executable, "-m", "fivestep.cli", "run", "--quiet"], cwd=project, stderr=subprocess.DEVNULL)
    part = project / "reports" / "2024-01-24_en.part"
    try:
        wait_for(lambda: (part / "1_profiling.ipynb").exists())
        words = rf"reports/2024-01-24_en: another fivestep is at work there \(process {first.pid}, since 20"
        with pytest.raises(UserError, match=words):
            running.run(running.plan(project), progress=False)
    finally:
        first.kill()
        first.wait()
    with pytest.raises(UserError, match=r"as it is still running or was cut short in 1_profiling\.ipynb"):
        render.render(part)
    write(project, notebook("1_profiling", "print('again')"))
    request.getfixturevalue("no_kernel")
    assert "again" in printed(running.run(running.plan(project), progress=False)), "the lock of a killed run is no lock"


def wait_for(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_a_kernel_that_dies_is_a_failed_notebook(project):
    write(project, notebook("1_profiling", "import os\nos._exit(1)"))
    with pytest.raises(running.NotebookFailedError, match=r'section "Section 1": The Python process .* ended before'):
        running.run(running.plan(project), progress=False)
    said = record.read(project / "reports" / "2024-01-24_en.part")
    assert (said["status"], said["notebooks"][0]["status"]) == ("failed", "failed")


def test_braces_in_the_way_and_a_long_folder_for_temporary_files_are_no_matter(project, tmp_path, monkeypatch):
    long = tmp_path / ("t" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    moved = project.rename(tmp_path / "a {client} {}")
    folder = running.run(running.plan(moved), progress=False)
    assert folder == moved / "reports" / "2024-01-24_en"
    assert "customers 12" in printed(folder)
    assert str(tmp_path) not in (folder / "1_profiling.ipynb").read_text(), "a client receives it"


# --- what stops before a kernel starts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("1_copy.ipynb", "1_copy.ipynb and 1_profiling.ipynb have the same number"),
        ("1_profiling-Copy1.ipynb", "1_profiling-Copy1.ipynb and 1_profiling.ipynb have the same number"),
        ("2a_x.ipynb", "notebooks/2a_x.ipynb: the notebook of a step is named <digit>_<name>, such as 2_segmentation.ipynb"),
        ("2024-01-01_x.ipynb", "notebooks/2024-01-01_x.ipynb: the notebook of a step is named"),
    ],
)
def test_a_notebook_whose_name_makes_it_no_step_is_named(project, name, said):
    write(project, notebook("1_profiling"), name)
    with pytest.raises(UserError, match=re.escape(said)):
        running.plan(project)


def test_a_notebook_named_with_letters_is_the_analysts_own(project):
    write(project, notebook("1_profiling"), "scratch.ipynb")
    assert [p.name for p in running.plan(project).chosen] == ["1_profiling.ipynb"]


@pytest.mark.parametrize("content", ["[]", "{}", "", "none", '{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'])
def test_a_file_that_is_no_notebook_is_said_in_one_message(project, content):
    (project / "notebooks" / "1_profiling.ipynb").write_text(content)
    with pytest.raises(UserError, match=r"1_profiling\.ipynb cannot be read as a notebook: .+\. Restore it from version control"):
        running.plan(project)


def test_a_notebook_of_another_language_is_refused(project):
    made = notebook("1_profiling")
    made.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    write(project, made)
    with pytest.raises(UserError, match=r"1_profiling\.ipynb is a notebook for R, and the five steps run in Python"):
        running.plan(project)


@pytest.mark.parametrize("given", [("--from", "0"), ("--only", ""), ("--only", "1,"), ("--only", "x")])
def test_a_choice_that_names_no_notebook_is_refused(project, given):
    with pytest.raises(UserError) as refused:
        cli.app(["run", "--quiet", "--project", str(project), *given], standalone_mode=False)
    said = "There is no notebook 0." if given[0] == "--from" else f"--only {given[1]!r}: give numbers"
    assert str(refused.value).startswith(said)
    assert not (project / "reports").exists()


def test_reports_that_cannot_be_written_stop_a_run_in_one_message(project):
    (project / "reports").write_text("")
    with pytest.raises(UserError, match=r"reports/2024-01-24_en cannot be written: .+ Reports need a folder"):
        running.run(running.plan(project), progress=False)


# --- rendering what a run left


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory) -> Path:
    root = made_project(tmp_path_factory.mktemp("ran") / "engagement")
    shows = "import pandas as pd\nengagement.exhibit(pd.DataFrame({'customers': [12]}), title='Twelve customers')"
    write(root, notebook("1_profiling", shows))
    running.run(running.plan(root), progress=False)
    return root


@pytest.fixture
def ran(ran_once, tmp_path) -> Path:
    """A finished run with one table."""
    return Path(shutil.copytree(ran_once, tmp_path / "engagement")) / "reports" / "2024-01-24_en"


def test_a_run_of_which_something_is_missing_or_broken_says_so_once(ran):
    render.render(ran)
    places = {
        "1_profiling.ipynb": b"{}",
        "results/1_profiling/exhibit_1_1.parquet": b"PAR1",
        "run.json": b'{"status": "fin',
    }
    for name, broken in places.items():
        whole = (ran / name).read_bytes()
        for content in (None, broken):
            (ran / name).unlink() if content is None else (ran / name).write_bytes(content)
            with pytest.raises(UserError, match=f"(?s){Path(name).name}.*fivestep run") as refused:
                render.render(ran)
            assert str(refused.value).count("\n") == 0
            (ran / name).write_bytes(whole)
    render.render(ran)


def test_rendering_keeps_the_settings_of_the_run_and_says_which_have_changed(ran, capsys):
    project = ran.parents[1]
    (project / "engagement.yml").write_text("name: Renamed\nclient: Somebody\nmin_customers: 5\n")
    cli.app(["render", "--project", str(project)], standalone_mode=False)
    said = capsys.readouterr().err
    assert said.startswith("Note: engagement.yml has changed since this run: name ('Trial', now 'Renamed').")
    assert said.count("\n") == 1
    assert "Renamed" not in (ran / "report.html").read_text("utf-8")


def test_latest_may_be_a_link_which_is_replaced_but_not_a_file(ran, tmp_path):
    render.render(ran)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "report.pdf").write_text("mine")
    latest = ran.parent / "latest"
    latest.symlink_to(elsewhere)
    render.publish(ran, latest)
    assert not latest.is_symlink()
    assert (latest / "report.pdf").read_bytes() == (ran / "report.pdf").read_bytes()
    assert (elsewhere / "report.pdf").read_text() == "mine"
    shutil.rmtree(latest)
    latest.write_text("a file")
    with pytest.raises(UserError, match="reports/latest is a file, and reports need a folder there"):
        render.publish(ran, latest)
    assert latest.read_text() == "a file"


def test_how_far_a_run_got_is_said_in_words():
    entries = [{"name": "1_a.ipynb", "status": "finished"}, {"name": "2_b.ipynb", "status": "failed"}]
    assert record.state({"status": "failed", "notebooks": entries}) == "it failed in 2_b.ipynb"
    entries[1]["status"] = "running"
    assert record.state({"status": "running", "notebooks": entries}) == "it is still running or was cut short in 2_b.ipynb"

"""Running the notebooks of a project: what starts, what stops before a kernel does, what is recorded and what is kept."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fivestep.engagement import settings
from fivestep.errors import UserError
from fivestep.report import parameters
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
    root = tmp_path / "engagement"
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
        ({"language": "fr"}, "Choose one of en, zh_CN"),
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
    kept = project / "reports" / "2024-01-24_en"
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
    with pytest.raises(UserError, match="The data has changed since the last run"):
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
        ("name: A\nclient: B\ncolour: red\n", "colour: Extra inputs are not permitted (it says 'red'). Keys are name, client,"),
        ("name: A\nclient: B\ncurrency: dollars\n", "currency: use an ISO 4217 code like USD, CNY or TWD (it says 'dollars')"),
        ("name: A\nclient: B\ntime_zone: Mars\n", "time_zone: use an IANA name"),
        ("name: A\n", "client: Field required"),
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


def test_file_names_differ_where_values_do():
    values = ["35-49K", "Under 15K", "a/b", "a:b", "华东", "..", "", "x" * 200, "x" * 201]
    names = [running.file_name(v) for v in values]
    assert len(set(names)) == len(values)
    assert names[0] == "35-49K"
    assert names[4] == "华东"
    assert not any(set(n) & set('/\\:*?"<>| ') or n.startswith(".") for n in names)

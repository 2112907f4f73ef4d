"""What the tests share: the real case as tables, hand-made tables, an empty project, and one that holds the real case."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import ibis
import pandas as pd
import pytest

from fivestep import engine, language
from fivestep.cases import simulate
from fivestep.contract import TABLES
from fivestep.privacy import vault
from fivestep.privacy.pseudonyms import Pseudonyms

KIT = Path(__file__).resolve().parents[1]
GROCERY = KIT / "data" / "grocery"
SHARED = KIT.parent / "shared"
COFFEE_CUSTOMERS = 500  # the fewest that a simulated company has: what its notebooks take hardly hangs on them

# A mapping of one file of orders.
ORDERS = """\
sources:
- files: [orders.csv]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}
"""

# What a build machine has no time for.
at_leisure = pytest.mark.skipif("SLOW_TESTS" not in os.environ, reason="make test-slow runs it")

_DTYPES = {
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "money": "decimal(18, 2)",
    "timestamp": "timestamp(6)",
    "date": "date",
    "boolean": "boolean",
}


def pytest_collection_modifyitems(items):
    """Long tests first, so that no worker is left alone with one at the end, and what reads a report that they make last, so
    that no worker waits for it.
    """
    items.sort(key=lambda item: ("slow" not in item.keywords) * (2 if "demo" in item.fixturenames else 1))


@pytest.fixture(autouse=True)
def english():
    """Every test starts in English and in dollars."""
    language.use("en", currency="USD")
    yield
    language.use("en", currency="USD")


def in_the_vault(project: Path, table: str = "customers", client: str = "Test") -> pd.DataFrame:
    """The direct identifiers that a project's vault holds, opened with its key."""
    return vault.read(project, table, Pseudonyms.from_environment_or_file(project, client)).to_pandas()


@pytest.fixture(scope="session")
def grocery_tables() -> dict[str, ibis.Table]:
    """The shipped real case as read: name -> Ibis table."""
    return engine.read(GROCERY, engine.connect())


@pytest.fixture(scope="session")
def grocery(grocery_tables) -> engine.Tables:
    """The shipped real case, everybody, up to its last day, with the income bands that its project allows."""
    return engine.Tables.of(grocery_tables, sensitive=("income_band",))


def make_tables(
    *, as_of: dt.date | None = None, scope: str = "", sensitive: tuple[str, ...] = (), **frames: pd.DataFrame
) -> engine.Tables:
    """`Tables` of hand-made frames (columns of the contract; money as numbers or text), each in its contract type."""
    connection = engine.connect()
    made = {}
    for name, frame in frames.items():
        types = {c: _DTYPES[TABLES[name].fields[c].type] if c in TABLES[name].fields else "string" for c in frame.columns}
        texts = frame.astype(object).map(lambda v: None if pd.isna(v) else str(v))
        loose = connection.create_table(f"{name}_as_text", ibis.memtable(texts, schema=dict.fromkeys(frame.columns, "string")))
        made[name] = connection.create_table(name, loose.select(**{c: loose[c].cast(t) for c, t in types.items()}))
    return engine.Tables.of(made, as_of=as_of, scope=scope, sensitive=sensitive)


@pytest.fixture
def tables():
    """The factory of hand-made `Tables`: ``tables(orders=frame, order_lines=frame, as_of=...)``."""
    return make_tables


@pytest.fixture(scope="session")
def shuffled_grocery(grocery_tables) -> engine.Tables:
    """The real case with the rows of every table in another order."""
    connection = engine.connect()
    made = {name: connection.create_table(name, table.to_pyarrow().take(_order(table))) for name, table in grocery_tables.items()}
    return engine.Tables.of(made, sensitive=("income_band",))


def _order(table: ibis.Table):
    import numpy as np

    return np.random.default_rng(11).permutation(int(table.count().to_pandas()))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project for the files of a client, with its key in the environment."""
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """``demo(language, case)``: a project generated with a case, its notebooks run and rendered; once for all workers."""
    from filelock import FileLock

    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def made(code: str, case: str = "grocery") -> Path:
        root = shared / f"demo-{case}-{code}"
        with FileLock(f"{root}.lock"):
            if not (root / "made").exists():
                root.mkdir(parents=True, exist_ok=True)
                config = root / "cookiecutter.yml"
                config.write_text(json.dumps({"cookiecutters_dir": str(root / "c"), "replay_dir": str(root / "r")}))
                generate = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", config, "--output-dir", root]
                answers = [f"project_slug={case}", f"project_name={case.capitalize()}", f"language={code}", f"data={case}"]
                subprocess.run([*generate, "--directory", "template/engagement", KIT, *answers], check=True)
                if case == "coffee":
                    simulate(root / case / "data" / "contract" / case, customers=COFFEE_CUSTOMERS, language=code)
                subprocess.run([sys.executable, "-m", "fivestep.cli", "run", "--quiet"], cwd=root / case, check=True)
                (root / "made").touch()
        return root / case

    return made

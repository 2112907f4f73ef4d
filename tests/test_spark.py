"""The same notebooks on Spark and on DuckDB. `make test-spark` builds an environment with pyspark and runs this file in it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from conftest import KIT
from fivestep import engine
from fivestep.errors import UserError

STEPS = ["1_profiling", "2_segmentation", "3_needs", "4_strategy", "5_evaluation"]
missing = importlib.util.find_spec("pyspark") is None
needs_spark = pytest.mark.skipif(missing, reason="pyspark, the extra `spark`, is not installed")


@pytest.mark.skipif(not missing, reason="pyspark is installed")
def test_without_pyspark_the_setting_says_what_to_install():
    with pytest.raises(UserError, match="needs pyspark and Java: pip install"):
        engine.connect("spark")


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """By engine, a project on the same simulated company, all five notebooks run."""
    root, out = tmp_path_factory.mktemp("engines"), {}
    company = root / "company"

    def fivestep(*words: object) -> None:
        subprocess.run([sys.executable, "-m", "fivestep.cli", *map(str, words)], check=True, cwd=root)

    fivestep("simulate", "--out", company, "--customers", 500, "--months", 24, "--seed", 7)
    config = root / "cookiecutter.yml"
    config.write_text(json.dumps({"cookiecutters_dir": str(root / "c"), "replay_dir": str(root / "r")}))
    for name in ("duckdb", "spark"):
        generate = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", config, "--output-dir", root]
        said = [KIT, "--directory", "template/engagement", f"project_slug={name}", "data=coffee"]
        subprocess.run([*generate, *said], check=True, capture_output=True)
        project = root / name
        shutil.copytree(company, project / "data" / "contract" / "coffee", dirs_exist_ok=True)
        settings = project / "engagement.yml"
        settings.write_text(settings.read_text("utf-8").replace("engine: duckdb", f"engine: {name}"), "utf-8")
        fivestep("run", "--project", project)
        (run,) = [p.parent for p in project.glob("reports/*/results") if p.parent.name != "latest"]
        out[name] = run
    return out


def alike(one: pd.Series, other: pd.Series) -> bool:
    """Equal, but for the last digits of sums of floating-point numbers."""
    if one.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return bool(np.isclose(one.to_numpy(float), other.to_numpy(float), rtol=1e-9, atol=1e-12, equal_nan=True).all())
    return one.isna().equals(other.isna()) and (one.dropna().map(str) == other.dropna().map(str)).all()


@needs_spark
def test_every_table_that_notebooks_show_or_hand_over_is_the_same_on_spark(projects):
    here, there = (sorted(p.relative_to(r) for p in r.glob("results/**/*.parquet")) for r in projects.values())
    assert here == there
    assert len(here) > 150
    different = []
    for path in here:
        one, other = (pd.read_parquet(r / path) for r in projects.values())
        assert list(one.columns) == list(other.columns), path
        different += [f"{path}: {c}" for c in one if len(one) != len(other) or not alike(one[c], other[c])]
    assert different == []


@needs_spark
@pytest.mark.parametrize("step", STEPS)
def test_every_finding_is_the_same_on_spark(projects, step):
    here, there = (json.loads((r / "results" / step / "findings.json").read_text("utf-8")) for r in projects.values())
    assert here == there


@needs_spark
def test_reports_made_on_spark_hold_no_messages_of_its(projects):
    record = json.loads((projects["spark"] / "run.json").read_text("utf-8"))
    assert [n["messages"] for n in record["notebooks"]] == [[]] * 5

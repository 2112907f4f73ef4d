"""The simulated company through all five notebooks, as `make demo CASE=coffee` does it, in every language."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

from conftest import KIT
from fivestep import language
from fivestep.cases import simulate


@pytest.mark.slow
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_five_notebooks_run_on_the_simulated_company_and_say_that_it_is_simulated(code, tmp_path):
    config = tmp_path / "cookiecutter.yml"
    config.write_text(json.dumps({"cookiecutters_dir": str(tmp_path / "c"), "replay_dir": str(tmp_path / "r")}))
    generate = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", config, "--output-dir", tmp_path]
    answers = ["project_slug=coffee", "project_name=Coffee", "client=Lark", f"language={code}", "data=coffee"]
    subprocess.run([*generate, "--directory", "template/engagement", KIT, *answers], check=True)
    project = tmp_path / "coffee"
    simulate(project / "data" / "contract" / "coffee", customers=1200, language=code)
    subprocess.run([sys.executable, "-m", "fivestep.cli", "run", "--quiet"], cwd=project, check=True)
    latest = project / "reports" / "latest"
    record = json.loads((latest / "run.json").read_text("utf-8"))
    assert record["status"] == "rendered"
    assert [n["messages"] for n in record["notebooks"]] == [[]] * 5, "a notebook wrote warnings"

    soup = BeautifulSoup((latest / "report.html").read_text("utf-8"), "html.parser")
    for part in soup(["style", "code"]):
        part.decompose()
    text = soup.get_text(" ", strip=True)
    assert text.count({"en": "Simulated company", "zh_CN": "模拟数据"}[code]) > 20  # under every exhibit
    if code == "zh_CN":
        assert re.findall(r"[A-Za-z][a-z]+(?:[ ,]+[A-Za-z][a-z]+){3,}", text) == []
    else:
        assert re.findall(r"[\u4e00-\u9fff]+", text) == []

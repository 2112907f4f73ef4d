"""A project generated from the kit: the same from every source, the analyst's work kept, the answers checked."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import duckdb
import nbformat
import pytest
import typer
import yaml
from babel.core import get_global
from pre_commit.clientlib import load_config

from conftest import at_leisure
from fivestep import cli, engagement, language, status
from fivestep.errors import UserError
from readme import commands, tree, tree_mismatches

KIT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ["1_profiling.ipynb", "2_segmentation.ipynb", "3_needs.ipynb", "4_strategy.ipynb", "5_evaluation.ipynb"]
ENGAGEMENT = ("--directory", "template/engagement")
COOKIECUTTER = (sys.executable, "-m", "cookiecutter", "--no-input")
CRUFT = (sys.executable, "-m", "cruft")
BRACES = "{{ cookiecutter.none }} {% raw %} {# 你好 #}"

sys.path.insert(0, str(KIT / "template"))
import kit_hooks  # noqa: E402

git_needed = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
GIT = pytest.param("git", marks=git_needed)


def run(*command: str | Path, cwd: Path, fails: bool = False, **more) -> subprocess.CompletedProcess:
    """Run a command to its end; it must succeed, or fail where that is expected."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True, capture_output=True, check=False, **more)
    assert (done.returncode != 0) == fails, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def git(*words: str | Path, cwd: Path) -> str:
    identity = ["-c", "user.name=Kit", "-c", "user.email=kit@example.org", "-c", "commit.gpgsign=false"]
    return run("git", *identity, *words, cwd=cwd).stdout


def copy_of_the_kit(folder: Path) -> Path:
    """What a template needs of the working tree, committed or not, with the litter that a kit in use has."""
    for name in ("template", "notebooks", "lib", "data"):
        shutil.copytree(KIT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    shutil.copyfile(KIT / "cookiecutter.json", folder / "cookiecutter.json")
    cells = [nbformat.v4.new_markdown_cell(BRACES, id="braces"), nbformat.v4.new_markdown_cell("", id="empty")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "braces.ipynb")
    for litter in (
        "lib/fivestep/__pycache__/x.pyc", "notebooks/.ipynb_checkpoints/1.ipynb", "lib/build/x", "lib/fivestep.egg-info/x",
        "lib/.venv/x", "lib/.ruff_cache/x", "lib/.pytest_cache/x", "notebooks/.DS_Store", "data/grocery/.ipynb_checkpoints/x",
    ):  # fmt: skip
        (folder / litter).parent.mkdir(parents=True, exist_ok=True)
        (folder / litter).write_text("litter")
    return folder


@pytest.fixture(scope="session")
def kit(tmp_path_factory) -> Path:
    return copy_of_the_kit(tmp_path_factory.mktemp("source") / "kit")


@pytest.fixture(scope="session")
def repository(kit, tmp_path_factory) -> Path:
    """The kit as a git repository: everything in the working tree is committed."""
    clone = tmp_path_factory.mktemp("repository") / "kit"
    shutil.copytree(kit, clone)
    git("init", "-q", "-b", "main", cwd=clone)
    git("add", "-A", "--force", cwd=clone)
    git("commit", "-q", "-m", "kit", cwd=clone)
    return clone


@pytest.fixture(scope="session")
def archive(kit, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "kit.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for file in [kit, *sorted(kit.rglob("*"))]:
            bundle.write(file, Path("kit-main") / file.relative_to(kit))
    return path


@pytest.fixture(scope="session")
def config(tmp_path_factory) -> Path:
    """A cookiecutter configuration that keeps tests out of the user's home."""
    folder = tmp_path_factory.mktemp("cookiecutter")
    (folder / "config.yml").write_text(f"cookiecutters_dir: {folder / 'clones'}\nreplay_dir: {folder / 'replay'}\n")
    return folder / "config.yml"


@pytest.fixture
def generate(config, tmp_path):
    """``generate(source, *options, fails=False, cwd=tmp_path, **answers)`` -> the project, or what was said where it fails.

    A process of its own for each: cookiecutter keeps an extension imported, and would take a second source for the first.
    """

    def make(source: Path | str, *options: str, cwd: Path = tmp_path, fails: bool = False, **answers: str) -> Path | str:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        words = [f"{key}={value}" for key, value in answers.items()]
        done = run(
            *COOKIECUTTER, "--config-file", config, "--output-dir", out, *options, source, *words, cwd=cwd, fails=fails,
        )  # fmt: skip
        if fails:
            return done.stdout + done.stderr
        (project,) = out.iterdir()
        return project

    return make


@pytest.fixture(scope="session")
def projects(kit, config, tmp_path_factory) -> dict[tuple[str, str], Path]:
    """A project in each language and with either data. Tests only read them."""
    out = tmp_path_factory.mktemp("projects")
    made = {}
    for code in language.LANGUAGES:
        for data in ("own", "grocery"):
            slug = f"{code}-{data}"
            run(
                *COOKIECUTTER, "--config-file", config, "--output-dir", out, *ENGAGEMENT, kit,
                f"language={code}", f"data={data}", f"project_slug={slug}", cwd=out,
            )  # fmt: skip
            made[code, data] = out / slug
    return made


def contents(project: Path) -> dict[str, bytes]:
    return {p.relative_to(project).as_posix(): p.read_bytes() for p in project.rglob("*") if p.is_file()}


# --- the same project from every source


@pytest.mark.parametrize("source", ["path", "relative path", GIT, "zip", pytest.param("cruft", marks=git_needed)])
def test_every_source_gives_the_same_project(source, kit, archive, projects, config, generate, request, tmp_path):
    answers = {"data": "grocery", "project_slug": "en-grocery"}
    if source == "path":
        project = generate(kit, *ENGAGEMENT, **answers)
    elif source == "relative path":
        project = generate(kit.name, *ENGAGEMENT, cwd=kit.parent, **answers)
    elif source == "git":
        project = generate(f"git+file://{request.getfixturevalue('repository')}", *ENGAGEMENT, **answers)
    elif source == "zip":
        project = generate(archive, *ENGAGEMENT, **answers)
    else:
        run(
            *CRUFT, "create", request.getfixturevalue("repository"), "--no-input", "--config-file", config, *ENGAGEMENT,
            "--output-dir", tmp_path, "--extra-context", json.dumps(answers), cwd=tmp_path,
        )  # fmt: skip
        project = tmp_path / "en-grocery"
        (project / ".cruft.json").unlink()
    assert contents(project) == contents(projects["en", "grocery"])


@pytest.mark.parametrize("source", ["path", GIT, "zip"])
def test_without_a_directory_the_menu_gives_an_engagement(source, kit, archive, generate, request):
    address = {"path": kit, "zip": archive}.get(source) or f"git+file://{request.getfixturevalue('repository')}"
    project = generate(address, project_name="By the menu")
    assert project.name == "by-the-menu"
    assert (project / "engagement.yml").is_file()
    assert (project / "notebooks" / "braces.ipynb").is_file()


def test_a_kit_in_a_folder_with_spaces_quotes_accents_and_emoji_works(kit, tmp_path, generate):
    odd = tmp_path / 'l\'été "q" 客户 🛒' / "kit"
    shutil.copytree(kit, odd, ignore=shutil.ignore_patterns("*.parquet"))
    assert (generate(odd, *ENGAGEMENT) / "notebooks" / "braces.ipynb").is_file()


@git_needed
def test_cruft_brings_a_later_kit_and_keeps_what_the_analyst_changed(repository, config, tmp_path):
    source, place = tmp_path / "kit", tmp_path / "work"
    shutil.copytree(repository, source)
    place.mkdir()
    run(*CRUFT, "create", source, "--no-input", "--config-file", config, *ENGAGEMENT, "--output-dir", place, cwd=place)
    (project,) = place.iterdir()
    settings = (project / "engagement.yml").read_text("utf-8").replace("min_customers: 30", "min_customers: 50")
    (project / "engagement.yml").write_text(settings, "utf-8")
    git("init", "-q", cwd=project)
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", "start", cwd=project)
    (source / "lib" / "fivestep" / "errors.py").write_text('"""Later."""\n')
    git("commit", "-q", "-am", "later", cwd=source)
    run(*CRUFT, "update", "--skip-apply-ask", cwd=project)
    assert (project / "lib" / "fivestep" / "errors.py").read_text() == '"""Later."""\n'
    assert (project / "engagement.yml").read_text("utf-8") == settings
    assert {f.path: f.state for f in status.received(project)}["lib/fivestep/errors.py"] == "unchanged"


# --- what a project receives


def test_a_project_receives_the_notebooks_and_the_library_byte_for_byte(kit, projects):
    made = contents(projects["en", "own"])
    for folder in ("notebooks", "lib"):
        canon = {n: content for n, content in contents(kit).items() if n.startswith(f"{folder}/") and content != b"litter"}
        canon = {n: content for n, content in canon.items() if not n.startswith(("notebooks/cases/", "notebooks/course/"))}
        assert canon
        assert {n: content for n, content in made.items() if n.startswith(f"{folder}/")} == canon
    assert sorted(p.name for p in (KIT / "notebooks").glob("*.ipynb")) == NOTEBOOKS
    assert "lib/requirements.lock" in made


def test_no_litter_is_received(projects):
    for project in projects.values():
        assert [name for name, content in contents(project).items() if content == b"litter"] == []


def test_own_data_starts_with_empty_folders(projects):
    made = contents(projects["en", "own"])
    empty = [name for name in made if name.split("/")[0] in ("data", "results", "reports")]
    assert sorted(empty) == ["data/contract/.gitkeep", "data/raw/.gitkeep", "reports/.gitkeep", "results/.gitkeep"]


def test_the_grocery_case_comes_with_its_labels_licence_and_settings(projects):
    folder = projects["en", "grocery"] / "data" / "contract" / "grocery"
    canon = {p.name for p in (KIT / "data" / "grocery").iterdir() if p.is_file() and p.suffix != ".py"}
    assert {p.name for p in folder.iterdir()} == canon
    assert {"order_lines.parquet", "customers.parquet", "labels.csv", "README.md"} <= canon
    assert any(name.startswith("LICENSE") for name in canon)
    for code in language.LANGUAGES:
        settings = engagement.settings(projects[code, "grocery"])
        assert (settings.currency, settings.time_zone, settings.snapshot) == ("USD", "America/New_York", "grocery")
        assert settings.language == code
        assert "The Complete Journey" in settings.source
        assert engagement.snapshot_folder(projects[code, "grocery"], settings.snapshot).name == "grocery"


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_project_for_the_simulated_company_says_so_and_how_its_data_is_written(code, kit, generate):
    project = generate(kit, *ENGAGEMENT, data="coffee", language=code)
    settings = engagement.settings(project)
    assert (settings.currency, settings.time_zone, settings.snapshot) == ("CNY", "Asia/Shanghai", "coffee")
    assert {"en": "Simulated", "zh_CN": "模拟", "zh_TW": "模擬"}[code] in settings.source
    text = (project / "README.md").read_text("utf-8")
    assert ["fivestep", "simulate", "--out", "data/contract/coffee", "--language", code] in commands(text)
    assert tree_mismatches(text, project) == []
    assert "{%" not in text


def test_every_setting_is_in_engagement_yml_under_a_comment(projects):
    for project in projects.values():
        text = (project / "engagement.yml").read_text("utf-8")
        assert set(yaml.safe_load(text)) == set(engagement.Settings.model_fields)
        for paragraph in text.split("\n\n"):
            assert paragraph.startswith("# "), paragraph
            assert not re.search(r"\{[{%]|[%}]\}", paragraph), paragraph


def test_a_chinese_project_speaks_chinese(projects):
    catalog = language.catalog("zh_CN")
    project = projects["zh_CN", "own"]
    assert re.search("[一-鿿]", (project / "README.md").read_text("utf-8").splitlines()[0])
    for name in NOTEBOOKS:
        english, chinese = (nbformat.read(folder / "notebooks" / name, as_version=4).cells for folder in (KIT, project))
        for one, two in zip(english, chinese, strict=True):
            assert two.source == (catalog.gettext(one.source.strip()) if one.cell_type == "markdown" else one.source)
        assert [c.id for c in chinese] == [c.id for c in english]
        untranslated = [c.source for c in chinese if c.cell_type == "markdown" and not re.search("[一-鿿]", c.source)]
        assert untranslated == [], name


def test_a_cell_that_the_catalog_does_not_know_stays_as_it_is(projects):
    kept = nbformat.read(projects["zh_CN", "own"] / "notebooks" / "braces.ipynb", as_version=4)
    assert [cell.source for cell in kept.cells] == [BRACES, ""]


# --- kit.lock.json and `fivestep status`


def test_the_lock_holds_the_hash_of_every_received_file(projects):
    for project in projects.values():
        lock = json.loads((project / "kit.lock.json").read_text("utf-8"))
        made = {n: c for n, c in contents(project).items() if any(n.startswith(f"{folder}/") for folder in lock["folders"])}
        assert lock["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
        assert lock["library"] == re.search(r'version = "(.+)"', (KIT / "lib" / "pyproject.toml").read_text())[1]
        assert {f.state for f in status.received(project)} == {"unchanged"}


def test_status_tells_changed_deleted_and_added_files(projects, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(projects["en", "own"], project)
    with (project / "lib" / "fivestep" / "errors.py").open("a") as file:
        file.write("# mended\n")
    (project / "lib" / "fivestep" / "__init__.py").unlink()
    (project / "notebooks" / "6_own.ipynb").write_text("{}")
    (project / "notebooks" / ".ipynb_checkpoints").mkdir()
    (project / "notebooks" / ".ipynb_checkpoints" / "6_own.ipynb").write_text("{}")
    (project / "data" / "raw" / "export.csv").write_text("not received, not the kit's")
    files = status.received(project)
    assert [(f.path, f.state) for f in files if f.state != "unchanged"] == [
        ("lib/fivestep/__init__.py", "deleted"),
        ("lib/fivestep/errors.py", "changed"),
        ("notebooks/6_own.ipynb", "added"),
    ]
    said = status.summary(files)
    assert "changed  lib/fivestep/errors.py" in said
    assert f"{len(files) - 3} files as received from the kit, 1 changed, 1 deleted, 1 added." in said


def test_running_a_notebook_does_not_change_it_but_rewriting_a_cell_does(projects, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(projects["zh_CN", "own"], project)
    path = project / "notebooks" / NOTEBOOKS[0]
    notebook = nbformat.read(path, as_version=4)
    code = next(c for c in notebook.cells if c.cell_type == "code")
    code.execution_count, code.outputs = 7, [nbformat.v4.new_output("stream", text="ran")]
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99"}
    nbformat.write(notebook, path)
    assert {f.state for f in status.received(project)} == {"unchanged"}
    code.source += "\n# mine"
    nbformat.write(notebook, path)
    assert [f.path for f in status.received(project) if f.state == "changed"] == [f"notebooks/{NOTEBOOKS[0]}"]
    path.write_text("<<<<<<< no notebook any more")
    assert [f.path for f in status.received(project) if f.state == "changed"] == [f"notebooks/{NOTEBOOKS[0]}"]


@pytest.mark.parametrize("lock", [None, "<<<<<<< ours", "[]", '{"files": {}}'])
def test_a_lock_that_is_missing_or_broken_is_said_in_one_message(lock, tmp_path):
    if lock is not None:
        (tmp_path / "kit.lock.json").write_text(lock)
    with pytest.raises(UserError, match=r"kit\.lock\.json"):
        status.received(tmp_path)


def test_hook_and_status_agree_on_what_counts(projects):
    assert (status.JUNK, status.JUNK_SUFFIXES) == (kit_hooks.JUNK, kit_hooks.JUNK_SUFFIXES)
    prompts = json.loads((KIT / "template" / "engagement" / "cookiecutter.json").read_text("utf-8"))
    assert prompts["language"] == list(language.LANGUAGES)


# --- the analyst's work is never replaced


@pytest.mark.parametrize("options", [("-f",), ("-f", "-s")])
def test_generating_again_never_replaces_work(options, kit, generate):
    answers = {"project_slug": "work", "data": "grocery", "client": "First"}
    project = generate(kit, *ENGAGEMENT, **answers)
    received = [f"notebooks/{NOTEBOOKS[0]}", "lib/fivestep/errors.py", "data/contract/grocery/labels.csv"]
    rendered = ["engagement.yml", "README.md", ".gitignore"]
    mine = dict.fromkeys([*received, *rendered, "notebooks/own.ipynb", "data/raw/export.csv"], b"mine")
    lock = (project / "kit.lock.json").read_bytes()
    for name, content in mine.items():
        (project / name).write_bytes(content)
    (project / "lib" / "README.md").unlink()
    generate(kit, *options, *ENGAGEMENT, **(answers | {"client": "Second"}))
    made = contents(project)
    assert {name: made[name] for name in mine} == mine
    assert made["lib/README.md"] == (KIT / "lib" / "README.md").read_bytes(), "what was deleted comes back"
    assert made["kit.lock.json"] == lock
    assert not [name for name in made if name.endswith(kit_hooks.ASIDE)]
    assert [f.path for f in status.received(project) if f.state == "changed"] == sorted(received)


def test_a_file_kept_from_an_earlier_kit_is_not_called_changed(kit, generate, tmp_path):
    generate(kit, *ENGAGEMENT, project_slug="work")
    later = tmp_path / "later"
    shutil.copytree(kit, later)
    (later / "lib" / "fivestep" / "errors.py").write_text("later")
    project = generate(later, "-f", *ENGAGEMENT, project_slug="work")
    assert (project / "lib" / "fivestep" / "errors.py").read_text() != "later"
    assert {f.state for f in status.received(project)} == {"unchanged"}


def test_wrong_answers_over_existing_work_change_nothing(kit, generate):
    project = generate(kit, *ENGAGEMENT, project_slug="work")
    before = contents(project)
    generate(kit, "-f", *ENGAGEMENT, project_slug="work", currency="dollars", fails=True)
    assert contents(project) == before


# --- answers


GOOD = {
    "project_name": "Review", "client": "Client", "project_slug": "review", "currency": "USD", "time_zone": "UTC", "data": "own"
}  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"currency": "dollar"}, "currency: 'dollar' is not an ISO 4217 code. Write three capital letters"),
        ({"currency": "usd"}, "currency: 'usd' is not"),
        ({"currency": "XAU"}, "currency: 'XAU' is not"),
        ({"time_zone": "Asia/Beijing"}, "time_zone: 'Asia/Beijing' is not an IANA time zone. Write one such as UTC"),
        ({"time_zone": ""}, "time_zone: '' is not"),
        ({"time_zone": "../etc/passwd"}, "time_zone: '../etc/passwd' is not"),
        ({"project_name": "  "}, "project_name: '  ' is not a name. Write one line of text."),
        ({"client": "two\nlines"}, r"client: 'two\nlines' is not a name"),
        ({"project_name": "A {{ 7*7 }}"}, "project_name: 'A {{ 7*7 }}' holds '{{', which would be run as a template"),
        ({"client": "{% set x %}"}, "client: '{% set x %}' holds '{%'"),
        ({"project_slug": "a/b"}, "project_slug: 'a/b' is not a folder name"),
        ({"project_slug": ".."}, "project_slug: '..' is not a folder name"),
        ({"data": "grocery", "time_zone": "America/New_York", "currency": "CNY"}, "the grocery case is in US dollars"),
        ({"data": "grocery"}, "the grocery case is in US dollars and New York time"),
        ({"data": "coffee", "time_zone": "Asia/Shanghai"}, "the simulated company is in yuan and Shanghai time"),
    ],
)
def test_a_wrong_answer_is_named_in_one_line(answers, says):
    assert kit_hooks.problem(GOOD) == ""
    said = kit_hooks.problem(GOOD | answers)
    assert says in said
    assert "\n" not in said
    assert said.endswith(".")


@pytest.mark.parametrize("answers", [{"client": "two\nlines"}, {"project_slug": "a/b"}, {"data": "grocery", "currency": "CNY"}])
def test_after_a_wrong_answer_there_is_no_project(answers, kit, generate, tmp_path):
    said = generate(kit, *ENGAGEMENT, fails=True, **answers)
    assert said == kit_hooks.problem(GOOD | {"time_zone": "America/New_York"} | answers) + "\n"
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("answers", [{"project_name": "{{ 7*7 }}"}, {"client": "{% raw %}A{% endraw %}"}, {"client": "A{# b #}"}])
def test_a_name_that_is_a_template_is_refused_and_not_run(answers, kit, generate, tmp_path):
    said = generate(kit, *ENGAGEMENT, project_slug="x", fails=True, **answers)
    assert "would be run as a template. Write the name without it." in said
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("answers", [{"language": "fr"}, {"data": "cars"}])
def test_a_wrong_choice_is_refused(answers, kit, generate):
    assert "but the choices are" in generate(kit, *ENGAGEMENT, fails=True, **answers)


def test_the_currencies_are_those_that_unicode_calls_tender_today():
    entries = [entry for country in get_global("territory_currencies").values() for entry in country]
    tender = {code for code, _start, end, is_tender in entries if is_tender and end is None}
    assert tender - kit_hooks.CURRENCIES == set()
    assert kit_hooks.CURRENCIES - tender <= {"SVC", "BGN"}, "in ISO 4217 beside the dollar, and replaced by the euro in 2026"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("星巴克会员", "xing-ba-ke-hui-yuan"),
        ('Café "Zoë" & l\'été: 50 % #1', "cafe-zoe-l-ete-50-1"),
        ("🛒", "engagement"),
        ("- yes", "yes"),
        ("C:\\new\\table", "c-new-table"),
        ("e" * 200, "e" * 60),
    ],
)
def test_any_name_gives_a_usable_folder_and_valid_settings(name, slug, kit, generate):
    project = generate(kit, *ENGAGEMENT, project_name=name, client=name)
    settings = engagement.settings(project)
    assert (project.name, settings.name, settings.client) == (slug, name, name)
    assert name in (project / "README.md").read_text("utf-8")


# --- README, git, pre-commit


@pytest.mark.parametrize("data", ["own", "grocery"])
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_tree_in_a_projects_readme_is_what_is_on_disk(code, data, projects):
    project = projects[code, data]
    text = (project / "README.md").read_text("utf-8")
    assert len(tree(text)) == 10
    assert tree_mismatches(text, project) == []
    assert "{%" not in text
    assert "{{" not in text


def test_the_tree_in_the_kits_readme_is_what_is_on_disk():
    text = (KIT / "README.md").read_text("utf-8")
    assert len(tree(text)) > 8
    assert tree_mismatches(text, KIT) == []


def test_a_tree_that_lies_is_noticed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").touch()
    (tmp_path / "b").touch()
    assert tree_mismatches("├── a/   folder\n│   └── y   file\n└── c/ no", tmp_path) == [
        "not there: a/y", "not there: c/", "not in the tree: b", "not in the tree: a/x",
    ]  # fmt: skip


def test_the_readme_says_the_same_in_every_language(projects):
    for data in ("own", "grocery"):
        one, *others = ((projects[code, data] / "README.md").read_text("utf-8") for code in language.LANGUAGES)
        assert len(commands(one)) > 10
        for other in others:
            assert tree(other) == tree(one)
            assert commands(other) == commands(one)


def test_the_projects_pre_commit_runs_without_a_host_and_leaves_received_notebooks_alone(projects):
    for folder in (projects["en", "own"], KIT):
        path = folder / ".pre-commit-config.yaml"
        assert load_config(path)["repos"]
        for repo in yaml.safe_load(path.read_text("utf-8"))["repos"]:
            assert repo["repo"] == "local"
            assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    for code in language.LANGUAGES:
        received = sorted((projects[code, "own"] / "notebooks").glob("*.ipynb"))
        assert len(received) > 1
        run(sys.executable, "-m", "nbstripout", "--keep-id", "--verify", *received, cwd=KIT)


def test_every_command_in_a_projects_readme_exists(projects):
    group = typer.main.get_command(cli.app)
    for (_code, data), project in projects.items():
        given = commands((project / "README.md").read_text("utf-8"))
        verbs = [words[1:] for words in given if words[0] == "fivestep"]
        # names of customers, which the case has none of
        names = {"map", "import", "contacts", "audience", "access", "erase", "backup", "restore"}
        elsewhere = {"course"} | (names if data == "grocery" else set())  # a course is taught from the kit
        assert {words[0] for words in verbs} == set(group.commands) - elsewhere
        for words in verbs:
            context = group.make_context("fivestep", list(words))
            name, command, rest = group.resolve_command(context, list(words))
            assert command.make_context(name, rest, parent=context).params
        for words in given:
            if words[:4] == ["python", "-m", "pip", "install"]:
                assert all((project / word).exists() for word in words if word.startswith(("lib/", "./")))


@git_needed
@pytest.mark.parametrize("data", ["own", "grocery"])
def test_git_sees_no_customer_no_key_and_no_decision_about_a_person(data, kit, generate):
    project = generate(kit, *ENGAGEMENT, data=data)
    git("init", "-q", cwd=project)
    git("add", "-A", cwd=project)
    private = [
        "data/raw/orders.csv", "data/raw/2024/orders.zip", "data/contract/imports.json",
        "data/contract/2024-06-30/orders.parquet",
        "data/contract/2024-06-30/quality.html", "data/contract/2024-06-30/quality.json", "data/vault/customers.parquet",
        "data/vault/merged/2024-06-30/orders.parquet", "data/identity.yml", "my.key", "data/.tmp/x.duckdb",
    ]  # fmt: skip
    for name in (*private, "mapping.yml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("customer 1")
    said = git("status", "--porcelain", "-uall", cwd=project).splitlines()
    assert [line for line in said if line.startswith("??")] == ["?? mapping.yml"]


@at_leisure
@pytest.mark.slow
@git_needed
def test_a_projects_readme_is_a_way_that_can_be_walked(kit, generate, tmp_path):
    """Every command of the README in its order, on some households and of the notebooks what they hand over (they are executed
    whole elsewhere, as is the exam); packages come from this environment, not from an index.
    """
    short = shutil.copytree(kit, tmp_path / "short")
    for path in sorted((short / "notebooks").glob("[1-5]_*.ipynb")):
        book = nbformat.read(path, as_version=4)
        book.cells = what_is_handed_over(book.cells)
        nbformat.write(book, path)
    project = generate(short, *ENGAGEMENT, data="grocery", project_slug="walk")
    some_households(project / "data" / "contract" / "grocery", project / "data" / "contract" / "some")
    settings = (project / "engagement.yml").read_text("utf-8")
    (project / "engagement.yml").write_text(settings.replace('snapshot: "grocery"', 'snapshot: "some"'), "utf-8")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n')
    (programs / "python3").chmod(0o755)
    git("init", "-q", cwd=project)

    packages = f".venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    lines = ["set -e"]
    for words in commands((project / "README.md").read_text("utf-8")):
        small = {"jupyter": ["--version"], "simulate": ["--customers", "500"], "exam": ["--help"]}
        lines.append(shlex.join([*words, *small.get(words[0], []), *small.get(words[1], [])]))
        if words[1:3] == ["-m", "venv"]:
            lines.append(f"echo {shlex.quote(sysconfig.get_path('purelib'))} >{packages}/zz_of_this_environment.pth")
    path = os.pathsep.join([str(programs), os.environ["PATH"], str(Path(sys.executable).parent)])
    environment = os.environ | {"PATH": path, "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "GIT_CONFIG_GLOBAL": os.devnull}
    said = run("bash", "-c", "\n".join(lines), cwd=project, env=environment)

    made = run(project / ".venv" / "bin" / "python", "-c", "import fivestep; print(fivestep.__file__)", cwd=tmp_path).stdout
    assert Path(made.strip()) == project / "lib" / "fivestep" / "__init__.py"
    for name in ("report.pdf", "report.html", "workbook.xlsx", "index.html", "run.json"):
        assert (project / "reports" / "latest" / name).stat().st_size > 1000, name
    (batch,) = (project / "reports").glob("*_en_by_income_band")
    assert (batch / "50-74K" / "report.pdf").is_file()
    assert not (batch / "35-49K" / "report.pdf").exists()
    assert f"{len(status.received(project))} files as received from the kit, 0 changed, 0 deleted, 0 added." in said.stdout

    ran = nbformat.read(project / "notebooks" / "braces.ipynb", as_version=4)
    ran.cells.append(nbformat.v4.new_code_cell("spend", outputs=[nbformat.v4.new_output("stream", text="customer 1: $99")]))
    nbformat.write(ran, project / "notebooks" / "braces.ipynb")
    git("add", "-A", cwd=project)
    commit = ["git", "-c", "user.name=Kit", "-c", "user.email=kit@example.org", "commit", "-q", "-m", "start"]
    assert "take outputs out of notebooks" in run(*commit, cwd=project, env=environment, fails=True).stderr
    git("add", "-A", cwd=project)
    run(*commit, cwd=project, env=environment)
    assert "spend" in git("show", "HEAD:notebooks/braces.ipynb", cwd=project)
    assert "$99" not in git("show", "HEAD:notebooks/braces.ipynb", cwd=project)


def what_is_handed_over(cells: list) -> list:
    """The beginning of a notebook, the cells that hand something over, and those that these take a name from."""
    kept, wanted = [], set()
    for at, cell in reversed([*enumerate(cells)]):
        names = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name)] if cell.cell_type == "code" else []
        made = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        if at < 9 or "hand_over(" in cell.source or made & wanted:
            kept.append(cell)
            wanted |= {n.id for n in names}
    return kept[::-1]


def some_households(case: Path, snapshot: Path) -> None:
    """The case cut to a few households of two income bands: one with enough for a report of its own, one with too few."""
    chosen = f"""
        SELECT customer_id FROM '{case}/customers.parquet' WHERE income_band IN ('35-49K', '50-74K')
        QUALIFY row_number() OVER (PARTITION BY income_band ORDER BY customer_id) <= if(income_band = '50-74K', 40, 10)
    """
    snapshot.mkdir()
    shutil.copyfile(case / "labels.csv", snapshot / "labels.csv")
    with duckdb.connect() as connection:
        for path in sorted(case.glob("*.parquet")):
            of_customers = "customer_id" in connection.read_parquet(str(path)).columns
            kept = f"SELECT * FROM '{path}'" + (f" WHERE customer_id IN ({chosen})" if of_customers else "")
            connection.execute(f"COPY ({kept}) TO '{snapshot / path.name}' (FORMAT parquet)")


@git_needed
def test_data_results_and_reports_stay_out_of_git(projects, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(projects["en", "grocery"], project)
    for name in (
        "data/raw/a.csv",
        "data/contract/2024/orders.parquet",
        "results/1_profiling/a",
        "reports/latest/a.pdf",
        ".venv/x",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("secret")
    git("init", "-q", cwd=project)
    git("add", "-A", cwd=project)
    staged = git("ls-files", cwd=project).split()
    assert [n for n in staged if n.split("/")[0] in ("data", "results", "reports", ".venv")] == [
        "data/contract/.gitkeep", "data/raw/.gitkeep", "reports/.gitkeep", "results/.gitkeep",
    ]  # fmt: skip
    assert {"engagement.yml", "kit.lock.json", "notebooks/braces.ipynb", "lib/pyproject.toml"} <= set(staged)


def test_the_hooks_need_nothing_but_the_standard_library():
    for path in [*sorted((KIT / "template").rglob("*.py")), KIT / "lib" / "fivestep" / "course" / "copies.py"]:
        if path.name == "kit_ext.py":  # runs inside cookiecutter, which brings Jinja
            continue
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert names
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"kit_hooks"}, path

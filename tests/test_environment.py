"""One set of requirements, pinned with hashes; `make` that sets it up once; rooms that import one way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fivestep import language

KIT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((KIT / "lib" / "pyproject.toml").read_text("utf-8"))["project"]
RUNTIME, DEV = PROJECT["dependencies"], PROJECT["optional-dependencies"]["dev"]
LOCKS = {"lib/requirements.lock": RUNTIME, "requirements-dev.lock": RUNTIME + DEV}
TOOLS = ("awk", "cat", "chmod", "cksum", "dirname", "echo", "head", "make", "mkdir", "rm", "sed", "sh", "sleep")


def pins(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Every entry of a lock with its hashes."""
    entries = re.split(r"\n(?=\S)", (KIT / lock).read_text("utf-8").strip())
    found = []
    for entry in entries:
        first, *hashes = entry.replace("\\\n", "\n").splitlines()
        found.append((Requirement(first), [h.strip() for h in hashes]))
    return found


# --- requirements


def test_environment_yml_asks_for_what_the_library_asks_for():
    environment = yaml.safe_load((KIT / "environment.yml").read_text("utf-8"))
    assert environment["channels"] == ["conda-forge"]
    *conda, pip = environment["dependencies"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert pip == {"pip": [*RUNTIME, *DEV, "-e ./lib"]}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock):
    text = (KIT / lock).read_text("utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host| @ |^-|^#", text, re.M)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_per_platform_and_hashes(lock):
    entries = pins(lock)
    assert len(entries) > 80
    for requirement, hashes in entries:
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_what_the_library_asks_for(lock):
    locked: dict[str, list[Requirement]] = {}
    for requirement, _hashes in pins(lock):
        locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    for asked in map(Requirement, LOCKS[lock]):
        entries = locked.get(canonicalize_name(asked.name))
        assert entries, f"{asked} is not in {lock}: make lock"
        for entry in entries:
            (version,) = (s.version for s in entry.specifier)
            assert asked.specifier.contains(version, prereleases=True), f"{lock} has {entry}, asked is {asked}: make lock"


def test_tests_run_on_the_versions_that_clients_get():
    runtime, dev = ({str(requirement): hashes for requirement, hashes in pins(lock)} for lock in LOCKS)
    assert {name: dev.get(name) for name in runtime} == runtime


# --- make


@pytest.fixture
def machine(tmp_path):
    """A copy of what `make` needs, on a machine with only the tools and Pythons that a test puts there; none of them real."""
    kit = tmp_path / "a kit"
    shutil.copytree(KIT / ".ci", kit / ".ci")
    (kit / "lib").mkdir()
    for name in ("Makefile", "requirements-dev.lock", "lib/pyproject.toml"):
        shutil.copyfile(KIT / name, kit / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))
    return Machine(kit, programs, tmp_path / "log")


class Machine:
    def __init__(self, kit: Path, programs: Path, log: Path) -> None:
        self.kit, self.programs, self.log = kit, programs, log

    def python(self, name: str, version: str, *, fails_at: str = "never") -> None:
        """Put a stand-in for Python on PATH: it says its version, makes environments of itself and pretends to install."""
        minor = version.split(".")[1]
        suits = int(minor) >= 11
        self._program(
            name,
            f"""
            case "$*" in
                *"print("*v.minor*) {f"echo {minor}" if suits else "echo"} ;;
                *sys.version_info*) echo {version} ;;
                --version) echo Python {version} ;;
                *{fails_at}*) echo "cannot: $*" >&2; exit 1 ;;
                "-m venv "*) mkdir -p "$3/bin"; cat "$0" >"$3/bin/python"; chmod +x "$3/bin/python" ;;
            esac
            """,
        )

    def uv(self) -> None:
        made = ".venv/bin/python"
        self._program("uv", f'case "$1" in venv) mkdir -p .venv/bin; cat "$4" >{made}; chmod +x {made} ;; esac')

    def _program(self, name: str, script: str) -> None:
        (self.programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{script}\n')
        (self.programs / name).chmod(0o755)

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Run make; ``installs`` of the result are the programs that were called to install something."""
        self.log.unlink(missing_ok=True)
        environment["PATH"] = str(self.programs)
        done = subprocess.run(["make", *words], cwd=self.kit, env=environment, text=True, capture_output=True, check=False)
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        done.installs = [call for call in calls if " install " in call or " sync " in call]
        return done


def test_the_newest_python_is_taken_and_the_environment_made_once(machine):
    machine.python("python3.11", "3.11.9")
    machine.python("python3.13", "3.13.1")
    machine.python("python3", "3.9.2")
    first, second = machine.make("env"), machine.make("env")
    assert first.returncode == 0, first.stderr
    assert "with Python 3.13.1" in first.stdout
    assert [re.sub(".* -m pip install ", "", call) for call in first.installs] == [
        "--quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock",
        "--quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./lib",
    ]
    assert (second.returncode, second.stdout, second.installs) == (0, "", [])


def test_uv_is_used_where_it_is_on_path(machine):
    machine.python("python3.12", "3.12.1")
    machine.uv()
    done = machine.make("env")
    assert done.returncode == 0, done.stderr
    assert [call.split()[:3] for call in done.installs] == [["uv", "pip", "sync"], ["uv", "pip", "install"]]
    assert "--require-hashes --compile-bytecode requirements-dev.lock" in done.installs[0]
    assert machine.make("env").installs == []


@pytest.mark.parametrize("changed", ["requirements-dev.lock", "lib/pyproject.toml"])
def test_the_environment_is_made_again_when_the_requirements_change(changed, machine):
    machine.python("python3.12", "3.12.1")
    assert machine.make("env").installs
    with (machine.kit / changed).open("a") as file:
        file.write("# later\n")
    assert machine.make("env").installs
    assert machine.make("env").installs == []


def test_the_environment_is_made_again_when_the_kit_was_moved(machine):
    machine.python("python3.12", "3.12.1")
    machine.make("env")
    machine.kit = machine.kit.rename(machine.kit.with_name("moved"))
    assert machine.make("env").installs


def test_the_environment_is_made_again_for_another_python_when_asked(machine):
    machine.python("python3.12", "3.12.1")
    machine.python("python3.11", "3.11.9")
    machine.make("env")
    assert machine.make("env", "PYTHON=python3.12").installs == []
    assert machine.make("env", "PYTHON=python3.11").installs
    assert machine.make("env", PYTHON="python3.11").installs == []


@pytest.mark.parametrize("fails_at", ["venv", "requirements-dev.lock", "./lib"])
def test_an_interrupted_setup_is_done_again(fails_at, machine):
    machine.python("python3.12", "3.12.1", fails_at=fails_at)
    assert machine.make("env").returncode != 0
    machine.python("python3.12", "3.12.1")
    again = machine.make("env")
    assert again.returncode == 0, again.stderr
    assert len(again.installs) == 2


def one_line(done: subprocess.CompletedProcess) -> str:
    """The one line that a failing make target says, without make's own last word."""
    assert done.returncode != 0
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if not re.match(r"make(\[\d\])?: ", line)]
    return line


def test_an_old_python_is_refused_in_one_line(machine):
    machine.python("python3", "3.9.2")
    assert "No Python 3.11 or newer with venv was found on PATH. Install one" in one_line(machine.make("test"))
    assert "PYTHON=python3: this is Python 3.9.2" in one_line(machine.make("test", "PYTHON=python3"))
    assert "PYTHON=python9: there is no such program. Name a" in one_line(machine.make("test", "PYTHON=python9"))
    assert not (machine.kit / ".venv").exists()


def test_no_python_at_all_is_said_in_one_line(machine):
    assert "No Python 3.11 or newer" in one_line(machine.make("demo"))


@pytest.mark.parametrize("wrong", ["fr", "", "en zh_CN", "zh_cn"])
def test_a_wrong_language_is_refused_in_one_line_before_anything_is_made(wrong, machine):
    machine.python("python3.12", "3.12.1")
    said = one_line(machine.make("demo", f"LANGUAGE={wrong}"))
    assert f"LANGUAGE={wrong} is not a language of the reports. Say LANGUAGE=en, LANGUAGE=zh_CN or LANGUAGE=zh_TW" in said
    assert not (machine.kit / ".venv").exists()


def test_every_language_of_the_reports_can_be_asked_for(machine):
    for code in language.LANGUAGES:
        done = machine.make("-n", "demo", f"LANGUAGE={code}")
        assert done.returncode == 0, done.stderr
        assert f"language={code}" in done.stdout


def test_the_simulated_company_is_written_before_its_notebooks_run(machine):
    for code in language.LANGUAGES:
        said = machine.make("-n", "demo", "CASE=coffee", f"LANGUAGE={code}").stdout
        assert "data=coffee" in said
        written = said.index(f"fivestep simulate --out build/demo/coffee/data/contract/coffee --language {code}")
        assert written < said.index("fivestep run --project build/demo/coffee")


def test_a_wrong_case_is_refused_in_one_line(machine):
    assert "CASE=tea is not a case. Say CASE=grocery or CASE=coffee" in one_line(machine.make("demo", "CASE=tea"))


def test_the_language_of_the_desktop_is_not_taken_for_ours(machine):
    done = machine.make("-n", "demo", LANGUAGE="de_DE:en")
    assert "language=en " in done.stdout


def test_make_alone_lists_every_target(machine):
    done = machine.make()
    targets = set(re.search(r"^\.PHONY: (.+)", (KIT / "Makefile").read_text("utf-8"), re.M)[1].split())
    assert targets - set(re.findall(r"^  ([\w-]+) ", done.stdout, re.M)) == {"env"}


def test_lock_without_uv_says_what_is_missing(machine):
    assert "make lock needs uv" in one_line(machine.make("lock"))


def test_the_build_machine_runs_make_test(machine):
    assert os.access(KIT / ".ci" / "run", os.X_OK)
    (machine.programs / "bash").symlink_to(shutil.which("bash"))
    (machine.programs / "make").unlink()
    environment = {"PATH": str(machine.programs)}
    missing = subprocess.run([machine.kit / ".ci" / "run"], env=environment, text=True, capture_output=True, check=False)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("make is missing. Install it")
    (machine.programs / "make").write_text('#!/bin/sh\necho "make $*"; echo "3 passed in 1 s"; exit 7\n')
    (machine.programs / "make").chmod(0o755)
    run = subprocess.run([machine.kit / ".ci" / "run"], env=environment, text=True, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (7, "make test\n3 passed in 1 s\n")


# --- rooms


def test_imports_point_one_way():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=KIT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)

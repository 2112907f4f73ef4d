"""What a template does beside rendering: check the answers, keep the analyst's work, give the project the kit's own files.

It runs in cookiecutter's own environment, so this module uses the standard library only.
"""

from __future__ import annotations

import gettext
import hashlib
import json
import re
import unicodedata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zoneinfo import available_timezones

JUNK = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tmp", ".venv", "build", "dist"}
JUNK_SUFFIXES = (".pyc", ".egg-info", ".DS_Store")

RENDERED = "{{cookiecutter.project_slug}}"
ASIDE = ".set-aside"

# ISO 4217: what customers are charged in, and the lev, in which they were until 2025. No metals, funds or test codes.
CURRENCIES = set(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


NAMES = ("project_name", "client", "learner")
# Folder of the kit -> folder of the project, by template.
ENGAGEMENT = {"notebooks": "notebooks", "lib": "lib"}
COURSE = {"notebooks/course": "units", "notebooks/cases": "cases", "lib": "lib"}


def problem(answers: dict) -> str:
    """What is wrong with the answers to the prompts and how to mend it, in one line; empty where nothing is."""
    for key in (k for k in NAMES if k in answers):
        lacking = key != "learner" and not answers[key].strip()  # a learner need not give a name
        if lacking or any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in answers[key]):
            return f"{key}: {answers[key]!r} is not a name. Write one line of text."
        if said := _template(key, answers[key]):
            return said
    slug = answers["project_slug"]
    if not re.fullmatch(r"\w[\w.-]{0,99}", slug):
        return f"project_slug: {slug!r} is not a folder name. Use letters, digits, hyphens and dots, such as customer-review."
    return _of_data(answers["data"], answers["currency"], answers["time_zone"]) if "data" in answers else ""


def _of_data(data: str, currency: str, zone: str) -> str:
    if currency not in CURRENCIES:
        return f"currency: {currency!r} is not an ISO 4217 code. Write three capital letters, such as USD, EUR or CNY."
    zones = available_timezones()  # empty on Windows without tzdata: then nobody can tell
    if zones and zone not in zones:
        return f"time_zone: {zone!r} is not an IANA time zone. Write one such as UTC, America/New_York or Asia/Shanghai."
    if data == "grocery" and (currency, zone) != ("USD", "America/New_York"):
        return "data: the grocery case is in US dollars and New York time. Answer currency=USD and time_zone=America/New_York."
    if data == "coffee" and (currency, zone) != ("CNY", "Asia/Shanghai"):
        return "data: the simulated company is in yuan and Shanghai time. Answer currency=CNY and time_zone=Asia/Shanghai."
    return ""


def evaluated(template: Path, given: dict) -> str:
    """What is wrong with names as they were given on the command line, before cookiecutter evaluated them; else empty."""
    own = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    names = (k for k in NAMES if k in own and given.get(k, own[k]) != own[k])
    return next((said for k in names if (said := _template(k, given[k]))), "")


def _template(key: str, name: str) -> str:
    marks = re.search(r"\{[{%#]", name)
    return f"{key}: {name!r} holds {marks[0]!r}, which would be run as a template. Write the name without it." if marks else ""


def set_aside(template: Path, project: Path) -> None:
    """Rename what cookiecutter would overwrite, such as an analyst's engagement.yml, until `put_back`."""
    for mine, aside in _rendered(template, project):
        if mine.is_file() and not aside.exists():
            mine.replace(aside)


def put_back(template: Path, project: Path) -> None:
    """Give the files that were set aside their places again, over what was generated meanwhile."""
    for mine, aside in _rendered(template, project):
        if aside.exists():
            aside.replace(mine)


def _rendered(template: Path, project: Path) -> list[tuple[Path, Path]]:
    places = [source.relative_to(template / RENDERED) for source in sorted((template / RENDERED).rglob("*")) if source.is_file()]
    return [(project / place, project / f"{place}{ASIDE}") for place in places]


def receive(kit: Path, project: Path, *, language: str, folders: dict[str, str]) -> None:
    """Copy *folders* of the kit (its folder -> that of the project) into the project and record them in kit.lock.json.

    A file that is already in the project is left alone. Notebooks speak the project's language where the catalog knows a cell.
    The lock holds, for every received file, the SHA-256 of what was received, and for notebooks also that of their cells alone.
    """
    earlier = _lock(project)
    files, cells = {}, {}
    for origin, folder in folders.items():
        for source in sorted((kit / origin).rglob("*")):
            place = source.relative_to(kit / origin)
            if not source.is_file() or junk(place) or (origin == "data/grocery" and source.suffix == ".py"):
                continue
            if origin == "notebooks" and len(place.parts) > 1:  # the cases are to be read in the kit, not part of an engagement
                continue
            target, name = project / folder / place, f"{folder}/{place.as_posix()}"
            content = source.read_bytes()
            if source.suffix == ".ipynb" and language != "en":
                content = translated(content, kit, language)
            if origin == "notebooks/course":  # learners never receive a solution
                copies = _copies(kit)
                content = copies.written(copies.student_copy(json.loads(content)))
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            elif name in earlier["files"]:  # received from an earlier kit, and kept: so is what the lock says of it
                files[name] = earlier["files"][name]
                if name in earlier["cells"]:
                    cells[name] = earlier["cells"][name]
                continue
            files[name] = hashlib.sha256(content).hexdigest()
            if source.suffix == ".ipynb":
                cells[name] = cells_digest(content)
    version = re.search(r'^version = "(.+)"', (kit / "lib" / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
    lock = {"library": version, "folders": sorted(folders.values()), "files": files, "cells": cells}
    (project / "kit.lock.json").write_bytes((json.dumps(lock, indent=1, ensure_ascii=False) + "\n").encode())


def _copies(kit: Path) -> ModuleType:
    """The module of the library that makes student copies, by its path: the library is not installed here."""
    spec = spec_from_file_location("copies", kit / "lib" / "fivestep" / "course" / "copies.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def junk(place: Path) -> bool:
    """Whether a path is something that tools leave behind."""
    return any(part in JUNK or part.endswith(JUNK_SUFFIXES) for part in place.parts)


def cells_digest(notebook: bytes) -> str:
    """SHA-256 of a notebook's cells without outputs and execution counts: the same before and after a run."""
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(notebook)["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def translated(notebook: bytes, kit: Path, language: str) -> bytes:
    """The notebook with its markdown cells in *language*; a cell that the catalog does not know stays as it is."""
    path = kit / "lib" / "fivestep" / "language" / "locales" / language / "LC_MESSAGES" / "fivestep.mo"
    with path.open("rb") as file:
        catalog = gettext.GNUTranslations(file)
    content = json.loads(notebook)
    for cell in content["cells"]:
        message = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown" and message:  # the message "" is the catalog's own header
            cell["source"] = catalog.gettext(message).splitlines(keepends=True)
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _lock(project: Path) -> dict:
    path = project / "kit.lock.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"files": {}, "cells": {}}

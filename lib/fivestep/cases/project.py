"""A project that starts where an analyst starts: files that a CRM system has exported, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from fivestep.cases.exports import export
from fivestep.cases.simulate import simulate
from fivestep.errors import UserError
from fivestep.intake.sources import RAW
from fivestep.language import N_, _

SOURCES = {
    "zoho": N_("A simulated company, as Zoho CRM exports it"),
    "fxiaoke": N_("A simulated company, as 纷享销客 exports it"),
    "jianxin": N_("A simulated company, as 简信CRM exports it"),
}


def project(folder: str | Path, system: str, *, customers: int = 2000, months: int = 24, language: str = "en") -> Path:
    """A new project in *folder*: settings, and in data/raw/ what *system* exports of a simulated company; returns the folder.

    *system*: zoho, fxiaoke or jianxin, which hold the companies and dealers among *customers*, not the consumers. What an earlier
    case has left in *folder* is replaced. Raises `UserError` where it holds anything else, and for another system.
    """
    if system not in SOURCES:
        raise UserError(_("system {system!r}: choose one of {choices}.").format(system=system, choices=", ".join(SOURCES)))
    folder = Path(folder).resolve()
    settings = folder / "engagement.yml"
    if folder.exists() and any(folder.iterdir()):
        if not settings.is_file() or f"source: {SOURCES[system]}" not in settings.read_text(encoding="utf-8"):
            raise UserError(
                _("{folder}: the folder holds something else than this case. Name a new or an empty one.").format(
                    folder=folder.name
                )
            )
        shutil.rmtree(folder)
    company = folder / "company"
    simulate(company, customers=customers, months=months, seed=7, language="en" if system == "zoho" else "zh_CN")
    export(company, system)
    (folder / RAW).parent.mkdir()
    (company / "raw" / system).rename(folder / RAW)
    shutil.rmtree(company)
    said = {
        "name": system, "client": "A simulated company", "language": language, "currency": "CNY", "time_zone": "Asia/Shanghai",
        "source": SOURCES[system],
    }  # fmt: skip
    settings.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=200), encoding="utf-8")
    return folder

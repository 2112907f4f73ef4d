"""The simulated company that a learner works on: its tables lie in the project, what is true of it does not."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fivestep import contract, engine, yaml_file
from fivestep.cases.simulate import LEAST_CUSTOMERS, simulate
from fivestep.errors import UserError
from fivestep.language import N_, _

SETTINGS = "course.yml"
SNAPSHOT = "coffee"
MADE = "made.json"  # beside the tables: what they were simulated from
SEED = 7  # of the company that everybody has who gives no name
MONTHS = 24
SOURCE = N_("Simulated company: a made-up coffee-and-bakery chain")


class Settings(BaseModel):
    """What course.yml says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learner: str = ""
    customers: int = Field(1000, ge=LEAST_CUSTOMERS, le=100_000, strict=True)


def settings(project: Path) -> Settings:
    """The settings of a course folder; UserError where there are none."""
    path = project / SETTINGS
    if not path.is_file():
        raise UserError(
            _("{project}: there is no {file}. Open the notebooks in the folder of the course.").format(
                project=project.name or project, file=SETTINGS
            )
        )
    try:
        return Settings.model_validate(yaml_file.mapping(path))
    except ValidationError as error:
        raise UserError("\n".join(yaml_file.problems(SETTINGS, error.errors()))) from None


def seed_of(learner: str) -> int:
    """The seed that belongs to a name, in whatever case it is written; that of the common company where there is none."""
    name = learner.strip().casefold()
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") if name else SEED


def write_settings(folder: Path, *, learner: str, customers: int, language: str) -> None:
    """Write course.yml and engagement.yml of a course folder."""
    folder.mkdir(parents=True, exist_ok=True)
    course = {"learner": learner, "customers": customers}
    engagement = {
        "name": "Customer analysis", "client": "A simulated company", "language": language, "currency": "CNY",
        "time_zone": "Asia/Shanghai", "source": SOURCE, "snapshot": SNAPSHOT,
    }  # fmt: skip
    for name, said in ((SETTINGS, course), ("engagement.yml", engagement)):
        (folder / name).write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=200), encoding="utf-8")


def company(project: Path, *, language: str = "en") -> Path:
    """The folder of the learner's tables, simulated where they are not there yet; the truth is left out."""
    chosen = settings(project)
    folder = project / "data" / "contract" / SNAPSHOT
    made = {"seed": seed_of(chosen.learner), "customers": chosen.customers, "months": MONTHS, "language": language}
    if (folder / MADE).is_file() and json.loads((folder / MADE).read_text(encoding="utf-8")) == made:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as part:
        new = simulate(Path(part) / "company", **made)
        (new / "truth.json").unlink()
        shutil.rmtree(new / "truth")
        (new / MADE).write_text(json.dumps(made), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    return folder


@dataclass(frozen=True)
class Case:
    """A learner's company as exercises see it: the tables, what they were simulated from, and the truth on demand."""

    tables: engine.Tables
    seed: int
    customers: int
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, project: Path, *, language: str = "en") -> Case:
        """The case of a course folder."""
        folder = company(project, language=language)
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        return cls(engine.Tables.of(engine.read(folder, engine.connect())), made["seed"], made["customers"])

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What *make* gives, made once: a class asks the same of the same company."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a pandas frame, by its key, money as floats; UserError where there is none of that name."""
        there = [n for n in contract.TABLES if not self.tables.missing(n)]
        if name not in there:
            raise UserError(
                _("There is no table {name!r}. The company has {choices}.").format(name=name, choices=", ".join(there))
            )

        def read() -> pd.DataFrame:
            table = getattr(self.tables, name)
            return engine.frame(table, by=[c for c in table.columns if c.endswith("_id")])

        return self.once(name, read).copy()

    @property
    def facts(self) -> dict[str, Any]:
        """What is planted in the company: simulated again when it is asked for, and never kept in a file."""
        return _facts(self.seed, self.customers)


@functools.lru_cache
def _facts(seed: int, customers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(Path(folder) / "company", customers=customers, months=MONTHS, seed=seed)
        return json.loads((made / "truth.json").read_text(encoding="utf-8"))["facts"]

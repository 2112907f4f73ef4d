"""`Engagement`: the one object that a notebook opens.

It knows settings, tables, language, exhibits, findings and what one step hands to the next.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import itertools
import json
import os
import re
import shutil
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
from babel.numbers import list_currencies
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from fivestep import contract, engine, language, yaml_file
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.intake import snapshots
from fivestep.intake.quality import imported_on
from fivestep.language import N_, _, columns, load_values, typeset, use, use_language_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_ROWS = 30  # a longer table is cut in the report and whole in the workbook
MOST_DAYS = 36500  # a century: more days than any data has, and fewer than dates can be counted back
# What a notebook's numbers do not depend on: words, the engine, the data chosen (its hash is stamped), the threshold of a batch.
WORDS = {"name", "client", "language", "source", "snapshot", "engine", "min_customers", "group_owners"}
_CELL = 32_767  # characters that a cell of a workbook holds
PLAYBOOK_FROM = "4"  # the first step that reads playbook.yml

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Posterior(BaseModel):
    """How customer lifetime value is sampled: draws of each chain, and fields of customers that make groups."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    draws: int = Field(1000, ge=100, le=100_000, strict=True)
    covariates: tuple[Text, ...] = ()


class Settings(BaseModel):
    """What engagement.yml says. Unknown keys are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    client: Text
    language: str = "en"
    currency: str = "USD"
    time_zone: str = "UTC"
    source: str = ""
    snapshot: str = ""
    engine: Literal["duckdb", "spark"] = "duckdb"
    min_customers: int = Field(30, ge=1, strict=True)  # strict: true is no 1
    lapsed_after_days: int = Field(90, ge=1, le=MOST_DAYS, strict=True)
    rfm_window_days: int = Field(365, ge=1, le=MOST_DAYS, strict=True)
    rfm_classes: dict[Text, Text] | None = None
    never_recommend: tuple[str, ...] = ()
    age_bands: tuple[Annotated[int, Field(ge=1, le=110, strict=True)], ...] = ()
    sensitive_fields: tuple[str, ...] = ()
    good_credit: tuple[Text, ...] = ()
    interest_words: dict[str, tuple[str, ...]] = {}
    contacted_shares: dict[Text, Annotated[float, Field(gt=0, lt=1)]] = {}
    targets: dict[Text, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    clv_posterior: Posterior | None = None
    value_weights: dict[Text, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    value_cuts: tuple[float, ...] = (0.5, 0.75)
    customer_rules: dict[Text, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    group_owners: dict[Text, Text] = {}

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        if value not in language.LANGUAGES:
            raise ValueError(_("choose one of {choices}").format(choices=", ".join(language.LANGUAGES)))
        return value

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str) -> str:
        if value not in list_currencies():
            raise ValueError(_("use an ISO 4217 code like USD, CNY or TWD"))
        return value

    @field_validator("sensitive_fields")
    @classmethod
    def _sensitive_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (*contract.SENSITIVE, *contract.IN_LISTS)
        if any(field not in known for field in value):
            raise ValueError(_("choose among {choices}").format(choices=", ".join(known)))
        return value

    @property
    def posterior(self) -> dict[str, Any]:
        """draws and covariates of ``clv_posterior``; no draws where it is not asked for."""
        return self.clv_posterior.model_dump() if self.clv_posterior else {"draws": 0}

    @property
    def allowed_fields(self) -> tuple[str, ...]:
        """The sensitive fields that analyses see: those named, and credit_status where values of it are."""
        return (*self.sensitive_fields, *(("credit_status",) if self.good_credit else ()))

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(_("use an IANA name like Asia/Shanghai or America/New_York")) from None
        return value


def settings(project: Path) -> Settings:
    """The settings of a project folder; one message for everything that is wrong with them."""
    path = project / "engagement.yml"
    if not path.is_file():
        raise UserError(
            _(
                "{project}: there is no engagement.yml. Run this in an engagement folder, or generate one with cookiecutter."
            ).format(project=project)
        )
    try:
        return Settings.model_validate(yaml_file.mapping(path))
    except ValidationError as error:
        raise UserError("\n".join(yaml_file.problems(path.name, error.errors(), keys=Settings.model_fields))) from None


def snapshot_folder(project: Path, name: str = "") -> Path:
    """The folder of the contract tables: the named snapshot, or the current one (`intake.snapshots.current`)."""
    root = project / "data" / "contract"
    folders = sorted(p for p in root.glob("*") if p.is_dir() and engine.parquet_files(p))
    if name:
        if root / name not in folders:
            there = ", ".join(p.name for p in folders) or _("none")
            raise UserError(
                _("engagement.yml: snapshot: data/contract/{name} holds no tables. Snapshots there: {there}.").format(
                    name=name, there=there
                )
            )
        return root / name
    if not folders:
        raise UserError(
            _(
                "data/contract/ holds no snapshot: put the contract tables (order_lines.parquet ...) in a folder "
                "of their own there."
            )
        )
    return root / snapshots.current(snapshots.ledger(project), [p.name for p in folders])


def snapshot_read(project: Path, folder: Path) -> str:
    """Which snapshot is read, and, where it is another one, which was imported last."""
    read, latest = folder.relative_to(project).as_posix(), snapshots.ledger(project).latest
    if latest in ("", folder.name):
        return _("Data: {folder}").format(folder=read)
    return _("Data: {folder}. The last import is {latest}.").format(folder=read, latest=latest)


def snapshot_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of a snapshot's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".parquet", ".csv"):
            for part in engine.parts(path):
                digest.update(part.relative_to(folder).as_posix().encode() + b"\0")
                with part.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class Engagement:
    """One step of one engagement: open it in the first cell, then exhibit and find.

    Parameters
    ----------
    project: folder with engagement.yml, from the notebook's place.
    step: the notebook, like ``2_segmentation``.
    scope: ``field=value`` cuts the data to some customers or one branch; empty is everybody.
    as_of: last day that counts, ``YYYY-MM-DD``; empty is the last day with an order, but for days that were to come when the data
        was imported.
    language: code of the report's language; empty is that of engagement.yml.
    """

    def __init__(self, project: str | Path, step: str, *, scope: str = "", as_of: str = "", language: str = "") -> None:
        if not re.fullmatch(r"\d_\w+", step):
            raise UserError(_("step: {step!r} is not named like a notebook, such as 2_segmentation.").format(step=step))
        self.project = Path(project).resolve()
        use_language_of(self.project / "engagement.yml")
        self.step = step
        self.settings = settings(self.project)
        self.scope = scope
        use(language or self.settings.language, currency=self.settings.currency)
        self.folder = snapshot_folder(self.project, self.settings.snapshot)
        if (self.folder / "labels.csv").exists():
            load_values(self.folder / "labels.csv")
        self._read = engine.read(self.folder, engine.connect(self.settings.engine))
        if step.startswith("1_"):  # later steps read the same snapshot: its hash is part of what is handed over
            contract.validate(self._read)
        self._known_values()
        day, imported = _day(as_of), imported_on(self.folder)
        if day:  # a slip in the year would call every customer lapsed
            days = engine.order_days(self.everything["orders"], imported)
            if not days.first <= day <= days.end:
                raise engine.outside(day, days)
        self.may_cut(scope.partition("=")[0])
        self.tables = engine.Tables.of(
            self._read, as_of=day, scope=scope, sensitive=self.settings.allowed_fields, imported=imported
        )
        self.as_of = self.tables.as_of
        self._findings: dict[str, dict] = {}
        self._exhibits = 0
        self._notes: dict[str, str] = {}  # exhibit under which each note stands
        self._said: tuple[int | None, str] | None = None

    def _known_values(self) -> None:
        """Refuse values of engagement.yml that nothing in the whole snapshot has: they would change nothing, without a word."""
        asked = {
            "good_credit": ("customers", "credit_status", self.settings.good_credit),
            "contacted_shares": ("campaigns", "campaign_id", tuple(self.settings.contacted_shares)),
            "never_recommend": ("products", "category", self.settings.never_recommend),
        }
        for key, (table, field, given) in asked.items():
            if not given:
                continue
            there: list[str] = []
            if table in self.everything and field in self.everything[table].columns:
                known = self.everything[table].select(value=self.everything[table][field].cast("string")).distinct()
                there = sorted(known.to_pandas()["value"].dropna())
            if unknown := [value for value in given if value not in there]:
                said = _(
                    "engagement.yml: {key}: {table}.{field} is never {values} in this snapshot. Values there: {there}. "
                    "Correct the spelling, or leave {key} empty."
                )
                values = _(" or ").join(map(repr, unknown))
                there = ", ".join(there[:12]) or _("none")
                raise UserError(said.format(key=key, table=table, field=field, values=values, there=there))

    def may_cut(self, field: str) -> None:
        """Refuse reports by a sensitive field that engagement.yml does not name."""
        if field in contract.SENSITIVE and field not in self.settings.allowed_fields:
            raise UserError(
                _("scope: {field} is sensitive. To make reports by it, name it under sensitive_fields in engagement.yml.").format(
                    field=field
                )
            )

    # ---------------------------------------------------------------- where things are
    @property
    def results(self) -> Path:
        """The folder of this run's results: the run's own under reports/, else results/ of the project."""
        return Path(os.environ.get("FIVESTEP_RESULTS") or self.project / "results")

    @cached_property
    def stamp(self) -> dict[str, Any]:
        """What a result was made of, ready for JSON: a later step accepts only results with the same stamp.

        snapshot (hash), as_of, scope, settings (those that numbers depend on) and, from step 4 on, playbook: no earlier step
        reads it, so that a new playbook leaves their results as good as they were.
        """
        stamp = {
            "snapshot": snapshot_hash(self.folder),
            "as_of": self.as_of.isoformat(),
            "scope": self.scope,
            "settings": self.settings.model_dump(mode="json", exclude=WORDS),
        }
        if self.step[0] >= PLAYBOOK_FROM:
            path = self.project / "playbook.yml"
            stamp["playbook"] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "shipped"
        return stamp

    @property
    def source(self) -> str:
        """The source line under every exhibit: data, scope, period."""
        said = _(self.settings.source) or self.folder.name
        words = (
            _("{source}; {scope}; orders from {first} to {last}") if self.scope else _("{source}; orders from {first} to {last}")
        )
        return words.format(
            source=said,
            scope=self.scope_label,
            first=language.day(self.tables.first_day),
            last=language.day(self.tables.last_day),
        )

    @property
    def scope_label(self) -> str:
        """The scope as a reader sees it, like ``Income band: $35,000–49,999``; empty for everybody."""
        if not self.scope:
            return ""
        field, _sign, value = self.scope.partition("=")
        shown = language.value(f"{engine.scope_table(self.everything, field)}.{field}", value)
        return _("{field}: {value}").format(field=self.field_label(field), value=shown)

    @cached_property
    def everything(self) -> dict[str, ibis.Table]:
        """The snapshot's tables before any scope or as-of date."""
        return engine.derived(contract.filled(self._read))

    def field_label(self, field: str) -> str:
        """The name of a field of customers or orders as a heading."""
        described = contract.TABLES[engine.scope_table(self.everything, field)].fields.get(field)
        return _(described.description) if described else field

    # ---------------------------------------------------------------- showing
    def exhibit(
        self,
        shown: Figure | pd.DataFrame | NotAvailable,
        *,
        title: str,
        note: str = "",
        source: str = "",
        alt: str = "",
        detail: bool = False,
    ) -> None:
        """Show a numbered exhibit under an action title: a figure, or a table whose columns are registered.

        *note* states definitions and denominators, and is not repeated under a further exhibit; *source* replaces the standing
        source line; *alt* describes a figure to who cannot see it (the title by default); *detail*: a table behind an exhibit,
        of which the PDF gives the title alone. A `NotAvailable` shows as one quiet line, without a number.
        """
        from matplotlib.figure import Figure  # takes two seconds to load, which commands without a picture are spared

        from fivestep.charts import svg

        if isinstance(shown, NotAvailable):
            self._not_available(shown)
            return
        self._exhibits += 1
        record: dict[str, Any] = {
            "number": f"{self.step[0]}.{self._exhibits}",
            "title": typeset(title),
            "source": source or self.source,
            "note": typeset(self._noted(note)),
        }
        if isinstance(shown, Figure):
            drawn = svg(shown)
            record = {"kind": "figure", **record, "alt": typeset(alt or title)}
            _display({"image/svg+xml": drawn, "text/html": _captioned(record, drawn[drawn.index("<svg") :])}, record)
        elif isinstance(shown, pd.DataFrame):
            record = {"kind": "table", **record, **self._table(shown, record["number"]), **({"detail": True} if detail else {})}
            _display({"text/html": _captioned(record, _html_table(record))}, record)
        else:
            raise TypeError(f"an exhibit is a figure, a table or NotAvailable, not {type(shown).__name__}")

    def _noted(self, note: str) -> str:
        """The note, or under which exhibit the same one stands."""
        if not note:
            return ""
        first = self._notes.setdefault(note, f"{self.step[0]}.{self._exhibits}")
        return note if first == f"{self.step[0]}.{self._exhibits}" else _("Note as under exhibit {number}.").format(number=first)

    def _table(self, shown: pd.DataFrame, number: str) -> dict[str, Any]:
        frame = f"results/{self.step}/exhibit_{number.replace('.', '_')}.parquet"
        path = self.results / self.step / Path(frame).name
        path.parent.mkdir(parents=True, exist_ok=True)
        shown.reset_index(drop=True).to_parquet(path, index=False)
        described = {name: columns.column(name) for name in shown.columns}
        rows = [
            [columns.formatted(name, cell) for name, cell in zip(shown.columns, row, strict=True)]
            for row in shown.head(SHOWN_ROWS).itertuples(index=False)
        ]
        out: dict[str, Any] = {
            "frame": frame,
            "columns": [
                {
                    "name": name,
                    "label": _(c.label),
                    "kind": c.kind,
                    "align": "left" if c.kind in ("text", "date", "month") else "right",
                    "definition": _(c.definition),
                    "values": c.values,
                }
                for name, c in described.items()
            ],
            "rows": rows,
        }
        if len(shown) > SHOWN_ROWS:
            out["cut"] = _("The first {n} of {all} rows; the workbook has all of them.").format(
                n=language.number(SHOWN_ROWS), all=language.number(len(shown))
            )
        return out

    def finding(self, found: Finding | NotAvailable, *, headline: bool = False) -> None:
        """Show a finding and keep it; a *headline* stands in the executive summary, the others in their chapter only."""
        if isinstance(found, NotAvailable):
            self._not_available(found)
            return
        said = {k: typeset(v) if isinstance(v, str) else v for k, v in asdict(found).items()}
        said |= {k: [typeset(text) for text in said[k]] for k in ("warnings", "assumptions")}
        if language.absent(found.value):  # JSON has no word for it
            said["value"] = None
        record = {"kind": "finding", **said, "headline": headline}
        self._findings[found.key] = {**record, "step": self.step}
        path = self.results / self.step / "findings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(list(self._findings.values()), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        warned = "".join(f"<br>⚠ {html.escape(w)}" for w in said["warnings"])
        text, evidence, so_what = (html.escape(said[k]) for k in ("text", "evidence", "so_what"))
        shown = f"<blockquote><strong>{text}</strong><br>{evidence}<br>→ {so_what}{warned}</blockquote>"
        _display({"text/html": shown}, record)

    def section(self, title: str, about: str = "") -> None:
        """Begin a section that only some engagements have; *about* stands under its title."""
        from IPython.display import display

        said = f"## {title}\n\n{about}".rstrip()
        display({"text/markdown": said, "text/plain": title}, raw=True)

    def caution(self, text: str) -> None:
        """Show a warning that the reader must see, as a box of its own."""
        if isinstance(text, NotAvailable):
            return
        _display({"text/html": f"<blockquote>⚠ {html.escape(text)}</blockquote>"}, {"kind": "caution", "text": typeset(text)})

    def _not_available(self, gone: NotAvailable) -> None:
        from IPython import get_ipython

        shell = get_ipython()
        said = (shell.execution_count if shell else None, gone.text)
        if not gone.text or said == self._said:  # once a cell, however many exhibits the section would have had
            return
        self._said = said
        record = {"kind": "not_available", "missing": list(gone.missing), "would_answer": gone.would_answer, "text": gone.text}
        _display({"text/html": f"<p><em>{html.escape(gone.text)}</em></p>"}, record)

    # ---------------------------------------------------------------- from step to step
    def hand_over(self, name: str, frame: pd.DataFrame | NotAvailable) -> None:
        """Keep a table for later steps, with the stamp of what it was made of."""
        folder = self.results / "handed_over"
        folder.mkdir(parents=True, exist_ok=True)
        path, stamp = folder / f"{name}.parquet", folder / f"{name}.json"
        if isinstance(frame, NotAvailable):
            path.unlink(missing_ok=True)
            stamp.write_text(
                json.dumps({**self.stamp, "step": self.step, "missing": list(frame.missing), "reason": frame.reason}) + "\n",
                encoding="utf-8",
            )
            return
        frame.to_parquet(path, index=False)
        stamp.write_text(json.dumps({**self.stamp, "step": self.step, "rows": len(frame)}) + "\n", encoding="utf-8")

    def received(self, name: str) -> pd.DataFrame | NotAvailable:
        """A table that an earlier step handed over.

        Refused if it was made of other data, another day, another scope, other settings or another playbook.
        """
        folder = self.results / "handed_over"
        if not (folder / f"{name}.json").exists():
            raise UserError(
                _("{name}: no earlier step has handed it over. Run the notebooks before this one first.").format(name=name)
            )
        try:
            stamp = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            maker = stamp["step"]
            differs = _difference({key: stamp[key] for key in self.stamp if key in stamp or key != "playbook"}, self.stamp)
            if not differs and "missing" in stamp:
                return NotAvailable(
                    tuple(stamp["missing"]), _("what an earlier step would have handed over"), reason=stamp["reason"]
                )
            if not differs:
                return pd.read_parquet(folder / f"{name}.parquet")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                _("{name}: what an earlier step handed over cannot be read. Run the notebooks before this one again.").format(
                    name=name
                )
            ) from None
        raise UserError(
            _("{name}: {maker} made it {differs}. Run {maker} again.").format(name=name, maker=maker, differs=differs)
        )

    # ---------------------------------------------------------------- from review to review
    @cached_property
    def last_review(self) -> tuple[Path, dt.date] | None:
        """The folder of the newest whole run as of an earlier day, on the same scope, and its as-of date; None without one."""
        runs = []
        for path in sorted((self.project / "reports").glob("*/run.json")):
            if path.parent.name == "latest" or path.parent.is_symlink() or path.parent.name.endswith(".part"):
                continue
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                day, scope, status = dt.date.fromisoformat(said["stamp"]["as_of"]), said["stamp"]["scope"], said["status"]
            except (OSError, ValueError, KeyError, TypeError):
                continue  # what cannot be read is no review
            if day < self.as_of and scope == self.scope and status in ("finished", "rendered"):
                runs.append((day, path.parent.name, path.parent))
        return (max(runs)[2], max(runs)[0]) if runs else None

    def findings(self, results: Path | None = None) -> list[dict[str, Any]]:
        """The findings of all steps of this run so far, or of the run whose *results* folder is given, by step."""
        told: list[dict[str, Any]] = []
        for path in sorted((results or self.results).glob("*/findings.json")):
            try:
                told += json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                raise UserError(
                    _("{folder}/{file} cannot be read. Run {folder} again.").format(folder=path.parent.name, file=path.name)
                ) from None
        return told

    def earlier(self, name: str) -> pd.DataFrame | None:
        """A table that the last review handed over; None where there is none."""
        path = self.last_review[0] / "results" / "handed_over" / f"{name}.parquet" if self.last_review else None
        return pd.read_parquet(path) if path and path.is_file() else None

    def export(self, name: str, frame: pd.DataFrame | NotAvailable, *, by: str = "") -> None:
        """Write a list that people work with as exports/<name>.csv, and for each value of the column *by* its rows as
        exports/<name>/<value>.csv and .xlsx.

        A list without a row is not written, and what a run before has left goes. UTF-8 with BOM for Excel; cells that a
        spreadsheet would run as formulas are defused, and no cell of a workbook is one.
        """
        path = self._exports() / f"{name}.csv"
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)  # of a run before, whose branches may be others
        if isinstance(frame, NotAvailable) or frame.empty:
            path.unlink(missing_ok=True)
            return
        # A list is for people and their spreadsheets: labels and translated values, but plain numbers and sortable dates.
        written = pd.DataFrame({columns.label(c): _listed(c, frame[c]) for c in frame.columns})
        written.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
        if by in frame:
            path.with_suffix("").mkdir()
            named = frame[by].astype(object).where(frame[by].notna(), "").map(str).str.strip()
            for value, file in _files(named).items():
                part = path.with_suffix("") / file
                rows = written[(named == value).to_numpy()]
                rows.to_csv(f"{part}.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n")
                self._workbook(Path(f"{part}.xlsx"), rows)

    def export_forms(self, name: str, forms: dict[str, tuple[str, pd.DataFrame]] | NotAvailable) -> None:
        """Write forms for people to fill in as exports/<name>.xlsx, one sheet each: title of the sheet -> what it is for, and its
        rows of texts. An empty cell of a row is one to fill in, and looks like it; no cell is a formula.
        """
        if isinstance(forms, NotAvailable):
            return
        import xlsxwriter

        path = self._exports() / f"{name}.xlsx"
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            book.set_properties({"created": dt.datetime.combine(self.as_of, dt.time())})
            cell = {"valign": "top", "text_wrap": True, "border": 1, "border_color": "#bfbfbf", "num_format": "@"}
            title, head = book.add_format({"bold": True, "font_size": 14}), book.add_format({**cell, "bold": True})
            known, to_fill = book.add_format(cell), book.add_format({**cell, "bg_color": "#fff8dc"})
            for sheet_name, (about, rows) in forms.items():
                sheet = book.add_worksheet(sheet_name)
                sheet.hide_gridlines(2)
                sheet.set_landscape()
                sheet.fit_to_pages(1, 0)
                sheet.set_column(0, 0, 24)
                sheet.set_column(1, len(rows.columns) - 1, 48)
                sheet.write_string(0, 0, sheet_name, title)
                sheet.write_string(1, 0, about)
                sheet.freeze_panes(4, 0)
                for place, column in enumerate(rows.columns):
                    sheet.write_string(3, place, columns.label(column), head)
                    for row, value in enumerate(rows[column], start=4):
                        if language.absent(value):
                            sheet.write_blank(row, place, None, to_fill)
                        else:
                            sheet.write_string(row, place, str(value)[:_CELL], known)

    def _exports(self) -> Path:
        """The folder of what people work with; made where it is not there yet."""
        folder = (self.results.parent if "FIVESTEP_RESULTS" in os.environ else self.project / "reports") / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _workbook(self, path: Path, rows: pd.DataFrame) -> None:
        """The same rows as a workbook: texts as texts, numbers as numbers; the same input gives the same bytes."""
        import xlsxwriter

        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            book.set_properties({"created": dt.datetime.combine(self.as_of, dt.time())})
            sheet = book.add_worksheet()
            bold = book.add_format({"bold": True})
            sheet.freeze_panes(1, 0)
            for place, label in enumerate(rows.columns):
                sheet.write_string(0, place, label, bold)
                for row, value in enumerate(rows[label], start=1):
                    if isinstance(value, str):
                        sheet.write_string(row, place, value)
                    elif not language.absent(value):
                        sheet.write_number(row, place, float(value))

    def facts(self) -> list[list[str]]:
        """What the report says about itself on its first pages: data, period, customers, currency, scope."""
        customers = int(self.tables.customers.count().to_pandas())
        to_come = self.tables.days.to_come(self.as_of)
        return [
            [_("Data"), _(self.settings.source) or self.folder.name],
            [
                _("Orders"),
                _("{first} to {last}").format(first=language.day(self.tables.first_day), last=language.day(self.tables.last_day)),
            ],
            [_("As of"), language.day(self.as_of)],
            *([[_("Orders dated after the import, left out"), language.number(to_come)]] if to_come else []),
            [_("Customers"), language.number(customers)],
            [_("Scope"), self.scope_label or _("All customers")],
            [_("Currency"), self.settings.currency],
            [_("Time zone"), self.settings.time_zone],
            [_("Snapshot"), f"{self.folder.name} ({self.stamp['snapshot'][:12]})"],
        ]


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """In which way a result was made of something else, as *theirs* and *ours* stamp it; empty where it was not."""
    for key, words in (
        ("snapshot", N_("for other data ({theirs}, not {ours})")),
        ("as_of", N_("for another as-of date ({theirs}, not {ours})")),
        ("scope", N_("for another scope ({theirs}, not {ours})")),
    ):
        if theirs[key] != ours[key]:
            return _(words).format(theirs=theirs[key] or _("everybody"), ours=ours[key] or _("everybody"))
    if theirs["settings"] != ours["settings"]:
        words = _("{key} {theirs} there, {ours} here")
        told = [
            words.format(key=key, theirs=theirs["settings"].get(key), ours=value)
            for key, value in ours["settings"].items()
            if theirs["settings"].get(key) != value
        ]
        return _("with other settings ({settings})").format(settings="; ".join(told))
    return _("with another playbook.yml") if theirs.get("playbook") != ours.get("playbook") and "playbook" in theirs else ""


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):  # fromisoformat reads weeks and bare digits, too
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UserError(_("as_of: {text!r} is no date. Write it as YYYY-MM-DD, like 2017-12-31.").format(text=text)) from None


_FORMULA = re.compile(r"^[=+\-@\t\r]")


def _listed(name: str, values: pd.Series) -> pd.Series | list[str]:
    kind = columns.column(name).kind
    if kind == "text":
        return [_defused(columns.formatted(name, v)) for v in values]
    if kind in ("date", "month"):
        return ["" if language.absent(v) else pd.Timestamp(v).date().isoformat() for v in values]
    return values.astype("Float64").round().astype("Int64") if kind == "count" else values.round(4)


_RESERVED = re.compile(r"(?i:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])")  # names of devices, which Windows takes for no file


def _files(values: pd.Series) -> dict[str, str]:
    """A file name for each value, in the order of the values, the empty one included; those that would be alike are numbered."""
    out: dict[str, str] = {}
    for value in sorted(values.unique()):
        name = re.sub(r"[^\w-]+", "_", value or _("Not assigned")).strip("_")[:60] or "_"
        name += "_" * bool(_RESERVED.fullmatch(name))
        taken = {n.casefold() for n in out.values()}
        number = next(n for n in itertools.count(1) if (f"{name}_{n}" if n > 1 else name).casefold() not in taken)
        out[value] = f"{name}_{number}" if number > 1 else name
    return out


def _defused(text: str) -> str:
    return "'" + text if _FORMULA.match(text) and text != language.MISSING else text


def _display(data: dict[str, str], record: dict[str, Any]) -> None:
    from IPython.display import display

    plain = record.get("title") or record["text"]
    if "text/html" in data:  # else JupyterLab would set what stands between two dollar signs as a formula
        data = {**data, "text/html": f'<div class="tex2jax_ignore mathjax_ignore">{data["text/html"]}</div>'}
    display({**data, "text/plain": plain}, raw=True, metadata={"fivestep": record})


def _captioned(record: dict[str, Any], body: str) -> str:
    said = [
        _("Exhibit {number}").format(number=record["number"]),
        _("Source: {source}").format(source=record["source"]),
        record["note"],
    ]
    number, source, note = map(html.escape, said)
    return (
        f'<div style="max-width:52em"><p><small>{number}</small><br><strong>{html.escape(record["title"])}</strong></p>'
        f"{body}<p><small>{source}{'<br>' if note else ''}{note}</small></p></div>"
    )


def _html_table(record: dict[str, Any]) -> str:
    def cells(tag: str, texts: list[str]) -> str:
        return "".join(
            f'<{tag} style="text-align:{c["align"]}">{html.escape(t)}</{tag}>'
            for c, t in zip(record["columns"], texts, strict=True)
        )

    head = cells("th", [c["label"] for c in record["columns"]])
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in record["rows"])
    cut = f"<p><small>{html.escape(record['cut'])}</small></p>" if "cut" in record else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{cut}"

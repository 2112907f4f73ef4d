"""A list of customers with the names and phones of the vault: for those who make the calls, written into the vault."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fivestep import consent, engine
from fivestep.errors import UserError
from fivestep.intake import identity
from fivestep.intake.quality import imported_on
from fivestep.language import _
from fivestep.privacy import access, vault
from fivestep.privacy.pseudonyms import Pseudonyms

EXPORTS = (Path("reports", "latest", "exports"), Path("reports", "exports"))  # of a run, of notebooks run by hand
LISTS = vault.FOLDER / "lists"

_CELL = 32_767  # characters that a cell of a workbook may hold


@dataclass(frozen=True)
class Written:
    """A contact list: its workbook, customers in it, those left out as they have opted out since, those whom the vault does
    not know or has no phone and e-mail address of, and contact persons of theirs who have opted out, who are not in it."""

    path: Path
    customers: int
    opted_out: int
    unreachable: int
    persons_out: int


def write(project: Path, name: str, snapshot: Path, names: Pseudonyms, purpose: str) -> Written:
    """Write ``data/vault/lists/<name>.xlsx``: the rows of the newest export of that name with id, name, phone, e-mail, address.

    Customers who have opted out of marketing in the *snapshot* are left out. Accounts merged into one count as one; of a company
    without a phone of its own the first contact person's stands there who has not opted out. Raises UserError where access.yml
    does not allow it.
    """
    listed = _listed(project, name)
    column = next((c for c in listed.columns if _pseudonyms(listed[c])), "")
    if not column:
        raise UserError(
            _("{name}.csv in {folder}/: no column holds pseudonyms of customers, so nobody can be looked up.").format(
                name=name, folder=EXPORTS[0].as_posix()
            )
        )
    tables = engine.Tables.of(engine.read(snapshot, engine.connect()), imported=imported_on(snapshot))
    refused = consent.opted_out(tables) or frozenset()
    left = listed[~listed[column].isin(refused)]
    access.opened(project, f"contacts {name}", purpose, left[column].nunique())
    people, persons = _people(project, names)
    joined = people.reindex(left[column]).reset_index(drop=True)
    out = pd.concat([left.reset_index(drop=True), joined], axis=1)
    reached = joined[["phone", "email"]].notna().any(axis=1)
    path = project / LISTS / f"{name}.xlsx"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for amount in [c for c in left.columns if _amounts(left[c])]:
        out[amount] = pd.to_numeric(out[amount])
    _workbook(path, name, out.rename(columns={"raw_id": _("Id"), "name": _("Name"), "phone": _("Phone"), "email": _("E-mail"),
                                        "address": _("Address")}))  # fmt: skip
    return Written(
        path,
        left[column].nunique(),
        listed[column].nunique() - left[column].nunique(),
        left[column][~reached.to_numpy()].nunique(),
        int(persons.isin(set(left[column])).sum()),
    )


def _listed(project: Path, name: str) -> pd.DataFrame:
    written = {p: p.stem for folder in EXPORTS for p in sorted((project / folder).glob("*.csv"))}
    mine = [p for p, stem in written.items() if stem == name]
    if not mine:
        there = ", ".join(sorted(set(written.values()))) or _("none yet")
        raise UserError(
            _("{folder}/ holds no list called {name}. Lists are {there}; fivestep run writes them.").format(
                folder=EXPORTS[0].as_posix(), name=name, there=there
            )
        )
    path = max(mine, key=lambda p: p.stat().st_mtime)
    return pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)


def _pseudonyms(values: pd.Series) -> bool:
    return len(values) > 0 and bool(values.str.fullmatch(r"[0-9a-f]{32}").all())


def _amounts(values: pd.Series) -> bool:
    """Whether all that a column holds are numbers; digits with a leading zero, or more than a number can keep, are a code."""
    filled = values[values != ""]
    return len(filled) > 0 and bool(filled.str.fullmatch(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?").all())


def _people(project: Path, names: Pseudonyms) -> tuple[pd.DataFrame, pd.Series]:
    """raw_id, name, phone, email, address by the pseudonym that the tables have; of merged accounts the first that is filled.

    No address of a contact person who has opted out is among them; of these persons the customers are returned, too.
    """
    wanted, opting = ["raw_id", "name", "phone", "email", "address"], ["contact_id", "marketing_opt_out"]
    refused = pd.DataFrame(columns=["customer_id", *wanted, *opting])
    into = identity.merges(identity.decisions(project))
    parts = []
    for order, table in enumerate(t for t in vault.TABLES if vault.holds(project, t)):
        frame = vault.read(project, table, names).to_pandas().sort_values(["customer_id", "raw_id"], kind="stable")
        frame = frame.reindex(columns=["customer_id", *wanted, *opting])
        if table == "contacts":
            frame["raw_id"] = None
            out = _opted_out(frame)
            refused, frame = frame[out], frame[~out]
        own = frame["customer_id"].map(lambda customer: into.get(customer, customer))
        parts.append(frame.assign(customer_id=own, _rank=order * 2 + (own != frame["customer_id"])))
    if not parts:
        raise UserError(_("data/vault/ holds nobody. Import the client's files first: fivestep import"))
    united = pd.concat(parts).sort_values(["customer_id", "_rank"], kind="stable")
    for address in ("phone", "email"):  # that of a person who has opted out may stand with the company, too
        theirs = set(refused[address].dropna().map(_compared)) - {""}
        united[address] = united[address].where(~united[address].map(_compared).isin(theirs), None)
    who = refused["customer_id"].map(lambda customer: into.get(customer, customer))
    who = who[~refused["contact_id"].duplicated() | refused["contact_id"].isna()]
    return united.groupby("customer_id")[wanted].first(), who


def _opted_out(persons: pd.DataFrame) -> pd.Series:
    """Which rows are those of contact persons who have opted out, on this row or on another one of theirs."""
    said = persons["marketing_opt_out"].eq("true")
    return said | (persons["contact_id"].notna() & persons["contact_id"].isin(set(persons["contact_id"][said].dropna())))


def _compared(address: object) -> str:
    return re.sub(r"[\s()-]", "", address).lower().removeprefix("+86") if isinstance(address, str) else ""


def _workbook(path: Path, name: str, rows: pd.DataFrame) -> None:
    """Numbers as numbers and texts as texts, so that no phone becomes a number and no cell a formula; closed to others."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(name[:31])
        sheet.freeze_panes(1, 0)
        for place, label in enumerate(rows.columns):
            sheet.write_string(0, place, str(label), book.add_format({"bold": True}))
            for row, value in enumerate(rows.iloc[:, place], start=1):
                if isinstance(value, str):
                    sheet.write_string(row, place, value[:_CELL])
                elif pd.notna(value):
                    sheet.write_number(row, place, value)
    vault.closed(path, out.getvalue(), path.parent)

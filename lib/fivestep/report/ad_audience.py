"""A list as an audience for advertising platforms: hashed e-mail addresses and phones, without those who opted out.

Platforms ask for SHA-256 without a key. Such a hash of a phone number can be undone by trying all numbers, so the file lies in
the vault like the numbers themselves, and no report shows it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd

from fivestep import engine, language
from fivestep.consent import opted_out
from fivestep.engagement import settings, snapshot_folder, snapshot_hash
from fivestep.errors import UserError
from fivestep.intake import identity
from fivestep.intake.quality import imported_on
from fivestep.language import _
from fivestep.privacy import access, vault
from fivestep.privacy.pseudonyms import Pseudonyms

LISTS = "action_lists"  # what 4_strategy hands over: customer_id, action_list, to_contact
MAINLAND = re.compile(r"(?:0086|86)?(1[3-9][0-9]{9})")
LONGEST, SHORTEST = 15, 8  # digits of a number in E.164


@dataclass(frozen=True)
class AdAudience:
    """What was written: *path*; customers of the list, opted out, without a usable address, e-mails and phones in the file."""

    path: Path
    listed: int
    refused: int
    without: int
    emails: int
    phones: int

    def summary(self) -> str:
        """How many of the list are in the file, and why others are not."""
        return _(
            "Customers on the list: {listed}; left out: {refused} opted out, {without} without a usable address. Hashed: "
            "{emails} e-mail addresses, {phones} phone numbers. Delete the file once it has been uploaded."
        ).format(
            listed=language.number(self.listed), refused=language.number(self.refused), without=language.number(self.without),
            emails=language.number(self.emails), phones=language.number(self.phones),
        )  # fmt: skip


def e164(number: str, country_code: str = "") -> str | None:
    """A phone number in E.164, like +8613812345678, or None where its country is not known.

    A mobile number of the Chinese mainland needs no country code; others begin with + or 00, or take *country_code* in place of
    their leading zeros. Source: ITU-T E.164 (2010).
    """
    said = unicodedata.normalize("NFKC", number).strip()
    digits = re.sub(r"[^0-9]", "", said)
    if mainland := MAINLAND.fullmatch(digits):
        return f"+86{mainland[1]}"
    if said.startswith("+"):
        full = digits
    elif digits.startswith("00"):
        full = digits[2:]
    elif country_code:
        full = country_code + digits.lstrip("0")
    else:
        return None
    return f"+{full}" if SHORTEST <= len(full) <= LONGEST and full[0] != "0" else None


def ad_audience(project: Path, action_list: str, names: Pseudonyms, purpose: str, *, country_code: str = "") -> AdAudience:
    """Hash the e-mail addresses and phone numbers of a list of the last run into ``data/vault/audiences/<list>.csv`` (0600).

    Columns: email_sha256, phone_sha256, in the order of the hashes; no id. An address that anybody who has opted out uses is left
    out, too. Raises UserError where there is no such list, the lists were made of other data, or access.yml does not allow it.
    """
    if country_code and not re.fullmatch(r"[1-9][0-9]{0,2}", country_code):
        raise UserError(
            _("--country-code {country_code!r}: give one to three digits, such as 44.").format(country_code=country_code)
        )
    connection = engine.connect()
    folder = snapshot_folder(project, settings(project).snapshot)
    people = _listed(project, snapshot_hash(folder), action_list)
    refused = opted_out(engine.Tables.of(engine.read(folder, connection), imported=imported_on(folder)))
    if refused is None:
        raise UserError(
            _(
                "customers.marketing_opt_out: the data does not say who has opted out of marketing. Import it "
                "before customers are handed to an advertising platform."
            )
        )
    access.opened(project, f"audience {action_list}", purpose, len(people - refused))
    known = _addresses(project, names, country_code)
    mine = known[known["customer_id"].isin(people - refused)]
    theirs = known[known["customer_id"].isin(refused) | known["person_refused"]]
    mine = mine[~mine["person_refused"]]
    rows = set()
    for email, phone in zip(mine["email"], mine["phone"], strict=True):
        kept = [
            a if isinstance(a, str) and not others.eq(a).any() else None
            for a, others in ((email, theirs["email"]), (phone, theirs["phone"]))
        ]
        if any(kept):
            rows.add(tuple(hashlib.sha256(a.encode()).hexdigest() if a else "" for a in kept))
    usable = mine[mine[["email", "phone"]].notna().any(axis=1)]["customer_id"].nunique()
    path = vault.folder(project) / "audiences" / f"{re.sub(r'[^a-z0-9]+', '_', action_list.lower()).strip('_')}.csv"
    _write(path, sorted(rows))
    return AdAudience(
        path, len(people), len(people & refused), len(people - refused) - usable,
        sum(bool(e) for e, _p in rows), sum(bool(p) for _e, p in rows),
    )  # fmt: skip


def _listed(project: Path, snapshot: str, action_list: str) -> frozenset[str]:
    """The customers to contact on a list of the last run, by pseudonym."""
    made = [p for results in ("reports/*/results", "results") for p in project.glob(f"{results}/handed_over/{LISTS}.parquet")]
    if not made:
        raise UserError(_("There are no lists yet: fivestep run makes them in 4_strategy."))
    path = max(made, key=lambda p: (p.stat().st_mtime, p))
    stamp = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if stamp["snapshot"] != snapshot:
        raise UserError(
            _("The lists of the last run were made of other data than the snapshot now: fivestep run makes them again.")
        )
    table = pd.read_parquet(path)
    chosen = table[table["action_list"].map(lambda name: action_list in (name, _(name)))]  # as in reports, or in English
    if chosen.empty:
        there = ", ".join(_(name) for name in sorted(table["action_list"].unique())) or _("none")
        raise UserError(
            _("{action_list!r}: the last run has no such list. Lists are {there}.").format(action_list=action_list, there=there)
        )
    return frozenset(chosen.loc[chosen["to_contact"], "customer_id"])


def _addresses(project: Path, names: Pseudonyms, country_code: str) -> pd.DataFrame:
    """customer_id (after merges), email and phone of everybody in the vault; missing where not usable.

    Contact persons are there only where they have opted out (``person_refused``): theirs are addresses of nobody else.
    """
    parts = [_usable(project, vault.read(project, "customers", names), country_code).assign(person_refused=False)]
    if vault.holds(project, "contacts"):
        persons = vault.read(project, "contacts", names)
        if "marketing_opt_out" in persons.columns:
            out = persons.filter(persons.marketing_opt_out == "true")
            parts.append(_usable(project, out, country_code).assign(person_refused=True))
    return pd.concat(parts, ignore_index=True)


def _usable(project: Path, held: ibis.Table, country_code: str) -> pd.DataFrame:
    text = {c: held[c] if c in held.columns else held.customer_id.nullif(held.customer_id) for c in ("email", "phone")}
    rows = held.select(
        "customer_id",
        email=identity.email(text["email"]),
        phone=identity.phone(text["phone"]).notnull().ifelse(text["phone"], None),
    )
    frame = engine.frame(rows, by=["customer_id", "email", "phone"])
    who = identity.merges(identity.decisions(project))
    frame["customer_id"] = frame["customer_id"].map(lambda c: who.get(c, c))
    frame["phone"] = [e164(p, country_code) if isinstance(p, str) else None for p in frame["phone"]]
    return frame.astype(object).where(frame.notna(), None)


def _write(path: Path, rows: list[tuple[str, str]]) -> None:
    """Write the hashes as CSV that only the user may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["email_sha256", "phone_sha256"])
    writer.writerows(rows)
    vault.closed(path, out.getvalue().encode("ascii"), path.parent)

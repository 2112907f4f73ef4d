"""The same person across files: proposals by stated rules, decided by people, undone at any time.

The same raw id gives the same pseudonym, so equal ids need no decision. Equal phones and e-mail addresses are proposed in
``data/identity.yml``; only pairs that somebody has marked as accepted are merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

import ibis
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from fivestep import yaml_file
from fivestep.contract import TABLES
from fivestep.engine import frame
from fivestep.errors import UserError
from fivestep.language import N_, _
from fivestep.privacy.masking import is_masked, masked

FILE = Path("data", "identity.yml")
SHARED_BY = 5  # customers; what more of them share is a shop's number or a placeholder, not one person
FEWEST_DIGITS = 7  # of a phone number; shorter ones are extensions

_HEAD = (
    N_("Customers who may be the same person. Decide each pair: accepted, refused, or leave it proposed (nothing happens)."),
    N_("Accepted pairs count as one customer from the next `fivestep import` on; any decision can be changed again."),
)


class Pair(BaseModel):
    """Two customers who may be one: ``first`` < ``second`` (pseudonyms), why, and what somebody decided.

    ``seen`` shows masked values to decide by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: str
    second: str
    reason: str
    seen: str = ""
    decision: Literal["proposed", "accepted", "refused"] = "proposed"


def phone(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """A phone number as digits, without the country code of the Chinese mainland; null where it identifies nobody.

    Masked numbers, fewer than seven digits, and one digit over and over are no numbers.
    """
    hidden = is_masked(text)
    digits = _narrow(text).re_replace(r"[^0-9]", "")
    digits = digits.re_replace(r"^(?:0086|86)(1[3-9][0-9]{9})$", r"\1")
    empty = hidden | (digits.length() < FEWEST_DIGITS) | (digits.replace(digits.left(1), "") == "")
    return empty.ifelse(ibis.null("string"), digits)


def email(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """An e-mail address in lower case; null where it is masked or none."""
    address = _narrow(text).strip().lower()
    good = address.re_search(r"^[^@\s]+@[^@\s]+\.[^@\s]+$") & ~address.contains("*")
    return good.ifelse(address, ibis.null("string"))


RULES = {N_("same phone"): ("phone", phone), N_("same e-mail"): ("email", email)}


def proposals(people: ibis.Table) -> list[Pair]:
    """Pairs of customers with the same phone or e-mail address, by pseudonym.

    *people*: customer_id and any of name, phone, email, as the vault holds them. What more than five customers share, and what is
    masked, proposes nobody. The first customer by pseudonym is paired with each other one.
    """
    found: dict[tuple[str, str], Pair] = {}
    for reason, (column, normal) in RULES.items():
        if column not in people.columns:
            continue
        name = people["name"] if "name" in people.columns else ibis.null("string")
        known = people.select(customer_id=people.customer_id, name=name, shared=normal(people[column])).filter(
            ibis._.shared.notnull() & ibis._.customer_id.notnull()
        )
        known = known.group_by("shared", "customer_id").aggregate(name=known.name.min())
        several = known.group_by("shared").aggregate(n=known.count()).filter(ibis._.n.between(2, SHARED_BY))
        together = frame(known.semi_join(several, "shared"), by=["shared", "customer_id"])
        for value, group in together.groupby("shared", sort=True):
            names = [masked(n) if isinstance(n, str) else "" for n in group["name"]]
            same = len(set(group["name"].dropna())) == 1 and group["name"].notna().all()
            first, *others = group["customer_id"]
            for other, called in zip(others, names[1:], strict=True):
                seen = f"{masked(value)}; {names[0] or '?'}, {called or '?'}" + (" " + _("(same name)") if same else "")
                found.setdefault((first, other), Pair(first=first, second=other, reason=_(reason), seen=seen))
    return [found[k] for k in sorted(found)]


def decisions(project: Path) -> list[Pair]:
    """The pairs of ``data/identity.yml``; none where the file is missing. Raises UserError that names the entry at fault."""
    path = project / FILE
    if not path.exists():
        return []
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        if not isinstance(said, list):
            raise UserError(_("{file}: expected a list of pairs, each beginning with `- first:`.").format(file=FILE.as_posix()))
        return [Pair.model_validate(entry) for entry in said]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            _("{file} cannot be read: {reason}").format(file=FILE.as_posix(), reason=" ".join(str(error).split()))
        ) from None
    except ValidationError as error:
        raise UserError(yaml_file.problems(FILE.as_posix(), error.errors())[0]) from None


def record(project: Path, proposed: Iterable[Pair]) -> list[Pair]:
    """Add new proposals to ``data/identity.yml``, keeping every earlier entry and decision; returns all pairs."""
    earlier = {(p.first, p.second): p for p in decisions(project)}
    pairs = {**{(p.first, p.second): p for p in proposed}, **earlier}
    out = [pairs[k] for k in sorted(pairs)]
    if len(out) > len(earlier):
        _write(project, out)
    return out


def forget(project: Path, who: Collection[str]) -> None:
    """Take every pair of these customers out of ``data/identity.yml``."""
    pairs = decisions(project)
    left = [p for p in pairs if not {p.first, p.second} & set(who)]
    if len(left) < len(pairs):
        _write(project, left)


def _write(project: Path, pairs: Iterable[Pair]) -> None:
    text = yaml.safe_dump([p.model_dump() for p in pairs], allow_unicode=True, sort_keys=False, width=200)
    path = project / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    head = "".join(f"# {_(line)}\n" for line in _HEAD)
    part.write_text(head + text, encoding="utf-8", newline="\n")
    part.chmod(0o600)
    part.replace(path)


def digest(pairs: Iterable[Pair]) -> str:
    """SHA-256 over what is merged, for the ledger."""
    accepted = sorted(f"{p.first} {p.second}" for p in pairs if p.decision == "accepted")
    return hashlib.sha256("\n".join(accepted).encode()).hexdigest()


def merges(pairs: Iterable[Pair]) -> dict[str, str]:
    """Who becomes whom by the accepted pairs: pseudonym -> the first pseudonym of the group, for those who change.

    Raises UserError where two customers are refused as a pair and yet joined through others.
    """
    pairs = list(pairs)
    root: dict[str, str] = {}

    def top(one: str) -> str:
        while root.get(one, one) != one:
            one = root[one]
        return one

    for pair in pairs:
        if pair.decision == "accepted":
            low, high = sorted((top(pair.first), top(pair.second)))
            root[high] = low
    for pair in pairs:
        if pair.decision == "refused" and top(pair.first) == top(pair.second):
            raise UserError(
                _(
                    "{file}: {first} and {second} are refused as a pair, but other accepted pairs make them one. "
                    "Refuse one of those pairs, or accept this one."
                ).format(file=FILE.as_posix(), first=pair.first, second=pair.second)
            )
    return {one: top(one) for one in sorted(root) if top(one) != one}


def applied(tables: Mapping[str, ibis.Table], who: Mapping[str, str]) -> tuple[dict[str, ibis.Table], dict[str, ibis.Table]]:
    """The tables with merged customers under one pseudonym, and the rows that this changed, as they were, for `undone`.

    Where the customer is part of the key (customers, exposures), the row of the customer that stays wins; where that one has no
    row, the row of the first by pseudonym takes its place.
    """
    out, before = dict(tables), {}
    for name in (n for n, t in tables.items() if who and "customer_id" in t.columns):
        table = tables[name]
        pairs = ibis.memtable({"_own": list(who), "_into": list(who.values())}, schema={"_own": "string", "_into": "string"})
        joined = table.left_join(pairs, table.customer_id == pairs._own).drop("_own")
        joined = joined.mutate(_to=ibis.coalesce(joined._into, joined.customer_id))
        key = list(TABLES[name].key)
        if "customer_id" in key:
            same = ["_to", *(k for k in key if k != "customer_id")]
            window = ibis.window(group_by=same, order_by=[joined._into.notnull(), joined.customer_id])
            joined = joined.mutate(_stays=ibis.row_number().over(window) == 0)
        else:
            joined = joined.mutate(_stays=ibis.literal(True))
        out[name] = joined.filter(joined._stays).mutate(customer_id=ibis._._to).select(table.columns)
        before[name] = joined.filter(joined._into.notnull()).drop("_to")
    return out, before


def undone(tables: Mapping[str, ibis.Table], before: Mapping[str, ibis.Table]) -> dict[str, ibis.Table]:
    """The tables as they were before `applied` changed the rows *before*."""
    out = dict(tables)
    for name in (n for n in before if n in tables):
        table, rows = tables[name], before[name]
        placed = rows.filter(rows._stays).mutate(customer_id=rows._into)
        out[name] = ibis.union(table.anti_join(placed, TABLES[name].key), rows.select(table.columns))
    return out


def _narrow(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Full-width digits, letters and signs as their plain forms; what stands for the same number must be the same text."""
    wide = "".join(chr(c) for c in range(0xFF01, 0xFF5F))
    return text.translate(wide, "".join(chr(ord(c) - 0xFEE0) for c in wide))

"""Customers whose names, phones, e-mails and addresses are similar: proposals by Splink, an optional extra."""

from __future__ import annotations

import logging

import ibis

from fivestep import language
from fivestep.engine import frame
from fivestep.errors import UserError
from fivestep.intake.identity import Pair, email, phone
from fivestep.language import _
from fivestep.privacy.masking import is_masked, masked

SURE = 0.95  # probability of being one person, from which a pair is proposed
FEWEST = 100  # customers, below which the model has too little to learn from
SAMPLED = 1_000_000  # pairs from which is learned how often different people agree by chance
COLUMNS = ("name", "phone", "email", "address")


def check() -> None:
    """Raise UserError where Splink is not installed."""
    try:
        import splink  # noqa: F401
    except ImportError:
        raise UserError(_("Fuzzy matching needs Splink. Install it: python -m pip install 'splink>=5,<6'")) from None


def proposals(people: ibis.Table) -> list[Pair]:
    """Pairs of customers who are probably one person (Fellegi and Sunter, 1969), to be decided like any other.

    *people*: customer_id and at least two of name, phone, email, address, as the vault holds them; masked values count as empty.
    Raises UserError where Splink is not installed and where there is too little to learn from.
    """
    check()
    import splink.comparison_library as compared
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    rows = frame(_comparable(people), by=["unique_id"])
    used = [c for c in COLUMNS if c in rows and rows[c].nunique() > 1]
    keys = [c for c in ("phone", "email", "name") if c in used]
    if len(rows) < FEWEST or len(used) < 2 or not keys:
        said = _("Fuzzy matching needs at least {least} customers with two of {columns}; the vault has {n} with {used}.")
        used_columns = ", ".join(used) or _("none")
        raise UserError(said.format(least=FEWEST, columns=", ".join(COLUMNS), n=language.number(len(rows)), used=used_columns))
    distances = {
        "name": compared.JaroWinklerAtThresholds("name", [0.92, 0.8]),
        "phone": compared.LevenshteinAtThresholds("phone", [1]),
        "email": compared.LevenshteinAtThresholds("email", [2]),
        "address": compared.JaroWinklerAtThresholds("address", [0.95, 0.85]),
    }
    model = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[distances[c] for c in used],
        blocking_rules_to_generate_predictions=[block_on(c) for c in keys],
    )
    logging.getLogger("splink").setLevel(logging.ERROR)  # it would tell values and tables on the way
    linker = Linker(DuckDBAPI().register(rows), model, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match([block_on(c) for c in keys], recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED, seed=1)
    found = linker.inference.predict(threshold_match_probability=SURE).as_record_list()
    known = rows.set_index("unique_id")
    pairs = {}
    for one in found:
        first, second = sorted((one["unique_id_l"], one["unique_id_r"]))
        both = [" / ".join(masked(known.loc[i, c]) or "?" for i in (first, second)) for c in used]
        reason = _("similar, probability {p}").format(p=f"{min(one['match_probability'], 0.99):.2f}")  # never certain
        pairs[first, second] = Pair(first=first, second=second, reason=reason, seen="; ".join(both))
    return [pairs[k] for k in sorted(pairs)]


def _comparable(people: ibis.Table) -> ibis.Table:
    """One row for each customer, values as they are compared; null where they are masked."""
    values = {"phone": phone, "email": email}
    shown = {}
    for column in (c for c in COLUMNS if c in people.columns):
        text = people[column]
        plain = values[column](text) if column in values else text.strip().lower()
        shown[column] = is_masked(text).ifelse(ibis.null("string"), plain)
    rows = people.select(unique_id=people.customer_id, **shown).filter(ibis._.unique_id.notnull())
    return rows.group_by("unique_id").aggregate(**{c: rows[c].min() for c in shown})

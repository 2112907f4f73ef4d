"""The needs register: what was noted on the forms of the eight channels, beside what the data shows."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.kano import Kano
from fivestep.needs.survey import plain
from fivestep.needs.unbought import Unbought
from fivestep.privacy.masking import masked_text

WORDS = Path(__file__).with_name("forms") / "needs.csv"
LANGUAGES = ("en", "zh_CN", "zh_TW")
CHANNELS = {  # name of the form -> channel
    "top_customers": N_("Meetings with top customers"),
    "short_forms": N_("Suggestion box, cards, short forms"),
    "surveys": N_("Surveys"),
    "database": N_("Customer database"),
    "staff_notes": N_("Notes of the staff"),
    "competitors": N_("Visits to competitors"),
    "focus_groups": N_("Focus groups"),
    "research_panel": N_("Research panel"),
}
FIELDS = ("need", "evidence", "kind", "motive", "source", "segment", "status", "noted_on")
MORE = {"competitors": ("competitor", "product", "price"), "focus_groups": ("participants",)}  # told with the evidence
STATED, REVEALED = "stated", "revealed"
STATUSES = {"found": N_("Found"), "confirmed": N_("Confirmed"), "in work": N_("In work"), "closed": N_("Closed")}
MOTIVES = {
    "function": N_("Function"), "price": N_("Price"), "service": N_("Service"), "status": N_("Standing"), "safety": N_("Safety"),
}  # fmt: skip
BOTH, ONLY_SAID, ONLY_SEEN = N_("Said and seen"), N_("Only said"), N_("Only seen")
WANTED = {"M": N_("missed when absent"), "O": N_("the more the better"), "A": N_("a delight when present")}
SHOWN = 30

_ANSWERS = N_("which needs customers have, who says so, and whether what they do agrees")


@dataclass(frozen=True)
class NeedsRegister:
    """Needs with their evidence.

    ``entries``: one row per piece of evidence: need, channel (of `CHANNELS`), evidence, kind (stated, revealed), motive, source,
    segment, status, noted_on (as written). ``table``: one row per need, best supported first: register_need, need_support (said
    and seen, only said, only seen), need_said, need_seen (pieces of evidence), need_channels, need_evidence (of the first entry),
    need_motive, need_segment, need_status (the furthest that is noted).
    """

    entries: pd.DataFrame
    table: pd.DataFrame

    def figure(self) -> Figure:
        """Pieces of evidence by channel."""
        counts = self.entries["channel"].value_counts()
        return charts.bars(
            [_(label) for label in CHANNELS.values()],
            [float(counts.get(name, 0)) for name in CHANNELS],
            write=language.number,
            xlabel=_("Pieces of evidence"),
        )

    def shown(self) -> pd.DataFrame:
        """The register as a reader sees it."""
        return self.table.head(SHOWN)

    def headline(self) -> str:
        """How many needs are both said and seen."""
        counts = self.table["need_support"].value_counts()
        return _("{n} needs: {both} said and seen, {said} only said, {seen} only seen").format(
            n=language.number(len(self.table)),
            both=language.number(counts.get(BOTH, 0)),
            said=language.number(counts.get(ONLY_SAID, 0)),
            seen=language.number(counts.get(ONLY_SEEN, 0)),
        )

    def channels_headline(self) -> str:
        """How many of the channels have brought anything."""
        return _("{n} of {all} channels have brought evidence").format(
            n=language.number(self.entries["channel"].nunique()), all=language.number(len(CHANNELS))
        )

    def note(self) -> str:
        """Where the entries come from."""
        return _(
            "Entries: the forms in the folder needs/ of the project; from the survey every feature that is missed when absent, "
            "wanted more of or a delight; from the searches every frequent term that is in no product's name or category. Said: "
            "in words of customers. Seen: in what they did. Entries with the same name are one need."
        )

    def finding(self) -> Finding:
        """How many needs rest on one kind of evidence only."""
        one = int((self.table["need_support"] != BOTH).sum())
        return Finding(
            key="needs.register_one_sided",
            value=float(one),
            unit="count",
            display=language.number(one),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.channels_headline()) + " " + self.note(),
            so_what=_("Ask about what is only seen, and look for what is only said in what customers do, before money is spent."),
            confidence="medium",
            warnings=(_("A need that nobody noted is not in the register: silence is no evidence."),),
        )


def write_need_forms(folder: str | Path, *, language: str = "en") -> list[Path]:
    """Write the eight empty forms as CSV into *folder* (made where it is missing), headings in *language*; returns their paths.

    Raises `UserError` for another language. Forms that are there already are left as they are.
    """
    if language not in LANGUAGES:
        raise UserError(
            _("language: {language!r} has no forms. Choose one of {choices}.").format(
                language=language, choices=", ".join(LANGUAGES)
            )
        )
    headings = {row["field"]: row[language] for row in _words() if not row["value"]}
    out = []
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in CHANNELS:
        path = Path(folder) / f"{name}.csv"
        if not path.exists():
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                csv.writer(file).writerow([headings[f] for f in (*FIELDS, *MORE.get(name, ()))])
        out.append(path)
    return out


def needs_register(
    folder: str | Path, kano: Kano | NotAvailable | None = None, unbought: Unbought | NotAvailable | None = None
) -> NeedsRegister | NotAvailable:
    """The register of the forms in *folder*, with needs of the Kano survey (stated) and of searches without a product (revealed).

    A form is named for its channel (`CHANNELS`); headings and answers are in any of the three languages. Raises `UserError` for a
    file of another name, a heading or an answer that is not known, and a row without a need.
    """
    forms = sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []
    if closed := [p.name for p in forms if p.stem in CHANNELS and p.suffix.lower() in (".xlsx", ".xls")]:
        raise UserError(_("needs/{file}: save the form as CSV (UTF-8).").format(file=closed[0]))
    rows = [row for path in forms if path.suffix.lower() == ".csv" for row in _form(path)]
    if isinstance(kano, Kano):
        for row in kano.table[kano.table["code"].isin(list(WANTED))].itertuples():
            said = _("Kano: {wanted} ({n} answers)").format(wanted=_(WANTED[row.code]), n=language.number(row.pairs))
            rows.append({"need": row.feature_label, "channel": "surveys", "evidence": said, "kind": STATED})
    if isinstance(unbought, Unbought):
        for row in unbought.unmatched.itertuples():
            said = _("Searched {n} times, by {customers} customers; no product has the name").format(
                n=language.number(row.searches), customers=language.number(row.customers)
            )
            term = language.value("events.search_term", row.sought_term)
            rows.append({"need": term, "channel": "database", "evidence": said, "kind": REVEALED})
    if not rows:
        reason = _("no form in the folder needs/ of the project is filled in, and neither survey nor searches show a need.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    entries = pd.DataFrame(rows, columns=["channel", *FIELDS]).astype(object)
    entries = entries.where(entries.notna(), None)
    table = pd.DataFrame([_summary(part) for _key, part in entries.groupby(entries["need"].map(plain), sort=True)])
    rank = table["need_support"].map({BOTH: 0, ONLY_SAID: 1, ONLY_SEEN: 1})
    table = table.assign(rank=rank, many=-table["need_said"] - table["need_seen"])
    table = table.sort_values(["rank", "many", "register_need"], ignore_index=True).drop(columns=["rank", "many"])
    return NeedsRegister(entries, table)


def _summary(part: pd.DataFrame) -> dict:
    said, seen = int((part["kind"] == STATED).sum()), int((part["kind"] == REVEALED).sum())
    statuses = [list(STATUSES).index(s) for s in part["status"] if s]
    motives, segments = (list(dict.fromkeys(v for v in part[c] if v)) for c in ("motive", "segment"))
    return {
        "register_need": part["need"].iloc[0],
        "need_support": BOTH if said and seen else ONLY_SAID if said else ONLY_SEEN,
        "need_said": said,
        "need_seen": seen,
        "need_channels": part["channel"].nunique(),
        "need_evidence": next((e for e in part["evidence"] if e), None),
        "need_motive": language.listing([_(MOTIVES[m]) for m in motives]) if motives else None,
        "need_segment": language.listing(segments) if segments else None,
        "need_status": list(STATUSES.values())[max(statuses, default=0)],
    }


def _words() -> list[dict[str, str]]:
    with WORDS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _form(path: Path) -> list[dict]:
    """The rows of a filled-in form, by field."""
    if path.stem not in CHANNELS:
        raise UserError(
            _("needs/{file}: a form is named for its channel: {choices}.").format(file=path.name, choices=", ".join(CHANNELS))
        )
    known = {row[code].lower(): row["field"] for row in _words() if not row["value"] for code in LANGUAGES}
    answers = {(row["field"], row[code].lower()): row["value"] for row in _words() if row["value"] for code in LANGUAGES}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            headings, *lines = list(csv.reader(file)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            _("needs/{file} cannot be read: save it as CSV in UTF-8 ({reason}).").format(
                file=path.name, reason=" ".join(str(error).split())
            )
        ) from None
    out = []
    for heading in headings:
        if heading.strip().lower() not in known:
            raise UserError(
                _("needs/{file}: the heading {heading!r} is not one of the form. Keep the headings as they were.").format(
                    file=path.name, heading=heading
                )
            )
    for number, cells in enumerate(lines, 2):
        if any(cell.strip() for cell in cells[len(headings) :]):
            raise UserError(
                _(
                    "needs/{file}, row {number}: there are more cells than headings. Put a text that holds commas in quotes."
                ).format(file=path.name, number=number)
            )
        filled = itertools.zip_longest(headings, cells[: len(headings)], fillvalue="")
        row = {known[heading.strip().lower()]: cell.strip() for heading, cell in filled}
        if not any(row.values()):
            continue
        if not row.get("need"):
            raise UserError(_("needs/{file}, row {number}: name the need in a few words.").format(file=path.name, number=number))
        for field in ("kind", "motive", "status"):
            said = row.get(field, "")
            if said and (field, said.lower()) not in answers:
                choices = ", ".join(w["en"] for w in _words() if w["field"] == field and w["value"])
                raise UserError(
                    _("needs/{file}, row {number}: {field} {said!r} is not one of {choices}.").format(
                        file=path.name, number=number, field=field, said=said, choices=choices
                    )
                )
            row[field] = answers.get((field, said.lower()), "")
        row["kind"] = row["kind"] or (REVEALED if path.stem == "database" else STATED)
        evidence = "; ".join(row[f] for f in ("evidence", *MORE.get(path.stem, ())) if row.get(f))
        row |= {"need": masked_text(row["need"]), "evidence": masked_text(evidence)}
        out.append({"channel": path.stem, **{f: row.get(f) or None for f in FIELDS}})
    return out

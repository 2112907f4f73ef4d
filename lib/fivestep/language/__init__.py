"""The words and number formats of one report: catalogs, labels of columns and of data values.

The language is set once for a process (`use`), as a report is written in one language. Every other function reads it.
"""

from __future__ import annotations

import csv
import datetime as dt
import gettext as _gettext
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_currency, format_compact_decimal, format_currency, format_decimal, format_percent

from fivestep.errors import UserError

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("en", "zh_CN", "zh_TW")
MISSING = "–"


@dataclass
class _Setting:
    code: str = "en"
    currency: str = "USD"
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    orders: dict[str, dict[str, int]] = field(default_factory=dict)


_now = _Setting()


def use(code: str, *, currency: str = "USD") -> None:
    """Set the language and currency in which this process speaks from here on; labels of data values are forgotten."""
    if code not in LANGUAGES:
        raise UserError(
            _("language: {code!r} is not available. Choose one of {choices}.").format(code=code, choices=", ".join(LANGUAGES))
        )
    _now.code, _now.currency, _now.values, _now.orders = code, currency, {}, {}


def use_language_of(path: Path) -> None:
    """Set the language that a settings file names, also where the file is not valid: what is wrong with it is said in it.

    The nearest language for a code that is not available; English where no line ``language:`` can be read.
    """
    try:
        text = path.read_bytes().replace(b"\0", b"").decode(errors="replace")  # without the other half of UTF-16
    except OSError:
        return
    found = re.search(r"^[^\w\n]*language[^\w\n]*(\w+)(?:-(\w+))?", text, re.MULTILINE)
    said = "_".join(part for part in found.groups() if part).lower() if found else ""
    use(min(LANGUAGES, key=lambda code: (code.lower() != said, code[:2] != said[:2])), currency=_now.currency)


def current() -> str:
    """The code of the language in use, like ``zh_CN``."""
    return _now.code


def currency() -> str:
    """The ISO 4217 code in which money is shown."""
    return _now.currency


@lru_cache
def catalog(code: str) -> _gettext.NullTranslations:
    """The message catalog of a language; English is the messages themselves."""
    path = LOCALES / code / "LC_MESSAGES" / "fivestep.mo"
    if code == "en" or not path.exists():
        return _gettext.NullTranslations()
    with path.open("rb") as file:
        return _gettext.GNUTranslations(file)


def _(message: str) -> str:
    """*message* in the language in use."""
    return catalog(_now.code).gettext(message) if message else ""


def N_(message: str) -> str:
    """Mark *message* for the catalog; it is translated where it is shown."""
    return message


def ngettext(singular: str, plural: str, n: int) -> str:
    """The form for *n* things, in the language in use."""
    return catalog(_now.code).ngettext(singular, plural, n)


@lru_cache
def original(text: str) -> str:
    """The English message that *text* is in some language, or *text* itself where it is nobody's translation."""
    return _originals().get(text, text)


@lru_cache
def _originals() -> dict[str, str]:
    out: dict[str, str] = {}
    for code in LANGUAGES[1:]:
        for message, translation in getattr(catalog(code), "_catalog", {}).items():
            if isinstance(message, str) and message and translation:
                out.setdefault(translation, message)
    return out


def _locale() -> Locale:
    return Locale.parse(_now.code)


def absent(value: Any) -> bool:
    """Whether *value* is None, NaN, NaT or NA."""
    if value is None:
        return True
    try:
        return bool(value != value) or not math.isfinite(value)
    except TypeError:  # text, dates and pandas.NA, which has no truth value
        return type(value).__name__ in ("NAType", "NaTType")


def number(value: float, digits: int = 0) -> str:
    """A number with the grouping of the language: ``12,345.6``."""
    if absent(value):
        return MISSING
    return format_decimal(_rounded(value, digits), format="#,##0" + ("." + "0" * digits if digits else ""), locale=_locale())


def percent(value: float, digits: int | None = None) -> str:
    """A share as a percentage: 0.094 -> ``9.4%``.

    From 10 % on without decimals unless asked, and never 100 % where it is less than all.
    """
    if absent(value):
        return MISSING
    if digits is None:
        digits = 0 if 0.0995 <= abs(value) < 0.995 or value == 0 or abs(value) >= 1 else 1
        if 0.9995 <= abs(value) < 1:
            value = math.copysign(0.999, value)
    return format_percent(
        _rounded(value, digits + 2), format="#,##0" + ("." + "0" * digits if digits else "") + "%", locale=_locale()
    )


def money(value: float, digits: int = 0) -> str:
    """Money with the currency of the engagement: ``$1,234``."""
    if absent(value):
        return MISSING
    pattern = _locale().currency_formats["standard"].pattern.split(";")[0]
    pattern = pattern.replace("0.00", "0" + ("." + "0" * digits if digits else ""))
    return format_currency(_rounded(value, digits), _now.currency, format=pattern, locale=_locale(), currency_digits=False)


def short_money(value: float) -> str:
    """Money for a tile or an axis: ``$1.2M``, ``US$123万``."""
    if absent(value):
        return MISSING
    if _whole_thousands(value):
        return money(value)
    return format_compact_currency(_compact(value), _now.currency, locale=_locale(), fraction_digits=_compact_digits(value))


def short_number(value: float) -> str:
    """A large number for a tile or an axis: ``1.2M``, ``123万``."""
    if absent(value):
        return MISSING
    if _whole_thousands(value):
        return number(value)
    return format_compact_decimal(_compact(value), locale=_locale(), fraction_digits=_compact_digits(value))


def _whole_thousands(value: float) -> bool:
    """Chinese counts in ten thousands; what is less than one is written out, grouped as elsewhere."""
    return 1_000 <= abs(value) < 10_000 and not _compact_digits(value)


def _compact(value: float) -> float:
    # Babel writes a number below the first compact step with all its digits.
    return (
        round(float(value), 0 if abs(value) >= 100 else 2) if abs(value) < 10_000 and not _compact_digits(value) else float(value)
    )


def _compact_digits(value: float) -> int:
    size = abs(float(value))
    base = 10_000 if _now.code.startswith("zh") else 1_000
    if size < base:
        return 0
    while size >= base:
        size /= base
    return 1 if size < 100 else 0


def _rounded(value: Any, digits: int) -> Decimal:
    # Decimal of the shortest repr, so that 0.125 rounds as a reader of "0.125" expects and -0.0 never shows a sign.
    number = Decimal(repr(float(value))) if not isinstance(value, (int, Decimal)) else Decimal(value)
    return round(number, digits) + 0


def day(value: dt.date) -> str:
    """A date: ``31 Dec 2017``, ``2017年12月31日``."""
    if absent(value):
        return MISSING
    return format_date(value, "d MMM y" if _now.code == "en" else "long", locale=_locale())


def month(value: dt.date) -> str:
    """A month with its year: ``Dec 2017``, ``2017年12月``."""
    if absent(value):
        return MISSING
    return (
        format_date(value, "MMM y", locale=_locale()) if _now.code == "en" else format_skeleton("yMMM", value, locale=_locale())
    )


def short_month(value: dt.date) -> str:
    """A month without its year, for an axis: ``Dec``, ``12月``."""
    return format_date(value, "LLL", locale=_locale())


def weekday(index: int) -> str:
    """The short name of a weekday, 0 = Monday."""
    return _locale().days["stand-alone"]["abbreviated"][index]


def full_weekday(index: int) -> str:
    """The name of a weekday, 0 = Monday."""
    return _locale().days["stand-alone"]["wide"][index]


def listing(items: list[str]) -> str:
    """Items as a reader lists them: ``a, b and c``, ``a、b和c``."""
    from babel.lists import format_list

    return format_list(items, locale=_locale()) if items else ""


def sentence(text: str) -> str:
    """*text* closed by the full stop of the language."""
    return text + ("。" if _now.code.startswith("zh") else ".")


def typeset(text: str) -> str:
    """Sentences that were put together, set as the language sets them.

    In Chinese nothing stands between a full stop and the next sentence.
    """
    return re.sub(r"(?<=[。；：，！？）、])[ ]+", "", text) if _now.code.startswith("zh") else text


def load_values(path: Path) -> None:
    """Read a snapshot's ``labels.csv`` (field, value, order, en, zh_CN, zh_TW): reader-friendly names of data values."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # as spreadsheets save it
            reader = csv.DictReader(file, strict=True)
            names = set(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader if any(row.values())]
    except UnicodeDecodeError:
        raise UserError(_("{file} is not UTF-8 text. Save it as CSV UTF-8.").format(file=path.name)) from None
    except csv.Error as error:
        raise UserError(
            _("{file}, line {line}: {error}. Mend or remove the row.").format(
                file=path.name, line=reader.line_num + 1, error=error
            )
        ) from None
    except OSError as error:
        raise UserError(
            _("{file} cannot be read ({reason}). Put one CSV file there or take it away.").format(
                file=path.name, reason=error.strerror
            )
        ) from None
    lacking = {"field", "value", "en"} - names
    if lacking:
        raise UserError(
            _("{file}: column {choices} is missing. It needs field, value, en and one column per language.").format(
                file=path.name, choices=", ".join(sorted(lacking))
            )
        )
    seen: set[tuple[str, str]] = set()
    for line, row in rows:
        key, order = (row["field"], row["value"]), (row.get("order") or "").strip()
        if None in row or None in key:
            raise UserError(
                _("{file}, line {line}: the row does not have as many cells as the first line. Mend the row.").format(
                    file=path.name, line=line
                )
            )
        if key in seen:
            raise UserError(
                _("{file}, line {line}: {field} {value!r} has been named before. Keep one of the two rows.").format(
                    file=path.name, line=line, field=key[0], value=key[1]
                )
            )
        if not re.fullmatch(r"-?[0-9]{1,9}", order or "0"):
            raise UserError(
                _("{file}, line {line}: order: {order!r} is no whole number. Write 1, 2, 3 ... or leave it empty.").format(
                    file=path.name, line=line, order=order[:20]
                )
            )
        seen.add(key)
        _now.values[key] = row.get(_now.code) or row["en"] or row["value"]
        if order:
            _now.orders.setdefault(row["field"], {})[row["value"]] = int(order)


def value(field: str, raw: Any) -> str:
    """A data value as the reader sees it: *field* is ``table.column``.

    Unknown values show as they are, absent ones as "Unknown".
    """
    if absent(raw):
        return _("Unknown")
    return _now.values.get((field, str(raw)), str(raw))


def value_order(field: str, values: list[str]) -> list[str]:
    """*values* in their declared order (age bands youngest first), undeclared ones after, by name."""
    ranks = _now.orders.get(field, {})
    return sorted(values, key=lambda v: (ranks.get(str(v), len(ranks) + 1), str(v)))


from fivestep.language import columns  # noqa: E402, F401  the registry is part of this room

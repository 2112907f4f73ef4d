"""Text of client files as typed values: expressions of the engine, each with a state that says what became of the cell.

Every conversion tries the engine's own cast first and goes the long way only for what that leaves null: clean files stay fast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dtypes
from ibis.expr.types import ArrayValue, BooleanValue, IntegerValue, StringValue, Value

from fivestep.contract import TABLES, declared, headers
from fivestep.contract.tables import BORN, FIRST_YEAR, LAST_YEAR, NEVER
from fivestep.intake import identity, places
from fivestep.intake.mapping import Source, Target
from fivestep.privacy.masking import is_masked

# What became of a cell; from UNIT on it is a value.
FINE, NOT_PARSED, EMPTY_DATE, AMBIGUOUS_DATE, MASKED, PRECISION_LOST, UNKNOWN_VALUE = range(7)
UNIT, DOLLAR, YUAN, EURO, POUND, OFFSET, REDACTED = range(10, 17)

EXACT = dtypes.Decimal(18, 6)  # money as it is read: it is rounded once, when it is written, and what that changes is told
MONEY = dtypes.Decimal(18, 2)

_WIDE = "".join(chr(c) for c in range(0xFF01, 0xFF5F)) + "\u3000\u00a0\u2007\u202f￥￡−–"
_NARROW = "".join(chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)) + "    ¥£--"
_NOTHING = ("", "-", "--", "—", "n/a", "#n/a", "null", "none", "nan", "nil", "无", "無", "暂无", "\\n")
_NO_ID = tuple(dict.fromkeys(w for n in _NOTHING for w in (n, n.upper(), n.title(), "NaN")))
_MARK = r"人民币|rmb|cny|usd|eur|gbp|us\$|nt\$|hk\$|[¥$€£]"  # of currencies, before or after an amount
# What free text may tell of a person; without look-around, as the engine has none.
_MAIL = r"[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+"
_CARD = r"(^|[^\p{Nd}])[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]([^\p{Nd}]|$)"
_CALL = (
    r"(^|[^\p{Nd}])(?:(?:\+?86[- ]?)?[1１][3-9３-９]\p{Nd}[- ]?\p{Nd}{4}[- ]?\p{Nd}{4}|\+\d[\d ()-]{7,14}\d"
    r"|\(?0\d{2,3}\)?[- ]\d{7,8}|\(?\d{3}\)?[- ]\d{3}-\d{4})([^\p{Nd}]|$)"
)
_BANK = r"(?:^|[^\p{Nd}])((?:62\d{2}|4\d{3}|5[1-5]\d{2})(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?)(?:[^\p{Nd}]|$)"
_TRUE = ("是", "y", "yes", "true", "t", "1", "1.0", "有", "已", "√", "✓", "on")
_FALSE = ("否", "n", "no", "false", "f", "0", "0.0", "无", "無", "未", "×", "✗", "off")

# A date in years of the Republic of China: 113/03/05 is 5 March 2024.
ROC = r"^\s*(?:民國|民国|中華民國)?\s*1\d{2}\s*[年/.-]\s*\d{1,2}\s*[月/.-]\s*\d{1,2}\b|^\s*(?:民國|民国|中華民國)"


@dataclass(frozen=True)
class Converted:
    """A column's values and, per cell, what became of it (FINE, NOT_PARSED ...).

    ``easy`` says which cells the engine's own cast reads (True: all); where it reads all of a column, ``short`` is the same as
    ``value`` and much faster.
    """

    value: Value
    state: IntegerValue
    short: Value | None = None
    easy: BooleanValue | bool | None = None


@dataclass(frozen=True)
class Locale:
    """What a file's cells mean: its time zone and the engagement's, the order of day and month, the decimal sign.

    ``years`` are the last two digits of years written with four in the same column: 24-03-05 beside 2024-03-04 is not the fifth
    year of anything, whatever order is declared, and is not read.
    """

    zone: str = "UTC"
    file_zone: str = ""
    date_order: str = ""
    decimal: str = "."
    years: tuple[str, ...] = ()


def converted(text: StringValue, target: Target, locale: Locale, *, numeric: bool = False, unit: str = "") -> Converted:
    """A column of text as the field that *target* names.

    *unit* is that of the header (元, 万元, %); *numeric*: the cells were numbers in a workbook, where long ids lose digits.
    """
    field = target.target
    if field is None:
        return extra(text)
    kind = _kind(target.to)
    if target.values:
        text, unknown = _translated(text, target.values)
        made = _by_kind(text, kind, field, target, locale, numeric, unit)
        return Converted(made.value, unknown.ifelse(UNKNOWN_VALUE, made.state))
    return _by_kind(text, kind, field, target, locale, numeric, unit)


def _kind(to: str) -> str:
    own = declared(to)
    facts = headers.targets()[to]
    if facts.kind == "id" and (own is None or own.type == "text"):
        return "id"
    if own is None:
        return {"money": "price", "percent": "percent", "bool": "boolean", "number": "number"}.get(facts.kind, "text")
    if facts.name == "order_lines.unit_price":
        return "price"
    if facts.kind == "percent":
        return "percent"
    if facts.kind == "multi":
        return "multi"
    return "free" if own.free else own.type


def _by_kind(
    text: StringValue, kind: str, field: headers.Target, target: Target, locale: Locale, numeric: bool, unit: str
) -> Converted:
    unit = target.unit or unit
    if kind == "id":
        made = ids(text, numeric=numeric, form=target.id)
        return Converted(target.prefix + made.value, made.state) if target.prefix else made
    if kind in ("money", "price"):
        made = money(text, locale, unit=unit)
        return Converted((-made.value.abs()).cast(made.value.type()), made.state) if target.inverse else made  # what goes back
    if kind in ("number", "integer"):
        return number(text, locale, whole=kind == "integer")
    if kind == "percent":
        return percent(text, locale, unit=unit)
    if kind in ("timestamp", "date"):
        own = declared(field.name)
        return timestamp(
            text, locale, day=kind == "date", roc_years=bool(target.roc_years), early=field.field == "birth_date",
            ahead=bool(own and own.ahead),
        )  # fmt: skip
    if kind == "boolean":
        made = boolean(text, inverse=target.inverse)
        if field.field == "marketing_opt_out":  # what cannot be read may be a refusal: nobody is contacted on a guess
            return Converted((made.state == NOT_PARSED).ifelse(True, made.value), made.state)
        return made
    if kind == "multi":
        return several(text)
    if kind == "free":
        said = _filled(text)
        bare, told = without_numbers(said), tells_numbers(said)
        return Converted(told.ifelse(bare, said), told.ifelse(REDACTED, FINE).cast("int8"), said, ~told)
    if field.place == "vault" and field.field in ("phone", "email"):
        hidden = is_masked(text).fill_null(False)
        return Converted(hidden.ifelse(ibis.null("string"), ids(text).value), hidden.ifelse(MASKED, FINE).cast("int8"))
    if target.to in ("customers.province", "customers.city"):
        named = (places.province if field.field == "province" else places.city)(_filled(text))
        return Converted(named, _fine(), named, True)
    return extra(text)


def trapped(text: StringValue, suspects: Collection[str] | None = None) -> BooleanValue:
    """Whether a number or a time that the engine's cast reads stands in a trap all the same (`staging.SIGNS`) or among blanks.

    *suspects* are the traps whose signs occur in the file, None where nobody has looked: no cell need be searched for another.
    """
    signs = {"wrapped": text.endswith("\t"), "precision": text.contains("E+"),
             "float": text.endswith(".0") & (text.length() > 8)}  # fmt: skip
    return ibis.or_(text < "(", *(odd for trap, odd in signs.items() if suspects is None or trap in suspects))


# ---------------------------------------------------------------- text
def extra(text: StringValue) -> Converted:
    """Text as it stands, without blanks around it; nothing for an empty cell."""
    return Converted(_filled(text), _fine(), _filled(text), True)


def plain(text: StringValue) -> StringValue:
    """Full-width digits, letters and signs as plain ones, without blanks and marks that only speak to a spreadsheet.

    The marks are ``="0012"``, a leading apostrophe, tabs.
    """
    narrow = _narrowed(text).re_replace(r'^[\s\x{FEFF}\x{200B}]*=?"?\'?\s*|[\s"]+$', "")
    return _simple(text).ifelse(text, narrow)


def _narrowed(text: StringValue) -> StringValue:
    """Full-width characters as plain ones; the engine's translation is slow, so plain text goes round it."""
    return (_bytes(text) == text.length()).ifelse(text, text.translate(_WIDE, _NARROW))


def _simple(text: StringValue) -> BooleanValue:
    """Whether nothing needs cleaning; only cheap tests, for this is asked of every cell."""
    first, last = text.substr(0, 1), text.right(1)
    return (_bytes(text) == text.length()) & (first > "'") & (first != "=") & (last > " ") & (last != '"')


def _filled(text: StringValue) -> StringValue:
    """The text without blanks around it; trimming is slow, so text without any goes round it."""
    blank = text < "!"  # begins with one, or holds nothing
    for sign in " \t\n\r\v\f":
        blank = blank | text.endswith(sign)
    return blank.ifelse(text.strip().nullif(""), text)


def is_free(to: str) -> bool:
    """Whether people write a field in their own words."""
    table, _, name = to.partition(".")
    return table in TABLES and name in TABLES[table].fields and TABLES[table].fields[name].free


def own_names(text: StringValue, names: ArrayValue) -> StringValue:
    """The pattern of those *names* that stand in a text; empty where none does."""
    there = names.filter(lambda name: text.contains(name))
    return there.map(lambda name: name.re_replace(r"([^\p{L}\p{N}])", r"\\\1")).join("|").nullif("")


def without(text: StringValue, pattern: StringValue) -> StringValue:
    """A text without the names of a pattern; as it is where that is missing."""
    return pattern.isnull().ifelse(text, _replaced(text, pattern, "[name]", "g"))


def is_list(to: str) -> bool:
    """Whether a field holds text that is no id, not written in people's own words and not for the vault."""
    own = declared(to)
    return bool(own and not own.is_id) and _kind(to) in ("text", "multi")


def tells_numbers(text: StringValue) -> BooleanValue:
    """Whether a text holds e-mail addresses, numbers of identity or bank cards or phone numbers."""
    sure = f"{_MAIL}|{_CALL}|{_CARD}"
    told = text.re_search(sure).ifelse(True, _bank_cards(text).length() > 0)
    return text.re_search(f"{sure}|{_BANK}").ifelse(told, False).fill_null(False)


def without_numbers(text: StringValue) -> StringValue:
    """A text without the e-mail addresses, numbers of identity and bank cards and phone numbers in it."""
    text = text.re_replace(_MAIL, "[e-mail]")
    for _twice in range(2):  # of two numbers beside each other the blank between them belongs to the first
        text = text.re_replace(_CARD, r"\1[id]\2")
        text = _let(text, lambda t: t.re_search(_BANK).ifelse(_without_bank_cards(t), t))
        text = text.re_replace(_CALL, r"\1[phone]\2")
    return text


def _without_bank_cards(text: StringValue) -> StringValue:
    found = _bank_cards(text)
    return (found.length() > 0).ifelse(_replaced(text, found.join("|"), "[card]", "g"), text)


def _bank_cards(text: StringValue) -> ArrayValue:
    """The numbers of a text whose last digit is the check digit of a card (Luhn, 1960)."""

    def checked(number: StringValue) -> BooleanValue:
        digits = number.re_replace("[ -]", "").reverse()
        figures = digits.split("").map(lambda digit: digit.cast("int64"))
        weighed = ibis.range(0, figures.length()).map(
            lambda i: (i % 2 == 0).ifelse(figures[i], 2 * figures[i] - (figures[i] > 4).ifelse(9, 0))
        )
        return weighed.sums() % 10 == 0

    return extracted(text, _BANK, 1).filter(checked)


def several(text: StringValue) -> Converted:
    """Several values of one cell, separated by semicolons whatever separated them in the file.

    A cell with semicolons is separated by them alone, and a list in brackets by its quotes where it has them.
    """
    bare = text.strip()
    listed = bare.re_search(r"^\[.*\]$").ifelse(bare, ibis.null("string"))
    quoted = extracted(listed, r"""'[^']*'|"[^"]*\"""", 0).map(lambda item: item.substr(1, item.length() - 2)).join("; ")
    bare = bare.re_replace(r'^\[|\]$|"', "")
    parted = bare.re_search("[;；]").ifelse(bare.re_replace(r"\s*[;；\n]+\s*", "; "), bare.re_replace(r"\s*[,，、|\n]+\s*", "; "))
    parts = ibis.coalesce(quoted.nullif(""), parted).re_replace(r"^(; ?)+|(; ?)+$", "")
    return Converted(parts.nullif(""), _fine())


def _translated(text: StringValue, values: Mapping[str, str | None]) -> tuple[StringValue, BooleanValue]:
    """Values replaced, without regard to case; those not named stay as they are and are counted, unless ``*`` names them all."""
    key = plain(text).lower()
    named = [(k, v) for k, v in values.items() if k != "*"]
    rest = ibis.literal(values["*"], type="string") if "*" in values else text
    cases = [(key == plain_key(k), ibis.literal(v, type="string")) for k, v in named]
    cases += [(key == plain_key(v), ibis.literal(v)) for v in dict.fromkeys(v for _, v in named if v)]
    out = ibis.cases((text.isnull(), ibis.null("string")), *cases, else_=rest)
    known = key.isin([plain_key(x) for pair in named for x in pair if x])
    return out, text.notnull() & ~known & ibis.literal("*" not in values)


def plain_key(text: str) -> str:
    """A value as values are compared."""
    return text.translate(str.maketrans(_WIDE, _NARROW)).strip().lower()


# ---------------------------------------------------------------- ids
def ids(text: StringValue, *, numeric: bool = False, form: str = "") -> Converted:
    """Ids as text: cleaned, without the ``.0`` of a number; masked ones and those whose digits a spreadsheet destroyed are null.

    *form*: ``salesforce`` lengthens ids of 15 characters to 18; ``email`` and ``phone`` normalise as identities are compared;
    ``hashed`` ids are made of names, and whoever asks turns them into pseudonyms.
    """
    odd = ~_simple(text) | text.contains("*") | text.contains("E+") | text.endswith(".0") | text.isin(_NO_ID)
    if numeric:
        odd = odd | (text.length() >= 16)
    clean = plain(text)
    out = whole = clean.re_replace(r"^(\d+)\.0$", r"\1")
    empty = clean.lower().isin(_NOTHING)
    lost = clean.re_search(r"^\d(\.\d+)?[eE]\+\d+$")
    if numeric:
        lost = lost | clean.re_search(r"^\d{16,}(\.0)?$")
    hidden = is_masked(clean)
    if form == "salesforce":
        out = (whole.length() == 15).ifelse(whole + _case_mark(whole), whole)
    elif form == "email":
        out = identity.email(whole)
    elif form == "phone":
        out = identity.phone(whole)
    no = ibis.null("string")
    slow = ibis.cases((empty, no), (lost, no), (hidden, no), else_=out)
    state = ibis.cases((empty, FINE), (lost, PRECISION_LOST), (hidden, MASKED), (out.isnull(), NOT_PARSED), else_=FINE)
    if form:  # every id is rewritten
        return Converted(slow, (text.isnull()).ifelse(FINE, state).cast("int8"))
    easy = text.re_search(r"^[A-Za-z_-]*[0-9][0-9A-Za-z_-]*$")  # most ids, and quick to see
    if numeric:
        easy = easy & (text.length() < 16)
    easy = easy.ifelse(True, ~odd | text.isnull())
    return Converted(odd.ifelse(slow, text), odd.fill_null(False).ifelse(state, FINE).cast("int8"), text, easy)


def _case_mark(text: StringValue) -> StringValue:
    """The three characters that tell upper from lower case in a Salesforce id of 15 characters (documentation of object ids)."""
    alphabet = ibis.literal("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
    out = []
    for chunk in range(3):
        bits = [text.substr(chunk * 5 + i, 1).between("A", "Z").ifelse(2**i, 0) for i in range(5)]
        out.append(alphabet.substr(sum(bits[1:], bits[0]), 1))
    return out[0] + out[1] + out[2]


# ---------------------------------------------------------------- numbers
def money(text: StringValue, locale: Locale, *, unit: str = "") -> Converted:
    """Money as DECIMAL with six decimals: marks of currency, 元, 万元 (of the cell, else of the header), separators, brackets.

    Brackets or one minus, before or after, are negative; what is negative twice is not understood. ``1.234,56`` only where
    the file's decimal sign is declared to be a comma.
    """
    factor = headers.FACTORS.get(unit, 1)
    fast = _decimal(text) if locale.decimal != "," else ibis.null(EXACT)

    def told(plain: StringValue) -> Value:
        bare = plain.re_replace(r"^\((.*)\)$", r"\1").re_replace(r"([\d万萬亿億千])-$", r"\1")
        less = plain.re_search(r"^\(.*\)$|[\d万萬亿億千]-$")
        twice = less & plain.re_search(r"^\(.*-\)$|^\(?[-+].*[-)]$")  # negative once or twice?
        figure = twice.ifelse(ibis.null(EXACT), _figure(bare.re_replace("[亿億万萬千]$", ""), locale.decimal))
        return figure.cast(dtypes.Decimal(28, 6)) * less.ifelse(-1, 1).cast("int32")  # 28 and 10 digits make 38

    clean = _digits(text)
    front = clean.re_replace(rf"^([-+(]?)(?:{_MARK})+", r"\1")
    figure = _let(front.re_replace(rf"(?:{_MARK}|[元圆圓]整?)+([-)]?)$", r"\1"), told)
    end = rf"(?:{_MARK}|[元圆圓]整?)*[-)]*$"
    own = clean.re_search(f"[亿億万萬千]{end}")
    size = ibis.cases(
        (clean.re_search(f"[亿億]{end}"), 100_000_000),
        (clean.re_search(f"[万萬]{end}"), 10_000),
        (own, 1_000),
        (clean.re_search("[元圆圓]整?[-)]?$"), 1),
        else_=factor,
    )
    slow = _bounded(figure.cast(dtypes.Decimal(28, 6)) * size.cast("int32"))
    fast = _bounded(fast * factor) if factor != 1 else fast
    value = ibis.coalesce(fast, slow)
    state = ibis.cases(
        (fast.notnull(), FINE),
        (_empty(text), FINE),
        (slow.isnull(), NOT_PARSED),
        (own, UNIT),
        (clean.re_search(r"\$|usd"), DOLLAR),
        (clean.re_search(r"¥|元|rmb|cny|人民币"), YUAN),
        (clean.re_search("€|eur"), EURO),
        (clean.re_search("£|gbp"), POUND),
        else_=FINE,
    )
    return Converted(value, state.cast("int8"), fast, fast.notnull() | text.isnull())


def number(text: StringValue, locale: Locale, *, whole: bool = False) -> Converted:
    """A number, or a whole number (12.0 is one, 12.5 is not)."""
    fast = _decimal(text) if locale.decimal != "," else ibis.null(EXACT)
    clean = _digits(text).re_replace(r"(?:个|件|岁|人|天|次|分|秒)$", "")
    value = ibis.coalesce(fast, _figure(clean, locale.decimal))
    if whole:
        exact = (value == value.round(0)).ifelse(value, ibis.null(EXACT))
        return Converted(exact.cast("int64"), _parsed(text, exact))
    return Converted(value.cast("float64"), _parsed(text, value), fast.cast("float64"), fast.notnull() | text.isnull())


def percent(text: StringValue, locale: Locale, *, unit: str = "") -> Converted:
    """A share: ``10%`` is 0.1, a bare number is divided by 100 where its unit is %; without a unit it is left to the importer."""
    clean = _digits(text)
    figure = _figure(clean.re_replace("%$", ""), locale.decimal).cast("float64")
    value = (clean.endswith("%") | ibis.literal(unit == "%")).ifelse(figure / 100, figure)
    nothing = _empty(text)
    state = ibis.cases((nothing, FINE), (figure.isnull(), NOT_PARSED), (clean.endswith("%"), UNIT), else_=FINE)
    return Converted(value, state.cast("int8"))


def _digits(text: StringValue) -> StringValue:
    """A number's cell in small letters, without blanks; null where blanks or apostrophes part its digits, but not by threes."""
    narrow = _narrowed(text).re_replace(r"['’\s]", " ").re_replace(r'["=]+', "").strip().lower()
    parted = narrow.re_search(r"\d +\d") & ~narrow.re_search(r"^\D*\d{1,3}( \d{3})+(\D*|[.,]\d+\D*)$")
    return parted.ifelse(ibis.null("string"), narrow.replace(" ", ""))


def _decimal(text: StringValue) -> Value:
    """The engine's own reading of a number, but not of ``1_0``."""
    return text.contains("_").ifelse(ibis.null(EXACT), text.try_cast(EXACT))


def _figure(clean: StringValue, decimal: str) -> Value:
    """Digits with their separators as a number; null where the separators are not those of thousands."""
    if decimal == ",":
        swapped = clean.re_search(r"^[-+]?\d{1,3}(\.\d{3})+(,\d+)?$|^[-+]?\d+(,\d+)?$").ifelse(
            clean.replace(".", "").replace(",", "."), ibis.null("string")
        )
        return swapped.try_cast(EXACT)
    grouped = clean.re_search(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$").ifelse(clean.replace(",", ""), clean)
    return grouped.re_search(r"^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$").ifelse(grouped, ibis.null("string")).try_cast(EXACT)


def _bounded(product: Value) -> Value:
    """Money of any size as DECIMAL of 18 digits; null where it has more."""
    return product.cast(dtypes.Decimal(38, 6)).try_cast(EXACT)


def thirds(text: StringValue) -> BooleanValue:
    """Whether three signs follow a point: 1.234 may be a thousand and more where no decimal sign is declared; a cheap test."""
    return (_letter(text, -4) == ".").fill_null(False)


def _empty(text: StringValue) -> BooleanValue:
    return text.isnull() | ((text.length() < 8) & text.strip().lower().isin(_NOTHING))


def _parsed(text: StringValue, value: Value) -> IntegerValue:
    return ibis.cases((value.notnull(), FINE), (_empty(text), FINE), else_=NOT_PARSED).cast("int8")


def boolean(text: StringValue, *, inverse: bool = False) -> Converted:
    """是/否, Y/N, yes/no, true/false, 1/0; *inverse* for a header that says the opposite of the field."""
    key = plain(text).lower()
    value = ibis.cases((key.isin(_TRUE), not inverse), (key.isin(_FALSE), inverse), else_=ibis.null("boolean"))
    state = ibis.cases((value.notnull(), FINE), (_empty(text), FINE), else_=NOT_PARSED)
    return Converted(value, state.cast("int8"))


# ---------------------------------------------------------------- times
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
_NO_DAY = ("1970-01-01", "0000-00-00", "0001-01-01", "1900-01-00", "1970/1/1", "1970/01/01", "0000/00/00")
_NO_MOMENT = ("0", "0.0", "0000000000000", *(f"{s}{m}" for s in ("253402214400", "253402300799") for m in ("", "000", "999")))


def timestamp(
    text: StringValue, locale: Locale, *, day: bool = False, roc_years: bool = False, early: bool = False, ahead: bool = False
) -> Converted:
    """A time, naive, in the engagement's zone; as a date where *day*.

    Read are ISO forms with and without offset, 2024/3/5, 2024年3月5日, 20240305, Oct 7, 2025 6:55 PM, 5-Mar-24, serials of a
    spreadsheet (45356), seconds and milliseconds since 1970, and day/month in the order declared; with points (5.3.2024) the day
    is first unless mdy is declared; years of the Republic of China (113/3/5) only where *roc_years*. Serials begin at 20000
    (1954); where *early* (dates of birth), at 1 (1900), but 1880 to 2100 may be years and are none, and a year of two digits is
    not one to come. 1970-01-01 and 0000-00-00 are no dates, nor are years that no client's data have (`contract.tables`): of
    those 9999-12-31 alone may stand for never, where *ahead*. Midnight stays the day it says.
    """
    nil = ibis.null("timestamp")
    size = text.length()
    plainly = ibis.cases(  # no offset
        (size == 19, text.substr(16, 1) == ":"),
        (size < 17, ~text.endswith("Z")),
        (size == 23, text.substr(19, 1) == "."),
        else_=False,
    )
    fast = (plainly & (text < ":")).ifelse(text.try_cast("timestamp"), nil)
    first, beyond = dt.datetime(BORN if early else FIRST_YEAR, 1, 1), ibis.literal(dt.datetime(LAST_YEAR + 1, 1, 1))

    def possible(time: Value) -> BooleanValue:
        within = ((time >= ibis.literal(first)) & (time < beyond)).fill_null(False)
        return within | (time == ibis.literal(NEVER)).fill_null(False) if ahead else within

    good = possible(fast)
    good = good & ~fast.between(dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1, 23, 59, 59)).fill_null(False)
    clean = _narrowed(text).re_replace(r'^[\s\'"=]+|[\s"]+$', "")
    retried = clean.re_search(r"[+Zza-y]|.{11}.*-").ifelse(nil, clean.try_cast("timestamp"))
    instant = _instant(clean)
    written = ibis.coalesce(_written(clean, locale, roc_years, early), retried)
    slow = ibis.coalesce(_at(instant, locale.zone), _moved(written, locale.file_zone, locale.zone))
    slow = ibis.array([slow]).filter(possible)[0]  # each time that it stands in the query costs, so it stands here only once
    either = clean.re_search(r"^\d{1,2}([/-]\d{1,2}[/-]\d{4}|[/.-]\d{1,2}[/.-]\d{2})\b")
    either = either & ibis.literal(not locale.date_order)
    nothing = _empty(text)
    none = text.left(10).isin(_NO_DAY) | text.isin(_NO_MOMENT)
    state = ibis.cases(
        (good, FINE),
        (nothing, FINE),
        (none, EMPTY_DATE),
        (either, AMBIGUOUS_DATE),
        (slow.isnull(), NOT_PARSED),
        (instant.notnull() & clean.contains(":"), OFFSET),
        else_=FINE,
    )
    value = ibis.cases((good, _moved(fast, locale.file_zone, locale.zone)), (nothing | none, nil), else_=slow)
    short = _moved(fast, locale.file_zone, locale.zone)
    value, short = (v.cast("date") if day else v.cast("timestamp(6)") for v in (value, short))
    easy = ((fast >= ibis.literal(dt.datetime(1970, 1, 2))) & (fast < beyond)).fill_null(False).ifelse(True, good | text.isnull())
    return Converted(value, state.cast("int8"), short, easy)


_SPOKEN = [f"%Y{s}%m{s}%d{c}" for s in "-/" for c in ("", " %H:%M", " %H:%M:%S", " %H:", " %p%I:%M", " %p%I:%M:%S")]
_STAMP = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d$"  # 202403051430


def _spoken(clean: StringValue) -> StringValue:
    """2024年3月5日 星期二 下午3时15分 as 2024-3-5 PM3:15."""
    clean = clean.re_replace(r"[\s(]*(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]\)?", "")
    clean = clean.re_replace(r"^(\d{4})年(\d{1,2})月(\d{1,2})[日号號]?\s*", r"\1-\2-\3 ").re_replace("[时時点點]", ":")
    clean = clean.re_replace(r"(:\d{2})分?(\d{2})秒$", r"\1:\2").re_replace(r"(\d)分$", r"\1")
    return clean.re_replace(r"\s*上午\s*", " AM").re_replace(r"\s*下午\s*", " PM").strip()


def _written(clean: StringValue, locale: Locale, roc_years: bool, early: bool) -> Value:
    """Local times in the forms that the engine's cast does not know."""
    order = locale.date_order

    def year_of_two(made: Value) -> Value:
        return (made > ibis.literal(dt.datetime.now())).ifelse(made - ibis.interval(years=100), made) if early else made

    words = [f"{d}{c}" for d in ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y") for c in _CLOCKS[:5]]
    dotted = clean.re_replace(r"^(\d{4})\.(\d{1,2})\.(\d{1,2})", r"\1-\2-\3")
    serial = clean.re_search(r"^[2-7]\d{4}(\.\d+)?$").ifelse(clean, ibis.null("string")).try_cast("float64")
    if early:
        old = clean.re_search(r"^[1-9]\d{0,4}(\.0+)?$").ifelse(clean, ibis.null("string")).try_cast("float64")
        old = (old < 20_000).ifelse(old, ibis.null("float64"))
        shift = (old < 60).ifelse(1, 0)  # spreadsheets count a 29 February 1900
        old = old.between(1_880, 2_100).ifelse(ibis.null("float64"), old + shift)
        serial = ibis.coalesce(serial, old)
    since = ((serial - 25_569) * 86_400).round().cast("int64") * 1_000_000
    forms = [
        clean.re_search(r"^\d{8}$").ifelse(_strptime(clean, ["%Y%m%d"]), ibis.null("timestamp")),
        clean.re_search(r"^\d{14}$").ifelse(_strptime(clean, ["%Y%m%d%H%M%S"]), ibis.null("timestamp")),
        clean.re_search("[年午期周週拜]").ifelse(_strptime(_spoken(clean), _SPOKEN), ibis.null("timestamp")),
        clean.re_search("^$" if early else _STAMP).ifelse(  # of births it may be milliseconds of 1976
            _strptime(clean, ["%Y%m%d%H%M"]), ibis.null("timestamp")
        ),
        clean.re_search(r"^\d{4}\.\d{1,2}\.").ifelse(dotted.try_cast("timestamp"), ibis.null("timestamp")),
        clean.re_search(r"(?i)[ap]\.?m\.?$").ifelse(
            _strptime(
                clean.re_replace(r"(\d)\s*([AaPp])\.?[Mm]\.?$", r"\1 \2M"),
                [f"%Y{s}%m{s}%d{c}" for s in "-/" for c in _CLOCKS[3:5]],
            ),
            ibis.null("timestamp"),
        ),
        clean.re_search(r"[A-Za-z]{3}.*\b\d{4}\b").ifelse(_strptime(clean, words), ibis.null("timestamp")),
        year_of_two(
            clean.re_search(r"^\d{1,2}-[A-Za-z]{3}-\d{2}\b").ifelse(
                _strptime(clean, [f"%d-%b-%y{c}" for c in _CLOCKS[:5]]), ibis.null("timestamp")
            )
        ),
        _made(since),
    ]
    if order != "mdy":
        days = [f"%d.%m.%Y{c}" for c in _CLOCKS]
        forms.append(clean.re_search(r"^\d{1,2}\.\d{1,2}\.\d{4}\b").ifelse(_strptime(clean, days), ibis.null("timestamp")))
    if order in ("dmy", "mdy"):
        first = ["%d/%m", "%m/%d"] if order == "dmy" else ["%m/%d", "%d/%m"]
        flat = clean.re_replace(r"^(\d{1,2})[.-](\d{1,2})[.-](\d{2,4})\b", r"\1/\2/\3")
        full = _strptime(flat, [f"{first[0]}/%Y{c}" for c in _CLOCKS])
        short = year_of_two(_strptime(flat, [f"{first[0]}/%y{c}" for c in _CLOCKS]))
        short = (
            flat.re_extract(r"^(\d{2})/", 1).isin(locale.years).ifelse(ibis.null("timestamp"), short) if locale.years else short
        )
        shape = flat.re_search(r"^\d{1,2}/\d{1,2}/\d{4}\b")
        forms.insert(
            0, ibis.cases((shape, full), (flat.re_search(r"^\d{1,2}/\d{1,2}/\d{2}\b"), short), else_=ibis.null("timestamp"))
        )
    if order == "ymd":
        forms.insert(
            0,
            clean.re_search(r"^\d{2}[/.-]\d{1,2}[/.-]\d{1,2}\b").ifelse(
                _strptime(clean.re_replace("[.-]", "/"), [f"%y/%m/%d{c}" for c in _CLOCKS]), ibis.null("timestamp")
            ),
        )
    if roc_years:
        parts = r"^(?:民國|民国)?\s*(\d{2,3})[年/.-](\d{1,2})[月/.-](\d{1,2})日?"
        year = clean.re_extract(parts, 1).try_cast("int64") + 1911
        said = year.cast("string") + "-" + clean.re_extract(parts, 2) + "-" + clean.re_extract(parts, 3)
        forms.insert(0, clean.re_search(parts).ifelse(said.try_cast("timestamp"), ibis.null("timestamp")))
    return ibis.coalesce(*forms)


def _instant(clean: StringValue) -> Value:
    """Moments in UTC: times with an offset, seconds and milliseconds since 1970."""
    parts = r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?) ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
    zone = clean.re_extract(parts, 2)
    digits = zone.re_replace("[^0-9]", "")
    minutes = digits.left(2).try_cast("int64") * 60 + ibis.coalesce(digits.substr(2).try_cast("int64"), ibis.literal(0))
    shift = ibis.coalesce(zone.startswith("-").ifelse(-minutes, minutes), ibis.literal(0))
    base = _micros(clean.re_extract(parts, 1).try_cast("timestamp")) - shift * 60_000_000
    offset = clean.re_search(parts).ifelse(_made(base), ibis.null("timestamp"))
    milli = (
        (clean.re_search(r"^[1-9]\d{11,12}(\.0)?$") & ~clean.re_search(_STAMP))
        .ifelse(clean.re_replace(r"\.0$", ""), ibis.null("string"))
        .try_cast("int64")
    )
    second = clean.re_search(r"^1\d{9}(\.\d+)?$").ifelse(clean, ibis.null("string")).try_cast("float64")
    return ibis.coalesce(offset, _made(milli * 1000), _made((second * 1_000_000).cast("int64")))


def has_clock(time: Value) -> BooleanValue:
    """Whether a time is not midnight, which stands for a day alone."""
    return _micros(time) % 86_400_000_000 != 0


def _at(instant: Value, zone: str) -> Value:
    return instant if zone == "UTC" else _local(zone, _aware("UTC", instant))


def _moved(local: Value, file_zone: str, zone: str) -> Value:
    """A local time of the file in the zone of the engagement; midnight is a day, not a moment, and stays."""
    if not file_zone or file_zone == zone:
        return local
    return (local == local.truncate("D")).ifelse(local, _local(zone, _aware(file_zone, local)))


# ---------------------------------------------------------------- what the engine has and Ibis has no word for
def _let(value: Value, made: Callable[[Value], Value]) -> Value:
    """What *made* makes of a value, which is computed, and stands in the query, only once."""
    return ibis.array([value]).map(made)[0]


@ibis.udf.scalar.builtin(name="regexp_replace")
def _replaced(text: str, pattern: str, by: str, options: str) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="regexp_extract_all")
def extracted(text: str, pattern: str, group: int) -> dtypes.Array(dtypes.string): ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="strlen")
def _bytes(text: str) -> int: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="try_strptime")
def _strptime(text: str, formats: dtypes.Array(dtypes.string)) -> dtypes.timestamp: ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="make_timestamp")
def _made(micros: int) -> dtypes.timestamp: ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="epoch_us")
def _micros(moment: dtypes.timestamp) -> int: ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="timezone")
def _aware(zone: str, local: dtypes.timestamp) -> dtypes.Timestamp("UTC"): ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="timezone")
def _local(zone: str, moment: dtypes.Timestamp("UTC")) -> dtypes.timestamp: ...  # type: ignore[empty-body, valid-type]


@ibis.udf.scalar.builtin(name="array_extract")
def _letter(text: str, at: int) -> str: ...  # type: ignore[empty-body]


def _fine() -> IntegerValue:
    return ibis.literal(FINE, type="int8")


def locale(source: Source, zone: str) -> Locale:
    """What the cells of a source's files mean, in an engagement of this time zone."""
    return Locale(zone, source.time_zone, source.date_order, source.decimal or ".")

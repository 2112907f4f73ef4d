"""The survey as an analysis sees it: one row per filled questionnaire, one column per question that the kit understands.

A question says what it asks in its id (`fivestep.contract.questions`). Where ids say something else, ``survey.yml`` beside
engagement.yml names them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import ibis
import pandas as pd
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator

from fivestep import language, yaml_file
from fivestep.contract.questions import (
    AGREEMENT,
    AWARENESS,
    CONSIDERATION,
    DIFFERENTIAL,
    DYSFUNCTIONAL,
    EXPECTATION,
    FUNCTIONAL,
    HABIT,
    IMPORTANCE,
    INTENT,
    LIKING,
    NPS,
    OVERALL,
    PREFERENCE,
    PRODUCT,
    REGION,
    RESPONSE,
    SATISFACTION,
    USE,
    parsed,
    plain,
)
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import N_, _

FILE = "survey.yml"
KANO = (FUNCTIONAL, DYSFUNCTIONAL)
IN_WORDS = (PRODUCT, REGION, HABIT)
YES_NO = (RESPONSE, AWARENESS, USE, CONSIDERATION, PREFERENCE)
RATED = (SATISFACTION, IMPORTANCE, DIFFERENTIAL, AGREEMENT, EXPECTATION, LIKING, INTENT)
FIVE = ("like", "must-be", "neutral", "live-with", "dislike")
# Answers to the Kano questions as published (Berger et al. 1993, pp. 25-27, four sets) and as usual in Chinese.
WORDINGS: dict[str, tuple[str, ...]] = {
    "like": (
        "like", "I like it", "I like it that way", "I enjoy it that way", "This would be very helpful to me",
        "喜欢", "很喜欢", "我喜欢", "我喜欢这样", "我很喜欢这样", "喜歡", "很喜歡", "我喜歡", "我喜歡這樣", "我很喜歡這樣",
    ),
    "must-be": (
        "must-be", "must be", "expect", "I expect it", "I expect it that way", "It must be that way", "I must be that way",
        "It is a basic necessity or I expect it that way", "This is a basic requirement for me",
        "理应如此", "理所当然", "必须这样", "必须有", "应该这样", "它理应如此",
        "理應如此", "理所當然", "必須這樣", "必須有", "應該這樣", "它理應如此",
    ),
    "neutral": (
        "neutral", "I am neutral", "I'm neutral", "I feel neutral", "This would not affect me",
        "无所谓", "我无所谓", "没有感觉", "無所謂", "我無所謂", "沒有感覺",
    ),
    "live-with": (
        "live-with", "live with", "I can live with it", "I can live with it that way", "I can tolerate it", "I can accept it",
        "I dislike it, but I can live with it that way", "This would be a minor inconvenience",
        "勉强接受", "可以忍受", "能忍受", "我可以忍受", "我能忍受", "我勉强接受", "勉強接受", "我勉強接受",
    ),
    "dislike": (
        "dislike", "I dislike it", "I dislike it that way", "I dislike it, and I can't accept it",
        "This would be a major problem for me",
        "不喜欢", "很不喜欢", "我不喜欢", "我不喜欢这样", "我很不喜欢这样", "讨厌",
        "不喜歡", "很不喜歡", "我不喜歡", "我不喜歡這樣", "我很不喜歡這樣", "討厭",
    ),
}  # fmt: skip
# Answers to a satisfaction question in words, for the usual five.
RATINGS: dict[int, tuple[str, ...]] = {
    1: ("very dissatisfied", "非常不满意", "很不满意", "非常不滿意", "很不滿意"),
    2: ("dissatisfied", "不满意", "不滿意"),
    3: ("neither satisfied nor dissatisfied", "neutral", "一般", "普通"),
    4: ("satisfied", "满意", "滿意"),
    5: ("very satisfied", "非常满意", "很满意", "非常滿意", "很滿意"),
}
# Answers to a question of yes or no.
TOLD = {
    1.0: ("yes", "y", "true", "1", "是", "有", "会", "會", "知道", "用过", "用過"),
    0.0: ("no", "n", "false", "0", "否", "没有", "沒有", "不会", "不會", "不知道", "没用过", "沒用過"),
}
OURS = (
    "us",
    "our brand",
    "我们",
    "我們",
    "本品牌",
    "我们的品牌",
    "我們的品牌",
)  # names by which a questionnaire calls the client
NO_ANSWER = ("n/a", "not applicable", "don't know", "no answer", "不知道", "不适用", "没有用过", "不適用", "沒有用過")
SCALES = ((1, 5), (1, 7), (1, 9), (1, 10))  # where survey.yml says none, the first that holds every answer
BIPOLAR = ((1, 7), (-3, 3))  # likewise, of a semantic differential

_ANSWERS = N_("what customers say when they are asked")


def _texts(said: Any) -> Any:
    """YAML reads 1 and yes as a number and a truth value; here they are words."""
    return {str(k): v for k, v in said.items()} if isinstance(said, dict) else said


def _several(said: Any) -> Any:
    return tuple(str(x) for x in (said if isinstance(said, list | tuple) else (said,)))


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Declaration(BaseModel):
    """What survey.yml says of a client's questionnaires; every key may be left out.

    ``questions``: id of a question in the data -> what it asks, in the words of this module. ``labels``: subject -> name, or
    one name per language. ``answers``: wording -> like, must-be, neutral, live-with or dislike. ``ratings``: wording -> number.
    ``no_answer``: codes and wordings that are none. ``scales``: lowest and highest answer by what is asked (`RATED`).
    ``own_brand``: which of the objects and brands is the client's. ``complaints``: subject -> causes in feedback that are about
    it. ``kano_table``: berger or pouliot; ``kano_names``: five or three.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: Annotated[dict[str, str], BeforeValidator(_texts)] = {}
    labels: Annotated[dict[str, str | dict[str, str]], BeforeValidator(_texts)] = {}
    answers: Annotated[dict[str, Literal[FIVE]], BeforeValidator(_texts)] = {}  # type: ignore[valid-type]
    ratings: Annotated[dict[str, float], BeforeValidator(_texts)] = {}
    no_answer: Words = ()
    scales: dict[Literal[RATED], tuple[float, float]] = {}  # type: ignore[valid-type]
    own_brand: str = ""
    complaints: Annotated[dict[str, Words], BeforeValidator(_texts)] = {}
    kano_table: Literal["berger", "pouliot"] = "berger"
    kano_names: Literal["five", "three"] = "five"

    @field_validator("questions")
    @classmethod
    def _understood(cls, said: dict[str, str]) -> dict[str, str]:
        for key, asks in said.items():
            if parsed(asks) is None:
                what = _(
                    "{asks!r} (question {question}) is not understood: write <subject>/functional, /dysfunctional, /importance, "
                    "/satisfaction or another role of the questionnaires, or satisfaction, nps, product or region alone"
                )
                raise ValueError(what.format(asks=asks, question=key))
        return said

    @field_validator("scales")
    @classmethod
    def _upwards(cls, said: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for role, (low, high) in said.items():
            if low >= high:
                raise ValueError(_("{role}: the lowest answer comes first, as in [1, 5]").format(role=role))
        return said

    def label(self, subject: str) -> str:
        """The name of a subject in the language in use."""
        said = self.labels.get(subject, subject)
        if isinstance(said, dict):
            return said.get(language.current()) or said.get("en") or next(iter(said.values()), subject)
        return said


def declaration(path: str | Path) -> Declaration:
    """What the file *path* declares; nothing where there is no such file. Raises `UserError` with one line per problem."""
    file = Path(path)
    if not file.is_file():
        return Declaration()
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            _("{file} cannot be read: {reason}").format(file=file.name, reason=" ".join(str(error).split()))
        ) from None
    if said is None:
        return Declaration()
    if not isinstance(said, dict):
        raise UserError(_("{file}: expected keys such as `questions:` and `answers:`.").format(file=file.name))
    try:
        return Declaration.model_validate(said)
    except ValidationError as error:
        raise UserError("\n".join(yaml_file.problems(file.name, error.errors(), keys=Declaration.model_fields))) from None


@dataclass(frozen=True)
class Survey:
    """The answers that the kit understands.

    ``table``: one row per filled questionnaire, by response_id: response_id, customer_id, answered_at, mode (missing where
    unknown)
    and a column for every question asked, named by the pair (subject, role); Kano answers are 0 to 4 in the order of `FIVE`,
    ratings numbers, yes and no 1 and 0, product, region and habits texts, missing where there is no answer. ``scales``: role ->
    lowest and highest answer; ``stated``: the roles whose scale survey.yml says. ``ignored``: questions that are not understood.
    """

    table: pd.DataFrame
    declared: Declaration
    scales: dict[str, tuple[float, float]]
    ignored: int

    def subjects(self, *roles: str) -> list[str]:
        """The subjects about which every one of *roles* is asked, by name."""
        asked = [c for c in self.table.columns if isinstance(c, tuple)]
        found = [{s for s, r in asked if r == role and s != OVERALL} for role in roles]
        return sorted(
            set.intersection(*found), key=lambda s: ([int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", s)], s)
        )

    def asks(self, role: str, subject: str = OVERALL) -> bool:
        """Whether there is an answer to this question."""
        return (subject, role) in self.table.columns

    def label(self, subject: str) -> str:
        """The name of a subject as the reader sees it: that of survey.yml, else that of labels.csv, else itself."""
        if subject in self.declared.labels:
            return self.declared.label(subject)
        return language.value("survey.feature", subject)

    def last(self, *questions: tuple[str, str]) -> tuple[pd.DataFrame, int]:
        """Questionnaires with an answer to all *questions*, the last of each customer; and how many earlier ones are left out.

        A questionnaire without a customer counts by itself.
        """
        full = self.table.dropna(subset=list(questions)).sort_values(["answered_at", "response_id"], kind="stable")
        repeated = full["customer_id"].notna() & full.duplicated("customer_id", keep="last")
        return full[~repeated].sort_values("response_id", ignore_index=True), int(repeated.sum())

    def on_scale(self, role: str, values: pd.Series) -> pd.Series:
        """Ratings as shares of the way from the lowest to the highest answer, 0 to 1."""
        low, high = self.scales[role]
        return (values - low) / (high - low)

    def scale_note(self, role: str) -> str:
        """Which scale was taken, and where it comes from."""
        low, high = (language.number(end) for end in self.scales[role])
        if role in self.declared.scales:
            return _("Scale of the answers: {low} to {high}.").format(low=low, high=high)
        return _("Scale of the answers: {low} to {high}, the smallest usual one that holds them all.").format(low=low, high=high)


@needs("survey", answers=_ANSWERS)
def survey(tables: Tables, declared: Declaration | None = None) -> Survey | NotAvailable:
    """The answers of ``tables.survey`` to the questions that are understood, one row per filled questionnaire.

    Raises `UserError`, in one line that says what to write in survey.yml, for a Kano answer or a rating in words that nobody has
    mapped, for answers that fit no usual scale, and for two questions of one questionnaire that ask the same.
    """
    declared = declared or Declaration()
    raw = tables.survey
    lacking = {
        c: ibis.null(t)
        for c, t in (
            ("answer", "string"),
            ("score", "float64"),
            ("customer_id", "string"),
            ("answered_at", "timestamp"),
            ("mode", "string"),
        )
        if c not in raw.columns
    }
    raw = raw.mutate(**lacking)
    ids = frame(raw.select("question_id").distinct(), by=["question_id"])["question_id"].tolist()
    asks = {q: p for q in ids if (p := parsed(declared.questions.get(q, q)))}
    if not asks:
        reason = _("no question of the survey is understood; survey.yml can say what they ask.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    raw = raw.filter(raw.question_id.isin(list(asks))).mutate(
        _answer=ibis.coalesce(raw.answer, ""), _score=ibis.coalesce(raw.score.cast("string"), "")
    )
    kinds = frame(
        raw.group_by("question_id", "_answer", "_score").aggregate(rows=raw.count(), number=raw.score.max()),
        by=["question_id", "_answer", "_score"],
    )
    kinds["key"] = [asks[q] for q in kinds["question_id"]]
    kinds["value"], kinds["text"] = _values(kinds, declared)
    keys = sorted(set(kinds["key"]))
    kinds["column"] = [keys.index(k) for k in kinds["key"]]
    meant = ibis.memtable(
        kinds[["question_id", "_answer", "_score", "column", "value", "text"]],
        schema={
            "question_id": "string",
            "_answer": "string",
            "_score": "string",
            "column": "int64",
            "value": "float64",
            "text": "string",
        },
    )
    told = raw.inner_join(meant, ["question_id", "_answer", "_score"])
    _refuse_twice(told, keys)
    answered = told.filter(told.value.notnull() | told.text.notnull())
    columns = {
        f"c{i}": (answered.text if role in IN_WORDS else answered.value).max(where=answered.column == i)
        for i, (_subject, role) in enumerate(keys)
    }
    wide = frame(
        answered.group_by("response_id").aggregate(
            customer_id=answered.customer_id.min(), answered_at=answered.answered_at.max(), mode=answered["mode"].min(), **columns
        ),
        by=["response_id"],
    )
    # Named by pairs, as a subject may hold any character.
    wide.columns = pd.Index([*wide.columns[:4], *keys], tupleize_cols=False)
    wide = wide[[*wide.columns[:4], *(k for k in keys if wide[[k]].notna().to_numpy().any())]]
    return Survey(wide, declared, _scales(wide, declared), len(ids) - len(asks))


def _values(kinds: pd.DataFrame, declared: Declaration) -> tuple[list[float | None], list[str | None]]:
    """What every distinct answer means: a number, or a text for product and region."""
    kano = {plain(w): FIVE.index(five) for five, words in WORDINGS.items() for w in words}
    kano |= {plain(w): FIVE.index(five) for w, five in declared.answers.items()}
    ratings = {plain(w): float(n) for n, words in RATINGS.items() for w in words}
    ratings |= {plain(w): n for w, n in declared.ratings.items()}
    yes_no = {plain(w): n for n, words in TOLD.items() for w in words}
    none = {"", *map(plain, NO_ANSWER), *map(plain, declared.no_answer)}
    none_numbers = {n for n in (number(w) for w in declared.no_answer) if n is not None}
    values: list[float | None] = []
    texts: list[str | None] = []
    for row in kinds.itertuples():
        _subject, role = row.key
        said = plain(row._2)
        value: float | None = None
        text: str | None = None
        if role in IN_WORDS:
            if said and (said not in none or number(said) is not None):  # a code that is no rating may well be a region
                text = unicodedata.normalize("NFKC", row._2).strip()
        elif role in KANO:
            if said not in none:
                if said not in kano:
                    raise _unknown(row.question_id, row._2, row.rows, f"answers: {{{row._2!r}: like}}", ", ".join(FIVE))
                value = kano[said]
        elif role in YES_NO:
            said = said or (f"{row.number:g}" if row.number == row.number else "")
            if said in yes_no:  # before codes that are no answer: 0 is no, and not to know a brand is an answer
                value = yes_no[said]
            elif said not in none:
                raise _unknown(row.question_id, row._2, row.rows, f"no_answer: [{row._2!r}]", _("or answer it with yes or no"))
        else:
            value = ratings.get(said) if said in ratings and said not in none else None
            if value is None and row.number == row.number:
                value = float(row.number)
            elif value is None and said not in none:
                value = number(said)
                if value is None:
                    raise _unknown(row.question_id, row._2, row.rows, f"ratings: {{{row._2!r}: 1}}", _("or under no_answer"))
            if (said in none and said) or value in none_numbers:
                value = None
        values.append(value)
        texts.append(text)
    return values, texts


def number(text: str) -> float | None:
    """The number that an answer is or begins with: ``9``, ``9 - extremely important``, ``4分``."""
    found = re.match(r"^(-?\d+(?:\.\d+)?)\s*(?:分|$|[-–—:：.、)(（]\s*\D.*$)", plain(text))
    return float(found[1]) if found else None


def _unknown(question: str, answer: str, rows: int, write: str, choice: str) -> UserError:
    said = _(
        "survey.answer: question {question}: the answer {answer!r} (rows: {rows}) is not known. "
        "Say in {file} what it means, as in {example} ({choice})."
    )
    return UserError(said.format(question=question, answer=answer[:60], rows=rows, file=FILE, example=write, choice=choice))


def _refuse_twice(told: ibis.Table, keys: list[tuple[str, str]]) -> None:
    twice = told.group_by("response_id", "column").aggregate(
        n=told.question_id.nunique(), first=told.question_id.min(), other=told.question_id.max()
    )
    found = twice.filter(twice.n > 1).order_by("column", "first", "other", "response_id").limit(1).to_pandas()
    if len(found):
        row = found.iloc[0]
        subject, role = keys[int(row["column"])]
        said = _(
            "survey.question_id: {first} and {other} of one questionnaire ({questionnaire}) both ask for {asked}. "
            "Say in {file} under questions what each of them asks."
        )
        asked = f"{subject}/{role}" if subject else role
        both = {"first": row["first"], "other": row["other"], "questionnaire": row["response_id"]}
        raise UserError(said.format(**both, asked=asked, file=FILE))


def own_brand(survey: Survey, objects: list[str], sizes: pd.Series) -> tuple[str, bool]:
    """The client's own among *objects* and whether that is said (survey.yml, its name); else that with most answers."""
    said = plain(survey.declared.own_brand)
    for wanted in (said,) if said else OURS:
        found = [o for o in objects if plain(o) == wanted]
        if found:
            return found[0], True
    return min(objects, key=lambda o: (-sizes[o], o)), False


def usual_scales(role: str) -> tuple[tuple[float, float], ...]:
    """The scales that are tried where survey.yml says none."""
    return BIPOLAR if role == DIFFERENTIAL else SCALES


def _scales(wide: pd.DataFrame, declared: Declaration) -> dict[str, tuple[float, float]]:
    """Role -> lowest and highest answer, for what is asked of `RATED` and for the likelihood to recommend."""
    out: dict[str, tuple[float, float]] = {}
    for role in (*RATED, NPS):
        asked = [c for c in wide.columns if isinstance(c, tuple) and c[1] == role]
        if not asked:
            continue
        values = pd.concat([wide[[c]].set_axis(["v"], axis=1) for c in asked])["v"]
        low, high = float(values.min()), float(values.max())
        usual = [(0, 10)] if role == NPS else [declared.scales[role]] if role in declared.scales else usual_scales(role)
        fits = [scale for scale in usual if scale[0] <= low and high <= scale[1]]
        if not fits:
            span = _("{low} to {high}")
            known = _(" or ").join(span.format(low=f"{a:g}", high=f"{b:g}") for a, b in usual)
            said = (
                _(
                    "survey.answer: answers about {role} run from {low} to {high}, not within {scales}. "
                    "Mend the answers, or name codes that are no answer under no_answer in {file}."
                )
                if role == NPS
                else _(
                    "survey.answer: answers about {role} run from {low} to {high}, not within {scales}. "
                    "Say in {file} under scales what they are, as in {role}: [0, 6], "
                    "or name codes that are no answer under no_answer in {file}."
                )
            )
            raise UserError(said.format(role=role, low=f"{low:g}", high=f"{high:g}", scales=known, file=FILE))
        out[role] = fits[0]
    return out

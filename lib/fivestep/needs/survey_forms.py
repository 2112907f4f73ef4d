"""Questionnaires that import back without a mapping: their headings are question ids that `survey` understands."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fivestep.errors import UserError
from fivestep.language import _
from fivestep.needs.survey import number, parsed, plain

FORMS = Path(__file__).with_name("forms")
LANGUAGES = ("en", "zh_CN", "zh_TW")
# What a questionnaire asks about where nobody says it, by block and language.
EXAMPLES = {
    "features": (
        ("Fast delivery", "Free returns", "Personal advice"),
        ("送货快", "免费退货", "专人咨询"),
        ("出貨快", "免費退貨", "專人諮詢"),
    ),
    "profile": (("Our brand", "Competitor"), ("本品牌", "竞争对手"), ("本品牌", "競爭對手")),
    "test": (("Package/A", "Package/B"), ("包装/甲", "包装/乙"), ("包裝/甲", "包裝/乙")),
    "expectation": (("New product", "New feature"), ("新产品", "新功能"), ("新產品", "新功能")),
    "brand": (("Our brand", "Competitor"), ("本品牌", "竞争对手"), ("本品牌", "競爭對手")),
    "habit": (("how often", "where", "with whom"), ("多久一次", "在哪里", "和谁一起"), ("多久一次", "在哪裡", "和誰一起")),
    "attitude": (
        ("I like to try new things", "Price decides", "I buy what is healthy"),
        ("我喜欢尝试新事物", "价格决定一切", "我只买健康的东西"),
        ("我喜歡嘗試新事物", "價格決定一切", "我只買健康的東西"),
    ),
}  # fmt: skip
BLOCKS = tuple(EXAMPLES)
FIELDS = ("response_id", "customer_id", "answered_at", "mode")  # in the order of the first headings of every form
COLUMNS = ("response_id", "question_id", "customer_id", "survey_id", "answered_at", "mode", "answer", "score")
ROWS = 1000  # rows of a workbook that offer the answers as a list


def form(language: str = "en", subjects: Sequence[str] = (), *, block: str = "features") -> pd.DataFrame:
    """heading, question and answers (a list; empty for free text) of a questionnaire about *subjects*, one row per column of it.

    *block* is what it asks: features (the two Kano questions, importance and satisfaction of each; then overall satisfaction,
    likelihood to recommend, product and region), profile (a semantic differential of objects), test (versions of a product, a
    package or a copy, ``package/A``), expectation (of new products and features), brand (awareness, use, consideration,
    preference), habit, attitude (agreement with statements). *language*: en, zh_CN or zh_TW; without *subjects* there are
    examples. Questionnaires of several blocks are put side by side, the first columns once.
    """
    if language not in LANGUAGES:
        raise UserError(
            _("language: {language!r} has no questionnaire. Choose one of {choices}.").format(
                language=language, choices=", ".join(LANGUAGES)
            )
        )
    if block not in EXAMPLES:
        raise UserError(
            _("block: {block!r} is no questionnaire. Choose one of {choices}.").format(block=block, choices=", ".join(BLOCKS))
        )
    said = pd.read_csv(FORMS / f"{language}.csv", dtype=str, keep_default_na=False)
    said = said[said["block"].isin(("", block))].drop(columns="block").reset_index(drop=True)
    subjects = [s.strip() for s in subjects] or list(EXAMPLES[block][LANGUAGES.index(language)])
    for subject in subjects:
        if not subject or parsed(f"{subject}/functional") != (subject, "functional"):
            raise UserError(
                _(
                    "subject {subject!r}: choose a name that is not empty, is not the whole and has no / : or . at its ends."
                ).format(subject=subject)
            )
    if len({plain(s) for s in subjects}) < len(subjects):
        raise UserError(_("subjects: one of {choices} is there twice.").format(choices=", ".join(subjects)))
    about = said["heading"].str.contains("{subject}", regex=False)
    fields, tail = said[: len(FIELDS)], said[~about][len(FIELDS) :]
    asked = [said[about].map(lambda text, s=s: text.replace("{subject}", s)) for s in subjects]
    out = pd.concat([fields, *asked, tail], ignore_index=True)
    out["answers"] = [[a.strip() for a in text.split("|")] if text else [] for text in out["answers"]]
    return out


def write_form(path: str | Path, *, language: str = "en", subjects: Sequence[str] = (), block: str = "features") -> Path:
    """Write an empty questionnaire, one row per respondent to fill in, as ``.csv`` or ``.xlsx``; returns the path.

    The workbook offers the answers of each question as a list and has a second sheet with the questions to print or to copy into
    a survey tool.
    """
    path, asked = Path(path), form(language, subjects, block=block)
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerow(asked["heading"])
        return path
    if path.suffix.lower() != ".xlsx":
        raise UserError(_("{file}: a questionnaire is written as .csv or .xlsx.").format(file=path.name))
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": dt.datetime(2024, 1, 1)})
        bold, wrap = (
            book.add_format({"bold": True, "text_wrap": True, "valign": "top"}),
            book.add_format({"text_wrap": True, "valign": "top"}),
        )
        sheet, questions = book.add_worksheet("1"), book.add_worksheet("2")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(asked) - 1, 18)
        questions.set_column(0, 0, 28)
        questions.set_column(1, 2, 60)
        for i, row in enumerate(asked.itertuples(index=False)):
            sheet.write_string(0, i, row.heading, bold)
            if row.question:
                sheet.write_comment(0, i, row.question)
                questions.write_row(i - len(FIELDS), 0, [row.heading, row.question, " / ".join(row.answers)], wrap)
            if row.answers:
                numbers = [int(a) for a in row.answers if a.isdecimal()]
                sheet.data_validation(1, i, ROWS, i, {"validate": "list", "source": numbers or row.answers})
    return path


def read_form(path: str | Path, *, survey_id: str = "") -> pd.DataFrame:
    """The rows of a filled questionnaire (``.csv`` or a workbook) as the contract's survey table; see `answers`."""
    path = Path(path)
    if path.suffix.lower() == ".csv":
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows: list[list[Any]] = list(csv.reader(file))
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(
                _("{file} cannot be read as UTF-8 CSV: {reason}").format(file=path.name, reason=" ".join(str(error).split()))
            ) from None
    else:
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        except (CalamineError, OSError) as error:
            raise UserError(_("{file} cannot be read as a workbook: {error}").format(file=path.name, error=error)) from None
    headings = [str(h).strip() for h in rows[0]] if rows else []
    twice = [h for h in dict.fromkeys(headings) if h and headings.count(h) > 1]
    if twice:
        raise UserError(_("{file}: the heading {name!r} is there twice.").format(file=path.name, name=twice[0]))
    cells = [[*row, *[""] * len(headings)][: len(headings)] for row in rows[1:]]
    filled = pd.DataFrame(cells, columns=headings, dtype=object)
    return answers(filled, source=path.name, survey_id=survey_id or path.stem)


def answers(filled: pd.DataFrame, *, source: str = "survey", survey_id: str = "") -> pd.DataFrame:
    """One row per answer, in the columns of the contract's survey table, from one row per respondent.

    Headings in any of the three languages. A column that is no question is left out, so that nothing personal slips in; a
    respondent without an id is numbered by the row. ``score`` is the answer where it is a number. Customer ids stay as they are
    given. Raises `UserError` for a sheet without questions, an id that is there twice and a time that is none.
    """
    known = {plain(h): field for code in LANGUAGES for h, field in zip(form(code)["heading"][: len(FIELDS)], FIELDS, strict=True)}
    known |= {field: field for field in FIELDS}
    fields = {known[plain(c)]: c for c in filled.columns if plain(c) in known}
    questions = [c for c in filled.columns if c not in fields.values() and parsed(str(c))]
    if not questions:
        raise UserError(
            _("{file}: no heading is a question, such as Fast delivery/functional or satisfaction.").format(file=source)
        )
    texts = filled.map(_text)
    texts = texts[(texts[questions] != "").any(axis=1)]
    rows = texts.index.to_numpy() + 2  # as the user counts them, below the headings
    own = texts[fields["response_id"]].to_numpy() if "response_id" in fields else [""] * len(texts)
    ids = pd.Series([said or f"{survey_id or source}-{row}" for said, row in zip(own, rows, strict=True)], dtype="str")
    if ids.duplicated().any():
        at = int(ids.duplicated().to_numpy().argmax())
        raise UserError(
            _("{file}: {column}: {value!r} is there twice (row {row}).").format(
                file=source, column=fields.get("response_id", "response_id"), value=ids[at], row=rows[at]
            )
        )
    head = pd.DataFrame({"response_id": ids.to_numpy(), "survey_id": survey_id})
    head["customer_id"] = texts[fields["customer_id"]].to_numpy() if "customer_id" in fields else ""
    times = texts[fields["answered_at"]] if "answered_at" in fields else pd.Series("", index=texts.index)
    head["answered_at"] = [_moment(t, source, fields.get("answered_at", ""), row) for t, row in zip(times, rows, strict=True)]
    head["answered_at"] = pd.to_datetime(head["answered_at"])
    head["mode"] = texts[fields["mode"]].to_numpy() if "mode" in fields else ""
    wide = pd.concat([head, texts[questions].reset_index(drop=True)], axis=1)
    out = wide.melt(list(head.columns), questions, "question_id", "answer")
    out = out[out["answer"] != ""].sort_values(["response_id", "question_id"], ignore_index=True)
    out["score"] = [n if (n := number(a)) is not None else float("nan") for a in out["answer"]]
    for name in ("customer_id", "mode"):
        out[name] = out[name].where(out[name] != "", None)
    return out[list(COLUMNS)]


def _text(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _moment(text: str, source: str, column: str, row: int) -> dt.datetime | None:
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise UserError(
            _("{file}: {column}: {text!r} (row {row}) is no time. Write it as 2024-06-30 or 2024-06-30 14:05.").format(
                file=source, column=column, text=text, row=row
            )
        ) from None

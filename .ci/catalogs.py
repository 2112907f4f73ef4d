"""Bring the message catalogs up to date with code, notebooks, playbook and contract, and compile them: `make catalogs`.

Translations are kept; a new message arrives untranslated and a message nobody uses any more leaves. A test fails while one is
untranslated. Traditional Chinese is converted from Simplified by OpenCC and `taiwan.csv`, which holds the words that Taiwan says
otherwise (and, mapped to themselves, words that the shorter entries must leave alone): catalog, labels of the case, template.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import sys
from functools import lru_cache
from pathlib import Path

import nbformat
import opencc
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

KIT = Path(__file__).resolve().parents[1]
LIBRARY = KIT / "lib" / "fivestep"
LOCALES = LIBRARY / "language" / "locales"
DATED = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)  # a catalog changes with its messages, not with the day
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
# The source line of the case, in whichever language it is rendered.
GROCERY = "The Complete Journey (84.51°): order lines of 801 households, 2017"


def messages() -> dict[str | tuple[str, str], list[str]]:
    """Every message that a report can show -> where it stands."""
    from fivestep.contract import TABLES
    from fivestep.strategy import playbook_messages, worksheet_messages

    out: dict[str | tuple[str, str], list[str]] = {}
    for file, _line, message, _comments, _context in extract_from_dir(
        str(LIBRARY), [("**.py", "python")], keywords=KEYWORDS, comment_tags=()
    ):
        if message:
            out.setdefault(message if isinstance(message, str) else tuple(message), []).append(f"lib/fivestep/{file}")
    for path in sorted((KIT / "notebooks").rglob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if {"instructor", "solution"} & set(cell.metadata.get("tags", ())):
                continue  # in both languages, or in none: the catalog goes to learners
            if cell.cell_type == "markdown":
                out.setdefault(cell.source.strip(), []).append(path.relative_to(KIT).as_posix())
            else:  # lists are called by their file names
                for name in re.findall(r"engagement\.export(?:_forms)?\(\"(\w+)\"", cell.source):
                    out.setdefault(name.replace("_", " ").capitalize(), []).append(path.relative_to(KIT).as_posix())
    for message in playbook_messages():
        out.setdefault(message, []).append("lib/fivestep/strategy/playbook.yml")
    for message in worksheet_messages():
        out.setdefault(message, []).append("lib/fivestep/strategy/worksheets.yml")
    out[GROCERY] = ["template/engagement/templates/engagement.en.yml"]
    for table in TABLES.values():  # fields name a scope, and `fivestep map` asks for them
        for field in table.fields.values():
            out.setdefault(field.description, []).append("lib/fivestep/contract/tables.py")
    return out


def catalog_path(code: str) -> Path:
    return LOCALES / code / "LC_MESSAGES" / "fivestep.po"


def read(code: str) -> Catalog:
    path = catalog_path(code)
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def updated(code: str) -> Catalog:
    """The catalog of a language with exactly the messages of today."""
    old = read(code)
    new = Catalog(locale=code, project="fivestep", charset="utf-8", fuzzy=False, creation_date=DATED, revision_date=DATED,
                  header_comment="# Messages of fivestep. Kept up to date by `make catalogs`.")  # fmt: skip
    for message, places in sorted(messages().items(), key=lambda item: (min(item[1]), str(item[0]))):
        known = old.get(message if isinstance(message, str) else message[0])
        new.add(message, known.string if known else None, locations=[(place, None) for place in sorted(set(places))])
    return new


@lru_cache
def _taiwan() -> tuple[opencc.OpenCC, re.Pattern, dict[str, str]]:
    with (Path(__file__).parent / "taiwan.csv").open(encoding="utf-8", newline="") as file:
        words = {row["converted"]: row["taiwan"] for row in csv.DictReader(file)}
    return opencc.OpenCC("s2twp"), re.compile("|".join(sorted(map(re.escape, words), key=lambda w: (-len(w), w)))), words


def traditional(text: str) -> str:
    """Simplified Chinese as it is written in Taiwan; code between backquotes and placeholders stay."""
    converter, pattern, words = _taiwan()
    parts = re.split(r"(`[^`]*`|\{[a-z_]*\})", text)
    return "".join(
        part if i % 2 else pattern.sub(lambda m: words[m.group()], converter.convert(part)) for i, part in enumerate(parts)
    )


def converted() -> dict[Path, bytes]:
    """Every file in Traditional Chinese that has a Simplified counterpart -> what must stand in it."""
    catalog = updated("zh_TW")
    known = {m.id: m.string for m in read("zh_CN") if m.id}
    for message in catalog:
        if message.id and (said := known.get(message.id)):
            message.string = traditional(said) if isinstance(said, str) else tuple(map(traditional, said))
    written = io.BytesIO()
    write_po(written, catalog, width=130, sort_output=False)
    out = {catalog_path("zh_TW"): written.getvalue()}
    for path in sorted((KIT / "template").glob("*/templates/*.zh_CN.*")):
        out[path.parent / path.name.replace("zh_CN", "zh_TW")] = traditional(path.read_text("utf-8")).encode()
    labels = KIT / "data" / "grocery" / "labels.csv"
    with labels.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["field", "value", "en", "zh_CN", "zh_TW", "order"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "zh_TW": traditional(row["zh_CN"])} for row in rows)
    return {**out, labels: text.getvalue().encode()}


def compiled(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def main() -> int:
    from fivestep.language import LANGUAGES

    lacking = 0
    for code in LANGUAGES[1:]:
        new = updated(code)
        path = catalog_path(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, new, width=130, sort_output=False)
        if code == "zh_TW":
            for file, content in converted().items():
                file.write_bytes(content)
            new = read(code)
        path.with_suffix(".mo").write_bytes(compiled(read(code)))
        untranslated = [m.id for m in new if m.id and not (m.string if isinstance(m.string, str) else all(m.string))]
        lacking += len(untranslated)
        sys.stdout.write(f"{code}: {len(new)} messages, {len(untranslated)} to translate\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())

"""Client files in every format, damaged at random: what `make fuzz-intake` and a test feed to the reader."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import shutil
import zipfile
from pathlib import Path

import ibis
import openpyxl
import pandas as pd
import xlwt

from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing, proposal, quality_page, wizard
from fivestep.intake.files import sheets
from fivestep.intake.quality import QualitySheet

_HEADER = ["订单编号", "客户名称", "手机", "订单金额", "下单日期"]
_ROWS = [[f"A{i:04}", f"客户{i}", f"1380000{i:04}", f"{i * 1.5:.2f}", f"2024-03-{i % 28 + 1:02}"] for i in range(40)]
_PIECES = [
    *(
        b'"',
        b",",
        b"\n",
        b"\r",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xa3\xac",
        "合计".encode(),
        b"=",
        b"'",
        b"\t",
        b"{",
        b"}",
        b"[",
    ),
    *(b"<table>", b"</td>", b"PK\x03\x04", b"9" * 400, b"\x80" * 9, b"\n" * 50, b'"""', b"1E+400", b"-" * 60, b"&#x110000;"),
    b"colspan=99999999",
]


def _text(separator: str = ",") -> str:
    lines = [separator.join(r) for r in [_HEADER, *_ROWS]]
    lines[5] = separator.join(['"A,1"', '"two\nlines"', '"say ""x"""', "1", "2"])
    total = ["合计", "", "", f"{sum(float(r[3]) for r in _ROWS):.2f}", ""]
    return "\n".join(["2024年订单报表", "", *lines, separator.join(total), "导出时间：2024-03-31"]) + "\n"


def _xlsx() -> bytes:
    book = openpyxl.Workbook()
    for row in [_HEADER, *_ROWS]:
        book.active.append(row)
    book.active.append([5, 1.5, True, None, 12345678901234567890])
    return _saved(book)


def _saved(book) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _xls() -> bytes:
    book = xlwt.Workbook()
    page = book.add_sheet("客户")
    page.write_merge(0, 0, 0, 4, "客户信息")
    for i, row in enumerate([_HEADER, *_ROWS], start=1):
        for j, cell in enumerate(row):
            page.write(i, j, cell)
    return _saved(book)


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _page() -> bytes:
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in r) + "</tr>" for r in [_HEADER, *_ROWS])
    return f"<html><meta charset='utf-8'><table border=1>{body}</table></html>".encode()


def _parquet() -> bytes:
    out = io.BytesIO()
    pd.DataFrame(_ROWS, columns=_HEADER).assign(n=1.5).to_parquet(out)
    return out.getvalue()


def seeds() -> dict[str, bytes]:
    """One good file of every format, by name."""
    text = _text()
    out = {
        "utf8.csv": text.encode(),
        "bom.csv": text.encode("utf-8-sig"),
        "gb.csv": text.encode("gb18030"),
        "big5.csv": "訂單編號,客戶名稱,訂單金額\n1,臺灣,5\n2,台北,6\n".encode("big5"),
        "wide.txt": _text("\t").encode("utf-16"),
        "semicolon.csv": _text(";").encode(),
        "plain.csv": "\n".join(",".join(r) for r in [["id", "name", "phone", "total", "date"], *_ROWS]).encode(),
        "book.xlsx": _xlsx(),
        "old.xls": _xls(),
        "page.xls": _page(),
        "data.parquet": _parquet(),
        "lines.json": "\n".join(json.dumps(dict(zip(_HEADER, r, strict=True))) for r in _ROWS).encode(),
        "list.json": json.dumps([dict(zip(_HEADER, r, strict=True)) for r in _ROWS]).encode(),
    }
    return out | {"months.zip": _zip({"01.csv": out["gb.csv"], "02.xlsx": out["book.xlsx"]})}


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The file with one to eight changes: bytes, runs, cuts, doublings, other files' marks; parts of workbooks change within."""
    if content.startswith(b"PK") and chance.random() < 0.7:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {n: archive.read(n) for n in archive.namelist()}
        name = chance.choice(sorted(parts))
        parts[name] = mutated(parts[name], chance)
        if chance.random() < 0.1:
            del parts[chance.choice(sorted(parts))]
        return _zip(parts)
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        if not data:
            break
        at, size = chance.randrange(len(data)), chance.choice([1, 1, 2, 8, 64, 512])
        kind = chance.randrange(8)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at:at] = chance.choice(_PIECES)
        elif kind == 3:
            del data[at : at + size]
        elif kind == 4:
            data[at:at] = data[at : at + size] * chance.choice([1, 2, 50])
        elif kind == 5 and chance.random() < 0.4:
            del data[at:]
        elif kind == 6:
            data[at : at + size] = chance.randbytes(min(size, 16))
        else:
            digits = [i for i, b in enumerate(data[:20_000]) if 48 <= b <= 57]
            if digits:
                data[chance.choice(digits)] = chance.choice(b"0123456789")
    return bytes(data)


def outcome(path: Path) -> str:
    """How the file ends: "sheets" or "error". Raises AssertionError for lost rows and whatever is no UserError."""
    try:
        found = sheets(path, ibis.duckdb.connect(), root=path.parent)
    except UserError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert "\n" not in said, repr(said)
        assert str(path.parent) not in said, said
        return "error"
    assert found
    for sheet in found:
        numbers = sheet.rows.select("_row").to_pyarrow()["_row"].to_pylist()
        aside = sum(s.rows for s in sheet.set_aside)
        assert len(set(numbers)) == len(numbers), "a row number twice"
        assert not numbers or (min(numbers) >= 1 and max(numbers) <= len(numbers) + aside), "rows lost without a count"
        assert all(s.rows > 0 and s.first_row > 0 for s in sheet.set_aside), sheet.set_aside
        sheet.rows.limit(5).to_pyarrow()
    content = path.read_bytes()
    if path.suffix == ".csv" and len(found) == 1 and b'"' not in content and content.isascii() and b"\0" not in content:
        lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").count(b"\n") + 1
        assert int(found[0].rows.count().to_pandas()) + sum(s.rows for s in found[0].set_aside) == lines, "lines lost"
    return "sheets"


SETTINGS = Settings(name="Fuzz", client="Fuzz", currency="CNY", time_zone="Asia/Shanghai")
ANSWERS = 60  # to the questions of `map`: the first candidate, then no more


def imported(path: Path, project: Path) -> str:
    """How a mapping and a dry import of the file end: "sheet" or "error". Raises AssertionError for whatever is neither.

    *project* is an empty folder, or none yet; every question is answered with its first candidate.
    """
    os.environ.setdefault("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    raw = project / "data" / "raw"
    raw.mkdir(parents=True)
    shutil.copyfile(path, raw / path.name)
    answers = itertools.chain(["1"] * ANSWERS, itertools.repeat("q"))
    try:
        asked = wizard.walk(proposal.propose(project, engine.connect()), lambda prompt: next(answers), lambda line: None)
        proposal.write(project, proposal.text(asked))
        assert all(proposal.summary(asked))
        done = importing.import_(project, SETTINGS, dry=True)
    except UserError as error:
        said = str(error)
        assert said.strip(), "an error that says nothing"
        assert str(project) not in said, said
        return "error"
    found = done.quality
    assert found.balanced(), found.unbalanced()
    assert QualitySheet.from_json(found.to_json()) == found
    assert all(line.text() or line.label() for line in found.lines)
    assert quality_page.page(found, "fuzz")
    assert all(importing.summary(done))
    assert not (project / "data" / "contract").exists() or not list((project / "data" / "contract").glob("*/*.parquet"))
    return "sheet"

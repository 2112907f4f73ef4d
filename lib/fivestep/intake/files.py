"""Whatever file a client sends, as sheets: what it is is told by its content, never by its name."""

from __future__ import annotations

import codecs
import os
import stat
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import ibis

from fivestep import language
from fivestep.contract import headers
from fivestep.errors import UserError
from fivestep.intake.archives import MAX_FILES, gunzipped, is_junk, members, unpacked_size
from fivestep.intake.columnar import json_rows, parquet
from fivestep.intake.databases import database
from fivestep.intake.delimited import delimited
from fivestep.intake.markup import markup
from fivestep.intake.sheet import Quick, Sheet, digest
from fivestep.intake.workbooks import workbook
from fivestep.language import N_, _

__all__ = ["database", "sheets"]

_FOREIGN = {  # what is no table, by its first bytes
    b"%PDF": N_("a PDF: ask for the table that it was printed from"),
    b"\x89PNG": N_("a picture: ask for the table that it shows"),
    b"\xff\xd8\xff": N_("a picture: ask for the table that it shows"),
    b"GIF8": N_("a picture: ask for the table that it shows"),
    b"7z\xbc\xaf": N_("a 7z archive: unpack it and put the files in its place"),
    b"Rar!": N_("a RAR archive: unpack it and put the files in its place"),
    b"BZh": N_("packed by bzip2: unpack it and put the file in its place"),
    b"\xfd7zXZ": N_("packed by xz: unpack it and put the file in its place"),
    b"\x28\xb5\x2f\xfd": N_("packed by zstd: unpack it and put the file in its place"),
    b"SQLite format 3": N_("a SQLite database: name it as sqlite:///path with a table in the mapping"),
    b"\x7fELF": N_("a program, not data"),
    b"MZ\x90": N_("a program, not data"),
    b"ORC": N_("an ORC file: export it as Parquet or CSV"),
    b"Obj\x01": N_("an Avro file: export it as Parquet or CSV"),
    b"ARROW1": N_("an Arrow file: export it as Parquet or CSV"),
}
_BINARY = 0.02  # share of control characters from which bytes are no text
_CONTROLS = frozenset(range(0x04, 0x09)) | frozenset(range(0x0E, 0x1A))  # without null bytes, blanks, escapes and separators
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def sheets(
    path: Path,
    connection: ibis.BaseBackend,
    *,
    root: Path,
    encoding: str = "",
    separator: str = "",
    header_row: int = 0,
    known: Collection[str] | None = None,
    quick: Quick | None = None,
) -> list[Sheet]:
    """The sheets of a file (packed by gzip or not), of a ZIP archive or of all files in a folder, sorted by name.

    *root* is the folder of raw data, which sources are named from. *encoding*, *separator* and *header_row* are the user's own
    word where what is found is wrong. *known* are header keys, by default those of the synonyms. The rows are kept as text in a
    private temporary folder for as long as *connection* lives; *quick* says which columns of delimited text may be typed at once.
    Raises UserError for a file that holds no table.
    """
    known = headers.words() if known is None else frozenset(known)
    said = {"encoding": encoding, "separator": separator, "header_row": header_row, "quick": quick}
    out = []
    for file in _files(path):
        out += _read(file, connection, _source(file, root), known, **said)
    return out


def _source(path: Path, root: Path) -> str:
    try:
        name = path.relative_to(root).as_posix()
    except ValueError:
        name = path.name
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))


def _files(path: Path) -> Iterator[Path]:
    """The regular files of a folder and below it, sorted; folders that are links are not entered, so there are no loops."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        raise UserError(_("{file}: there is no such file, or it cannot be opened.").format(file=path.name)) from None
    if stat.S_ISREG(kind):
        yield path
        return
    if not stat.S_ISDIR(kind):
        raise UserError(_("{file}: it is neither a file nor a folder.").format(file=path.name))
    found = []
    for at, folders, names in os.walk(path):
        folders[:] = [f for f in folders if not is_junk(f)]
        for name in names:
            file = Path(at) / name
            if is_junk(name):
                continue
            try:
                regular = stat.S_ISREG(file.stat().st_mode)
            except OSError:
                regular = False
            if not regular:
                raise UserError(
                    _("{file}: it is a broken link or no regular file. Take it out of the folder.").format(
                        file=_source(file, path)
                    )
                )
            found.append(file)
        if len(found) > MAX_FILES:
            raise UserError(
                _("{file}: the folder holds more than {most} files. Name a smaller one.").format(
                    file=path.name, most=language.number(MAX_FILES)
                )
            )
    if not found:
        raise UserError(_("{file}: the folder holds no files.").format(file=path.name))
    yield from sorted(found, key=lambda f: f.relative_to(path).as_posix())


def _read(
    path: Path, connection: ibis.BaseBackend, source: str, known: Collection[str], *, packed: bool = False, **said
) -> list[Sheet]:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        raise UserError(_("{file}: the file cannot be opened. Check its permissions.").format(file=source)) from None
    if not head:
        raise UserError(_("{file}: the file is empty. Export it again.").format(file=source))
    for mark, what in _FOREIGN.items():
        if head.startswith(mark):
            raise UserError(_("{file}: the file is {what}.").format(file=source, what=_(what)))
    if head.startswith(b"\x1f\x8b"):
        if packed:
            raise UserError(_("{file}: an archive within an archive is not opened. Unpack the outer one.").format(file=source))
        with gunzipped(path, connection, source=source) as copy:
            return _read(copy, connection, source, known, packed=True, **said)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        size = unpacked_size(path, source=source)
        if _is_workbook(path):
            return _workbook(path, connection, source, size, known, said)
        if packed:
            raise UserError(_("{file}: an archive within an archive is not opened. Unpack the outer one.").format(file=source))
        out = []
        for name, copy in members(path, connection, source=source):
            out += _read(copy, connection, f"{source}/{name}", known, packed=True, **said)
        if not out:
            raise UserError(_("{file}: the archive holds no files.").format(file=source))
        return out
    if head.startswith(_OLE) or head[:4] in (b"\x09\x08\x10\x00", b"\x09\x08\x06\x00"):
        return _workbook(path, connection, source, path.stat().st_size, known, said)
    if head.startswith(b"PAR1"):
        return [parquet(path, connection, source=source, sha256=digest(path))]
    text = _text(head)
    if text.startswith("<"):
        start = text[:2048].lower()
        if "<workbook" in start or "mso-application" in start:
            raise UserError(
                _("{file}: an XML spreadsheet of 2003. Open it in a spreadsheet program and save it as xlsx or CSV.").format(
                    file=source
                )
            )
        if any(tag in start for tag in ("<html", "<table", "<!doctype html", "<meta", "<body", "<head", "<style", "<div", "<tr")):
            utf8 = _is_utf8(path)
            return markup(
                path, connection, source=source, sha256=digest(path), utf8=utf8, known=known,
                encoding_said=said["encoding"], header_row=said["header_row"],
            )  # fmt: skip
    if (
        (text.startswith("{") and ('"' in text[:64] or text[1:2] == "}"))
        or text.startswith("[{")
        or text[:64].split()[:2] == ["[", "{"]
    ):
        return [json_rows(path, connection, source=source, sha256=digest(path), size=path.stat().st_size)]
    if text.lower().startswith("mime-version:"):
        raise UserError(_("{file}: the file is a saved web page (MHTML). Export it as CSV or xlsx.").format(file=source))
    if not said["encoding"] and _is_binary(head):
        what = N_("no text, whatever its name says: ask for an export as CSV or xlsx")
        raise UserError(_("{file}: the file is {what}.").format(file=source, what=_(what)))
    found = delimited(
        path, connection, source=source, known=known, encoding_said=said["encoding"], separator=said["separator"],
        header_row=said["header_row"], quick=said["quick"],
    )  # fmt: skip
    return [found]


def _workbook(
    path: Path, connection: ibis.BaseBackend, source: str, size: int, known: Collection[str], said: dict
) -> list[Sheet]:
    return workbook(path, connection, source=source, sha256=digest(path), size=size, known=known, header_row=said["header_row"])


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, UnicodeDecodeError, NotImplementedError):
        return False
    return bool(names & {"[Content_Types].xml", "xl/workbook.xml", "xl/workbook.bin"}) or {"mimetype", "content.xml"} <= names


def _text(head: bytes) -> str:
    for mark, codec in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return head[len(mark) :].decode(codec, "replace").lstrip()
    return head.decode("latin-1").lstrip()


def _is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are no text in any encoding."""
    bare = head.replace(b"\0", b"")
    if sum(byte in _CONTROLS for byte in bare) <= max(2, _BINARY * len(bare)):
        return False
    return not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) and not any(
        _is_wide(head, codec) for codec in ("utf-16-le", "utf-16-be")
    )


def _is_wide(head: bytes, codec: str) -> bool:
    """Whether bytes are the start of a text in an encoding of two bytes: lines of characters that exist."""
    try:
        text = codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return False
    return "\n" in text and all(unicodedata.category(c) not in ("Cn", "Co", "Cc") for c in text if not c.isspace())


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True

"""ZIP archives and gzip: files are unpacked one at a time, under names of our own, within limits."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import ibis

from fivestep import language
from fivestep.errors import UserError
from fivestep.intake.staging import new_file
from fivestep.language import _

MAX_FILES = 10_000  # in one archive: ten years of daily files are 3,650
MAX_UNPACKED = 20 << 30  # bytes: a backup archive of 1 GB holds at most about this much text
MAX_RATIO = 250  # unpacked to packed; text packs 5 to 50 times, a bomb 1,000 times
RATIO_FROM = 50 << 20  # bytes: below this even a bomb does no harm
SPARE = 1 << 30  # bytes of the disk that stay free
CHUNK = 1 << 20

_JUNK = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")


def is_junk(name: str) -> bool:
    """What systems leave beside data: their own folders, hidden files, locks of open workbooks."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.lower().startswith(_JUNK) or any(
        (p.startswith((".", "~$")) and p not in (".", "..")) or p.lower() in _JUNK for p in parts
    )


def unpacked_size(path: Path, *, source: str) -> int:
    """The declared size of an archive's files in bytes, once it is known to be no bomb."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _checked(archive, source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, UnicodeDecodeError):
        raise _damaged(source) from None


def _checked(archive: zipfile.ZipFile, source: str) -> int:
    files = [i for i in archive.infolist() if not i.is_dir()]
    if len(files) > MAX_FILES:
        raise UserError(
            _("{file}: the archive holds more than {most} files. Unpack it and send what is needed.").format(
                file=source, most=language.number(MAX_FILES)
            )
        )
    size, packed = sum(i.file_size for i in files), sum(i.compress_size for i in files)
    if size > MAX_UNPACKED or (size > RATIO_FROM and size > MAX_RATIO * max(packed, 1)):
        raise UserError(
            _(
                "{file}: the archive would unpack to {size} MB from {packed} MB. It is not opened; unpack it "
                "yourself if you trust it."
            ).format(file=source, size=language.number(size / 2**20), packed=language.number(packed / 2**20, 1))
        )
    if any(i.flag_bits & 1 for i in files):
        raise UserError(
            _("{file}: the archive is protected by a password. Unpack it and put the files in its place.").format(file=source)
        )
    return size


def members(path: Path, connection: ibis.BaseBackend, *, source: str) -> Iterator[tuple[str, Path]]:
    """Name and unpacked copy of every file of an archive, sorted by name; a copy goes before the next is made.

    A name is only shown, never used as a path.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = _checked(archive, source)
            if size + SPARE > shutil.disk_usage(path.parent).free:
                raise UserError(
                    _("{file}: {size} GB unpacked do not fit on the disk. Make room.").format(
                        file=source, size=language.number(size / 2**30, 1)
                    )
                )
            for info in sorted((i for i in archive.infolist() if not i.is_dir()), key=_name):
                name = _name(info)
                if is_junk(name):
                    continue
                copy = new_file(connection, ".member")
                try:
                    _unpack(archive, info, copy, f"{source}/{name}")
                    yield name, copy
                finally:
                    copy.unlink(missing_ok=True)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OSError):
        raise _damaged(source) from None


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, copy: Path, source: str) -> None:
    written = 0
    with archive.open(info) as packed, copy.open("wb") as out:
        while chunk := packed.read(CHUNK):
            written += len(chunk)
            if written > info.file_size:
                raise UserError(_("{file}: the file is larger than the archive says. It is not opened.").format(file=source))
            out.write(chunk)


@contextlib.contextmanager
def gunzipped(path: Path, connection: ibis.BaseBackend, *, source: str) -> Iterator[Path]:
    """An unpacked copy of a file packed by gzip, which says nothing of its size: writing stops at the limits."""
    copy = new_file(connection, ".member")
    packed = path.stat().st_size
    free = shutil.disk_usage(copy.parent).free - SPARE
    written = 0
    try:
        with gzip.open(path) as file, copy.open("wb") as out:
            while chunk := file.read(CHUNK):
                written += len(chunk)
                if written > MAX_UNPACKED or (written > RATIO_FROM and written > MAX_RATIO * packed):
                    raise UserError(
                        _(
                            "{file}: the file unpacks to more than {size} MB from {packed} MB. It is not opened; unpack it "
                            "yourself if you trust it."
                        ).format(file=source, size=language.number(written / 2**20), packed=language.number(packed / 2**20, 1))
                    )
                if written > free:
                    raise UserError(
                        _("{file}: more than {size} GB unpacked do not fit on the disk. Make room.").format(
                            file=source, size=language.number(written / 2**30, 1)
                        )
                    )
                out.write(chunk)
        yield copy
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise UserError(_("{file}: the file is damaged or cut off. Pack it again.").format(file=source)) from None
    finally:
        copy.unlink(missing_ok=True)


def _name(info: zipfile.ZipInfo) -> str:
    """The name as written: archives of Chinese systems hold GBK names that read as code page 437."""
    name = info.filename
    if not info.flag_bits & 0x800 and not name.isascii():
        raw = name.encode("cp437", "replace")
        for codec in ("utf-8", "gb18030"):
            try:
                name = raw.decode(codec)
                break
            except UnicodeDecodeError:
                continue
    parts = [p for p in name.replace("\\", "/").split("/") if p not in ("", ".", "..")]
    return "".join(c for c in "/".join(parts) if c.isprintable())[:200] or "file"


def _damaged(source: str) -> UserError:
    return UserError(
        _("{file}: the archive is damaged or packed in a way that cannot be read. Pack it again as a plain ZIP.").format(
            file=source
        )
    )

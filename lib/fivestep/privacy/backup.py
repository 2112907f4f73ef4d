"""A sealed archive of a project that has proven its own restore, and the restore itself."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from fivestep.errors import UserError
from fivestep.language import _
from fivestep.privacy import sealing
from fivestep.privacy.pseudonyms import Pseudonyms

LEFT_OUT = {".git", ".venv", ".tmp", "__pycache__", ".ipynb_checkpoints"}  # made again by their own tools

_ABOUT = "backup"


@dataclass(frozen=True)
class Proof:
    """What a backup holds, and what was compared after it had been restored: files, bytes, rows of Parquet files."""

    files: int
    size: int
    rows: int


def backup(project: Path, target: Path, names: Pseudonyms) -> Proof:
    """Write all files of *project* to *target*, sealed with its key, and restore them to a folder that goes again.

    Every file must come back with the same SHA-256, and every Parquet file with its rows; else nothing is left at *target* and
    UserError says what differs. The key is not in it: without the key it cannot be opened.
    """
    target = target.resolve()
    if target.exists():
        raise UserError(_("{file} is there already. Name another file.").format(file=target.name))
    if target.is_relative_to(project.resolve()):
        raise UserError(
            _("{file} would lie within the project. Name a file outside, best on another disk.").format(file=target.name)
        )
    part = target.with_name(f".{target.name}.part")
    files = _files(project)
    before = {path: _digest(project / path) for path in files}
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            _through(
                lambda pipe: _pack(project, files, pipe), lambda pipe: sealing.seal(pipe, file, names.derived(_ABOUT), _ABOUT)
            )
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".restored-") as folder:
            restored = Path(folder)
            _unpack(part, restored, names)
            back = {path: _digest(restored / path) for path in _files(restored)}
            rows = sum(pq.read_metadata(restored / path).num_rows for path in back if path.endswith(".parquet"))
        differ = sorted(path for path in {*before, *back} if before.get(path) != back.get(path))
        if differ:
            raise UserError(
                _(
                    "The backup was not kept, as not all came back as it was: {choices}. Run it again when nothing "
                    "else works in the project."
                ).format(choices=", ".join(differ[:5]))
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Proof(len(back), sum((project / path).stat().st_size for path in files), rows)


def restore(archive: Path, folder: Path, names: Pseudonyms) -> int:
    """Restore an archive to *folder*, which must be new or empty; returns how many files. Raises UserError for another key."""
    if not archive.is_file():
        raise UserError(_("{file}: there is no such file. Name one that fivestep backup wrote.").format(file=archive.name))
    if folder.exists() and any(folder.iterdir()):
        raise UserError(_("{folder} is not empty. Name a new folder.").format(folder=folder.name))
    folder.mkdir(parents=True, exist_ok=True)
    _unpack(archive, folder, names)
    return len(_files(folder))


def _files(folder: Path) -> list[str]:
    """The regular files of a project, as they are named in the archive."""
    out = []
    for path in sorted(folder.rglob("*")):
        within = path.relative_to(folder)
        linked = any((folder / p).is_symlink() for p in (within, *within.parents) if p != Path())
        if path.is_file() and not linked and not LEFT_OUT & set(within.parts):
            out.append(within.as_posix())
    return out


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(project: Path, files: list[str], pipe: BinaryIO) -> None:
    with gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=1, mtime=0) as small, tarfile.open(fileobj=small, mode="w|") as tar:
        for path in files:
            tar.add(project / path, path, recursive=False)


def _unpack(archive: Path, folder: Path, names: Pseudonyms) -> None:
    def opened(pipe: BinaryIO) -> None:
        with archive.open("rb") as file:
            sealing.unseal(file, pipe, names.derived(_ABOUT), _ABOUT, archive.name)

    def extracted(pipe: BinaryIO) -> None:
        with tarfile.open(fileobj=pipe, mode="r|gz") as tar:
            for member in tar:  # by hand: the oldest Python that we run on knows no filter
                inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
                if not (inside and (member.isfile() or member.isdir())):
                    raise UserError(
                        _("{file}: {member} is no file of a project, so this is no backup of fivestep.").format(
                            file=archive.name, member=member.name
                        )
                    )
                tar.extract(member, folder)
        while pipe.read(sealing.CHUNK):  # to the end, or what writes would wait for ever
            pass

    _through(opened, extracted)


def _through(write: Callable[[BinaryIO], None], read: Callable[[BinaryIO], None]) -> None:
    """What *write* writes goes to *read* without a file in between, so that nothing lies in clear on the disk."""
    source, sink = os.pipe()

    def writing() -> None:
        with os.fdopen(sink, "wb") as pipe:
            write(pipe)

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(writing)
        try:
            with os.fdopen(source, "rb") as pipe:
                read(pipe)
        except Exception:
            if (error := written.exception()) and not isinstance(error, BrokenPipeError):
                raise error from None
            raise
        written.result()

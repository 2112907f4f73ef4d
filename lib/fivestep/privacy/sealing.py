"""Sealing: bytes on a disk that only the project's key opens, and of which no byte can be changed unseen.

AES-SIV with 512 bits of key (RFC 5297, by way of the cryptography library): the same content gives the same bytes, so that a
second writing changes nothing. A stream is sealed in chunks; each is bound to its place and to whether it is the last, so
that none can be moved, taken away or added.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from fivestep.errors import UserError
from fivestep.language import _

CHUNK = 16 << 20  # bytes sealed at a time: what a stream needs of memory, whatever its size
SUFFIX = ".sealed"

_MARK = b"fivestep sealed 1\n"
_TAG = 16  # bytes that AES-SIV adds


def seal(source: BinaryIO, target: BinaryIO, key: bytes, about: str) -> None:
    """Write *source* sealed to *target*; *about* says what it is and must be the same to open it. *key* has 64 bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    cipher = AESSIV(key)
    target.write(_MARK)
    chunk, number = source.read(CHUNK), 0
    while True:
        after = source.read(CHUNK)
        target.write(cipher.encrypt(chunk, _place(about, number, not after)))
        if not after:
            return
        chunk, number = after, number + 1


def unseal(source: BinaryIO, target: BinaryIO, key: bytes, about: str, name: str) -> None:
    """Write what `seal` sealed to *target*. Raises UserError that names *name* where the key is another or a byte was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    cipher = AESSIV(key)
    if source.read(len(_MARK)) != _MARK:
        raise UserError(_("{name}: this is no sealed file of fivestep.").format(name=name))
    chunk, number = source.read(CHUNK + _TAG), 0
    while True:
        after = source.read(CHUNK + _TAG)
        try:
            target.write(cipher.decrypt(chunk, _place(about, number, not after)))
        except (InvalidTag, ValueError):
            raise UserError(
                _(
                    "{name} cannot be opened: it was sealed with another key, or it is damaged. Restore the key or a backup."
                ).format(name=name)
            ) from None
        if not after:
            return
        chunk, number = after, number + 1


def _place(about: str, number: int, last: bool) -> list[bytes]:
    return [about.encode(), number.to_bytes(8), bytes([last])]


def sealed(data: bytes, key: bytes, about: str) -> bytes:
    """The bytes, sealed."""
    out = io.BytesIO()
    seal(io.BytesIO(data), out, key, about)
    return out.getvalue()


def unsealed(path: Path, key: bytes, about: str, name: str) -> bytes:
    """What a sealed file holds."""
    out = io.BytesIO()
    with path.open("rb") as file:
        unseal(file, out, key, about, name)
    return out.getvalue()

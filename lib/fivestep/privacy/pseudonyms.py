"""Keyed pseudonyms: HMAC-SHA-256 under a key that never lies in the project.

A hash without a key is not offered: all phone numbers of a country can be hashed in minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt

from fivestep.errors import UserError
from fivestep.language import _

DIGITS = 32  # of the 64 hex digits: 128 bits, so two customers out of a billion share a pseudonym with a chance below 1e-20
LEAST = 32  # bytes of a key, the length of the hash (RFC 2104, section 3)
KEY, KEY_FILE = "FIVESTEP_KEY", "FIVESTEP_KEY_FILE"

_BLOCK = 64  # bytes that SHA-256 takes in at a time


@dataclass(frozen=True)
class Pseudonyms:
    """What turns ids into pseudonyms. ``fingerprint`` tells keys apart and gives nothing of the key away."""

    _key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self._key) < LEAST:
            raise ValueError(f"a key has at least {LEAST} bytes")

    @classmethod
    def from_environment_or_file(cls, project: Path, client: str = "", *, expected: str = "") -> Pseudonyms:
        """The key from FIVESTEP_KEY, else from the key file; the file is made where no key has been used yet.

        *client* becomes part of the file's name, so that two clients never share a key. *expected* is the fingerprint of the key
        that the project's data was made with, empty before the first import. Raises UserError for a short key, a key file within
        the project, one that others may read, and another key than *expected*.
        """
        given = os.environ.get(KEY, "")
        if given:
            found, origin = cls(_decoded(given, KEY)), KEY
        else:
            path = key_file(project, client)
            origin = str(path)
            if not path.exists():
                if expected:
                    raise UserError(
                        _(
                            "The key of this project's pseudonyms is missing. Copy its key file to {path}, or set {key}: "
                            "with a new key no customer would be found again."
                        ).format(path=path, key=KEY)
                    )
                _create(path)
            found = cls(_read(path))
        if expected and not hmac.compare_digest(found.fingerprint, expected):
            raise UserError(
                _(
                    "The key in {origin} is not the one that this project's pseudonyms were made with ({found}, not "
                    "{expected}). Restore the earlier key, or remove data/contract/ and import everything."
                ).format(origin=origin, found=found.fingerprint, expected=expected)
            )
        return found

    @classmethod
    def given(cls, project: Path) -> Pseudonyms:
        """The key that the environment names, by itself or by its file; UserError where there is none."""
        if not os.environ.get(KEY) and not (os.environ.get(KEY_FILE) and key_file(project).is_file()):
            raise UserError(
                _("Say which key it was sealed with: set {variable} to the key file of the project, or {key} to the key.").format(
                    variable=KEY_FILE, key=KEY
                )
            )
        return cls.from_environment_or_file(project)

    @property
    def fingerprint(self) -> str:
        return hmac.new(self._key, b"fivestep: fingerprint of the key", hashlib.sha256).hexdigest()[:16]

    def derived(self, use: str) -> bytes:
        """64 bytes for another *use*, from which neither the key nor a pseudonym can be told (HKDF with SHA-256, RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 64, salt=None, info=b"fivestep: " + use.encode()).derive(self._key)

    def of(self, text: str) -> str:
        """The pseudonym of one text: 32 hex digits."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:DIGITS]

    def expression(self, text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
        """The pseudonym of each text as an expression of the engine, null for null; the same as `of`.

        The key stands in variables of the connection, so that neither the text of a query nor an error shows it.
        """
        key = self._key if len(self._key) <= _BLOCK else hashlib.sha256(self._key).digest()
        connection = text.get_backend().con
        outer, inner = f"fivestep_outer_{self.fingerprint}", f"fivestep_inner_{self.fingerprint}"
        for name, pad in ((outer, 0x5C), (inner, 0x36)):
            connection.execute(f"SET VARIABLE {name} = ?", [bytes(b ^ pad for b in key.ljust(_BLOCK, b"\0")).hex()])
        first = _sha256(_unhex(_variable(inner).name("inner") + _hex(text)))
        return _sha256(_unhex(_variable(outer).name("outer") + first)).left(DIGITS)

    def known(self, texts: ibis.Table) -> ibis.Table:
        """Each distinct *text* with its *pseudonym*: hashing is slow, so it pays to store this where many rows share texts."""
        texts = texts.filter(texts.text.notnull()).distinct()
        return texts.mutate(pseudonym=self.expression(texts.text))

    def replaced(self, table: ibis.Table, column: str, known: ibis.Table | None = None) -> ibis.Table:
        """*table* with the pseudonyms of *column* in its place, taken from *known*; a text not in *known* becomes null."""
        known = self.known(table.select(text=table[column])) if known is None else known
        joined = table.left_join(known, table[column] == known.text)
        return joined.select(**{c: joined.pseudonym if c == column else joined[c] for c in table.columns})


def key_file(project: Path, client: str = "") -> Path:
    """Where the key of a project is kept: FIVESTEP_KEY_FILE, else ``fivestep/<client>-<project>.key`` in the user's settings.

    Raises UserError where that is within the project, which is shared and backed up together with its data.
    """
    project = project.resolve()
    chosen = os.environ.get(KEY_FILE, "")
    settings = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(settings) if Path(settings).is_absolute() else Path.home() / ".config"
    name = re.sub(r"[^\w]+", "-", f"{client} {project.name}").strip("-")
    path = Path(chosen).expanduser().absolute() if chosen else home / "fivestep" / f"{name}.key"
    if path.resolve().is_relative_to(project):
        raise UserError(
            _("{path}: the key lies within the project. Move it out of {project} and set {variable} to its new place.").format(
                path=path, project=project, variable=KEY_FILE
            )
        )
    return path


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another import made it meanwhile
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(LEAST) + "\n")


def _read(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            _("{path}: the key file cannot be read ({reason}).").format(path=path, reason=type(error).__name__)
        ) from None
    if mode & 0o077 and sys.platform != "win32":  # Windows has no such bits
        raise UserError(_("{path}: others may read the key ({mode:04o}). Run: chmod 600 '{path}'").format(path=path, mode=mode))
    return _decoded(text, str(path))


def _decoded(text: str, origin: str) -> bytes:
    text = text.strip()
    key = bytes.fromhex(text) if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text) and len(text) >= 2 * LEAST else text.encode()
    if len(key) < LEAST:
        raise UserError(
            _(
                '{origin}: the key has {n} bytes and needs at least {least}. Make one with: python -c "import '
                'secrets; print(secrets.token_hex(32))"'
            ).format(origin=origin, n=len(key), least=LEAST)
        )
    return key


@ibis.udf.scalar.builtin(name="sha256")
def _sha256(value: dt.binary) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="unhex")
def _unhex(value: str) -> dt.binary: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="hex")
def _hex(value: str) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="getvariable")
def _variable(name: str) -> str: ...  # type: ignore[empty-body]

"""access.yml: who may open names and phones, what for and how long they are kept; and whether the project keeps to it."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fivestep import yaml_file
from fivestep.errors import UserError
from fivestep.language import N_, _
from fivestep.privacy import leaks, sealing, vault
from fivestep.privacy.pseudonyms import Pseudonyms

FILE = "access.yml"
LOG = vault.FOLDER / "access.log"
RAW = Path("data", "raw")

_FIRST = (
    N_("Who may open names, phones and addresses, what for, and how long they are kept. Checked by: fivestep access"),
    N_("Stewards are users of this computer: only they write contact lists and erase persons; data/vault/access.log notes each "
       "use."),
    N_("Everybody else works with pseudonyms; readers get reports only. What keeps others out is the computer: give nobody else "
       "the key."),
)  # fmt: skip
_SETTINGS = """\
purpose: ""
stewards: [{user}]
recipients: []
keep_raw_days: 365
keep_vault_days: 1095
"""


class Policy(BaseModel):
    """What access.yml says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: str = ""
    stewards: tuple[str, ...] = Field(min_length=1)
    recipients: tuple[str, ...] = ()
    keep_raw_days: int = Field(ge=1)
    keep_vault_days: int = Field(ge=1)

    @property
    def stated(self) -> bool:
        """Whether it says what names may be opened for: without that nothing is."""
        return bool(self.purpose.strip())


@dataclass(frozen=True)
class Checked:
    """One rule: what is asked, whether the project keeps to it, and what to do where it does not."""

    rule: str
    kept: bool
    detail: str = ""


def policy(project: Path) -> Policy:
    """The policy of *project*. Raises UserError that names the key at fault, or says how to make a first one."""
    path = project / FILE
    if not path.is_file():
        raise UserError(
            _("There is no {file} yet, which says who may open names and phones. Make a first one: fivestep access").format(
                file=FILE
            )
        )
    try:
        return Policy.model_validate(yaml_file.mapping(path))
    except ValidationError as error:
        raise UserError("\n".join(yaml_file.problems(FILE, error.errors()))) from None


def first(project: Path) -> bool:
    """Write a first access.yml that names the present user as steward; returns whether there was none."""
    path = project / FILE
    if path.is_file():
        return False
    said = "".join(f"# {_(line)}\n" for line in _FIRST) + _SETTINGS.format(user=json.dumps(getpass.getuser()))
    path.write_text(said, encoding="utf-8", newline="\n")
    return True


def allowed(project: Path, purpose: str) -> str:
    """The user who may open the vault now.

    Raises UserError where access.yml states no purpose or does not name the user as a steward, or no purpose is given here; then
    nothing may be opened.
    """
    user, said = getpass.getuser(), policy(project)
    if user not in said.stewards:
        raise UserError(
            _("{file} does not name {user} as a steward. Ask one of {choices}.").format(
                file=FILE, user=user, choices=", ".join(said.stewards)
            )
        )
    if not said.stated:
        text = _("{file} does not say what names and phones may be opened for. Write it there, under purpose:")
        raise UserError(text.format(file=FILE))
    if not purpose.strip():
        raise UserError(_("Say what the names are opened for: --purpose"))
    return user


def opened(project: Path, action: str, purpose: str, rows: int) -> None:
    """Note that the vault was opened: when, by whom, for which action and purpose, and how many persons were seen.

    Raises UserError as `allowed` does.
    """
    user = allowed(project, purpose)
    entry = {"when": dt.datetime.now().astimezone().isoformat(timespec="seconds"), "user": user, "action": action,
             "purpose": purpose.strip(), "persons": rows}  # fmt: skip
    handle = os.open(vault.folder(project) / LOG.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def checked(project: Path, names: Pseudonyms, today: dt.date) -> list[Checked]:
    """Every rule of the policy and of the kit, held against the project as it lies there. Raises UserError without access.yml."""
    said = policy(project)
    raw, held = _files(project / RAW), _files(project / vault.FOLDER)
    tables = [t for t in vault.TABLES if vault.holds(project, t)]
    people = [vault.read(project, t, names).to_pandas() for t in tables]
    found, unread = leaks.leaks(project, leaks.identifiers(people))
    pages = [name for name in unread if name.lower().endswith(".pdf")]
    where = [f"{x.file} ({_(KINDS[x.kind])}: {x.found}, {x.sample})" for x in found[:5]]
    if pages:
        unsaid = _("not read: {files}. Delete them, or run: python -m pip install pypdfium2")
        where.append(unsaid.format(files=", ".join(pages[:5])))
    if any(x.kind == "short_name" for x in found):
        where.append(_("A name of two Chinese characters counts where it stands as a word of its own; look whether it is one."))
    log = _entries(project)
    strangers = sorted({e["user"] for e in log} - set(said.stewards))
    clear = [p.name for p in held if p.parent == project / vault.FOLDER and p.suffix == ".parquet"]
    out = [
        (N_("the purpose is stated"), not said.stated, _("write it into access.yml under purpose:")),
        (N_("the vault is sealed"), bool(clear), _("import again, then delete {files}").format(files=", ".join(clear))),
        (N_("only the user may read vault and raw files"), _open(project), _("run: {command}").format(
            command="chmod -R go-rwx data/raw data/vault")),
        (N_("nothing of data/raw and data/vault is in git"), _tracked(project), _("run: {command}").format(
            command="git rm -r --cached data/raw data/vault")),
        (N_("raw files are no older than access.yml allows"), _old(raw, said.keep_raw_days, today),
         _("delete or archive them: {files}").format(files=", ".join(p.name for p in _aged(raw, said.keep_raw_days, today)[:5]))),
        (N_("the vault is no older than access.yml allows"),
         _old([p for p in held if p.suffix == sealing.SUFFIX], said.keep_vault_days, today),
         _("delete data/vault, or say why it is kept and for how long")),
        (N_("only stewards have opened the vault"), bool(strangers), ", ".join(strangers)),
        (N_("reports/ and results/ hold no name, phone, address or id of the client"), bool(found or pages), "; ".join(where)),
    ]  # fmt: skip
    return [Checked(_(rule), not broken, detail if broken else "") for rule, broken, detail in out]


KINDS = {"phone": N_("phones"), "email": N_("e-mail addresses"), "name": N_("names"), "short_name": N_("possible names"),
         "address": N_("addresses"), "raw_id": N_("ids of the client")}  # fmt: skip


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".gitkeep") if folder.is_dir() else []


def _open(project: Path) -> bool:
    if sys.platform == "win32":  # it has no such bits
        return False
    own = [p for f in (RAW, vault.FOLDER) for p in ([project / f] if (project / f).is_dir() else [])]
    # A closed folder keeps everybody out of all that lies in it.
    return any(p.stat().st_mode & 0o077 for p in own)


def _tracked(project: Path) -> bool:
    try:
        said = subprocess.run(
            ["git", "ls-files", "--", RAW.as_posix(), vault.FOLDER.as_posix()], cwd=project, capture_output=True, text=True
        )
    except OSError:  # no git, so nothing is in it
        return False
    return any(not line.endswith(".gitkeep") for line in said.stdout.splitlines())


def _aged(files: list[Path], days: int, today: dt.date) -> list[Path]:
    return [p for p in files if (today - dt.date.fromtimestamp(p.stat().st_mtime)).days > days]


def _old(files: list[Path], days: int, today: dt.date) -> bool:
    return bool(_aged(files, days, today))


def _entries(project: Path) -> list[dict]:
    path = project / LOG
    if not path.is_file():
        return []
    try:
        return [dict(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, TypeError):
        raise UserError(
            _("{file} cannot be read: somebody has changed it. Restore it from a backup.").format(file=LOG.as_posix())
        ) from None

"""One notebook executed in a kernel of its own."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from fivestep.errors import UserError
from fivestep.language import N_, _, typeset

_SOCKET = 100  # bytes of a socket's path that every system takes


class NotebookFailedError(UserError):
    """A cell of a notebook ended in an error: names notebook, section and what was said; the executed notebook is kept."""


def read(path: Path, *, fix: str = N_("Restore it from version control.")) -> nbformat.NotebookNode:
    """A notebook file; UserError, which ends in *fix*, where it is none, or one of another language than Python."""
    try:
        notebook = nbformat.read(path, as_version=4)
        about = notebook.metadata
        spoken = {about.get("kernelspec", {}).get("language"), about.get("language_info", {}).get("name")}
    except Exception as error:  # nbformat meets strange content with errors of many kinds
        said = error.strerror if isinstance(error, OSError) else next(iter(str(error).splitlines()), type(error).__name__)
        words = _("{file} cannot be read as a notebook: {reason}.").format(file=path.name, reason=str(said).rstrip("."))
        raise UserError(typeset(" ".join([words, _(fix)]))) from None
    if others := spoken - {None, "", "python"}:
        raise UserError(
            _(
                "{file} is a notebook for {language}, and the five steps run in Python. Choose the kernel Python "
                "3 in JupyterLab and save it."
            ).format(file=path.name, language=min(others))
        )
    return notebook


def execute(notebook: nbformat.NotebookNode, kept: Path, *, parameters: dict[str, Any], folder: Path, progress: bool) -> None:
    """Execute *notebook* in *folder* and write it to *kept* as it goes, so that a failed or cut one can be read.

    Results go beside *kept*. Raises NotebookFailedError, which says the section, where a cell fails or the kernel ends.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from fivestep.report.papermill_engine import ENGINE

    said = ""
    try:
        with _environment(kept.parent / "results"), _channel() as channel:
            papermill.execute_notebook(
                notebook,
                str(kept).replace("{", "{{").replace("}", "}}"),  # papermill formats it
                parameters=parameters,
                cwd=str(folder),
                kernel_name="python3",
                language="python",
                engine_name=ENGINE,
                config=channel,
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                progress_bar={"desc": f"{kept.stem:<16}", "file": sys.stderr} if progress else False,
                log_output=False,
            )
    except PapermillExecutionError as error:
        said = re.sub(r"\x1b\[[0-9;]*m", "", str(error.evalue)).strip() or error.ename
        said = said if error.ename in ("UserError", "NotebookFailedError") else f"{error.ename}: {said}"
    except DeadKernelError:
        said = _("The Python process of this notebook ended before it was done, perhaps for want of memory.")
    except Exception as error:  # a kernel that does not start, a disk that is full: it is this notebook that was not run
        said = f"{type(error).__name__}: {error}"
    made = _without_places(kept) if kept.exists() else notebook
    if said:
        raise NotebookFailedError(
            _('{notebook}, section "{section}": {said}').format(notebook=kept.name, section=_section(made), said=said)
        )


def _without_places(kept: Path) -> nbformat.NotebookNode:
    """The executed notebook without what papermill notes of this machine: clients receive it."""
    made = nbformat.read(kept, as_version=4)
    for key in ("input_path", "output_path"):
        made.metadata.get("papermill", {}).pop(key, None)
    nbformat.write(made, kept)
    return made


def _section(made: nbformat.NotebookNode) -> str:
    """The heading above the cell that was started last."""
    begun = [i for i, cell in enumerate(made.cells) if cell.metadata.get("papermill", {}).get("start_time")]
    above = (c.source for c in made.cells[: begun[-1] + 1 if begun else 0] if c.cell_type == "markdown")
    headings = [h for source in above for h in re.findall(r"^#+\s+(.+)$", source, re.MULTILINE)]
    return headings[-1] if headings else ""


@contextlib.contextmanager
def _environment(results: Path) -> Iterator[None]:
    """What the kernels inherit: where results go, and a hash seed, so that no set order leaks into a report."""
    wanted = {"FIVESTEP_RESULTS": str(results.resolve()), "PYTHONHASHSEED": "0"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _channel() -> Iterator[Any]:
    """How kernels are spoken to: through sockets in a folder that only this user can read, as what they say is customer data.

    Windows has TCP only.
    """
    from traitlets.config import Config

    if os.name == "nt":
        yield Config()
        return
    # The path of a socket has a limit, which a long TMPDIR may break.
    place = None if len(os.fsencode(tempfile.gettempdir())) < _SOCKET - len("/fivestep-12345678/kernel-1") else "/tmp"
    with tempfile.TemporaryDirectory(prefix="fivestep-", dir=place) as private:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}})

"""What a README promises: an annotated tree of the folder, and commands in ```sh blocks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_ENTRY = re.compile(r"^((?:│   |    )*)[├└]── (\S+)")
_LEFT_BY_TOOLS = {"__pycache__", "build", "dist"}


def tree(text: str) -> list[str]:
    """The paths of an annotated tree (``├── data/   never in git``), folders with a slash at their end."""
    paths: list[str] = []
    parents: list[str] = []
    for line in text.splitlines():
        if entry := _ENTRY.match(line):
            parents[len(entry[1]) // 4 :] = [entry[2]]
            paths.append("".join(parents))
    return paths


def tree_mismatches(text: str, folder: Path) -> list[str]:
    """How the annotated tree of *text* differs from *folder*: what is not there, and what the tree leaves out.

    A folder is complete as soon as the tree shows anything in it. Hidden files and what tools leave behind need not be listed.
    """
    listed = tree(text)
    wrong = [f"not there: {p}" for p in listed if not ((folder / p).is_dir() if p.endswith("/") else (folder / p).is_file())]
    opened = {""} | {path[: path.rstrip("/").rfind("/") + 1] for path in listed}
    for parent in sorted(opened):
        for entry in sorted((folder / parent).iterdir()) if (folder / parent).is_dir() else []:
            path = f"{parent}{entry.name}" + ("/" if entry.is_dir() else "")
            if path not in listed and not entry.name.startswith(".") and entry.name not in _LEFT_BY_TOOLS:
                wrong.append(f"not in the tree: {path}")
    return wrong


def commands(text: str) -> list[list[str]]:
    """The commands in the ```sh blocks of *text*, as words, without their trailing comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    return [words for block in blocks for line in block.splitlines() if (words := shlex.split(line, comments=True))]

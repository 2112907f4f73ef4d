"""Tell the template where the kit is, however cookiecutter or cruft got hold of it, and check the answers to its prompts."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parents[2]

_spec = spec_from_file_location("kit_hooks", ROOT / "template" / "kit_hooks.py")
kit_hooks = module_from_spec(_spec)
_spec.loader.exec_module(kit_hooks)


class Kit(Extension):
    """Add ``kit_root`` and the filters ``quoted`` and ``checked`` to every Jinja environment of this template."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.globals["kit_root"] = str(ROOT)
        environment.filters["quoted"] = quoted
        environment.filters["checked"] = checked


def quoted(text: str) -> str:
    """A YAML string; unlike cookiecutter's jsonify it leaves Chinese readable."""
    return json.dumps(text, ensure_ascii=False)


def checked(answers: dict) -> str:
    """Nothing, where the answers are right; otherwise the end of cookiecutter, with one line that says what to write."""
    if problem := kit_hooks.problem(answers):
        sys.exit(problem)
    return ""

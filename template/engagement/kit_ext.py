"""Tell the hooks where the kit is, however cookiecutter or cruft got hold of it."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parents[2]


class Kit(Extension):
    """Add ``kit_root`` and the filter ``quoted`` to every Jinja environment of this template."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.globals["kit_root"] = str(ROOT)
        # A JSON string is a YAML string; unlike cookiecutter's jsonify it leaves Chinese readable.
        environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)

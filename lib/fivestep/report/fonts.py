"""The fonts of the PDF: Noto Sans for Latin, Noto Sans CJK for Chinese in regular and bold, from two packages under the OFL."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst

from fivestep.errors import UserError

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


@lru_cache(maxsize=1)
def load() -> typst.Fonts:
    """The font set, read once a process. Raises UserError where a font package is not installed."""
    folders = []
    for name in _PACKAGES:
        spec = find_spec(name)
        if not spec or not spec.submodule_search_locations:
            raise UserError(f"the fonts of the PDF are not installed: run `pip install {name.replace('_', '-')}`.")
        folders.append(str(Path(spec.submodule_search_locations[0])))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


def families(lang: str) -> dict[str, list[dict]]:
    """Font lists for the template, tried in order: Latin, the Chinese of the document's script, symbols, emoji."""
    cjk = "Noto Sans CJK TC" if lang == "zh_TW" else "Noto Sans CJK SC"
    tail = [{"name": f} for f in (cjk, "Noto Sans Symbols", "Noto Emoji")]
    # In Chinese text the quotes and dashes belong to the Chinese font.
    latin = {"name": "Noto Sans", "covers": "latin-in-cjk"} if lang.startswith("zh") else {"name": "Noto Sans"}
    return {
        "body": [latin, *tail],
        "mono": [{"name": "DejaVu Sans Mono"}, *tail],
        "math": [{"name": "New Computer Modern Math"}, *tail],
    }

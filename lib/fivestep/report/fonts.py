"""The fonts of a report: Noto Sans for Latin, Noto Sans CJK for Chinese in regular and bold, from two packages under the OFL.

The PDF embeds what it uses by itself. The HTML carries the glyphs of its own text, so that no machine shows boxes for Chinese.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst
import uharfbuzz as hb
from fontTools.ttLib import TTFont

from fivestep.errors import UserError
from fivestep.language import _

_LATIN, _CJK = "manimgx_fonts", "manimgx_fonts_cjk"
_FACES = {"Noto Sans CJK SC": 2, "Noto Sans CJK TC": 3}  # where a script stands in the collection
_FEATURES = (b"kern", b"liga", b"tnum", b"locl", b"mark", b"mkmk", b"ccmp")
_SHARED = frozenset("‘’“”—…·")  # punctuation that Chinese text takes from the Chinese font


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if not spec or not spec.submodule_search_locations:
        raise UserError(
            _("the fonts of the report are not installed: run `pip install {package}`.").format(package=package.replace("_", "-"))
        )
    return Path(spec.submodule_search_locations[0])


def _cjk_family(lang: str) -> str:
    return "Noto Sans CJK TC" if lang == "zh_TW" else "Noto Sans CJK SC"


@lru_cache(maxsize=1)
def load() -> typst.Fonts:
    """The font set of the PDF, read once a process. Raises UserError where a font package is not installed."""
    folders = [str(_folder(package)) for package in (_LATIN, _CJK)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


def families(lang: str) -> dict[str, list[dict]]:
    """Font lists for the template, tried in order: Latin, the Chinese of the document's script, symbols, emoji."""
    tail = [{"name": f} for f in (_cjk_family(lang), "Noto Sans Symbols", "Noto Emoji")]
    # In Chinese text the quotes and dashes belong to the Chinese font.
    latin = {"name": "Noto Sans", "covers": "latin-in-cjk"} if lang.startswith("zh") else {"name": "Noto Sans"}
    return {
        "body": [latin, *tail],
        "mono": [{"name": "DejaVu Sans Mono"}, *tail],
        "math": [{"name": "New Computer Modern Math"}, *tail],
    }


def web_faces(text: str, lang: str) -> list[tuple[str, str]]:
    """The fonts of an HTML page that shows *text*: (family, WOFF as a data URI), cut to its characters, all weights in one."""
    chinese = {c for c in text if ord(c) >= 0x2E80 or (c in _SHARED and lang.startswith("zh"))}
    latin = {c for c in text if c.isprintable()} - chinese
    faces = [("Report Sans", _cut(_folder(_LATIN) / "NotoSans[wght].ttf", 0, latin))]
    if chinese:
        (collection,) = _folder(_CJK).glob("*.ttc")
        faces.append(("Report CJK", _cut(collection, _FACES[_cjk_family(lang)], chinese)))
    return faces


def _cut(path: Path, number: int, characters: set[str]) -> str:
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.unicode_set.set(set(map(ord, characters)))
    wanted.layout_feature_tag_set.clear()
    wanted.layout_feature_tag_set.set({int.from_bytes(name, "big") for name in _FEATURES})
    face = hb.subset(hb.Face(hb.Blob.from_file_path(str(path)), number), wanted)
    with TTFont(io.BytesIO(face.blob.data), lazy=True, recalcTimestamp=False) as font:
        font.flavor = "woff"
        out = io.BytesIO()
        font.save(out)
    return "data:font/woff;base64," + base64.b64encode(out.getvalue()).decode()

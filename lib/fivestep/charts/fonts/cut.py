"""Cut the static fonts that matplotlib needs out of the variable Noto Sans SC and TC.

matplotlib draws a variable font at its thinnest weight, and no package index holds them static in Regular and Bold with
their licence. Needs the `justmytype-intl-cjk` package, which carries the variable fonts and OFL.txt:

    python cut.py path/to/NotoSansSC[wght].ttf path/to/NotoSansTC[wght].ttf

Kept: what GB 2312 (SC), level 1 of Big5 (TC) and Latin-1 can write, Latin Extended-A, punctuation, arrows, currency signs, CJK
punctuation and full-width forms. The remaining characters come from the packaged Noto Sans CJK (see charts/theme.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

HERE = Path(__file__).parent
RANGES = [(0x20, 0x17F), (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2193), (0x2200, 0x22FF),
          (0x2460, 0x2473), (0x25A0, 0x25FF), (0x3000, 0x303F), (0xFF00, 0xFFEF)]  # fmt: skip


def characters(family: str) -> set[int]:
    """The code points that the cut fonts of a family keep."""
    encoding, leads, trails = {
        "NotoSansSC": ("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF)),
        "NotoSansTC": ("big5", range(0xA4, 0xC7), range(0x40, 0xFF)),
    }[family]
    written = {bytes((a, b)).decode(encoding, "ignore") for a in leads for b in trails}
    return {ord(c) for c in written if len(c) == 1} | {c for first, last in RANGES for c in range(first, last + 1)}


def cut(source: Path) -> None:
    family = source.name.partition("[")[0]
    for name, weight in (("Regular", 400), ("Bold", 700)):
        font = TTFont(source, recalcTimestamp=False)
        options = subset.Options(
            layout_features=["kern", "liga", "tnum", "locl"], name_IDs=["*"], notdef_outline=True, hinting=False
        )
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=characters(family))
        cutter.subset(font)
        instancer.instantiateVariableFont(font, {"wght": weight}, inplace=True, updateFontNames=True)
        font.save(HERE / f"{family}-{name}.ttf")
    (HERE / "OFL.txt").write_bytes((source.parent / "OFL.txt").read_bytes())


if __name__ == "__main__":
    for path in sys.argv[1:]:
        cut(Path(path))

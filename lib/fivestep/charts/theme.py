"""What every chart looks like: the width of the page, the house colours, one type family that writes Latin and Chinese."""

from __future__ import annotations

import dataclasses
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fivestep import language

PRIMARY, ACCENT, INK, MUTED, HAIRLINE = "#0b2545", "#0f7c8a", "#1f2933", "#5f6b7a", "#cfd6de"
GREYS = ("#5f6b7a", "#9aa5b1", "#cfd6de")
# Distinct in greyscale (lightness falls from first to last) and for red-green colour blindness.
PALETTE = ("#0b2545", "#0f7c8a", "#e09f3e", "#8fb8de", "#9c4a5b", "#b9c4cf", "#4c6b3c", "#d8c3a5")
WIDTH = 6.53  # inches: the text width of the page, so that type never changes size

_FONTS = Path(__file__).parent / "fonts"
_STYLE = {
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.unicode_minus": True,
    "axes.edgecolor": HAIRLINE,
    "axes.linewidth": 0.8,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": HAIRLINE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "fivestep",
}


@lru_cache
def _families(code: str) -> tuple[str, ...]:
    """Register the kit's fonts with matplotlib and name them in the order in which a glyph is looked for."""
    for path in sorted(_FONTS.glob("*.ttf")):
        font_manager.fontManager.addfont(path)
    names = ["Noto Sans TC", "Noto Sans SC"] if code == "zh_TW" else ["Noto Sans SC", "Noto Sans TC"]
    # Characters that the cut fonts lack (rare Chinese names, other scripts) are drawn from the packaged fonts, not as boxes.
    for package, pattern, family in (
        ("manimgx_fonts", "NotoSans[[]wght[]].ttf", "Noto Sans"),
        ("manimgx_fonts_cjk", "*.ttc", "Noto Sans CJK"),
    ):
        spec = find_spec(package)
        for path in sorted(Path(spec.submodule_search_locations[0]).glob(pattern)) if spec else ():
            font_manager.fontManager.addfont(path)
            entry = next(f for f in font_manager.fontManager.ttflist if f.fname == str(path))
            # The variable font calls itself Thin; as the last resort for rare characters it stands in for every weight.
            font_manager.fontManager.ttflist[:] = [f for f in font_manager.fontManager.ttflist if f.fname != str(path)]
            font_manager.fontManager.ttflist += [
                dataclasses.replace(entry, name=family, weight=weight, style="normal") for weight in (400, 700)
            ]
            names.append(family)
    return (*dict.fromkeys(names), "DejaVu Sans")


def style() -> dict:
    """The rcParams of the house theme."""
    return {**_STYLE, "font.family": list(_families(language.current()))}


def figure(*, height: float = 2.9, width: float = WIDTH, **subplots) -> tuple[Figure, object]:
    """A figure in the house theme and its axes, for one exhibit; sizes in inches. *subplots* are those of `Figure.subplots`."""
    with mpl.rc_context(style()):
        made = Figure(figsize=(width, height), layout="constrained")
        return made, made.subplots(**subplots)


def svg(drawn: Figure) -> str:
    """A figure as SVG text; the same figure gives the same text."""
    out = io.StringIO()
    with mpl.rc_context(style()):
        FigureCanvasSVG(drawn).print_svg(out, metadata={"Date": None, "Creator": None})
    return out.getvalue()

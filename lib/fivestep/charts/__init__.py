"""House theme and the chart kinds that the steps share."""

from fivestep.charts.kinds import bars, heatmap, intervals, lines, plane
from fivestep.charts.theme import ACCENT, GREYS, INK, MUTED, PALETTE, PRIMARY, figure, svg

__all__ = [
    "ACCENT",
    "GREYS",
    "INK",
    "MUTED",
    "PALETTE",
    "PRIMARY",
    "bars",
    "figure",
    "heatmap",
    "intervals",
    "lines",
    "plane",
    "svg",
]

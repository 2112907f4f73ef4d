"""House theme and the chart kinds that the steps share."""

from fivestep.charts.kinds import bars, columns, heatmap, intervals, lines, stacked
from fivestep.charts.theme import ACCENT, GREYS, INK, MUTED, PALETTE, PRIMARY, figure, svg

__all__ = [
    "ACCENT",
    "GREYS",
    "INK",
    "MUTED",
    "PALETTE",
    "PRIMARY",
    "bars",
    "columns",
    "figure",
    "heatmap",
    "intervals",
    "lines",
    "stacked",
    "svg",
]

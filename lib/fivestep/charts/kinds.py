"""Chart kinds that more than one step draws: grey context, one accent, direct labels, no box around anything."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from fivestep.charts.theme import ACCENT, GREYS, HAIRLINE, MUTED, PALETTE, PRIMARY, figure, style

CELL_FONT, LEAST_FONT = 6.8, 4.2  # points of the text in the cells of a grid
AXIS_TITLE = 72  # narrow characters in a line of an axis title
SHADES = LinearSegmentedColormap.from_list("fivestep", ["#f3f6f9", "#8fc1c7", ACCENT, PRIMARY])


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    write: Callable[[float], str],
    accent: Sequence[bool] | None = None,
    xlabel: str = "",
) -> Figure:
    """Horizontal bars, first label on top, each with its value; *accent* marks the bars that the title speaks of."""
    fig, ax = figure(height=0.55 + 0.23 * max(len(labels), 2))
    with mpl.rc_context(style()):
        written = [write(value) for value in values]  # a missing value has a dash and no bar
        values = np.nan_to_num(np.asarray(values, dtype=float))
        colors = [ACCENT if accent is None or a else GREYS[1] for a in (accent if accent is not None else [True] * len(labels))]
        places = np.arange(len(labels))
        ax.barh(places, values, color=colors, height=0.68)
        ax.set_yticks(places, labels)
        ax.invert_yaxis()
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        span = max(values.max(initial=0.0) - min(values.min(initial=0.0), 0.0), 1e-12)
        for place, value, text in zip(places, values, written, strict=True):
            end, side = (value + 0.01 * span, "left") if value >= 0 else (value - 0.01 * span, "right")
            ax.text(end, place, text, va="center", ha=side, fontsize=7.5)
        low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
        ax.set_xlim(low - 0.14 * span if low < 0 else 0, high + 0.14 * span)
        ax.set_xlabel(_in_lines(xlabel))
    return fig


def lines(
    frame: pd.DataFrame,
    *,
    write: Callable[[float], str],
    labels: Sequence[str] | None = None,
    ylabel: str = "",
    xlabel: str = "",
) -> Figure:
    """One line per column of *frame* over its index (already written labels), labelled at its end; the first has the accent."""
    fig, ax = figure()
    with mpl.rc_context(style()):
        names = list(labels if labels is not None else frame.columns)
        places = np.arange(len(frame))
        ends = []
        for i, column in enumerate(frame.columns):
            color = ACCENT if i == 0 else PALETTE[(i + 1) % len(PALETTE)] if len(names) > 3 else (GREYS[0], PRIMARY)[(i - 1) % 2]
            ax.plot(places, frame[column].to_numpy(dtype=float), color=color, linewidth=1.8 if i == 0 else 1.3)
            known = frame[column].dropna()
            if len(known):
                ends.append((float(known.iloc[-1]), names[i], color))
        _end_labels(ax, places[-1] if len(places) else 0, ends)
        ax.set_xticks(places, [str(x) for x in frame.index])
        _thin_labels(ax, list(frame.index))
        ax.set_xlabel(_in_lines(xlabel))
        _value_axis(ax, write, ylabel)
    return fig


def heatmap(
    frame: pd.DataFrame,
    *,
    write: Callable[[float], str],
    text: pd.DataFrame | None = None,
    limits: tuple[float, float] | tuple[None, None] = (None, None),
    shades: LinearSegmentedColormap = SHADES,
) -> Figure:
    """A grid of shaded cells: rows and columns of *frame* (already written labels), empty where a value is missing.

    *text* is written into the cells instead of their values; *limits* are the values of the lightest and the darkest of the
    *shades*. Text that is wider than its cell is written smaller, and left out where nobody could read it.
    """
    import seaborn as sns  # takes two seconds to load, which analyses without a heatmap are spared

    fig, ax = figure(height=0.9 + 0.22 * max(len(frame), 4))
    with mpl.rc_context(style()):
        numbers = frame.astype(float)
        sns.heatmap(
            numbers,
            ax=ax,
            cmap=shades,
            vmin=limits[0],
            vmax=limits[1],
            annot=numbers.map(lambda v: "" if v != v else write(v)) if text is None else text.to_numpy(),
            fmt="",
            cbar=False,
            linewidths=0.6,
            linecolor="white",
            annot_kws={"fontsize": CELL_FONT},
        )
        ax.set_xlabel("")
        ax.set_ylabel("")
        ax.tick_params(axis="y", rotation=0)
        ax.tick_params(axis="x", rotation=0)
        _thin_labels(ax, list(frame.columns))
        _fit_cells(ax, len(frame.columns))
    return fig


def _fit_cells(ax, columns: int) -> None:
    """Make the texts of a grid's cells small enough for them, or leave them out."""
    ax.figure.draw_without_rendering()
    cell = ax.get_window_extent().width / max(columns, 1)
    widest = max((t.get_window_extent().width for t in ax.texts if t.get_text()), default=0)
    size = CELL_FONT * 0.9 * cell / widest if widest > 0.95 * cell else CELL_FONT
    for written in list(ax.texts):
        written.set_fontsize(size) if size >= LEAST_FONT else written.remove()


def intervals(
    labels: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    write: Callable[[float], str],
    reference: float | None = None,
    reference_label: str = "",
    xlabel: str = "",
) -> Figure:
    """Points with their intervals, first label on top, each with its value; a dashed line marks *reference*."""
    fig, ax = figure(height=0.75 + 0.23 * max(len(labels), 2))
    with mpl.rc_context(style()):
        values, low, high = (np.asarray(x, dtype=float) for x in (values, low, high))
        places = np.arange(len(labels))
        ax.hlines(places, low, high, color=ACCENT, linewidth=2.2, alpha=0.35)
        ax.plot(values, places, "o", color=ACCENT, markersize=4.5)
        for place, value, end in zip(places, values, np.fmax(values, high), strict=True):
            ax.annotate(write(value), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=7.5)
        if reference is not None and np.isfinite(reference):
            ax.axvline(reference, color=GREYS[0], linewidth=0.9, linestyle=(0, (3, 2)), zorder=0)
            said = f"{reference_label} {write(reference)}".strip()
            ax.annotate(said, (reference, -0.75), (3, 0), textcoords="offset points", fontsize=7, color=MUTED)
        ax.set_yticks(places, labels)
        ax.set_ylim(max(len(labels), 1) - 0.4, -1.1)
        ax.xaxis.set_major_formatter(lambda value, _: write(value))
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(6))
        ax.margins(x=0.08)
        ax.grid(axis="x")
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(_in_lines(xlabel))
    return fig


def _value_axis(ax, write: Callable[[float], str], ylabel: str) -> None:
    ax.yaxis.set_major_formatter(lambda value, _: write(value))
    ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    if ylabel:
        ax.set_title(ylabel, loc="left", fontsize=7.5, color=MUTED)
    ax.axhline(0, color=HAIRLINE, linewidth=0.8) if ax.get_ylim()[0] < 0 else None


def _in_lines(title: str) -> str:
    """The title of an axis in lines that fit beside long labels; a wide character takes the room of two."""
    wide = any(ord(c) > 0x2E7F for c in title)
    return "\n".join(textwrap.wrap(title, AXIS_TITLE // 2 if wide else AXIS_TITLE))


def _thin_labels(ax, labels: Sequence[str]) -> None:
    """Leave out labels that would run into each other: the axis has room for about 110 narrow characters.

    A label of two lines, such as the first month of a year, stays, unless it is less than a step after another one that does.
    """
    rows = [str(label).split("\n") for label in labels]
    widest = max((sum(2 if ord(c) > 0x2E7F else 1 for c in line) for lines in rows for line in lines), default=1)
    step = max(1, int(np.ceil(len(labels) * (widest + 1) / 110)))
    if step == 1:
        return
    shown: list[int] = []
    for i, lines in enumerate(rows):
        if not shown or i - shown[-1] >= step:
            shown.append(i)
        elif len(lines) > 1 and len(rows[shown[-1]]) == 1:
            shown[-1] = i
    for i, tick in enumerate(ax.get_xticklabels()):
        tick.set_visible(i in shown)


def _end_labels(ax, x: float, ends: list[tuple[float, str, str]]) -> None:
    """Names at the ends of lines, pushed apart where they would overlap."""
    low, high = ax.get_ylim()
    gap = (high - low) * 0.055
    last = -np.inf
    for y, name, color in sorted(ends):
        last = max(y, last + gap)
        ax.annotate(name, (x, y), (x + 0.15, last), va="center", ha="left", fontsize=7.5, color=color, annotation_clip=False)
    ax.margins(x=0.02)


def plane(
    labels: Sequence[str],
    x: Sequence[float],
    y: Sequence[float],
    *,
    write: Callable[[float], str],
    xlabel: str,
    ylabel: str,
    cross: tuple[float, float],
    corners: Sequence[str] = ("", "", "", ""),
    x_range: tuple[Sequence[float], Sequence[float]] | None = None,
    y_range: tuple[Sequence[float], Sequence[float]] | None = None,
    limits: tuple[float, float, float, float] | None = None,
    accent: Sequence[bool] | None = None,
) -> Figure:
    """Named points in a plane that the *cross* cuts into four fields; *corners* names them: top row, bottom row.

    *x_range* and *y_range* are low and high ends of intervals; *limits* x low, x high, y low, y high of the axes.
    """
    fig, ax = figure(height=4.3)
    with mpl.rc_context(style()):
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        x_range, y_range = ([np.asarray(part, dtype=float) for part in pair] if pair else None for pair in (x_range, y_range))
        colors = [ACCENT if accent is None or a else GREYS[1] for a in (accent if accent is not None else [True] * len(labels))]
        if limits is None:
            spans = []
            for values, pair, at in ((x, x_range, cross[0]), (y, y_range, cross[1])):
                seen = np.concatenate([values, [at], *(pair or ())])
                low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
                pad = 0.12 * (high - low) or 0.5
                spans += [low - pad, high + pad]
            limits = tuple(spans)
        ax.set_xlim(limits[0], limits[1])
        ax.set_ylim(limits[2], limits[3])
        ax.axvline(cross[0], color=GREYS[2], linewidth=0.9, zorder=0)
        ax.axhline(cross[1], color=GREYS[2], linewidth=0.9, zorder=0)
        for i, color in enumerate(colors):
            if x_range:
                ax.plot([x_range[0][i], x_range[1][i]], [y[i], y[i]], color=color, linewidth=1.6, alpha=0.3)
            if y_range:
                ax.plot([x[i], x[i]], [y_range[0][i], y_range[1][i]], color=color, linewidth=1.6, alpha=0.3)
        ax.scatter(x, y, color=colors, s=18, zorder=3)
        places = ((0.01, 0.985), (0.99, 0.985), (0.01, 0.015), (0.99, 0.015))
        for text, (right, up) in zip(corners, places, strict=True):
            sides = {"ha": "left" if right < 0.5 else "right", "va": "bottom" if up < 0.5 else "top"}
            ax.text(right, up, text, transform=ax.transAxes, fontsize=7.5, color=MUTED, **sides)
        across = [(a, b, c, b) for a, b, c in zip(x_range[0], y, x_range[1], strict=True)] if x_range else []
        upwards = [(a, b, a, c) for a, b, c in zip(x, y_range[0], y_range[1], strict=True)] if y_range else []
        _name_points(ax, labels, x, y, limits, across + upwards)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: write(value))
            axis.set_major_locator(mpl.ticker.MaxNLocator(5))
        ax.set_xlabel(_in_lines(xlabel))
        ax.set_title(ylabel, loc="left", fontsize=8, color=MUTED)
    return fig


Box = tuple[float, float, float, float]  # left, bottom, right, top


def _name_points(
    ax, labels: Sequence[str], x: np.ndarray, y: np.ndarray, limits: tuple[float, float, float, float], lines: Sequence[Box]
) -> None:
    """Names beside their points: right, left, above or below, where the fewest other names, points and lines are in the way."""
    wide, high = (limits[1] - limits[0]) / 5.7, (limits[3] - limits[2]) / 3.6  # of an inch of the axes, roughly
    marks = [(a, b, a, b) for a, b in zip(x, y, strict=True)] + [line for line in lines if np.isfinite(line).all()]
    taken: list[Box] = [(a - 0.03 * wide, b - 0.03 * high, c + 0.03 * wide, d + 0.03 * high) for a, b, c, d in marks]
    for label, a, b in sorted(zip(labels, x, y, strict=True), key=lambda point: (-point[2], point[1], point[0])):
        if not (np.isfinite(a) and np.isfinite(b)):
            continue
        width = wide * (0.057 * sum(2 if ord(c) > 0x2E7F else 1 for c in str(label)) + 0.04)
        tall = high * 0.14
        tried = [
            (dx, dy, across, up)
            for distance in (0.07, 0.2, 0.33)
            for dx, dy, across, up in (
                (0.07, 0.0, 0.0, -0.5), (-0.07, 0.0, -1.0, -0.5), (0.0, distance, -0.5, 0.0), (0.0, -distance, -0.5, -1.0),
                (0.07, distance, 0.0, 0.0), (0.07, -distance, 0.0, -1.0),
                (-0.07, distance, -1.0, 0.0), (-0.07, -distance, -1.0, -1.0),
            )
        ]  # fmt: skip
        boxes = []
        for dx, dy, across, up in tried:
            left, bottom = a + dx * wide + across * width, b + dy * high + up * tall
            boxes.append((left, bottom, left + width, bottom + tall))
        costs = [
            sum(_overlap(box, other) for other in taken) / (width * tall)
            + 5 * (box[0] < limits[0] or box[2] > limits[1] or box[1] < limits[2] or box[3] > limits[3])
            + 0.01 * rank
            for rank, box in enumerate(boxes)
        ]
        box = boxes[int(np.argmin(costs))]
        taken.append(box)
        ax.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, label, ha="center", va="center", fontsize=7.5)


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))

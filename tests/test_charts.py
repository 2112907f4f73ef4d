"""Charts: the same bytes every time, Chinese drawn in its own weights, nothing missing stops them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from fivestep import charts, language
from fivestep.charts.theme import style


def test_the_same_figure_has_the_same_bytes():
    drawn = [charts.svg(charts.bars(["a", "b"], [3, 1], write=language.number)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert "<dc:date>" not in drawn[0]


@pytest.mark.parametrize("text", ["简体中文标签", "繁體中文標籤", "Straße, façade", "5 − 3 = 2 ≥ 1", "镕㛃龘"])
def test_every_character_has_a_glyph(text, caplog):
    with caplog.at_level(logging.WARNING):
        drawn = charts.svg(charts.bars([text], [1], write=language.number))
    assert drawn.count("<use ") >= len(text.replace(" ", ""))
    assert not [r for r in caplog.records if "missing from" in r.getMessage() or "findfont" in r.getMessage()]


def test_regular_and_bold_are_fonts_of_their_own():
    from matplotlib import font_manager

    family = style()["font.family"]
    paths = {font_manager.findfont(font_manager.FontProperties(family=family, weight=weight)) for weight in ("normal", "bold")}
    assert {p.rpartition("-")[2] for p in paths} == {"Regular.ttf", "Bold.ttf"}


def test_missing_and_negative_values_are_drawn():
    drawn = charts.svg(charts.bars(["a", "b", "c"], [float("nan"), -2, 3], write=language.number))
    assert "nan" not in drawn.lower()
    assert charts.svg(charts.bars([], [], write=language.number)).startswith("<?xml")


@pytest.mark.parametrize(
    "title", ["How far every one of them lies from where it was in the weeks before, in words " * 2, "与前四周相比的变化" * 9]
)
def test_a_long_title_of_an_axis_stays_on_the_page(title):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = charts.intervals(
        ["A category with a rather long name"] * 3, [1, 2, 3], [0, 1, 2], [2, 3, 4], write=language.number, xlabel=title
    )
    FigureCanvasAgg(drawn).draw()
    said = drawn.axes[0].xaxis.label
    box = said.get_window_extent()
    assert said.get_text().replace("\n", "").replace(" ", "") == title.replace(" ", "")
    assert box.x0 >= 0
    assert box.x1 <= drawn.bbox.width
    assert box.y0 >= 0


@pytest.mark.parametrize(("columns", "written"), [(12, True), (24, True), (60, False)])
def test_the_text_of_a_grid_is_as_small_as_its_cells_or_is_left_out(columns, written):
    frame = pd.DataFrame(np.arange(4.0 * columns).reshape(4, columns), columns=[str(i) for i in range(columns)])
    ax = charts.heatmap(frame, write=lambda value: "39.3万").axes[0]
    ax.figure.draw_without_rendering()
    cell = ax.get_window_extent().width / columns
    texts = [t for t in ax.texts if t.get_text()]
    assert len(texts) == (4 * columns if written else 0)
    assert all(t.get_window_extent().width <= cell for t in texts)


def test_the_first_month_of_a_year_keeps_its_label_where_others_are_left_out():
    months = [f"{i % 12 + 1}月" + (f"\n{2023 + i // 12}" if i == 1 or i % 12 == 0 else "") for i in range(1, 31)]
    ax = charts.lines(pd.DataFrame({"a": np.arange(30.0)}, index=months), write=str).axes[0]
    shown = [tick.get_text() for tick in ax.get_xticklabels() if tick.get_visible()]
    assert [s for s in shown if "\n" in s] == ["2月\n2023", "1月\n2024", "1月\n2025"]
    assert len(shown) < 30

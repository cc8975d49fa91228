"""Violins of a quantity over four bins of the largest attention weight, by class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.estimates import estimate_marks
from attn_interp.figures.draw.marks import density, marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Result

BINS = ("[0, .25)", "[.25, .5)", "[.5, .75)", "[.75, 1]")
BESIDE = 14  # characters of a name that has another beside it in the legend
SPARSE = 10  # documents: fewer are shown one by one, since a density of so few invents a shape


def violin_marks(
    result: Result, rows: pd.DataFrame, panel: str, value: str, high: float, shown: float | None = None
) -> pd.DataFrame:
    """Marks of one panel: a violin or single points for each bin and class, and their median with its interval.

    A violin's half-width is 1 at its widest; it ends at the smallest and largest value. Bins of fewer than `SPARSE`
    documents, and those whose values are all equal, are points. Every bin that has documents has an estimate for each
    class, with n = 0 where the class has none.
    """
    from attn_interp.experiments.jain_wallace.permutation import attention_bin  # here, since it loads torch

    rows = rows.assign(bin=attention_bin(rows["max_attention"]), predicted=rows["predicted"].astype(str))
    estimates = estimate_marks(
        rows, panel, series="predicted", group="bin", value=value, statistic="median", result=result
    )
    parts = []
    for group in [each for each in BINS if (rows.bin == each).any()]:
        for name in style.class_names(rows):
            own = rows[(rows.bin == group) & (rows.predicted == name)]
            values = own[value].to_numpy(float)
            defined = values[~np.isnan(values)]
            x, y = density(defined, 0.0, high, True, shown) if len(defined) >= SPARSE else (np.empty(0), np.empty(0))
            if len(x):
                parts.append(marks(panel, "violin", name, group, x=x, y=y / y.max()))
            else:
                parts.append(marks(panel, "point", name, group, x=defined))
            median = estimates[(estimates.series == name) & (estimates.group == group)]
            if median.empty:
                median = marks(panel, "estimate", name, group, n=0, undefined=0)
            parts.append(median)
    return stack(parts)


def draw_violins(axes: Axes, rows: pd.DataFrame, names: list[str], title: str) -> None:
    """Draw the marks of one panel: bins upwards, classes side by side within a bin, n at the right edge."""
    from matplotlib.patches import Patch

    colours, lines = style.class_colours(names), style.class_lines(names)
    half = 0.42 / len(names)
    bins = [group for group in BINS if (rows.group == group).any()]
    for middle, group in enumerate(bins):
        for index, name in enumerate(names):
            y = middle + half * (len(names) - 1 - 2 * index)
            own = rows[(rows.group == group) & (rows.series == name)]
            _draw_one(axes, own, y, half * 0.9, colours[name], lines[name])
    axes.set_yticks(range(len(bins)), bins)
    axes.set_ylim(-0.5, len(bins) - 0.5)
    axes.set_ylabel("largest attention weight")
    for boundary in range(1, len(bins)):
        axes.axhline(boundary - 0.5, color=style.GREY, linewidth=0.3)
    handles: list[Artist] = [
        Patch(facecolor=(colours[name], 0.3), edgecolor=colours[name], ls=lines[name]) for name in names
    ]
    style.legend_above(axes, handles, names, title, columns=2 if max(map(len, names)) <= BESIDE else 1)


def _draw_one(axes: Axes, own: pd.DataFrame, y: float, half: float, colour: str, line: str) -> None:
    violin, points = own[own.mark == "violin"], own[own.mark == "point"]
    if len(violin):
        axes.fill_between(
            violin.x, y - half * violin.y, y + half * violin.y, facecolor=(colour, 0.3), edgecolor=colour, ls=line
        )
    if len(points):  # spread across the row, so that equal values can be counted
        spread = np.linspace(-0.7, 0.7, len(points)) * half if len(points) > 1 else np.zeros(1)
        axes.plot(points.x, y + spread, ".", color=colour, markersize=3.5, zorder=4)  # over the median's circle
    median = own[own.mark == "estimate"].iloc[0]
    if not pd.isna(median.x):
        axes.hlines(y, median.low, median.high, colors="black", linewidth=1.2)
        axes.plot(
            median.x, y, "o", markerfacecolor="white", markeredgecolor="black", markersize=2.8, markeredgewidth=0.8
        )
    style.beside(axes, y, style.count_text(median["n"], median["undefined"]), colour)

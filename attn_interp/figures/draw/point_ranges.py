"""Estimates with their intervals as points on rows, one row for each of several names, the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes
from attn_interp.figures.words.literal import fitted, label_ticks

NAME = 120.0  # points: the longest name


def draw_point_ranges(ax: Axes, rows: pd.DataFrame, names: Sequence[str], colour: str, named: bool = True) -> None:
    """Draw marks (series, x, low, high) in the order of `names`, the first on top, with the numbers at the right.

    Args:
        named: Whether the names are written; false for panels beside one whose rows are the same.
    """
    for place, name in enumerate(names):
        (row,) = rows[rows.series == name].to_dict("records")
        ax.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2)
        ax.plot(row["x"], place, "o", color=colour, markersize=3.0, linestyle="")
        style.beside(ax, place, style.interval_text(row["x"], row["low"], row["high"]), "black")
    label_ticks(ax.yaxis, range(len(names)), [fitted(name, NAME, 7.0) if named else "" for name in names], 7.0)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
    ax.set_axisbelow(True)

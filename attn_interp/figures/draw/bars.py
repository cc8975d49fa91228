"""Histograms: the share of a class's documents in each bin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.estimates import estimate_text
from attn_interp.figures.draw.marks import marks, shares
from attn_interp.figures.draw.types import Artist, Axes

if TYPE_CHECKING:
    from matplotlib.patches import StepPatch


def share_marks(values: pd.Series, edges: np.ndarray, panel: str, series: str, group: str = "") -> pd.DataFrame:
    """One mark 'bar' per bin: its edges and the share of the defined values in it."""
    height = shares(values.to_numpy(float), edges)
    return marks(panel, "bar", series, group, x=edges[:-1], x_end=edges[1:], y=height)


def draw_bars(axes: Axes, bars: pd.DataFrame, edges: np.ndarray, colour: str, line: str, filled: bool) -> StepPatch:
    """Draw the outline of one series of bars, over a pale fill where few series overlap."""
    heights = bars["y"].to_numpy(float)
    if not filled:
        return axes.stairs(heights, edges, color=colour, linestyle=line, linewidth=1.0)
    return axes.stairs(
        heights, edges, fill=True, facecolor=(colour, 0.25), edgecolor=colour, linestyle=line, linewidth=1.0
    )


def draw_class_bars(
    axes: Axes, rows: pd.DataFrame, names: Sequence[str], edges: np.ndarray
) -> tuple[list[Artist], list[str]]:
    """Draw the bars of each class of `names`; the handles and texts of a legend that gives their estimates."""
    colours, lines = style.class_colours(names), style.class_lines(names)
    bars = rows[rows.mark == "bar"]
    handles: list[Artist] = [
        draw_bars(axes, bars[bars.series == name], edges, colours[name], lines[name], filled=len(names) <= 2)
        for name in names
    ]
    return handles, [estimate_text(rows, name) for name in names]

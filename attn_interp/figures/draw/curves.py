"""Curves with the interval of every point as a band around them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks
from attn_interp.figures.draw.types import Axes, Line2D


def survival_marks(panel: str, series: str, table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One mark 'curve' per step of `survival`'s table for one series."""
    return marks(
        panel, "curve", series, x=table[value], y=table["share"], low=table["low"], high=table["high"], n=table["n"]
    )


def draw_curve(axes: Axes, own: pd.DataFrame, colour: str, line: Any, *, steps: bool = False, **look: Any) -> Line2D:
    """Draw one series of marks 'curve' with its band; with `steps` each value holds until the next one."""
    axes.fill_between(
        own.x, own.low, own.high, step="post" if steps else None, facecolor=(colour, 0.2), linewidth=0, zorder=1
    )
    drawstyle = "steps-post" if steps else "default"
    return axes.plot(own.x, own.y, color=colour, linestyle=line, drawstyle=drawstyle, **look)[0]


def share_axis(axes: Axes, label: str) -> None:
    """The range of a share, upwards."""
    axes.set_ylim(0.0, 1.02)  # a line at 1 is seen whole
    axes.set_ylabel(label)
    axes.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.4)

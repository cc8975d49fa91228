"""The plane of divergence (across) and output distance (up): curves and points with intervals in both directions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Line2D
from attn_interp.figures.jain_wallace.adversary import MOST, TICKS

PLANE = "plane"
ACROSS, UP = "jsd", "tvd"


def plane_marks(summary: pd.DataFrame, series: str, setting: str) -> pd.DataFrame:
    """For each series and setting a point (group the setting) and its intervals in both directions (ranges: group
    "jsd" across, "tvd" up), from a summary with the quantities jsd and tvd; in rising order of the settings."""
    parts = []
    for name in dict.fromkeys(summary[series]):
        own = summary[summary[series] == name]
        across, up = (own[own["quantity"] == quantity].set_index(setting) for quantity in (ACROSS, UP))
        for key in up.sort_index().index:
            jsd, tvd = (table.loc[[key]].iloc[0] for table in (across, up))
            at = {"x": jsd["estimate"], "y": tvd["estimate"], "n": jsd["n"], "undefined": jsd["undefined"]}
            parts.append(marks(PLANE, "point", str(name), "" if pd.isna(key) else f"{key:g}", **at))
            for quantity, table in ((ACROSS, jsd), (UP, tvd)):
                parts.append(marks(PLANE, "range", str(name), quantity, **at, low=table["low"], high=table["high"]))
    return stack(parts)


def draw_series(axes: Axes, own: pd.DataFrame, colour: str, line: Any, marker: str, **look: Any) -> Line2D:
    """Draw the points of one series, joined where there are several, with their intervals; the handle for a legend."""
    points, ranges = own[own.mark == "point"], own[own.mark == "range"]
    across, up = ranges[ranges.group == ACROSS], ranges[ranges.group == UP]
    axes.hlines(across.y, across.low, across.high, colors=colour, linewidth=0.6, alpha=0.45)
    axes.vlines(up.x, up.low, up.high, colors=colour, linewidth=0.6, alpha=0.45)
    handle: Line2D = axes.plot(
        points.x, points.y, marker=marker, color=colour, linestyle=line if len(points) > 1 else "", **look
    )[0]
    return handle


def plane_axes(axes: Axes, label: str = "mean TVD of the output") -> None:
    """The whole range of the divergence across; output distance upwards from 0."""
    axes.set_xlim(0.0, MOST * 1.02)
    axes.set_xticks(list(TICKS), list(TICKS.values()))
    axes.axvline(MOST, color=style.GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("mean JSD of the attention (nats)")
    axes.set_ylabel(label)

"""Estimates with their intervals, as points on bars and as words in a legend."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.style import count_text, interval_text
from attn_interp.figures.draw.types import Axes, Result
from attn_interp.statistics.bootstrap import summarise

FROM_TOP, STEP = 0.97, 0.06  # share of the axes' height: the first estimate's place, and the next ones below it


def estimate_marks(
    rows: pd.DataFrame, panel: str, *, series: str, value: str, statistic: str, result: Result, group: str | None = None
) -> pd.DataFrame:
    """Marks of a statistic of the column `value` with its 95 % interval, by the columns `series` and `group`."""
    by = [series] if group is None else [series, group]
    seed = int(result.settings.get("seed", 0))
    table = summarise(rows, by=by, values=[value], statistics=(statistic,), seed=seed)
    parts = [
        estimate(panel, row, str(row[series]), "" if group is None else str(row[group]))
        for row in table.to_dict("records")
    ]
    return stack(parts)


def estimate_text(rows: pd.DataFrame, series: str) -> str:
    """Legend entry of one series: its name, estimate, interval and n."""
    own = rows[(rows.mark == "estimate") & (rows.series == series)]
    if own.empty:
        return f"{series}: n = 0"
    row = own.iloc[0]
    return f"{series}: {interval_text(row.x, row.low, row.high)}, {count_text(row.n, row.undefined)}"


def draw_estimates(axes: Axes, rows: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw each series' estimate and interval along the top of the Axes, one under another."""
    heights = axes.get_xaxis_transform()  # x in data, y in shares of the height
    for index, (series, colour) in enumerate(colours.items()):
        own = rows[(rows.mark == "estimate") & (rows.series == series) & rows.x.notna()]
        for row in own.to_dict("records"):
            y = FROM_TOP - STEP * index
            axes.hlines(y, row["low"], row["high"], colors=colour, transform=heights, linewidth=1.2)
            axes.plot(row["x"], y, "o", color=colour, markersize=2.2, transform=heights)

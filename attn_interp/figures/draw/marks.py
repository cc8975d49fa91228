"""Marks: the tidy rows that say exactly what a figure shows. They are drawn from, tested and saved as its CSV.

Columns (NaN or empty where a mark has no such thing):
    panel     name of the panel
    mark      'bar' (x to x_end, height y), 'curve' (x, y, in a band low to high where it has one), 'violin' (x,
              half-width y), 'point' (x, y), 'range' (at x, y with low to high around it), 'box' (whiskers x to x_end,
              quartiles low to high, median y), 'estimate' (x with its interval low to high, over n values, undefined
              further ones having no value)
    series    class, pair or predictor: what the colour says
    group     bin or row within the panel
    x, x_end, y, low, high
    n, undefined
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attn_interp.figures.draw.types import Result

COLUMNS = ("panel", "mark", "series", "group", "x", "x_end", "y", "low", "high", "n", "undefined")
GRID = 201  # points of a curve


def filled(result: Result) -> Result:
    """The result, which has something to draw.

    Raises:
        ValueError: its frame has no rows.
    """
    if result.frame.empty:
        raise ValueError(
            f"figure {result.experiment}: the frame has no rows; run the experiment on at least one document"
        )
    return result


def marks(panel: str, mark: str, series: str, group: str = "", **values: ArrayLike) -> pd.DataFrame:
    """Rows of one mark; `values` are the number columns, scalars or arrays of one length."""
    count = max((np.size(value) for value in values.values()), default=0)
    texts = {"panel": panel, "mark": mark, "series": series, "group": group}
    # Arrays, since columns of another frame would be matched by its index instead of taken in order.
    numbers = {name: np.broadcast_to(values.get(name, np.nan), count) for name in COLUMNS[len(texts) :]}
    return pd.DataFrame({**texts, **numbers}, index=range(count))


def estimate(panel: str, row: Mapping[Any, Any] | pd.Series, series: str, group: str = "") -> pd.DataFrame:
    """The mark of one row of a summary: its estimate with interval, n and undefined."""
    numbers = {name: row[name] for name in ("low", "high", "n", "undefined")}
    return marks(panel, "estimate", series, group, x=row["estimate"], **numbers)


def stack(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The parts under one another, with whole numbers where a column counts."""
    kept = [part for part in parts if len(part)]
    rows = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(COLUMNS))
    numbers = dict.fromkeys(("x", "x_end", "y", "low", "high"), "float64")
    return rows.astype(numbers | {"n": "Int64", "undefined": "Int64"})


def shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of the defined values in each bin (left edge in, right edge out, the last bin closed), summing to 1.

    Values a rounding error outside the edges count in the outer bins; all zero where nothing is defined.
    """
    defined = np.clip(values[~np.isnan(values)], edges[0], edges[-1])
    counts, _ = np.histogram(defined, edges)
    return counts / max(len(defined), 1)


def density(
    values: np.ndarray, low: float, high: float, clip: bool = False, shown: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel density of the defined values on a grid, integrating to 1 over the measure's own range [low, high].

    A Gaussian kernel with Scott's bandwidth, at least a hundredth of the width that is `shown` (None: the range), since
    finer would not be seen, and reflected at both ends of the range, so that no mass lies where no value can. With
    `clip` the grid runs from the smallest to the largest value only. Two empty arrays where fewer than two different
    values are defined.
    """
    from scipy.stats import gaussian_kde

    defined = np.clip(values[~np.isnan(values)], low, high)
    if len(defined) < 2 or np.ptp(defined) < 1e-9 * (high - low):
        return np.empty(0), np.empty(0)
    kernel = gaussian_kde(defined)
    kernel.set_bandwidth(max(float(kernel.factor), 0.01 * (shown or high - low) / float(np.std(defined, ddof=1))))
    grid = np.linspace(defined.min(), defined.max(), GRID) if clip else np.linspace(low, high, GRID)
    return grid, kernel(grid) + kernel(2 * low - grid) + kernel(2 * high - grid)

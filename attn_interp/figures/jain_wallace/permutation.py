"""How far random attention moves the output, drawn as Jain & Wallace 2019 do (their figure 4)."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes, Result
from attn_interp.figures.draw.violins import draw_violins, violin_marks

PANEL = "permutation"


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Violins of the median output change under permutation, over bins of the largest weight, by predicted class.

    The axis is the range of the total variation distance, 0 to 1, or its part up to the largest value, which the axis
    says. White points are medians over documents with their 95 % interval; n stands beside every violin, bins of few
    documents are drawn as points, and bins of none are left out.
    """
    with style.axes_or_new(ax, height=2.8) as axes:
        names = style.class_names(result.frame)
        draw_violins(axes, drawn(result), names, "predicted class; ○ median [95 % interval]")
        style.range_to(axes, result.frame["median_tvd"].max(), "median TVD of the output under permutation")
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks that are drawn: violins or points, and medians with intervals and n."""
    shown = style.shown_end(result.frame["median_tvd"].max())
    return violin_marks(result, result.frame, PANEL, "median_tvd", 1.0, shown)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Median total variation distance between the outputs before and after "
        f"{result.settings['draws']} random permutations of the attention weights, by largest weight and predicted "
        f"class, n = {len(result.frame):,} documents. White points are medians over documents with 95 % bootstrap "
        "intervals. The axis ends where the data do; bins of no document are left out."
    )

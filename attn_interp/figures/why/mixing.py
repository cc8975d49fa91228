"""How much of a state is its own word, and what attention that is pushed back to the words agrees with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.bars import draw_bars, share_marks
from attn_interp.figures.draw.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.point_ranges import draw_point_ranges
from attn_interp.figures.draw.types import Axes, Figure, Result

EDGES = np.linspace(0.0, 1.0, 26)
SHARE, TAU = "own share", "tau"
SERIES = "mean"
TAUS = {"tau": "attention", "tau_pushed_back": "pushed back", "gain": "difference"}


def plot(result: Result, ax: Axes | None = None, panel: str = SHARE) -> Axes:
    """Histogram over the documents of the own share of their states; or the taus with leave-one-out.

    Args:
        panel: "own share" or "tau".

    Raises:
        ValueError: there is no such panel.
    """
    if panel not in (SHARE, TAU):
        raise ValueError(f"figure mixing: no panel {panel!r}; choose from {SHARE!r}, {TAU!r}")
    rows = drawn(result)
    own = rows[rows.panel == panel]
    with style.axes_or_new(ax) as axes:
        if panel == TAU:
            draw_point_ranges(axes, own, list(own.series), style.VERMILION)
            axes.axvline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
            axes.set_xlim(-1.02, 1.02)
            axes.set_xlabel("Kendall's τ with leave-one-out")
            counts = style.count_text(int(own["n"].min()), int(own["undefined"].max()))
            style.legend_above(axes, [], [], f"mean [95 % interval]\n{counts}")
            return axes
        bars = own[own.mark == "bar"]
        handle = draw_bars(axes, bars, EDGES, style.BLUE, "-", filled=True)
        axes.set_xlim(0.0, 1.02)
        axes.set_ylim(0.0, 1.15 * max(float(bars["y"].max()), 1e-9))
        draw_estimates(axes, own, {SERIES: style.BLUE})
        axes.set_xlabel("own share of the states, 0 to 1")
        axes.set_ylabel("share of documents")
        style.legend_above(axes, [handle], [estimate_text(own, SERIES)], "a state's own word")
    return axes


def figure(result: Result) -> Figure:
    """The own share of the states (a) and the taus with leave-one-out (b)."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.3)
        for axes, panel, name in zip(page.subplots(1, 2), (SHARE, TAU), "ab"):
            style.letter(plot(result, axes, panel), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: bars and the mean of the own share, and one estimate for each tau and their difference."""
    frame, summary = filled(result).frame.assign(all=SERIES), result.summary()
    rows = {row["quantity"]: row for row in summary[summary["grouping"] == "all"].to_dict("records")}
    return stack(
        [
            share_marks(frame["own_share"], EDGES, SHARE, SERIES),
            estimate_marks(frame, SHARE, series="all", value="own_share", statistic="mean", result=result),
            *(estimate(TAU, rows[quantity], name) for quantity, name in TAUS.items()),
        ]
    )


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "(a) Share of its own word in what moves a state, by the norms of Jacobians, mean over the states of a "
        "document. (b) Kendall's τ with leave-one-out of attention, of attention pushed back to the words that make "
        f"the states, and the second minus the first. n = {result.settings['documents']:,} documents; 95 % bootstrap "
        "intervals over documents."
    )

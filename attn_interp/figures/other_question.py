"""How far attention and output move when the same text is asked something else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.bars import draw_bars, share_marks
from attn_interp.figures.draw.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.draw.marks import filled, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

EDGES = np.linspace(0.0, 1.0, 26)
SERIES = "mean"
PANELS = {  # column of the frame: label of the axis, colour
    "attention_tvd": ("TVD of the attention", style.BLUE),
    "output_tvd": ("TVD of the output", style.VERMILION),
}


def plot(result: Result, ax: Axes | None = None, panel: str = "attention_tvd") -> Axes:
    """Histogram over the documents of one distance between own and other question, with its mean.

    Args:
        panel: "attention_tvd" or "output_tvd".
    """
    label, colour = PANELS[panel]
    rows = drawn(result)
    own = rows[rows.panel == panel]
    with style.axes_or_new(ax) as axes:
        bars = own[own.mark == "bar"]
        handle = draw_bars(axes, bars, EDGES, colour, "-", filled=True)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.15 * max(float(bars["y"].max()), 1e-9))
        draw_estimates(axes, own, {SERIES: colour})
        axes.set_xlabel(f"{label}, 0 to 1")
        axes.set_ylabel("share of documents")
        style.legend_above(axes, [handle], [estimate_text(own, SERIES)], "the same text under another question")
    return axes


def figure(result: Result) -> Figure:
    """How far attention (a) and output (b) move."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.3)
        for axes, panel, name in zip(page.subplots(1, 2), PANELS, "ab"):
            style.letter(plot(result, axes, panel), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: bars and the mean of each panel, over all documents."""
    frame = filled(result).frame.assign(all=SERIES)
    parts = []
    for panel in PANELS:
        parts.append(share_marks(frame[panel], EDGES, panel, SERIES))
        parts.append(estimate_marks(frame, panel, series="all", value=panel, statistic="mean", result=result))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Total variation distance of attention (a) and of the output (b) between a text under its own question and the "
        f"same text under the question of another document. n = {len(result.frame):,} documents; 95 % bootstrap "
        "intervals over documents."
    )

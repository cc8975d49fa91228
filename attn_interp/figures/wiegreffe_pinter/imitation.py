"""Imitators in the plane of divergence and output distance, one curve per part of the model that may learn."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.plane import draw_series, plane_axes, plane_marks
from attn_interp.figures.draw.types import Axes, Result

LOOKS = {  # colour, line and marker of each freedom; `figures.ladder` uses the same
    "attention": (style.BLUE, "-", "o"),
    "attention and head": (style.GREEN, "--", "s"),
    "full": (style.VERMILION, "-.", "^"),
}


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Mean JSD of attention across and mean TVD of the output up, along the sweep over lambda, whose ends stand in the
    legend. Bars are 95 % intervals over seed and document."""
    rows = drawn(result)
    with style.axes_or_new(ax, height=3.0) as axes:
        handles, labels = [], []
        for name, (colour, line, marker) in LOOKS.items():
            own = rows[rows.series == name]
            if own.empty:
                continue
            handles.append(draw_series(axes, own, colour, line, marker, markersize=3.0, linewidth=1.0))
            strengths = own[own.mark == "point"].group
            ends = dict.fromkeys((strengths.iloc[0], strengths.iloc[-1]))
            labels.append(f"{name}: λ from {' to '.join(ends)}")
        plane_axes(axes)
        seeds = int(result.frame["seed"].nunique())
        count = f"{seeds} seed{'s' * (seeds > 1)}, {style.count_text(int(rows['n'].max()), 0)}"
        style.legend_above(axes, handles, labels, f"free to learn; bars: 95 % intervals; {count}")
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks that are drawn: points and ranges, series being what is free to learn."""
    return plane_marks(result.summary(), "free", "strength")


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        f"Models trained on {result.settings['objective']}, evaluated on n = {result.settings['documents']:,} unseen "
        "documents: mean Jensen-Shannon divergence of attention (nats, at most ln 2) and mean total variation distance "
        "of the outputs from the base model's, along a sweep over the strength lambda, for imitators in which the "
        "named parts may learn. Bars are 95 % intervals over new seeds of the base model, where there are several, and "
        "new documents."
    )

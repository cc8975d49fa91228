"""Divergence between seeds against the largest weight, and against the change of the output."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.draw.violins import draw_violins, violin_marks
from attn_interp.figures.jain_wallace.adversary import MOST, TICKS

VIOLINS, POINTS = "violins", "points"
MARKERS = "o^sDvP*"


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Violins of each document's median JSD to the other seeds over four bins of the largest weight, in nats."""
    rows = drawn(result)
    names = style.class_names(result.frame)
    with style.axes_or_new(ax, height=2.8) as axes:
        draw_violins(axes, rows[rows.panel == VIOLINS], names, "predicted class; ○ median [95 % interval]")
        _divergence_axis(axes)
    return axes


def points(result: Result, ax: Axes | None = None) -> Axes:
    """One point per document: its median JSD across, its mean TVD to the other seeds up."""
    rows = drawn(result)
    own = rows[rows.panel == POINTS]
    names = style.class_names(result.frame)
    colours = style.class_colours(names)
    with style.axes_or_new(ax, height=2.8) as axes:
        handles, labels = [], []
        for name, marker in zip(names, MARKERS * len(names), strict=False):
            mine = own[own.series == name]
            handles += axes.plot(mine.x, mine.y, marker, color=colours[name], markersize=1.8, alpha=0.45, linestyle="")
            labels.append(f"{name}: {style.count_text(len(mine), 0)}")
        _divergence_axis(axes)
        axes.set_ylim(0.0, 1.0)
        axes.set_ylabel("mean TVD of the outputs")
        style.legend_above(axes, handles, labels, "predicted class; a point is a document", columns=2)
    return axes


def figure(result: Result) -> Figure:
    """Both panels side by side."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.9)
        left, right = page.subfigures(1, 2, squeeze=False).flat
        style.letter(plot(result, left.subplots()), "a")
        style.letter(points(result, right.subplots()), "b")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`."""
    from attn_interp.experiments.wiegreffe_pinter.seeds import per_document  # here, since it loads torch

    frame = per_document(result)
    frame = frame.assign(predicted=frame["predicted"].astype(str))
    parts = [violin_marks(result, frame, VIOLINS, "jsd", MOST)]
    for name, own in frame.groupby("predicted"):
        parts.append(marks(POINTS, "point", str(name), x=own["jsd"], y=own["tvd"]))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        f"The base model (seed {result.settings['seed']}) against {len(result.settings['others'])} trained with other "
        f"seeds; n = {result.settings['documents']:,} documents. (a) Median over seeds of the Jensen-Shannon "
        "divergence of attention (nats, at most ln 2) by the largest weight of the base model; medians over documents "
        "with 95 % bootstrap intervals. (b) The same against the mean total variation distance of the outputs."
    )


def _divergence_axis(axes: Axes) -> None:
    axes.set_xlim(0.0, MOST * 1.02)
    axes.set_xticks(list(TICKS), list(TICKS.values()))
    axes.set_xlabel("median JSD to other seeds (nats)")

"""What a model that is trained again can still tell without the words that each method ranks first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve, share_axis
from attn_interp.figures.draw.marks import estimate, filled, marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

CURVE, RACU = "accuracy", "racu"
LOOKS = {name: style.ORDERINGS[name] for name in ("attention", "leave-one-out", "integrated gradients", "random")}
FREE = tuple((colour, line) for line in style.LINES for colour in (style.VERMILION, style.GREEN, style.SKY))


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Accuracy against the share of words that are removed, a line per method with its 95 % band."""
    with style.axes_or_new(ax) as axes:
        return _draw_curves(axes, drawn(result))


def figure(result: Result) -> Figure:
    """The curves (a), and the area to random removal as a share of what there is to lose (b); without random removal
    the curves alone."""
    rows = drawn(result)
    names = list(rows[rows.panel == RACU].series)
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.6 + 0.1 * len(names))
        if not names:
            _draw_curves(page.subplots(), rows)
            return page
        left, right = page.subplots(1, 2)
        style.letter(_draw_curves(left, rows), "a")
        style.letter(_draw_areas(right, rows, names), "b")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panels "accuracy" (mark 'curve', x the share) and "racu" (mark 'estimate')."""
    table = filled(result).summary()
    parts = []
    for name in result.frame["method"].unique():
        own = table[(table["method"] == name) & (table["quantity"] == "correct")].sort_values("share")
        numbers = {key: own[key].to_numpy(float) for key in ("low", "high", "n", "undefined")}
        parts.append(marks(CURVE, "curve", name, x=own["share"].to_numpy(), y=own["estimate"].to_numpy(), **numbers))
    for row in table[table["quantity"] == RACU].to_dict("records"):
        parts.append(estimate(RACU, row, row["method"]))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    frame = result.frame
    return (
        "Recursive remove and retrain: accuracy of models that are trained again without the words that each method "
        "ranks first under the model before (a), with 95 % intervals over seeds and documents "
        f"({frame['seed'].nunique()} seeds, n = {frame['document'].nunique():,} documents), and the area between "
        "random removal and the method as a share of the area between random removal and the accuracy without any "
        "words (b): 0, as random; 1, all that the task needs; bootstrap over seeds and documents."
    )


def _look(name: str, names: list[str]) -> tuple[str, Any]:
    """Colour and line of a method; those of no fixed one take, by their place, what is left."""
    if name in LOOKS:
        return LOOKS[name]
    return FREE[[other for other in names if other not in LOOKS].index(name) % len(FREE)]


def _draw_curves(axes: Axes, rows: pd.DataFrame) -> Axes:
    own = rows[rows.panel == CURVE]
    names = list(own.series.unique())
    handles = [
        draw_curve(axes, own[own.series == name], *_look(name, names), marker=".", markersize=4.0) for name in names
    ]
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("share of the words removed")
    share_axis(axes, "accuracy after training again")
    style.legend_above(axes, handles, names, f"mean [95 % interval], {style.count_text(int(own['n'].max()), 0)}")
    return axes


def _draw_areas(axes: Axes, rows: pd.DataFrame, names: list[str]) -> Axes:
    own = rows[rows.panel == RACU]
    every = list(rows[rows.panel == CURVE].series.unique())
    for place, row in enumerate(own.to_dict("records")):
        colour = _look(row["series"], every)[0]
        axes.hlines(place, row["low"], row["high"], colors=colour)
        axes.plot(row["x"], place, "o", color=colour, markersize=3)
        style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), "black")
    style.list_rows(axes, names)
    axes.axvline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
    axes.set_xlabel("area to random removal,\nas a share of all there is to lose (racu)")
    style.legend_above(axes, [], [], "area between the curves [95 % interval]")
    return axes

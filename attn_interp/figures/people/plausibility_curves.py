"""ROC and precision-recall curves of scores against the words that people marked, with the band of people.

Plausibility, agreement with people; nothing here says what the model used.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Figure, Result
from attn_interp.figures.people.plausibility import short

ROC, PRECISION_RECALL = "ROC", "precision-recall"
AXES = {
    ROC: ("share of the unmarked words taken", "share of the marked words taken"),
    PRECISION_RECALL: ("recall: share of the marked words taken", "precision: share of those taken that are marked"),
}
PERSON, PRIORS = "another person", ("position (learned)", "later in the text")
MOST = 6  # of attention and attributions: more curves cannot be told apart


def plot(result: Result, ax: Axes | None = None, curve: str = ROC, scorers: Sequence[str] | None = None) -> Axes:
    """One kind of curve for each scorer, mean over documents with 95 % bands; axes from 0 to 1.

    Args:
        curve: "ROC" or "precision-recall".
        scorers: which; None: attention, the first attributions, a prior by position, and one person held against
            another (green).

    Raises:
        ValueError: another curve, or a scorer without one.
    """
    if curve not in AXES:
        raise ValueError(f"figure plausibility_curves: no curve {curve!r}; choose from {', '.join(sorted(AXES))}")
    rows = drawn(result, scorers)
    with style.axes_or_new(ax, height=4.6) as axes:
        handles, labels = _draw(axes, rows[rows.panel == curve], curve)
        style.legend_above(axes, handles, labels, "plausibility: mean curve, 95 % band", 1)
    return axes


def figure(result: Result, scorers: Sequence[str] | None = None) -> Figure:
    """Both curves beside each other under one legend."""
    rows = drawn(result, scorers)
    with style.paper():
        page = style.new_figure(style.DOUBLE, 4.6)
        for name, axes, curve in zip("ab", page.subplots(1, 2), AXES):
            handles, labels = _draw(axes, rows[rows.panel == curve], curve)
            style.legend_above(axes, [], [], curve)
            style.letter(axes, name)
        title = "plausibility (agreement with people, not faithfulness): mean curve, 95 % band"
        style.literal(page.legend(handles, labels, loc="outside upper left", ncols=2, title=title, alignment="left"))
    return page


def drawn(result: Result, scorers: Sequence[str] | None = None) -> pd.DataFrame:
    """The marks of `figure`: a curve per panel (the kind of curve) and scorer (series), group being its kind."""
    present = list(dict.fromkeys(result.frame["scorer"]))
    if scorers is None:
        kinds = dict(zip(result.frame["scorer"], result.frame["kind"]))
        model = [name for name in present if kinds[name] in ("attention", "attribution")][:MOST]
        scorers = [*model, *[name for name in PRIORS if name in present][:1], *[n for n in present if n == PERSON]]
    if missing := [name for name in scorers if name not in present]:
        raise ValueError(f"figure plausibility_curves: no curve of {missing[0]!r}; there are {', '.join(present)}")
    parts = []
    for curve in AXES:
        for name in scorers:
            own = result.frame[(result.frame["curve"] == curve) & (result.frame["scorer"] == name)]
            numbers = {key: own[key] for key in ("x", "y", "low", "high", "n", "undefined")}
            parts.append(marks(curve, "curve", name, str(own["kind"].iloc[0]), **numbers))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    counts = result.frame["n"]
    n = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
    return (
        "Plausibility: ROC and precision-recall curves of scores of words against the words that people marked, mean "
        f"over n = {n} documents (each the mean over its annotators) with 95 % bootstrap bands. Green: one person held "
        "against another. Dotted: chance. Not a measure of faithfulness."
    )


def _draw(axes: Axes, rows: pd.DataFrame, curve: str) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = []
    labels = []
    colours = [colour for colour in style.PAIR_COLOURS if colour != style.GREEN]
    for number, name in enumerate(dict.fromkeys(rows.series)):
        own = rows[rows.series == name]
        colour, line = colours[number % len(colours)], style.LINES[number % len(style.LINES)]
        if own.group.iloc[0] == "human":
            colour, line = style.GREEN, "-"
        if own.group.iloc[0] == "baseline":
            colour, line = style.GREY, "-"
        handles.append(draw_curve(axes, own, colour, line, steps=False))
        labels.append(f"{short(name)}, {style.count_text(int(own.n.iloc[0]), int(own.undefined.iloc[0]))}")
    if curve == ROC:
        axes.plot([0, 1], [0, 1], color=style.BLACK, linewidth=0.6, linestyle=":")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    axes.set_aspect("equal")
    axes.set_xlabel(AXES[curve][0])
    axes.set_ylabel(AXES[curve][1])
    axes.grid(color=style.GREY, alpha=0.25, linewidth=0.4)
    return handles, labels

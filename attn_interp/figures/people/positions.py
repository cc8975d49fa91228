"""Where people mark words and where attention and attributions put their mass, along the document."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.people.plausibility import short

PEOPLE, ATTENTION = "people", "attention"
SCALES = (0.25, 0.5, 1.0)  # upper ends of the axis; a share cannot pass 1
MOST = 5  # attributions: more curves cannot be told apart


def plot(result: Result, ax: Axes | None = None, scorers: Sequence[str] | None = None) -> Axes:
    """Share of each scorer's mass by tenth of the document, mean over documents with 95 % bands; dotted: even.

    Args:
        scorers: which; None: people, attention and the first attributions.

    Raises:
        ValueError: a scorer that the result does not have.
    """
    rows = drawn(result, scorers)
    curves, centres = rows[rows.mark == "curve"], rows[rows.mark == "estimate"].set_index("series")
    names = list(dict.fromkeys(curves.series))
    with style.axes_or_new(ax, style.DOUBLE, 2.7 + 0.14 * (1 + len(names) // 2)) as axes:
        handles, labels = [], []
        for place, name in enumerate(names):
            handles.append(draw_curve(axes, curves[curves.series == name], *_look(name, place)))
            centre = centres.loc[name]
            value = style.interval_text(centre.x, centre.low, centre.high)
            labels.append(f"{short(name)}: {value}, {style.count_text(centre.n, centre.undefined)}")
        axes.axhline(1 / int(result.settings["bins"]), color=style.BLACK, linewidth=0.6, linestyle=":")
        axes.set_xlim(0.0, 1.0)
        most = max(curves["y"].max(), curves["high"].max())
        axes.set_ylim(0.0, next((end for end in SCALES if most <= end), SCALES[-1]))
        axes.set_xlabel("relative position in the document")
        axes.set_ylabel("share of the mass in each tenth")
        axes.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.4)
        style.legend_above(axes, handles, labels, "mean position of the mass [95 % interval]", columns=2)
    return axes


def figure(result: Result) -> Figure:
    """The curves at the page's width."""
    return plot(result).figure.figure


def drawn(result: Result, scorers: Sequence[str] | None = None) -> pd.DataFrame:
    """The marks: of each scorer (series) a curve over the middles of the tenths, and its mean position (estimate)."""
    present = list(result.settings["scorers"])
    if scorers is None:
        others = [name for name in present if name not in (PEOPLE, ATTENTION)]
        scorers = [PEOPLE, *(name for name in present if name == ATTENTION), *others[:MOST]]
    if missing := [name for name in scorers if name not in present]:
        raise ValueError(f"figure positions: no scorer {missing[0]!r}; there are {', '.join(present)}")
    summary, bins = result.summary(), int(result.settings["bins"])
    parts = []
    for name in scorers:
        own = summary[summary["scorer"] == name]
        numbers = ("low", "high", "n", "undefined")
        curve = own[own["quantity"] == "mass"].sort_values("tenth")
        x = (curve["tenth"] + 0.5) / bins
        columns = {key: curve[key] for key in numbers}
        parts.append(marks("positions", "curve", name, "", x=x, y=curve["estimate"], **columns))
        (centre,) = own[own["quantity"] == "centre"].to_dict("records")
        values = {key: centre[key] for key in numbers}
        parts.append(marks("positions", "estimate", name, x=centre["estimate"], **values))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Share of the words that people marked, of attention and of the absolute value of attributions by tenth of the "
        f"document: mean over documents with 95 % bootstrap bands, of n = {result.frame['document'].nunique():,} "
        "documents those with a value (the legend says how many). Dotted: the same share everywhere. In the legend the "
        "mean relative position, 0 the start and 1 the end. Where machine and people put their mass in the same places "
        "they agree by place alone, whatever the words are."
    )


def _look(name: str, place: int) -> tuple[str, str]:
    """Colour and line: those of people and attention are the same in every figure of plausibility."""
    if name == PEOPLE:
        return style.GREEN, "-"
    if name == ATTENTION:
        return style.BLUE, "-"
    colours = (style.VERMILION, style.PURPLE, style.ORANGE, style.SKY, style.GREY, style.BLACK)
    return colours[place % len(colours)], style.LINES[place % len(style.LINES)]

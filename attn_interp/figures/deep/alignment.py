"""Alignment error rates of cross-attention beside chance, and one pair's matrix with the true links outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.words.literal import fitted, label_ticks
from attn_interp.figures.words.matrix import ShownMatrix, show_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.data.corpora.transduction import Transduction
    from attn_interp.experiments.result import Result

PANEL = "alignment error rate"
ATTENTION, CHANCE = "most attended word", "a word at random"
NAME = 110.0  # points: the name of a model at most
TRUE = "outlined: true links"
INSET = 0.06  # of a cell: outlines of neighbours do not meet


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Mean alignment error rate of each model, site and head with its 95 % interval over pairs, and chance's cross."""
    rows = drawn(result)
    names = list(dict.fromkeys(rows.group))
    with style.axes_or_new(ax, width=style.DOUBLE, height=1.1 + 0.22 * len(names)) as axes:
        handles = []
        for series, colour, sign in ((ATTENTION, style.BLUE, "o"), (CHANCE, style.GREY, "x")):
            own = rows[rows.series == series]
            places = [names.index(name) for name in own.group]
            axes.hlines(places, own.low, own.high, colors=colour, linewidth=1.2)
            handles += axes.plot(own.x, places, sign, color=colour, markersize=3.5, linestyle="")
        for row in rows[rows.series == ATTENTION].to_dict("records"):
            text = style.interval_text(row["x"], row["low"], row["high"])
            counted = style.count_text(int(row["n"]), int(row["undefined"]))
            style.beside(axes, names.index(row["group"]), f"{text}, {counted}", "black")
        label_ticks(axes.yaxis, range(len(names)), _labels(result), 7.0)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0])
        axes.set_xlim(-0.02, 1.02)  # a point at 0 or 1 is seen whole
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
        axes.set_xlabel("alignment error rate (0: every link right)")
        style.legend_above(axes, handles, [ATTENTION, CHANCE], "target word linked to [95 % interval]:", columns=2)
    return axes


def figure(result: Result) -> Figure:
    """`plot` at the page's width."""
    page = plot(result).figure
    assert page is not None
    return page.figure


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `plot`: series the most attended word and chance, group the model, its site and head in full."""
    if result.frame.empty:
        raise ValueError("figure alignment: the frame has no rows; run the experiment on at least one pair")
    parts, summary = [], result.summary()
    for quantity, series in (("error_rate", ATTENTION), ("chance", CHANCE)):
        for row in summary[summary["quantity"] == quantity].to_dict("records"):
            ends = {"x": row["estimate"], "low": row["low"], "high": row["high"]}
            counts = {"n": row["n"], "undefined": row["undefined"]}
            parts.append(marks(PANEL, "estimate", series, _name(result, row), **ends, **counts))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Alignment error rate of cross-attention (each target word linked to the source word of most weight, the true "
        "target words given), and its exact expectation for source words drawn at random. "
        f"n = {result.settings['pairs']:,} pairs; 95 % bootstrap intervals over pairs."
    )


def draw_alignment(weights: Any, pair: Transduction, ax: Axes | None = None, about: str = "") -> Axes:
    """The cross-attention of one pair as a matrix, decoder queries down and encoder keys across, with the true links
    outlined.

    Args:
        weights: (target words, source words), one head of what `experiments.alignment.matrices` gives.
        ax: Where to draw; a new figure of its own when None.
        about: What else to say, such as the site.
    """
    from matplotlib.patches import Rectangle

    shown = alignment_matrix(weights, pair, "; ".join(filter(None, (about, TRUE))))
    axes = shown.plot(ax)
    side = 1 - 2 * INSET
    for target, source in pair.alignment:
        corner = (source - 0.5 + INSET, target - 0.5 + INSET)
        axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=style.SKY, linewidth=1.6))
    return axes


def alignment_matrix(weights: Any, pair: Transduction, about: str = "") -> ShownMatrix:
    """The same without the truth, as `show_matrix` shows and saves it."""
    return show_matrix(weights, pair.target, pair.source, about="; ".join(filter(None, (about, f"pair {pair.id}"))))


def _name(result: Result, row: dict[Any, Any]) -> str:
    """The model, and its site and head where it has several."""
    own = result.frame[result.frame["model"] == row["model"]]
    site = f", {row['site']}" if len(own["site"].unique()) > 1 else ""
    head = row["head"] if row["head"] == "mean" else f"head {row['head']}"
    return f"{row['model']}{site}" + (f", {head}" if len(own["head"].unique()) > 1 else "")


def _labels(result: Result) -> list[str]:
    """The rows as there is room for them: a long name cut, sites by their number."""
    rows = result.frame[["model", "site", "head"]].drop_duplicates()
    labels = []
    for model, own in rows.groupby("model", sort=False):
        sites = list(own["site"].unique())
        for site, part in own.groupby("site", sort=False):
            place = f", site {sites.index(site)}" if len(sites) > 1 else ""
            heads = [f", {'' if head == 'mean' else 'head '}{head}" if len(part) > 1 else "" for head in part["head"]]
            labels += [f"{fitted(str(model), NAME, 7.0)}{place}{head}" for head in heads]
    return labels

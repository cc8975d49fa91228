"""What several attention heads can do to a decision: together, and each alone while the others hold."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

STAND, ERASED, SPREAD = "unflippable decisions", "weights to erase", "spread used"
PANELS = {  # name in the summary, label of the axis, colour
    STAND: ("unflippable", "share of decisions that\nno attention changes", style.VERMILION),
    ERASED: ("fraction_of_weights", "share of the weights\n(never changed: 1)", style.BLUE),
    SPREAD: ("spread_used", "share of the spread\nof the votes", style.GREEN),
}


def plot(result: Result, ax: Axes | None = None, panel: str = STAND) -> Axes:
    """One estimate over the documents with its 95 % interval for each choice of heads.

    Args:
        panel: "unflippable decisions", "weights to erase" or "spread used".
    """
    _, label, colour = PANELS[panel]
    names, rows = _heads(result), drawn(result)
    own = rows[rows.panel == panel]
    with style.axes_or_new(ax, height=_height(result)) as axes:
        for place, row in enumerate(own.to_dict("records")):
            axes.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2)
            axes.plot(row["x"], place, "o", color=colour, markersize=3.0, linestyle="")
            style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), "black")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xticks([0.0, 0.5, 1.0])
        axes.set_xlim(-0.02, 1.02)  # a point at 0 or 1 is seen whole
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
        axes.set_xlabel(label)
        counts = style.count_text(int(own["n"].min()), int(own["undefined"].max()))
        style.legend_above(axes, [], [], f"{panel} [95 % interval]\n{counts}")
    return axes


def figure(result: Result) -> Figure:
    """Decisions that the heads cannot change (a), weights to erase (b) and the spread that is used (c)."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(result))
        for axes, panel, name in zip(page.subplots(1, 3, sharey=True), PANELS, "abc"):
            style.letter(plot(result, axes, panel), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panels "unflippable decisions", "weights to erase" and "spread used", series the heads."""
    names = _heads(result)
    summary = result.summary()
    parts = []
    for panel, (quantity, _, _) in PANELS.items():
        for heads in names:
            row = summary[(summary["heads"] == heads) & (summary["quantity"] == quantity)].iloc[0]
            parts.append(estimate(panel, row, heads))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "What attention heads can do to a decision, exactly, from the votes of every head: all together, and each one "
        "while the others attend as they do. (a) Share of decisions that no attention of these heads changes. (b) "
        "Smallest fraction of their weights whose erasure (the rest of a head renormalised) changes the decision, 1 "
        "where it never does. (c) How far the heads move the margin from the mean of their votes, as a share of how "
        "far they could. "
        f"n = {result.settings['documents']:,} documents; 95 % intervals over documents: Wilson's for shares, "
        "bootstrap for means."
    )


def _heads(result: Result) -> list[str]:
    """All heads first, then each in its order."""
    return list(dict.fromkeys(filled(result).frame["heads"]))


def _height(result: Result) -> float:
    return 1.2 + 0.3 * len(_heads(result))

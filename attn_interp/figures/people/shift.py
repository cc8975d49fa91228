"""How far random erasures take documents from the training texts, by operator and size: new pairs of neighbours."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

ERASED, ALONE = "first words erased", "first words alone"
COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE)
MARKERS = "os^D"
APART = 0.12  # between operators at one size, of the distance between two sizes


def plot(result: Result, ax: Axes | None = None, side: str = ERASED) -> Axes:
    """Mean increase of the share of unseen pairs by size, one colour per operator, with 95 % intervals over documents.

    Raises:
        ValueError: the side is neither "first words erased" nor "first words alone".
    """
    if side not in (ERASED, ALONE):
        raise ValueError(f"figure shift: no side {side!r}; choose from {ALONE!r}, {ERASED!r}")
    everything = drawn(result)
    rows = everything[everything.panel == side]
    with style.axes_or_new(ax, height=2.9) as axes:
        handles: list[Any] = []
        operators = list(dict.fromkeys(rows.series))
        sizes = list(dict.fromkeys(rows.group))
        for place, name in enumerate(operators):
            own, colour = rows[rows.series == name], COLOURS[place % len(COLOURS)]
            x = own.x + APART * (place - (len(operators) - 1) / 2)
            axes.vlines(x, own.low, own.high, colors=colour)
            handles += axes.plot(
                x, own.y, MARKERS[place % len(MARKERS)] + "-", color=colour, markersize=3, linewidth=0.5
            )
        axes.axhline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set_xticks(range(len(sizes)), sizes)
        axes.set_xlim(-0.5, len(sizes) - 0.5)
        axes.set_ylim(min(0.0, float(everything["low"].min())) - 0.03, 1.0)
        axes.set_xlabel("first words (share of the words, rounded up)")
        axes.set_ylabel("increase of unseen pairs")
        title = f"{side}; {_counts(rows)}"
        style.legend_above(axes, handles, operators, title, columns=2)
    return axes


def figure(result: Result) -> Figure:
    """Both sides beside each other: the first words erased (a), and they alone (b)."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.9)
        for name, axes, side in zip("ab", page.subplots(1, 2), (ERASED, ALONE)):
            style.letter(plot(result, axes, side), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks: panel the side, series the operator, group the size; mark 'range'."""
    summary = result.summary()
    table = summary[summary["quantity"] == "shift"].to_dict("records")
    found = {(row["side"], row["operator"], row["size"]): row for row in table}
    parts = []
    for side in (ERASED, ALONE):
        for operator in result.settings["operators"]:
            for place, percent in enumerate(result.settings["percent"]):
                row = found[side, operator, f"{percent} %"]
                numbers = {key: row[key] for key in ("low", "high", "n", "undefined")}
                parts.append(marks(side, "range", operator, f"{percent} %", x=place, y=row["estimate"], **numbers))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        "How far erasing words at random leaves the training texts, by operator and number of words: increase of the "
        "share of neighbouring pairs of tokens that no training document has, paired by document; mean with 95 % "
        f"bootstrap intervals over n = {result.frame['document'].nunique():,} documents, {settings['draws']} draws "
        "each. "
        "The attention mask leaves the text as it is: 0 by construction. A mask that also stands for rare words is "
        "known from training, and makes new pairs fewer. Pairs say nothing of what is further apart."
    )


def _counts(rows: pd.DataFrame) -> str:
    least, most, undefined = int(rows["n"].min()), int(rows["n"].max()), int(rows["undefined"].max())
    count = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return f"n = {count} documents" + (f" ({undefined:,} undefined)" if undefined else "")

"""Plausibility by the length of the document and by annotator: whether one number speaks for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.people.plausibility import TITLES, short
from attn_interp.statistics.bootstrap import summarise

LENGTH, ANNOTATOR = "length", "annotator"
LABELS = {LENGTH: "words of the document, in quarters", ANNOTATOR: "number of the annotator"}
BINS = 4
MARKERS = "os^Dv"


def plot(
    result: Result,
    ax: Axes | None = None,
    by: str = LENGTH,
    measure: str = "auroc",
    scorers: Sequence[str] | None = None,
) -> Axes:
    """Mean of a measure by length or annotator with 95 % intervals over documents; n stands under each group.

    Args:
        result: of the experiment plausibility.
        by: "length": quarters of the documents by their number of words; "annotator".
        scorers: which; None: attention, the prior and the ceiling.

    Raises:
        ValueError: another grouping, an unknown measure or scorer.
    """
    rows = _marks(result, by, measure, scorers)
    with style.axes_or_new(ax, height=2.9) as axes:
        _draw(axes, rows, by, measure)
    return axes


def figure(result: Result, measure: str = "auroc", scorers: Sequence[str] | None = None) -> Figure:
    """By length, and by annotator beside it."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.9)
        for name, axes, by in zip("ab", page.subplots(1, 2), LABELS):
            _draw(axes, _marks(result, by, measure, scorers), by, measure)
            style.letter(axes, name)
    return page


def drawn(result: Result, measure: str = "auroc", scorers: Sequence[str] | None = None) -> pd.DataFrame:
    """The marks of `figure`: panel length or annotator, series the scorer, group the bin; mark 'range'."""
    return stack([_marks(result, by, measure, scorers) for by in LABELS])


def caption(result: Result, measure: str = "auroc") -> str:
    """What the figure shows, for the text under it."""
    return (
        f"Plausibility (agreement with people, not faithfulness): {TITLES[measure]} by the length of the document and "
        "by annotator, mean over documents with 95 % bootstrap intervals; n, the documents of each group, stands under "
        "it. Annotators are numbered within a document: one number need not be one person."
    )


def _marks(result: Result, by: str, measure: str, scorers: Sequence[str] | None) -> pd.DataFrame:
    if by not in LABELS or measure not in TITLES:
        raise ValueError(
            f"figure plausibility_groups: by {by!r}, measure {measure!r}; choose from {', '.join(sorted(LABELS))} and "
            f"{', '.join(sorted(TITLES))}"
        )
    present = set(result.frame["scorer"])
    chosen = scorers or ["attention", result.settings["prior"], result.settings["ceiling"]]
    if missing := sorted(set(chosen) - present):
        raise ValueError(
            f"figure plausibility_groups: no scorer {missing[0]!r}; there are {', '.join(sorted(present))}"
        )
    frame = result.frame[result.frame["scorer"].isin(list(chosen)) & (result.frame["annotator"] != "")]
    group = "annotator"
    if by == LENGTH:
        keys = ["document", "words", "scorer"]
        frame = frame.groupby(keys, sort=False)[measure].mean().reset_index()
        frame, group = frame.assign(bin=_bins(frame["words"])), "bin"
    table = summarise(frame, ["scorer", group], [measure], ("mean",), int(result.settings["seed"]))
    order = sorted(set(table[group]), key=lambda name: (len(name.split("–")[0]), name))
    parts = []
    for scorer in chosen:
        own = table[table["scorer"] == scorer].set_index(group)
        for place, name in enumerate(order):
            row = own.loc[name]
            numbers = {key: row[key] for key in ("low", "high", "n", "undefined")}
            parts.append(marks(by, "range", scorer, name, x=place, y=row["estimate"], **numbers))
    return stack(parts)


def _bins(words: pd.Series) -> list[str]:
    """Each number of words as the range of its quarter, "12–19"; fewer ranges where many documents are equally long."""
    edges = np.unique(np.quantile(words, np.linspace(0, 1, BINS + 1)[1:-1]))
    number = np.searchsorted(edges, words, side="left")
    names = {}
    for each in np.unique(number):
        own = words[number == each]
        names[int(each)] = f"{own.min()}–{own.max()}" if own.min() < own.max() else f"{own.min()}"
    return [names[int(each)] for each in number]


def _draw(axes: Axes, rows: pd.DataFrame, by: str, measure: str) -> None:
    names = list(dict.fromkeys(rows.series))
    colours = dict(zip(names, (style.BLUE, style.GREY, style.GREEN, style.VERMILION, style.PURPLE, style.ORANGE)))
    handles = []
    for number, name in enumerate(names):
        own, colour = rows[rows.series == name], colours.get(name, style.BLACK)
        x = own.x + 0.14 * (number - (len(names) - 1) / 2)
        axes.vlines(x, own.low, own.high, colors=colour, linewidth=1.2)
        handles += axes.plot(x, own.y, MARKERS[number % len(MARKERS)], color=colour, markersize=3.2)
    groups = rows[rows.series == names[0]]
    labels = [f"{name}\nn = {n:,}" for name, n in zip(groups.group, groups.n)]
    size = 7 if len(labels) <= 5 else 5
    axes.set_xticks(range(len(labels)), labels, fontsize=size)
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_ylim(0.0, 1.0)
    if measure == "auroc":
        axes.axhline(0.5, color=style.BLACK, linewidth=0.6, linestyle=":")
    axes.set_ylabel(f"{TITLES[measure]}, mean")
    axes.set_xlabel(LABELS[by])
    axes.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.4)
    style.legend_above(axes, handles, _names(rows), f"plausibility by {by}", columns=2)


def _names(rows: pd.DataFrame) -> list[str]:
    """Legend entries of the series: their names, and whether there is nothing to draw of them."""
    drawable = rows.groupby("series", sort=False)["n"].max() > 0
    return [short(str(name)) + ("" if known else " (undefined)") for name, known in drawable.items()]

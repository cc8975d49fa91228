"""Scores of conditions with a dot per seed, and their differences to a reference beside the margin that counts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

SCORES, DIFFERENCES = "scores", "differences"
QUANTITY = "accuracy"
LONGEST = 24  # characters of a name in one line


@dataclass(frozen=True)
class Wording:
    """What a figure of scores and differences says.

    Attributes:
        condition: Column of the frame that tells the conditions apart.
        scores, differences: Titles of the two panels.
        difference: What is subtracted from what, under the axis.
    """

    condition: str
    scores: str
    differences: str
    difference: str


def plot_differences(result: Result, words: Wording, ax: Axes | None = None) -> Axes:
    """The differences to the reference beside the margin, with 95 % intervals over seed and document."""
    with style.axes_or_new(ax, height=1.9) as axes:
        rows = score_marks(result, words.condition)
        draw_differences(axes, rows, float(result.settings["margin"]), words.differences, words.difference)
    return axes


def score_figure(result: Result, words: Wording) -> Figure:
    """Scores of each condition (a) and differences to the reference (b), side by side."""
    rows = score_marks(result, words.condition)
    with style.paper():
        names = list(dict.fromkeys(rows[rows.panel == SCORES].series))
        page = style.new_figure(style.DOUBLE, 1.05 + 0.25 * len(names))
        left, right = page.subplots(1, 2, sharey=True)
        draw_scores(left, rows, words.scores)
        style.letter(left, "a")
        margin = float(result.settings["margin"])
        draw_differences(right, rows, margin, words.differences, words.difference, names)
        style.letter(right, "b")
    return page


class Drawing(NamedTuple):
    """What a figure module of scores offers: plot, figure and drawn."""

    plot: Callable[..., Axes]
    figure: Callable[[Result], Figure]
    drawn: Callable[[Result], pd.DataFrame]


def drawing_of(words: Callable[[Result], Wording]) -> Drawing:
    """The differences on given Axes, both panels side by side, and their marks, in the words of the result."""

    def plot(result: Result, ax: Axes | None = None) -> Axes:
        """The differences to the reference, with 95 % intervals over seed and document."""
        return plot_differences(result, words(result), ax)

    def figure(result: Result) -> Figure:
        """Scores of each condition (a) and differences to the reference (b), side by side."""
        return score_figure(result, words(result))

    def drawn(result: Result) -> pd.DataFrame:
        """The marks of the figure."""
        return score_marks(result, words(result).condition)

    return Drawing(plot, figure, drawn)


def score_marks(result: Result, condition: str) -> pd.DataFrame:
    """Marks of both panels, series being the condition: per condition its accuracy with the interval (estimate) and a
    point for each seed, and its difference with the interval (estimate, group the verdict where there is one)."""
    summary = result.summary()
    summary = summary[summary["quantity"] == QUANTITY]
    parts = []
    for row in summary.to_dict("records"):
        name, is_score = str(row[condition]), row["statistic"] == "score"
        panel, group = (SCORES, "") if is_score else (DIFFERENCES, str(row.get("verdict", "")))
        numbers = {"x": row["estimate"], "low": row["low"], "high": row["high"], "n": row["n"], "undefined": 0}
        parts.append(marks(panel, "estimate", name, group, **numbers))
        if is_score:
            own = result.frame[result.frame[condition] == row[condition]]
            of_seeds = own.groupby("seed")["correct"].mean()
            parts.append(marks(SCORES, "point", name, x=of_seeds.to_numpy(float)))
    return stack(parts)


def draw_scores(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """Draw the accuracies: conditions downwards, a dot per seed, the mean with its interval above them."""
    own = rows[rows.panel == SCORES]
    names = list(dict.fromkeys(own.series))
    for place, name in enumerate(names):
        mine = own[own.series == name]
        points, (estimate,) = mine[mine.mark == "point"], mine[mine.mark == "estimate"].to_dict("records")
        axes.plot(points.x, np.full(len(points), place + 0.22), ".", color=style.GREY, markersize=3.5)
        _draw_estimate(axes, estimate, place, style.BLUE)
    _list(axes, names)
    axes.set_xlabel("accuracy")
    seeds = int((own[own.series == names[0]].mark == "point").sum())
    handles = [
        axes.plot([], [], "o", color=style.BLUE, markersize=3)[0],
        axes.plot([], [], ".", color=style.GREY, markersize=3.5)[0],
    ]
    documents = style.count_text(int(own["n"].max()), 0)
    style.legend_above(axes, handles, ["mean [95 % interval]", "one seed"], f"{title}; seeds: {seeds}, {documents}")


def draw_differences(
    axes: Axes, rows: pd.DataFrame, margin: float, title: str, label: str, names: list[str] | None = None
) -> None:
    """Draw the differences of the conditions, with the margin as a band around 0 and the verdict at the right edge.

    Args:
        names: Conditions downwards; None: those with a difference.
    """
    from matplotlib.patches import Patch

    own = rows[rows.panel == DIFFERENCES]
    axes.axvspan(-margin, margin, color=style.GREY, alpha=0.15, linewidth=0)
    axes.axvline(0.0, color=style.GREY, linewidth=0.6)
    names = names or list(own.series)
    for estimate in own.to_dict("records"):
        place = names.index(estimate["series"])
        _draw_estimate(axes, estimate, place, style.VERMILION)
        if estimate["group"]:
            style.beside(axes, place, estimate["group"], "black")
    _list(axes, names)
    axes.set_xlabel(label)
    handles = [axes.plot([], [], "o", color=style.VERMILION, markersize=3)[0], Patch(facecolor=(style.GREY, 0.15))]
    style.legend_above(axes, handles, ["mean [95 % interval]", f"margin ±{margin:g}"], title)


def _draw_estimate(axes: Axes, row: Mapping[Hashable, Any], place: int, colour: str) -> None:
    axes.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2)
    axes.plot(row["x"], place, "o", color=colour, markersize=3)


def _list(axes: Axes, names: list[str]) -> None:
    style.list_rows(axes, [fill(name, LONGEST) for name in names])
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)

"""Alignment error rates of cross-attention beside chance."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Axes, Result
from attn_interp.figures.words.literal import fitted, label_ticks

PANEL = "alignment error rate"
ATTENTION, CHANCE = "most attended word", "a word at random"
NAME = 110.0  # points: the name of a model at most


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


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `plot`: series the most attended word and chance, group the model, its site and head in full."""
    if result.frame.empty:
        raise ValueError("figure alignment: the frame has no rows; run the experiment on at least one pair")
    parts, summary = [], result.summary()
    for quantity, series in (("error_rate", ATTENTION), ("chance", CHANCE)):
        for row in summary[summary["quantity"] == quantity].to_dict("records"):
            parts.append(estimate(PANEL, row, series, _name(result, row)))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Alignment error rate of cross-attention (each target word linked to the source word of most weight, the true "
        "target words given), and its exact expectation for source words drawn at random. "
        f"n = {result.settings['pairs']:,} pairs; 95 % bootstrap intervals over pairs."
    )


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

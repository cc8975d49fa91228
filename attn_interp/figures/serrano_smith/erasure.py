"""How long decisions stand while words are erased, by order of erasure, beside the optimum (Serrano & Smith 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve, share_axis, survival_marks
from attn_interp.figures.draw.estimates import estimate_marks
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Figure, Result
from attn_interp.statistics.kaplan_meier import survival

OPTIMUM, ATTENTION = "optimum", "attention"
CURVES, BOXES, DIFFERENCES = "survival", "fraction erased", "difference to attention"
NEVER = "never"
WHISKERS, QUARTILES = (0.05, 0.95), (0.25, 0.75)


def plot(result: Result, ax: Axes | None = None, legend_columns: int = 2) -> Axes:
    """Share of decisions not yet changed against the fraction of words erased, one line per order, 95 % bands.

    Decisions that never change stay in the sample to the end: the height at the right edge is their share. Under the
    optimum, the broad pale line, no order can fall. Documents of one word are left out and counted.
    """
    rows = _curves(result)
    names, unit = _orderings(result.frame), _unit(result)
    with style.axes_or_new(ax, height=3.0) as axes:
        handles: list[Artist] = []
        for name in names:
            colour, line = _look(name, names)
            broad = {"linewidth": 4.0, "alpha": 0.35, "zorder": 1.5} if name == OPTIMUM else {}
            handles.append(draw_curve(axes, rows[rows.series == name], colour, line, steps=True, **broad))
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(f"fraction of the {unit}s erased")
        share_axis(axes, "decisions not yet changed (share)")
        counts = _documents(result)
        style.legend_above(axes, handles, names, f"{unit}s erased in the order of; {counts}", legend_columns)
    return axes


def boxes(result: Result, ax: Axes | None = None) -> Axes:
    """Boxes of the fraction erased by order: quartiles, median and 5 to 95 % of the documents, each document a point.

    A decision that never changes counts as 1; the share of these stands at the right edge. Random orders are averaged
    over their draws.
    """
    rows = _boxes(result)
    names = list(rows["series"].unique())
    with style.axes_or_new(ax, height=2.6) as axes:
        for place, name in enumerate(names):
            own, colour = rows[rows.series == name], _look(name, names)[0]
            points = own.loc[own.mark == "point", "x"].to_numpy()
            faint = float(np.clip(400 / max(len(points), 1), 0.12, 0.5))  # many points must not hide the box
            axes.plot(points, place + _spread(len(points)), ".", color=colour, markersize=2.5, alpha=faint, mew=0)
            box = own[own.mark == "box"].iloc[0]
            axes.hlines(place, box.x, box.x_end, colors="black", linewidth=0.8)
            pale = (colour, 0.35)
            axes.barh(place, box.high - box.low, 0.56, box.low, color=pale, edgecolor="black", zorder=2.5)
            axes.vlines(box.y, place - 0.28, place + 0.28, colors="black", linewidth=1.8, zorder=3)
            never = own[own.mark == "estimate"].iloc[0]
            style.beside(axes, place, style.interval_text(never.x, never.low, never.high), "black")
        _rows_of(axes, names)
        axes.set_xlim(0.0, 1.015)
        axes.set_xlabel(f"fraction of the {_unit(result)}s erased (never changed: 1)")
        style.legend_above(axes, [], [], "fraction erased, and right of it the\nshare never changed [95 % interval]")
    return axes


def differences(result: Result, ax: Axes | None = None) -> Axes:
    """Mean difference of the fraction erased to that of attention, paired by document, with 95 % intervals.

    Left of 0 an order needs fewer words than attention does.
    """
    rows = _differences(result)
    names = _orderings(result.frame)
    with style.axes_or_new(ax, height=2.6) as axes:
        for row in rows.to_dict("records"):
            place, colour = names.index(row["series"]), _look(row["series"], names)[0]
            axes.hlines(place, row["low"], row["high"], colors=colour)
            axes.plot(row["x"], place, "o", color=colour, markersize=3.0)
            style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), "black")
        axes.axvline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
        if ATTENTION in names:
            style.beside(axes, names.index(ATTENTION), "0, the reference", "black")
        _rows_of(axes, names)
        reach = 1.1 * max(float(rows[["low", "high", "x"]].abs().max().fillna(0.0).max()), 0.01)
        axes.set_xlim(-reach, reach)
        axes.locator_params(axis="x", nbins=4)  # small differences have long labels
        axes.set_xlabel("difference of the fraction erased")
        title = "to the order of attention, paired by document:\nmean difference [95 % interval]"
        style.legend_above(axes, [], [], title)
    return axes


def figure(result: Result) -> Figure:
    """The paper's figure: the curves, and beside them boxes and paired differences."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 5.0)
        above, below = page.subfigures(2, 1, height_ratios=(1.1, 1.0), squeeze=False)[:, 0]
        style.letter(plot(result, above.subplots(), legend_columns=4), "a")
        left, right = below.subplots(1, 2)
        style.letter(boxes(result, left), "b")
        style.letter(differences(result, right), "c")
        right.tick_params(labelleft=False)  # the rows are those of the boxes
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panels "survival", "fraction erased" (the estimate is the share that never changes) and
    "difference to attention"."""
    return stack([_curves(result), _boxes(result), _differences(result)])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    unit, draws = _unit(result), result.settings["random_draws"]
    return (
        f"{unit.capitalize()}s erased in several orders (their weight set to 0, the rest renormalised) until the "
        "decision changes: share of decisions not yet changed with pointwise 95 % intervals, fraction erased "
        "(quartiles, median, 5 to 95 % of the documents; 1 where the decision never changes, whose share is given), "
        "and its mean difference to the order of attention, paired by document, with 95 % bootstrap intervals; "
        f"{_documents(result)}, {draws} "
        f"random orders each. A document of one {unit} has nothing to erase. Optimum: {result.settings['optimum']}."
    )


def _curves(result: Result) -> pd.DataFrame:
    table = survival(result.frame[result.frame["fraction"].notna()], ["ordering"])
    names = _orderings(result.frame)
    return stack([survival_marks(CURVES, name, table[table["ordering"] == name], "fraction") for name in names])


def _boxes(result: Result) -> pd.DataFrame:
    documents = _per_document(result)
    never = estimate_marks(documents, BOXES, series="ordering", value="never", statistic="mean", result=result)
    parts = []
    for name in _orderings(result.frame):
        fraction = documents.loc[documents["ordering"] == name, "fraction"].dropna()
        least, low, middle, high, most = fraction.quantile([WHISKERS[0], QUARTILES[0], 0.5, QUARTILES[1], WHISKERS[1]])
        parts.append(marks(BOXES, "point", name, x=fraction))
        parts.append(marks(BOXES, "box", name, x=least, x_end=most, y=middle, low=low, high=high, n=len(fraction)))
        parts.append(never[never.series == name].assign(group=NEVER))
    return stack(parts)


def _differences(result: Result) -> pd.DataFrame:
    others = _per_document(result)
    others = others[others["ordering"] != ATTENTION]
    rows = estimate_marks(
        others, DIFFERENCES, series="ordering", value="minus_attention", statistic="mean", result=result
    )
    names = [name for name in _orderings(result.frame) if name != ATTENTION]
    return stack([rows[rows.series == name] for name in names])


def _per_document(result: Result) -> pd.DataFrame:
    from attn_interp.experiments.serrano_smith.erasure import per_document  # here, since it loads torch

    return per_document(result)


def _unit(result: Result) -> str:
    """What is erased: "word" or "sentence"."""
    return str(result.settings.get("unit", "word"))


def _documents(result: Result) -> str:
    """How many documents there are, and how many more have nothing to erase."""
    fraction = result.frame.groupby("document")["fraction"].first()
    return style.count_text(int(fraction.notna().sum()), int(fraction.isna().sum())) + " documents"


def _orderings(frame: pd.DataFrame) -> list[str]:
    """Those of the frame, the known ones first and in one order, the optimum under all others."""
    if frame.empty:
        raise ValueError("figure erasure: the frame has no rows; run the experiment on at least one document")
    present = list(frame["ordering"].unique())
    known = [name for name in style.ORDERINGS if name in present]
    return known + [name for name in present if name not in known]


def _look(name: str, names: list[str]) -> tuple[str, Any]:
    """Colour and line of an order; one of no fixed role takes a colour by its place."""
    return style.ORDERINGS.get(name, (style.CLASS_COLOURS[names.index(name) % len(style.CLASS_COLOURS)], "-"))


def _spread(count: int) -> np.ndarray:
    """Where in its row each point stands: the same every time, and neighbours apart."""
    golden = 0.618033988749895
    return (np.arange(count) * golden % 1 - 0.5) * 0.8


def _rows_of(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)

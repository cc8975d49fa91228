"""The consistency ladder in one figure: every rung in the plane of divergence and output distance, and its gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.plane import UP, draw_series, plane_axes, plane_marks
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.jain_wallace.adversary import MOST
from attn_interp.figures.wiegreffe_pinter.imitation import LOOKS as IMITATOR_LOOKS

ADVERSARY = "adversary"
LOOKS: dict[str, tuple[str, Any, str]] = {  # colour, line and marker of each rung, strongest first
    ADVERSARY: (style.BLACK, "-", "."),
    "same-shape adversary": (style.PURPLE, ":", "v"),
    **{f"imitator, {free}": look for free, look in IMITATOR_LOOKS.items()},
    "other seeds": (style.ORANGE, "", "*"),
    "uniform attention": (style.GREY, "", "D"),
}
SIZES = {"*": 7.0, "D": 4.0, ".": 4.0}
GAPS = "gap"
WINDOW = 0.13  # nats: how far from the farthest imitator those in the inset may be
PLACES = ((0.52, 0.1, 0.3, 0.5), (0.36, 0.1, 0.42, 0.45), (0.12, 0.1, 0.4, 0.45), (0.12, 0.55, 0.35, 0.35))
MARGIN = 0.1  # share of the Axes that the labels of the inset take
LINEAR = 0.01  # nats: the axis of the gap is linear up to here and logarithmic beyond
TICKS = (-0.3, -0.1, -0.01, 0.0, 0.01, 0.03, 0.1, 0.3)


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Every rung: mean JSD of attention across (0 to ln 2, nats), mean TVD of the output up on a logarithmic axis, with
    95 % intervals. The base model itself is at 0 across and below the axis."""
    rows = drawn(result)
    own = rows[rows.panel != GAPS]
    with style.axes_or_new(ax, style.DOUBLE / 2, 4.2) as axes:
        handles = []
        status = result.summary().set_index("rung")["status"].groupby(level=0).first()
        for name, (colour, line, marker) in LOOKS.items():
            mine = own[own.series == name]
            if len(mine):
                size = SIZES.get(marker, 3.0)
                handles.append(draw_series(axes, mine, colour, line, marker, markersize=size, linewidth=1.1))
                handles[-1].set_label(f"{name} ({status[name]})")
        plane_axes(axes)
        _distance_axis(axes, own)
        _magnified(axes, own)
        style.legend_above(axes, handles, [str(each.get_label()) for each in handles], _title(result))
    return axes


def gaps(result: Result, ax: Axes | None = None) -> Axes:
    """What the adversary has over each rung in JSD (across) at the rung's own TVD (up), with 95 % intervals."""
    rows = drawn(result)
    own = rows[rows.panel == GAPS]
    with style.axes_or_new(ax, style.DOUBLE / 2, 3.6) as axes:
        for name, (colour, line, marker) in LOOKS.items():
            mine = own[own.series == name]
            axes.hlines(mine.y, mine.low, mine.high, colors=colour, linewidth=0.9)
            joined = line if len(mine) > 1 else ""
            axes.plot(mine.x, mine.y, color=colour, linestyle=joined, marker=marker, markersize=SIZES.get(marker, 3.0))
        axes.axvline(0.0, color=style.BLACK, linewidth=0.8)
        _distance_axis(axes, rows[rows.panel != GAPS])
        axes.set_xscale("symlog", linthresh=LINEAR, linscale=0.5)
        least = min(-LINEAR / 2, 1.2 * float(own.low.min()))
        axes.set_xlim(least, 1.2 * MOST)
        ticks = [tick for tick in TICKS if tick >= least]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
        axes.set_xlabel("JSD short of the adversary (nats)")
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
        style.legend_above(axes, [], [], "consistency gap at equal TVD")
    return axes


def figure(result: Result) -> Figure:
    """The ladder (a) and the gap of each rung (b), on one axis of output distance."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 3.7)
        first, second = page.subplots(1, 2, sharey=True, width_ratios=(1.3, 1))
        handles, names = plot(result, first).get_legend_handles_labels()
        # Over both panels, so that neither is narrowed by the names of the rungs.
        page.legend(handles, names, loc="outside upper left", ncols=3, columnspacing=1.2)
        style.legend_above(first, [], [], _title(result))
        style.letter(first, "a")
        style.letter(gaps(result, second), "b")
        second.set_ylabel("")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: points and ranges in the plane, and in panel "gap" an estimate per rung and setting (x,
    low, high the gap; y the TVD at which it is taken)."""
    summary = result.summary()
    plane = plane_marks(summary[summary["quantity"] != GAPS], "rung", "setting")
    heights = summary[summary["quantity"] == UP][["rung", "setting", "estimate"]].rename(columns={"estimate": "y"})
    gap = summary[summary["quantity"] == GAPS].merge(heights, on=["rung", "setting"])
    parts = [plane]
    for row in gap.to_dict("records"):
        numbers = {"x": row["estimate"], "y": row["y"], "low": row["low"], "high": row["high"], "n": row["n"]}
        setting = "" if pd.isna(row["setting"]) else f"{row['setting']:g}"
        parts.append(marks(GAPS, "estimate", str(row["rung"]), setting, **numbers, undefined=0))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    seeds, documents = len(result.settings["seeds"]), int(result.settings["documents"])
    models = f"{seeds} base models of different seeds" if seeds > 1 else "1 base model"
    return (
        "(a) Mean Jensen-Shannon divergence (nats, at most ln 2) of attention from the base model's, against the mean "
        "total variation distance of the output. Adversary: the most divergent attention of each document over the "
        "base model's own states, output distance shared out among documents for the largest mean; same-shape: the "
        "same among permutations of the own weights; imitators: models trained to keep the output with other "
        "attention, in which the named parts may learn, on documents they have not seen; other seeds and uniform "
        "attention: the same model trained anew. Exact: the optimum; certified: attained, and within a proved interval "
        "of the optimum; search: the best that was found; measured: nothing was optimised. (b) How much less "
        "divergence than the adversary each has at the same mean output distance; where a rung is farther than the "
        "adversary's last point, the adversary's divergence there is taken. "
        f"{models}, n = {documents:,} documents; bars are 95 % intervals over new "
        + (
            "seeds and new documents (Student's, with Satterthwaite's degrees of freedom)."
            if seeds > 1
            else "documents."
        )
    )


def _distance_axis(axes: Axes, plane: pd.DataFrame) -> None:
    """Logarithmic, from a little below the smallest output distance to 1."""
    smallest = plane.y[plane.y > 0].min()
    axes.set_yscale("log")
    axes.set_ylim(smallest / 2 if smallest < 1 else 0.1, 1.0)
    axes.set_ylabel("mean TVD of the output")


def _magnified(axes: Axes, plane: pd.DataFrame) -> None:
    """The imitators that differ most from the base model once more in an inset, where they lie too close to be told
    apart; output distance is linear. None where there is no room."""
    own = plane[plane.series.str.startswith("imitator") & (plane.mark == "range")]
    own = own[own.x > own.x.max() - WINDOW]
    place = _free_place(axes, plane)
    if own.x.nunique() < 2 or place is None:
        return
    inset = axes.inset_axes(place)
    for name, (colour, line, marker) in LOOKS.items():
        mine = plane[plane.series == name]
        if len(mine):
            draw_series(inset, mine, colour, line, marker, markersize=SIZES.get(marker, 3.0) * 0.8, linewidth=0.9)
    left, right = own.x.min() - 0.01, own.x.max() + 0.01
    inset.set_xlim(left, right)
    inset.set_ylim(0.0, 1.1 * own.y.max())
    inset.locator_params(axis="x", nbins=3)
    inset.tick_params(labelsize=6)
    for label in (*inset.get_xticklabels(), *inset.get_yticklabels()):  # bars of the large panel may pass behind
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    inset.set_title("the same, TVD linear", fontsize=6, pad=2)
    bottom, top = own.y.min() / 1.2, own.y.max() * 1.2
    axes.indicate_inset((left, bottom, right - left, top - bottom), inset, edgecolor=style.GREY, linewidth=0.5)


def _free_place(axes: Axes, plane: pd.DataFrame) -> tuple[float, float, float, float] | None:
    """The first of the places for an inset (shares of the Axes) under which no point and no line between them lies."""
    inside = axes.transData + axes.transAxes.inverted()
    points = plane[(plane.mark == "point") & (plane.y > 0)]
    traced = []
    for name, own in points.groupby("series"):
        corners = inside.transform(own[["x", "y"]].to_numpy())  # (P, 2)
        steps = np.arange(0, len(corners) - 1 + 1e-9, 0.02 if LOOKS[str(name)][1] else 1)
        traced.append([np.interp(steps, np.arange(len(corners)), values) for values in corners.T])
    across, up = np.concatenate(traced, axis=1)
    for left, bottom, width, height in PLACES:
        hidden = (across > left - MARGIN) & (across < left + width) & (up > bottom - MARGIN) & (up < bottom + height)
        if not hidden.any():
            return left, bottom, width, height
    return None


def _title(result: Result) -> str:
    seeds = len(result.settings["seeds"])
    count = style.count_text(int(result.settings["documents"]), 0)
    return f"{seeds} base model{'s' * (seeds > 1)}, {count}; bars: 95 % intervals"

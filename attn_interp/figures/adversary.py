"""The most different attention with the same output, drawn as Jain & Wallace 2019 do (their figures 7 and 8)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attn_interp.figures import style
from attn_interp.figures.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.marks import marks, shares, stack
from attn_interp.figures.violins import draw_violins, violin_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.experiments.result import Result

MOST = math.log(2)  # the largest Jensen-Shannon divergence there is, in nats
EDGES = np.linspace(0.0, MOST, 26)
HISTOGRAM, VIOLINS, SEARCHED = "histogram", "violins", "search against exact"
PROOF = ("exact", "certified", "search")  # strongest first
AXIS = "ε-max JSD of the attention (nats)"


def plot(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """Histogram of the largest divergence at equal output, per predicted class, the axis from 0 to ln 2, in nats.

    Median, 95 % interval and n stand in the legend, eps and status above it. Each status that the frame holds is
    drawn: the strongest as bars; a search beside an exact or certified value as a thin outline.

    Args:
        result: of the experiment adversary.
        ax: where to draw; a new figure of one column's width when None.
        eps: which of the allowed output changes in the frame; the smallest when None.

    Raises:
        ValueError: eps is not in the frame.
    """
    rows = _bars(result, eps)
    frame, statuses = _at(result.frame, eps), _statuses(result.frame)
    names = style.class_names(frame)
    colours, lines = style.class_colours(names), style.class_lines(names)
    with style.axes_or_new(ax, height=2.5) as axes:
        handles, labels = [], []
        bars = rows[rows.mark == "bar"]
        for status in reversed(statuses):
            for name in names:
                own = bars[(bars.series == name) & (bars.group == status)]
                if status == statuses[0]:
                    handles.append(
                        axes.stairs(
                            own.y, EDGES, fill=True, facecolor=(colours[name], 0.3), edgecolor=colours[name],
                            ls=lines[name],
                        )
                    )  # fmt: skip
                    labels.append(estimate_text(rows[rows.group == status], name))
                else:
                    axes.stairs(own.y, EDGES, edgecolor=colours[name], linewidth=0.8, linestyle=":")
        axes.set_xlim(0.0, MOST * 1.02)
        axes.set_ylim(0.0, max(float(np.nanmax(bars.y, initial=0.0)), 1e-9) * (1.08 + 0.07 * len(names)))
        draw_estimates(axes, rows[rows.group == statuses[0]], colours)
        _mark_most(axes)
        axes.set_xlabel(AXIS)
        axes.set_ylabel("share of the class's documents")
        style.legend_above(axes, handles, labels, f"{_condition(result, eps)}\npredicted class: median [95 % interval]")
    return axes


def violins(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """Violins of the same divergence over four bins of the largest weight; values of the strongest status only."""
    rows = _violins(result, eps)
    names = style.class_names(_at(result.frame, eps))
    with style.axes_or_new(ax, height=2.8) as axes:
        draw_violins(axes, rows, names, f"{_condition(result, eps)}\npredicted class; ○ median [95 % interval]")
        axes.set_xlim(0.0, MOST * 1.02)
        _mark_most(axes)
        axes.set_xlabel(AXIS)
    return axes


def search_against_exact(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """What a search found (upwards) against the exact value, one point per document; on the line it found it all.

    Raises:
        ValueError: no document has both.
    """
    rows = _searched(result, eps)
    if rows.empty:
        known = ", ".join(_statuses(result.frame))
        raise ValueError(f"figure adversary: no document has rows 'search' and 'exact'; the frame has: {known}")
    names = style.class_names(_at(result.frame, eps))
    colours = style.class_colours(names)
    with style.axes_or_new(ax, height=3.0) as axes:
        axes.plot([0, MOST], [0, MOST], color=style.GREY, linewidth=0.8)
        handles, labels = [], []
        for name, marker in zip(names, "o^sDvP*" * len(names), strict=False):
            own = rows[rows.series == name]
            handles += axes.plot(own.x, own.y, marker, color=colours[name], markersize=2.5, alpha=0.6, linestyle="")
            labels.append(f"{name}: n = {len(own):,}")
        axes.set_xlim(0.0, MOST * 1.02)
        axes.set_ylim(0.0, MOST * 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("exact ε-max JSD (nats)")
        axes.set_ylabel("found by search (nats)")
        style.legend_above(axes, handles, labels, f"ε = {_chosen(result.frame, eps):g}; predicted class")
    return axes


def figure(result: Result, eps: float | None = None) -> Figure:
    """The paper's figure: histogram and violins, and where documents were also searched, search against exact."""
    with style.paper():
        compared = len(_searched(result, eps)) > 0
        page = style.new_figure(style.DOUBLE, 5.6 if compared else 2.9)
        parts = page.subfigures(2 if compared else 1, 2, squeeze=False).flat
        for index, draw in enumerate((plot, violins, search_against_exact)[: 2 + compared]):
            style.letter(draw(result, parts[index].subplots(), eps), "abc"[index])
    return page


def drawn(result: Result, eps: float | None = None) -> pd.DataFrame:
    """The marks of `figure`: panels "histogram" (group: the status), "violins" and "search against exact"."""
    return stack([_bars(result, eps), _violins(result, eps), _searched(result, eps)])


def caption(result: Result, eps: float | None = None) -> str:
    """What the figure shows, for the text under it."""
    frame = _at(result.frame, eps)
    counts = ", ".join(f"{status} {int((frame.status == status).sum()):,}" for status in _statuses(frame))
    return (
        f"Largest Jensen-Shannon divergence (nats, at most ln 2) from the model's attention that an attention can have "
        f"while the output moves by at most eps = {_chosen(result.frame, eps):g} in total variation; "
        f"n = {frame['document'].nunique():,} documents; rows by status: {counts}. Exact: the optimum; certified: a "
        "value that is attained, with a proved upper bound; search: the best that was found. Points are medians over "
        "documents with 95 % bootstrap intervals."
    )


def _bars(result: Result, eps: float | None) -> pd.DataFrame:
    frame = _at(result.frame, eps)
    parts = []
    for status in _statuses(frame):
        rows = frame[frame.status == status]
        for name in style.class_names(frame):
            height = shares(rows.loc[rows.predicted.astype(str) == name, "jsd"].to_numpy(float), EDGES)
            parts.append(marks(HISTOGRAM, "bar", name, status, x=EDGES[:-1], x_end=EDGES[1:], y=height))
    parts.append(
        estimate_marks(
            frame, HISTOGRAM, series="predicted", group="status", value="jsd", statistic="median", result=result
        )
    )
    return stack(parts)


def _violins(result: Result, eps: float | None) -> pd.DataFrame:
    frame = _at(result.frame, eps)
    return violin_marks(result, frame[frame.status == _statuses(frame)[0]], VIOLINS, "jsd", MOST)


def _searched(result: Result, eps: float | None) -> pd.DataFrame:
    frame = _at(result.frame, eps)
    kept = ["document", "predicted", "jsd"]
    exact, search = (frame.loc[frame.status == status, kept] for status in ("exact", "search"))
    both = exact.merge(search[["document", "jsd"]], on="document", suffixes=("_exact", "_search"))
    groups = both.groupby(both["predicted"].astype(str))
    return stack([marks(SEARCHED, "point", str(name), x=own.jsd_exact, y=own.jsd_search) for name, own in groups])


def _statuses(frame: pd.DataFrame) -> list[str]:
    present = set(frame["status"])
    if not present:
        raise ValueError("figure adversary: the frame has no rows; run the experiment on at least one document")
    return [status for status in PROOF if status in present]


def _chosen(frame: pd.DataFrame, eps: float | None) -> float:
    known = sorted(float(value) for value in frame["eps"].unique())
    if eps is None and known:
        return known[0]
    if eps not in known:
        raise ValueError(f"figure adversary: no rows at eps = {eps}; the frame has: {', '.join(map(str, known))}")
    return float(eps)


def _at(frame: pd.DataFrame, eps: float | None) -> pd.DataFrame:
    return frame[frame["eps"] == _chosen(frame, eps)]


def _condition(result: Result, eps: float | None) -> str:
    statuses = _statuses(_at(result.frame, eps))
    beside = f" (dotted: {', '.join(statuses[1:])})" if statuses[1:] else ""
    return f"ε = {_chosen(result.frame, eps):g}, {statuses[0]}{beside}"


def _mark_most(axes: Axes) -> None:
    axes.axvline(MOST, color=style.GREY, linewidth=0.8, linestyle="--")
    axes.annotate(
        "ln 2", (MOST, 1), (-2, -1), xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=7,
        color=style.GREY, ha="right", va="top",
    )  # fmt: skip

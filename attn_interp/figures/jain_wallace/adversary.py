"""The most different attention with the same output, drawn as Jain & Wallace 2019 do (their figures 7 and 8)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.bars import draw_bars, draw_class_bars, share_marks
from attn_interp.figures.draw.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.draw.violins import draw_violins, violin_marks

MOST = math.log(2)  # `measures.divergence.LN2`, without the tensors that its room loads
TICKS = {0.0: "0", 0.2: "0.2", 0.4: "0.4", 0.6: "0.6", MOST: "ln 2"}  # the measure's own range
EDGES = np.linspace(0.0, MOST, 26)
HISTOGRAM, VIOLINS, SEARCHED = "histogram", "violins", "search against exact"
SEARCH_LINE, UPPER_LINE = "search, same documents", "certified, upper bounds"
LINES = {SEARCH_LINE: style.STATUS_LINES["search"], UPPER_LINE: style.STATUS_LINES["certified"]}
PROOF = ("exact", "certified", "search")  # strongest first
AXIS = "ε-max JSD of the attention (nats)"


def plot(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """Histogram of the largest divergence at equal output, per predicted class, the axis from 0 to ln 2, in nats.

    Median, 95 % interval and n stand in the legend, eps and status above it. A document with rows of several statuses
    counts once, with the strongest. Outlines over all classes show what a search found for the documents that also
    have an exact or certified value, and the upper bounds of certified values.

    Args:
        result: of the experiment adversary.
        ax: where to draw; a new figure of one column's width when None.
        eps: which of the allowed output changes in the frame; the smallest when None.

    Raises:
        ValueError: eps is not in the frame.
    """
    rows = _bars(result, eps)
    frame = _strongest(result, eps)
    names = style.class_names(frame)
    with style.axes_or_new(ax, height=2.5) as axes:
        handles, labels = draw_class_bars(axes, rows[rows.group == "class"], names, EDGES)
        bars = rows[rows.mark == "bar"]
        for name, (colour, line) in LINES.items():
            own = bars[(bars.series == name) & (bars.group == "line")]
            if len(own):
                handles.append(draw_bars(axes, own, EDGES, colour, line, filled=False))
                labels.append(estimate_text(rows[rows.group == "line"], name))
        axes.set_ylim(0.0, max(max(bars.y, default=0.0), 1e-9) * (1.08 + 0.07 * len(names)))
        draw_estimates(axes, rows[rows.group == "class"], style.class_colours(names))
        _divergence_axis(axes)
        axes.set_ylabel("share of documents")
        style.legend_above(axes, handles, labels, f"{_condition(result, eps)}\npredicted class: median [95 % interval]")
    return axes


def violins(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """Violins of the same divergence over four bins of the largest weight."""
    rows = violin_marks(result, _strongest(result, eps), VIOLINS, "jsd", MOST)
    names = style.class_names(_at(result.frame, eps))
    with style.axes_or_new(ax, height=2.8) as axes:
        draw_violins(axes, rows, names, f"{_condition(result, eps)}\npredicted class; ○ median [95 % interval]")
        _divergence_axis(axes)
    return axes


def search_against_exact(result: Result, ax: Axes | None = None, eps: float | None = None) -> Axes:
    """What a search found (upwards) against the exact value, one point per document; on the line it found it all.

    Raises:
        ValueError: no document has both.
    """
    rows = _searched(result, eps)
    if rows.empty:
        known = ", ".join(sorted(set(result.frame["status"])))
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
        page = style.new_figure(style.DOUBLE, 5.8 if compared else 2.9)
        parts = page.subfigures(2 if compared else 1, 2, squeeze=False).flat
        for index, draw in enumerate((plot, violins, search_against_exact)[: 2 + compared]):
            style.letter(draw(result, parts[index].subplots(), eps), "abc"[index])
    return page


def drawn(result: Result, eps: float | None = None) -> pd.DataFrame:
    """The marks of `figure`: panels "histogram" (group "class", or "line" for the outlines), "violins" and
    "search against exact"."""
    boxes = violin_marks(result, _strongest(result, eps), VIOLINS, "jsd", MOST)
    return stack([_bars(result, eps), boxes, _searched(result, eps)])


def caption(result: Result, eps: float | None = None) -> str:
    """What the figure shows, for the text under it."""
    frame = _strongest(result, eps)
    return (
        f"Largest Jensen-Shannon divergence (nats, at most ln 2) from the model's attention that an attention can have "
        f"while the output moves by at most eps = {_chosen(result.frame, eps):g} in total variation; "
        f"n = {len(frame):,} documents, by status: {_statuses(frame)}. Exact: the optimum; certified: a value that is "
        "attained, with a proved upper bound; search: the best that was found, a lower bound. Points are medians over "
        "documents with 95 % bootstrap intervals."
    )


def strongest(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per document and eps, in the order of the frame: the one whose status proves most."""
    rank = frame["status"].map({status: index for index, status in enumerate(PROOF)})
    return frame.loc[rank.groupby([frame["document"], frame["eps"]], sort=False).idxmin()]


def _bars(result: Result, eps: float | None) -> pd.DataFrame:
    frame = _strongest(result, eps).assign(group="class")
    parts = [
        share_marks(frame.loc[frame.predicted.astype(str) == name, "jsd"], EDGES, HISTOGRAM, name, "class")
        for name in style.class_names(frame)
    ]
    lines = pd.concat([_also_searched(result, eps).assign(line=SEARCH_LINE), _bounds(frame).assign(line=UPPER_LINE)])
    for name, rows in lines.groupby("line"):
        parts.append(share_marks(rows["jsd"], EDGES, HISTOGRAM, str(name), "line"))
    for rows, series in ((frame, "predicted"), (lines.assign(group="line"), "line")):
        if len(rows):
            parts.append(
                estimate_marks(
                    rows, HISTOGRAM, series=series, group="group", value="jsd", statistic="median", result=result
                )
            )
    return stack(parts)


def _searched(result: Result, eps: float | None) -> pd.DataFrame:
    frame = _strongest(result, eps)
    exact = frame.loc[frame.status == "exact", ["document", "predicted", "jsd"]]
    both = exact.merge(_also_searched(result, eps)[["document", "jsd"]], on="document", suffixes=("_exact", "_search"))
    groups = both.groupby(both["predicted"].astype(str))
    return stack([marks(SEARCHED, "point", str(name), x=own.jsd_exact, y=own.jsd_search) for name, own in groups])


def _strongest(result: Result, eps: float | None) -> pd.DataFrame:
    """One row per document, in the order of the frame: the one whose status proves most."""
    return strongest(_at(result.frame, eps))


def _also_searched(result: Result, eps: float | None) -> pd.DataFrame:
    """The rows 'search' of documents that have a stronger row beside it."""
    frame, best = _at(result.frame, eps), _strongest(result, eps)
    return frame[(frame.status == "search") & frame["document"].isin(best.loc[best.status != "search", "document"])]


def _bounds(strongest: pd.DataFrame) -> pd.DataFrame:
    """The rows 'certified', their upper bound in the place of the value."""
    certified = strongest[strongest.status == "certified"]
    return certified if certified.empty else certified.assign(jsd=certified["jsd_upper"])


def _chosen(frame: pd.DataFrame, eps: float | None) -> float:
    if frame.empty:
        raise ValueError("figure adversary: the frame has no rows; run the experiment on at least one document")
    known = sorted(float(value) for value in frame["eps"].unique())
    if eps is None:
        return known[0]
    if eps not in known:
        raise ValueError(f"figure adversary: no rows at eps = {eps}; the frame has: {', '.join(map(str, known))}")
    return float(eps)


def _at(frame: pd.DataFrame, eps: float | None) -> pd.DataFrame:
    return frame[frame["eps"] == _chosen(frame, eps)]


def _statuses(strongest: pd.DataFrame) -> str:
    counts = strongest["status"].value_counts()
    present = [status for status in PROOF if status in counts]
    return present[0] if len(present) == 1 else ", ".join(f"{status} {counts[status]:,}" for status in present)


def _condition(result: Result, eps: float | None) -> str:
    return f"ε = {_chosen(result.frame, eps):g}, {_statuses(_strongest(result, eps))}"


def _divergence_axis(axes: Axes) -> None:
    """The measure's own range, its upper end marked."""
    axes.set_xticks(list(TICKS), list(TICKS.values()))
    axes.set_xlim(0.0, MOST * 1.02)
    axes.axvline(MOST, color=style.GREY, linewidth=0.8, linestyle="--")
    axes.set_xlabel(AXIS)

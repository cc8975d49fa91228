"""What attention can do to a decision at all: how far it could move each one, and how much of that it does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.bars import draw_class_bars, share_marks
from attn_interp.figures.draw.curves import draw_curve, share_axis, survival_marks
from attn_interp.figures.draw.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.draw.marks import filled, marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Figure, Result
from attn_interp.statistics.kaplan_meier import survival

RANGES, SPREAD, KL = "reachable margins", "spread used", "attention margin"
UNFLIPPABLE, FLIPPABLE = "unflippable", "flippable"
COLOURS = {UNFLIPPABLE: style.VERMILION, FLIPPABLE: style.BLUE}
MOST_RANGES = 300  # documents: more would lie over one another at one column's width
EDGES = np.linspace(0.0, 1.0, 26)


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """The margins that some attention reaches, one bar per document, sorted by the model's own margin, the black line.

    A decision is unflippable where the whole bar lies above 0 against every rival; the shares stand in the legend.
    Where there are more documents than can be told apart, evenly many of the sorted ones are drawn.
    """
    from matplotlib.lines import Line2D

    rows = _ranges(result)
    ranges, count = rows[rows.mark == "range"], len(result.frame)
    with style.axes_or_new(ax, height=2.7) as axes:
        handles: list[Artist] = []
        labels = []
        thickness = min(2.0, 0.62 * style.SINGLE * 72 / max(len(ranges), 1))
        for name, colour in COLOURS.items():
            own = ranges[ranges.series == name]
            axes.vlines(own.x, own.low, own.high, colors=colour, linewidth=thickness, alpha=0.75)
            handles.append(Line2D([], [], color=colour, alpha=0.75, linewidth=2.5))  # the bars are too thin to tell
            share = rows[(rows.mark == "estimate") & (rows.series == name)].iloc[0]
            labels.append(
                f"{name}: {style.interval_text(share.x, share.low, share.high)}, n = {round(share.x * share.n)}"
            )
        ordered = ranges.sort_values("x")
        handles += axes.plot(
            ordered.x, ordered.y, ".", color="black", markersize=max(2.0, 2 * thickness), markeredgewidth=0
        )
        labels.append("under the model's own attention")
        axes.axhline(0.0, color="black", linewidth=0.6)
        axes.set_xlim(-0.01 * count, 1.01 * count)
        shown = f" ({len(ranges):,} of {count:,})" if len(ranges) < count else ""
        axes.set_xlabel(f"documents{shown}, sorted by margin")
        axes.set_ylabel("margin of the decision (nats)")
        title = f"margins that some attention reaches\nshare of {count:,} decisions [95 % interval]"
        style.legend_above(axes, handles, labels, title)
    return axes


def spread(result: Result, ax: Axes | None = None) -> Axes:
    """Histogram of how much of its possible effect on the margin attention uses, by predicted class.

    0: the attention does no more than a plain mean of the votes; 1: as much as any attention could.
    """
    rows = _spread(result)
    names = style.class_names(result.frame)
    with style.axes_or_new(ax) as axes:
        handles, labels = draw_class_bars(axes, rows, names, EDGES)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, max(max(rows.y[rows.mark == "bar"], default=0.0), 1e-9) * (1.08 + 0.07 * len(names)))
        draw_estimates(axes, rows, style.class_colours(names))
        axes.set_xlabel("share of the possible change that attention uses")
        axes.set_ylabel("share of documents")
        style.legend_above(axes, handles, labels, "predicted class: mean [95 % interval]")
    return axes


def attention_margin(result: Result, ax: Axes | None = None) -> Axes:
    """Share of decisions that no attention within a KL divergence of the model's own changes, by predicted class.

    With 95 % bands; the axis is logarithmic. Decisions that no attention on the attended words changes stay in the
    sample: they are the height at the right edge.
    """
    rows = _stand(result)
    names = style.class_names(result.frame)
    colours, lines = style.class_colours(names), style.class_lines(names)
    with style.axes_or_new(ax) as axes:
        handles: list[Artist] = []
        labels = []
        for name in names:
            own = rows[(rows.series == name) & (rows.mark == "curve")]
            handles.append(draw_curve(axes, own, colours[name], lines[name], steps=True))
            labels.append(estimate_text(rows, name))
        places = rows.loc[(rows.mark == "curve") & (rows.x > 0), "x"]
        axes.set_xscale("log")
        if len(places):  # the few at the very boundary would stretch the axis over decades
            axes.set_xlim(10 ** (np.ceil(np.log10(places.quantile(0.05))) - 1), 1.05 * places.max())
        axes.tick_params(axis="x", which="minor", labelbottom=False)
        share_axis(axes, "decisions that stand (share)")
        axes.set_xlabel("KL of attention from the model's (nats)")
        style.legend_above(axes, handles, labels, "predicted class: share that none changes [95 % interval]")
    return axes


def figure(result: Result) -> Figure:
    """The paper's figure: reachable margins over the page's width, then spread used and attention margin."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 5.0)
        above, below = page.subfigures(2, 1, height_ratios=(1.1, 1.0), squeeze=False)[:, 0]
        left, right = below.subplots(1, 2)
        style.letter(plot(result, above.subplots()), "a")
        style.letter(spread(result, left), "b")
        style.letter(attention_margin(result, right), "c")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panels "reachable margins" (x is the rank by margin; the estimates are shares of all
    documents), "spread used" and "attention margin" (the estimates are the shares that no attention changes)."""
    return stack([_ranges(result), _spread(result), _stand(result)])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    count = len(result.frame)
    return (
        "What attention can do to a decision, exactly, from the votes of the words: the range of the margin over all "
        "attentions with the model's own margin (unflippable: every word votes for the decision); how far the "
        "attention moves the margin from the plain mean of the votes, as a share of how far it could; and the share of "
        "decisions that stand whatever the attention within a KL divergence of the model's own. "
        f"n = {count:,} documents; 95 % intervals over documents: Wilson's for shares, bootstrap for means."
    )


def _ranges(result: Result) -> pd.DataFrame:
    frame = filled(result).frame
    ordered = frame.sort_values("margin", kind="stable").reset_index(drop=True)
    chosen = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_RANGES)).round().astype(int))
    shown = ordered.iloc[chosen]
    kind = np.where(shown["unflippable"], UNFLIPPABLE, FLIPPABLE)
    parts = []
    for name in COLOURS:
        own = shown[kind == name]
        parts.append(
            marks(RANGES, "range", name, x=own.index + 0.5, y=own.margin, low=own.margin_least, high=own.margin_most)
        )
        flags = frame.assign(kind=name, share=frame["unflippable"].astype(bool) == (name == UNFLIPPABLE))
        parts.append(estimate_marks(flags, RANGES, series="kind", value="share", statistic="share", result=result))
    return stack(parts)


def _spread(result: Result) -> pd.DataFrame:
    parts = [share_marks(own["spread_used"], EDGES, SPREAD, name) for name, own in _by_class(result)]
    rows = result.frame
    parts.append(estimate_marks(rows, SPREAD, series="predicted", value="spread_used", statistic="mean", result=result))
    return stack(parts)


def _stand(result: Result) -> pd.DataFrame:
    frame = result.frame.assign(changes=result.frame["kl_margin"].notna(), none=result.frame["kl_margin"].isna())
    end = float(frame["kl_margin"].max()) if frame["changes"].any() else 1.0
    parts = []
    for name, own in _by_class(result):
        own = frame.loc[own.index]
        if len(own):
            table = survival(own, [], value="kl_margin", event="changes", end=end)
            parts.append(survival_marks(KL, name, table, "kl_margin"))
    parts.append(estimate_marks(frame, KL, series="predicted", value="none", statistic="share", result=result))
    return stack(parts)


def _by_class(result: Result) -> list[tuple[str, pd.DataFrame]]:
    predicted = result.frame["predicted"].astype(str)
    return [(name, result.frame[predicted == name]) for name in style.class_names(result.frame)]

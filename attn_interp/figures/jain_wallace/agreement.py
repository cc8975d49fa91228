"""Kendall's tau drawn as Jain & Wallace 2019 do (their figures 2 and 3): by class, and beside the ceiling."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.bars import draw_class_bars, share_marks
from attn_interp.figures.draw.estimates import draw_estimates, estimate_marks, estimate_text
from attn_interp.figures.draw.marks import density, marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

Pair = tuple[str, str]

ATTENTION, GRADIENT, LEAVE_ONE_OUT = "attention", "gradient x input (detached)", "leave-one-out"
BY_CLASS: tuple[Pair, ...] = ((ATTENTION, GRADIENT), (ATTENTION, LEAVE_ONE_OUT))
CEILING: tuple[Pair, ...] = (*BY_CLASS, (GRADIENT, LEAVE_ONE_OUT))
EDGES = np.linspace(-1.0, 1.0, 41)  # 0 is an edge, so no bar mixes agreement with disagreement
DENSITIES = "densities"
AXIS = "Kendall's τ-b per document"


def plot(result: Result, ax: Axes | None = None, pair: Pair | None = None) -> Axes:
    """Histogram of tau per predicted class, the axis from -1 to 1; mean, 95 % interval and n in the legend.

    Args:
        result: of the experiment agreement.
        ax: where to draw; a new figure of one column's width when None.
        pair: the two rankings in either order; when None attention and the detached gradient, or where that was not
            measured the first pair in the frame.

    Raises:
        ValueError: the pair is not in the frame.
    """
    chosen = _present(result.frame, BY_CLASS)[0] if pair is None else _stored(result.frame, pair)
    rows = _bars(result, chosen)
    names = style.class_names(result.frame)
    with style.axes_or_new(ax) as axes:
        handles, labels = draw_class_bars(axes, rows, names, EDGES)
        axes.axvline(0, color=style.GREY, linewidth=0.6, linestyle=":")
        _scale(axes, max(rows.y[rows.mark == "bar"], default=0.0), rows, style.class_colours(names))
        axes.set_ylabel("share of documents")
        style.legend_above(axes, handles, labels, f"{_title(chosen)}\npredicted class: mean τ [95 % interval]")
    return axes


def densities(result: Result, ax: Axes | None = None, legend_columns: int = 1) -> Axes:
    """Densities of tau for attention with each explanation and between the explanations, which is the ceiling.

    A pair that was not measured is left out; its legend gives mean, 95 % interval and n of those that were.
    """
    rows = _curves(result)
    pairs = [_title(pair) for pair in _present(result.frame, CEILING)]
    colours = dict(zip(pairs, style.PAIR_COLOURS, strict=False))
    with style.axes_or_new(ax, height=3.0) as axes:
        curves, handles, labels = rows[rows.mark == "curve"], [], []
        for line, name in zip(style.LINES, pairs, strict=False):
            own = curves[curves.series == name]
            handles += axes.plot(own.x, own.y, color=colours[name], linestyle=line)
            labels.append(estimate_text(rows, name).replace(": ", ":\n", 1))
        axes.axvline(0, color=style.GREY, linewidth=0.6, linestyle=":")
        _scale(axes, max(curves.y, default=0.0), rows, colours)
        axes.set_ylabel("density of documents")
        style.legend_above(axes, handles, labels, "pair: mean τ [95 % interval]", legend_columns)
    return axes


def figure(result: Result) -> Figure:
    """The paper's figure: a histogram for each explanation beside attention, and the densities with their ceiling."""
    pairs = _present(result.frame, BY_CLASS)
    with style.paper():
        page = style.new_figure(style.DOUBLE, 4.8)
        top, bottom = page.subfigures(2, 1, height_ratios=(1.0, 0.9), squeeze=False)[:, 0]
        for index, (axes, pair) in enumerate(zip(top.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True)):
            style.letter(plot(result, axes, pair), "abc"[index])
        axes = densities(result, bottom.subplots(), legend_columns=2)
        style.letter(axes, "abc"[len(pairs)])
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: one panel per histogram, named by its pair, and the panel "densities"."""
    return stack([*(_bars(result, pair) for pair in _present(result.frame, BY_CLASS)), _curves(result)])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    documents = result.frame["document"].nunique()
    return (
        f"Kendall's tau-b between rankings of the words of a document, n = {documents:,} documents: by predicted "
        "class, and as densities beside the agreement of the explanations with each other. Points are means with "
        "95 % bootstrap intervals; documents in which one ranking is constant have no tau and are counted as undefined."
    )


def _bars(result: Result, pair: Pair) -> pd.DataFrame:
    rows = _rows(result.frame, pair)
    panel = _title(pair)
    parts = []
    for name in style.class_names(result.frame):
        parts.append(share_marks(rows.loc[rows.predicted.astype(str) == name, "tau"], EDGES, panel, name))
    parts.append(estimate_marks(rows, panel, series="predicted", value="tau", statistic="mean", result=result))
    return stack(parts)


def _curves(result: Result) -> pd.DataFrame:
    parts = []
    for pair in _present(result.frame, CEILING):
        rows = _rows(result.frame, pair).assign(pair=_title(pair))
        x, y = density(rows["tau"].to_numpy(float), -1.0, 1.0)
        parts.append(marks(DENSITIES, "curve", _title(pair), x=x, y=y))
        parts.append(estimate_marks(rows, DENSITIES, series="pair", value="tau", statistic="mean", result=result))
    return stack(parts)


def _scale(axes: Axes, top: float, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    """Fix tau's own range and leave room over the data for the means."""
    count = len(colours)
    axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axes.set_xlim(-1.0, 1.0)
    axes.set_ylim(0.0, max(top, 1e-9) * (1.08 + 0.07 * count))
    axes.set_xlabel(AXIS)
    draw_estimates(axes, rows, colours)


def _title(pair: Pair) -> str:
    return f"{pair[0]} – {pair[1]}"


def _rows(frame: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    return frame[(frame["first"] == pair[0]) & (frame["second"] == pair[1])]


def _stored(frame: pd.DataFrame, pair: Pair) -> Pair:
    """The pair in the order in which the frame holds it."""
    pairs = list(frame[["first", "second"]].drop_duplicates().itertuples(index=False, name=None))
    for candidate in (pair, pair[::-1]):
        if candidate in pairs:
            return candidate
    known = "; ".join(sorted(_title(candidate) for candidate in pairs)) or "none"
    raise ValueError(f"figure agreement: no rows for the pair {_title(pair)}; the frame has: {known}")


def _present(frame: pd.DataFrame, wanted: tuple[Pair, ...]) -> list[Pair]:
    """Those of the wanted pairs that were measured; the first measured pair where none of them was."""
    pairs = list(frame[["first", "second"]].drop_duplicates().itertuples(index=False, name=None))
    if not pairs:
        raise ValueError("figure agreement: the frame has no rows; run the experiment on at least one document")
    either_order = ({pair, pair[::-1]} for pair in wanted)
    return [next(pair for pair in pairs if pair in both) for both in either_order if both & set(pairs)] or pairs[:1]

"""Documents with their words shaded by attention, by the adversary's attention and by each attribution."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attn_interp.figures import style
from attn_interp.figures.literal import visible, width, write
from attn_interp.figures.shading import draw_scale, ink, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.experiments.result import Result

ABOUT = ("document", "label", "predicted", "position", "word")
LOW, HIGH = " low", " high"  # endings of the optional columns with the interval of a weight

WORDS = 7.0  # points: size of the words; everything else below is in units of it
SMALLEST = 4.0  # points: a document too long for the given Axes at this size runs over their lower edge
ROW, STRIP, GAP, PAD, TITLE, SCALE = 1.7, 3.4, 1.0, 0.4, 2.0, 3.2
MARGIN = 0.06  # inches around a figure


@dataclass(frozen=True)
class Layout:
    """Where a document's words stand, in points: for each line its (position, left edge, width, text) cells."""

    size: float
    labels: float  # width of the column with the rows' names
    lines: tuple[tuple[tuple[int, float, float, str], ...], ...]
    height: float


def plot(result: Result, ax: Axes | None = None, document: str | None = None) -> Axes:
    """Heatmap of one document: its words from left to right, wrapped, once for every row of weights.

    Shades are shares of the row's total absolute weight (of attention: the weight itself), on one scale from 0 to 1
    for all documents; vermilion is negative. Grey hatched cells are undefined. A word wider than the line is cut with
    an ellipsis. Columns "<row> low" and "<row> high", where the frame has them, are drawn as error bars below the row.

    Args:
        result: of the experiment examples.
        ax: where to draw, the words made smaller where the document would not fit; a new figure of the page's width
            and the height it takes when None.
        document: its id; the first in the frame when None.

    Raises:
        ValueError: the document is not in the frame.
    """
    rows = _of(drawn(result), document)
    with style.paper():
        if ax is None:
            across = (style.DOUBLE - 2 * MARGIN) * 72
            layout = _lay_out(rows, across, WORDS, result)
            page = style.new_figure(style.DOUBLE, layout.height / 72 + 2 * MARGIN)
            return _draw(_inner_axes(page, 0.0, layout.height), rows, layout, across, layout.height, result, scale=True)
        across, down = _room(ax)
        layout = _lay_out(rows, across, WORDS, result)
        while layout.height > down and layout.size > SMALLEST:
            layout = _lay_out(rows, across, layout.size - 0.25, result)
        return _draw(ax, rows, layout, across, down, result, scale=True)


def figure(result: Result, documents: Sequence[str] | None = None) -> Figure:
    """The documents under one another at the page's width, in their order, all of the frame when None.

    The figure is as high as they take: a page holds about four documents of twenty words with six rows each.
    """
    everything = drawn(result)
    chosen = list(everything["document"].unique()) if documents is None else list(documents)
    with style.paper():
        across = (style.DOUBLE - 2 * MARGIN) * 72
        parts = [_of(everything, name) for name in chosen]
        layouts = [_lay_out(rows, across, WORDS, result, scale=rows is parts[-1]) for rows in parts]
        page = style.new_figure(style.DOUBLE, sum(layout.height for layout in layouts) / 72 + 2 * MARGIN)
        top = 0.0
        for rows, layout in zip(parts, layouts, strict=True):
            axes = _inner_axes(page, top, layout.height)
            _draw(axes, rows, layout, across, layout.height, result, scale=rows is parts[-1])
            top += layout.height
    return page


def drawn(result: Result) -> pd.DataFrame:
    """One row per cell: document, label, predicted, row (what weighs), position, word, weight, share, low, high.

    share is the weight over the row's total absolute weight in the document, 0 where that is 0, NaN where the weight
    is undefined; low and high are the interval of the weight where the frame has one.
    """
    frame = result.frame
    intervals = {name + end for name in frame.columns for end in (LOW, HIGH)}
    names = [name for name in frame.columns if name not in ABOUT and name not in intervals]
    parts = []
    for name in names:
        weight = frame[name].astype(float)
        total = weight.abs().groupby(frame["document"], sort=False).transform("sum")
        parts.append(
            frame[list(ABOUT)].assign(
                row=name,
                weight=weight,
                share=(weight / total.where(total > 0)).where(total > 0, weight * 0),
                low=frame.get(name + LOW, np.nan),
                high=frame.get(name + HIGH, np.nan),
            )
        )
    order = {name: index for index, name in enumerate(frame["document"].unique())}
    cells = pd.concat(parts, ignore_index=True)
    cells = cells.iloc[cells["document"].map(order).argsort(kind="stable")].reset_index(drop=True)
    return cells[["document", "label", "predicted", "row", "position", "word", "weight", "share", "low", "high"]]


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    bars = " Error bars below a row are the intervals of its weights." if drawn(result)["low"].notna().any() else ""
    return (
        f"Words of {result.frame['document'].nunique()} documents, shaded by attention and beside it by other weights, "
        "each as its share of the row's total absolute weight (blue: positive, vermilion: negative). Adversary: an "
        f"attention that differs while the output moves by at most eps = {settings['eps']:g} in total variation "
        f"({settings['status']}).{bars}"
    )


def _of(cells: pd.DataFrame, document: str | None) -> pd.DataFrame:
    known = list(cells["document"].unique())
    if not known:
        raise ValueError("figure examples: the frame has no rows; run the experiment on at least one document")
    name = known[0] if document is None else document
    if name not in known:
        raise ValueError(f"figure examples: no document {name!r}; the frame has: {', '.join(sorted(map(str, known)))}")
    return cells[cells["document"] == name]


def _label(row: str, result: Result) -> str:
    eps = result.settings.get("eps")
    return f"{row} (ε = {eps:g}, {result.settings.get('status')})" if row == "adversary" and eps is not None else row


def _lay_out(rows: pd.DataFrame, across: float, size: float, result: Result, scale: bool = True) -> Layout:
    """Break the words into lines of at most `across` points beside the rows' names."""
    names = list(rows["row"].unique())
    labels = max(width(_label(name, result), size) for name in names) + size
    first = rows[rows["row"] == names[0]].sort_values("position")
    lines: list[list[tuple[int, float, float, str]]] = [[]]
    x = labels
    for position, word in zip(first["position"], first["word"], strict=True):
        text = _fitted(str(word), across - labels - 2 * PAD * size, size)
        needed = width(text, size) + 2 * PAD * size
        if lines[-1] and x + needed > across:
            lines.append([])
            x = labels
        lines[-1].append((int(position), x, needed, text))
        x += needed
    strips = sum(rows.loc[rows["row"] == name, "low"].notna().any() for name in names)
    block = (len(names) * ROW + strips * STRIP + GAP) * size
    height = TITLE * size + len(lines) * block + (SCALE * size if scale else 0.0)
    return Layout(size, labels, tuple(map(tuple, lines)), height)


def _fitted(word: str, room: float, size: float) -> str:
    """The word, its end replaced by an ellipsis where it is wider than the room."""
    text = visible(word)
    if width(text, size) <= room:
        return text
    lengths = range(1, len(text))
    kept = bisect_right(lengths, room, key=lambda length: width(text[:length] + "…", size))
    return text[: max(kept, 1)] + "…"


def _room(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points, once the figure's layout has placed it without ticks and labels."""
    ax.set_axis_off()
    page = ax.figure.figure
    if page is None:
        raise ValueError("figure examples: the Axes belong to no figure; make them with figure.subplots()")
    page.draw_without_rendering()
    box = ax.get_window_extent()
    return box.width * 72 / page.dpi, box.height * 72 / page.dpi


def _inner_axes(page: Figure, top: float, height: float) -> Axes:
    """Axes over the page's width inside the margins, `top` points below the upper one."""
    across, down = page.get_size_inches()
    page.set_layout_engine("none")
    bottom = 1 - (MARGIN + (top + height) / 72) / down
    return page.add_axes((MARGIN / across, bottom, 1 - 2 * MARGIN / across, height / 72 / down))


def _draw(
    ax: Axes, rows: pd.DataFrame, layout: Layout, across: float, down: float, result: Result, scale: bool
) -> Axes:
    ax.set_axis_off()
    ax.set_xlim(0, across)
    ax.set_ylim(down, 0)
    size = layout.size
    about = rows.iloc[0]
    title = (
        f"document {about['document']}: label {about['label']}, predicted {about['predicted']}, {_words(rows)} words"
    )
    write(ax, 0, TITLE * size / 2, _fitted(title, 0.85 * across, size), size, va="center", fontweight="bold")
    y = TITLE * size
    for line in layout.lines:
        for name, own in rows.groupby("row", sort=False):
            write(ax, 0, y + ROW * size / 2, _label(str(name), result), size, va="center")
            shares = dict(zip(own["position"], own["share"], strict=True))
            for position, x, needed, text in line:
                _draw_cell(ax, x, y, needed, text, float(shares[position]), size)
            y += ROW * size
            if own["low"].notna().any():
                _draw_intervals(ax, line, y, own, size)
                y += STRIP * size
        y += GAP * size
    if scale:
        signed = bool((rows["share"] < 0).any())
        legend = "share of the row's total absolute weight"
        write(ax, 0, y + 0.6 * size, legend, size, va="center")
        draw_scale(ax, width(legend, size) + 2 * size, y + 1.1 * size, 20 * size, size, signed, 0.85 * size)
    return ax


def _draw_cell(ax: Axes, x: float, y: float, needed: float, text: str, share: float, size: float) -> None:
    from matplotlib.patches import Rectangle

    undefined = np.isnan(share)
    fill = (0.9, 0.9, 0.9) if undefined else shade(share)
    cell = Rectangle((x, y), needed, ROW * size, facecolor=fill, edgecolor="white", linewidth=0.6, clip_on=False)
    if undefined:
        cell.set(hatch="////", edgecolor=style.GREY)
    ax.add_patch(cell)
    write(ax, x + needed / 2, y + ROW * size / 2, text, size, color=ink(fill), ha="center", va="center")


def _draw_intervals(
    ax: Axes, line: Sequence[tuple[int, float, float, str]], y: float, own: pd.DataFrame, size: float
) -> None:
    """Error bars of one line, from the smallest to the largest end in the document, with those two as its scale."""
    low, high = min(0.0, float(own["low"].min())), max(0.0, float(own["high"].max()))
    span = (high - low) or 1.0
    bottom, height = y + 0.9 * STRIP * size, 0.8 * STRIP * size

    def place(value: float) -> float:
        return bottom - height * (value - low) / span

    left, right = line[0][1], line[-1][1] + line[-1][2]
    write(ax, size, place((low + high) / 2), "its interval", 0.85 * size, color=style.GREY, va="center")
    ax.plot([left, right], [place(0.0)] * 2, color=style.GREY, linewidth=0.4)
    ax.text(left - 0.4 * size, place(low), f"{low:.2g}", fontsize=0.8 * size, ha="right", va="bottom")
    ax.text(left - 0.4 * size, place(high), f"{high:.2g}", fontsize=0.8 * size, ha="right", va="top")
    ends = {row["position"]: (row["weight"], row["low"], row["high"]) for row in own.to_dict("records")}
    for position, x, needed, _ in line:
        weight, least, most = ends[position]
        middle = x + needed / 2
        ax.plot([middle, middle], [place(least), place(most)], color="black", linewidth=0.8)
        ax.plot(middle, place(weight), "o", color="black", markersize=1.6)


def _words(rows: pd.DataFrame) -> int:
    return int((rows["row"] == rows["row"].iloc[0]).sum())

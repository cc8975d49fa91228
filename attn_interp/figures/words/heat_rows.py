"""Rows of weights over the words of a document: words shaded by weight, wrapped, one row under another.

This one drawing serves the figure of the experiment examples and `attn_interp.show`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words.literal import fitted, width, write
from attn_interp.figures.words.shading import draw_scale, ink, shade

WORDS = 7.0  # points: size of the words; everything else below is in units of it
SMALLEST = 4.0  # points: a document too long for the given Axes at this size runs over their lower edge
ROW, NUMBERS, STRIP, GAP, PAD, TITLE, SCALE = 1.7, 1.0, 3.4, 1.0, 0.4, 2.0, 3.2
SMALL = 0.7  # size of weights and ranks
LABELS = 0.35  # of the width, at most, for the names of the rows
MARGIN = 0.06  # inches around a figure
LEGEND = "share of the row's total absolute weight; under each word its weight (its rank)"

Cell = tuple[int, float, float, str]


@dataclass(frozen=True)
class HeatRows:
    """One document with its rows of weights, ready to be drawn.

    Attributes:
        title: What stands over it.
        cells: Of `cells_of`: one row per row of weights and word.
        labels: Row -> what stands before it, where that is not its name.
        signed: The rows with weights of either sign; they have a diverging scale.
    """

    title: str
    cells: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    signed: frozenset[str] = frozenset()

    @property
    def rows(self) -> list[str]:
        return list(self.cells["row"].unique())

    @property
    def words(self) -> list[str]:
        return list(self.cells.loc[self.cells["row"] == self.rows[0], "word"])

    def label(self, row: str) -> str:
        return self.labels.get(row, row)


@dataclass(frozen=True)
class Layout:
    """Where a document's words stand, in points: for each line its (position, left edge, width, text) cells."""

    size: float
    labels: float  # width of the column with the rows' names
    lines: tuple[tuple[Cell, ...], ...]
    height: float


def cells_of(
    words: Sequence[str], weights: Mapping[str, np.ndarray], ends: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    """One row per cell: row (what weighs), position, word, weight, share, rank, low, high.

    share is the weight over the row's total absolute weight, 0 where that is 0, NaN where the weight is undefined.
    rank is the place of the absolute weight in its row, 1 the largest; equal weights share the best of their places.
    low and high are the interval of the weight, NaN for rows that are not in `ends`.
    """
    parts = []
    for name, values in weights.items():
        weight = pd.Series(np.asarray(values, dtype=float))
        total = weight.abs().sum()
        low, high = ends.get(name, (np.nan, np.nan))
        parts.append(
            pd.DataFrame(
                {
                    "row": name,
                    "position": range(len(words)),
                    "word": list(words),
                    "weight": weight,
                    "share": weight / total if total > 0 else weight * 0,
                    "rank": weight.abs().rank(ascending=False, method="min"),
                    "low": np.asarray(low, dtype=float),
                    "high": np.asarray(high, dtype=float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def signed_rows(cells: pd.DataFrame) -> frozenset[str]:
    """The rows in which some weight is negative."""
    return frozenset(cells.loc[cells["weight"] < 0, "row"])


def weight_texts(weights: Sequence[float]) -> list[str]:
    """The weights of a row with equal decimals, at least two digits for the largest: ".42"; "" where undefined."""
    largest = max((abs(weight) for weight in weights if not math.isnan(weight)), default=0.0)
    magnitude = -1 if largest == 0 else math.floor(math.log10(largest))
    decimals = 2 if magnitude in (-1, 0) else max(1 - magnitude, 0)
    form = f".{decimals}f" if decimals <= 4 else ".1e"
    texts = ["" if math.isnan(weight) else f"{weight:z{form}}" for weight in weights]
    return [
        text.replace("-", "−", 1).replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text.replace("-", "−")
        for text in texts
    ]


def number_text(number: float) -> str:
    """A probability, a share or a logarithm with two decimals; "<.01" for what is hardly more than nothing.

    >>> number_text(0.42), number_text(-3.2), number_text(-0.0002), number_text(1e-5)
    ('0.42', '−3.20', '0.00', '<.01')
    """
    return "<.01" if 0 < number < 0.005 else f"{number:z.2f}".replace("-", "−")


def most_on(own: pd.DataFrame) -> str:
    """The three words of a row with the largest weights, each with its weight."""
    texts = weight_texts(own["weight"].tolist())
    best = own.assign(text=texts).sort_values("rank", kind="stable").head(3)
    return ", ".join(f"{word} ({text})" for word, text in zip(best["word"], best["text"], strict=True))


def right_to_left(words: Sequence[str]) -> bool:
    """Whether the text runs from right to left, as its first letter with a direction says."""
    kinds = (unicodedata.bidirectional(character) for word in words for character in word)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def plot(heat: HeatRows, ax: Axes | None = None) -> Axes:
    """Draw one document on `ax`, smaller where it would not fit; on a new figure of the page's width when None."""
    with style.paper():
        if ax is None:
            (own,) = figure([heat]).axes
            return own
        across, down = room(ax)
        layout = _lay_out(heat, across, WORDS)
        while layout.height > down and layout.size > SMALLEST:
            layout = _lay_out(heat, across, layout.size - 0.25)
        return _draw(ax, heat, layout, across, down, scale=True)


def figure(heats: Sequence[HeatRows]) -> Figure:
    """The documents under one another at the page's width; the figure is as high as they take."""
    with style.paper():
        across = (style.DOUBLE - 2 * MARGIN) * 72
        layouts = [_lay_out(heat, across, WORDS, scale=heat is heats[-1]) for heat in heats]
        page = style.new_figure(style.DOUBLE, sum(layout.height for layout in layouts) / 72 + 2 * MARGIN)
        top = 0.0
        for heat, layout in zip(heats, layouts, strict=True):
            axes = inner_axes(page, top, layout.height)
            _draw(axes, heat, layout, across, layout.height, scale=heat is heats[-1])
            top += layout.height
    return page


def _lay_out(heat: HeatRows, across: float, size: float, scale: bool = True) -> Layout:
    """Break the words into lines of at most `across` points beside the rows' names; in a text from right to left each
    line begins at the right."""
    names = heat.rows
    widest = max(width(heat.label(name), size) for name in names)
    labels = min(widest, LABELS * across) + size
    under = _widest_numbers(heat, size)
    mirrored = right_to_left(heat.words)
    lines: list[list[Cell]] = [[]]
    x = labels
    for position, word in enumerate(heat.words):
        text = fitted(str(word), across - labels - 2 * PAD * size, size)
        needed = max(width(text, size), under[position]) + 2 * PAD * size
        if lines[-1] and x + needed > across:
            lines.append([])
            x = labels
        lines[-1].append((position, across - (x - labels) - needed if mirrored else x, needed, text))
        x += needed
    strips = sum(heat.cells.loc[heat.cells["row"] == name, "low"].notna().any() for name in names)
    block = (len(names) * (ROW + NUMBERS) + strips * STRIP + GAP) * size
    height = TITLE * size + len(lines) * block + (SCALE * size * (1 + _two_scales(heat)) if scale else 0.0)
    return Layout(size, labels, tuple(map(tuple, lines)), height)


def _two_scales(heat: HeatRows) -> bool:
    return 0 < len(heat.signed & set(heat.rows)) < len(heat.rows)


def _numbers(own: pd.DataFrame) -> list[str]:
    """Under each word of a row its weight and, in brackets, its rank."""
    texts = weight_texts(own["weight"].tolist())
    return [f"{text} ({rank:.0f})" if text else "" for text, rank in zip(texts, own["rank"], strict=True)]


def _widest_numbers(heat: HeatRows, size: float) -> np.ndarray:
    rows = [_numbers(own) for _, own in heat.cells.groupby("row", sort=False)]
    # Digits have one width in the figures' font: the number of characters decides.
    return np.array([max(map(len, texts)) for texts in zip(*rows, strict=True)]) * 0.64 * SMALL * size


def room(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points, once the figure's layout has placed it without ticks and labels."""
    ax.set_axis_off()
    page = ax.figure.figure
    if page is None:
        raise ValueError("heat rows: the Axes belong to no figure; make them with figure.subplots()")
    page.draw_without_rendering()
    box = ax.get_window_extent()
    return box.width * 72 / page.dpi, box.height * 72 / page.dpi


def inner_axes(page: Figure, top: float, height: float) -> Axes:
    """Axes over the page's width inside the margins, `top` points below the upper one."""
    across, down = page.get_size_inches()
    page.set_layout_engine("none")
    bottom = 1 - (MARGIN + (top + height) / 72) / down
    return page.add_axes((MARGIN / across, bottom, 1 - 2 * MARGIN / across, height / 72 / down))


def _draw(ax: Axes, heat: HeatRows, layout: Layout, across: float, down: float, scale: bool) -> Axes:
    ax.set_axis_off()
    ax.set_xlim(0, across)
    ax.set_ylim(down, 0)
    size = layout.size
    write(ax, 0, TITLE * size / 2, fitted(heat.title, 0.8 * across, size), size, va="center", fontweight="bold")
    rows = {str(name): own for name, own in heat.cells.groupby("row", sort=False)}
    y = TITLE * size
    for line in layout.lines:
        for name, own in rows.items():
            label = fitted(heat.label(name), layout.labels - size, size)
            write(ax, 0, y + ROW * size / 2, label, size, va="center")
            shares, numbers = own["share"].tolist(), _numbers(own)
            for position, x, needed, text in line:
                _draw_cell(ax, x, y, needed, text, shares[position], name in heat.signed, size)
                under = y + (ROW + NUMBERS / 2) * size
                ax.text(x + needed / 2, under, numbers[position], fontsize=SMALL * size, ha="center", va="center")
            y += (ROW + NUMBERS) * size
            if own["low"].notna().any():
                _draw_intervals(ax, line, y, own, layout)
                y += STRIP * size
        y += GAP * size
    if scale:
        _draw_scales(ax, y, heat, size)
    return ax


def _draw_scales(ax: Axes, y: float, heat: HeatRows, size: float) -> None:
    """The scale of the rows that have no negative weight, and that of the others, where there are such rows."""
    write(ax, 0, y + 0.6 * size, LEGEND, size, va="center")
    x = width(LEGEND, size) + 4 * size
    for signed in sorted({name in heat.signed for name in heat.rows}):
        draw_scale(ax, x, y + 1.1 * size, 20 * size, size, signed, 0.85 * size)
        y += SCALE * size


def _draw_cell(ax: Axes, x: float, y: float, needed: float, text: str, share: float, signed: bool, size: float) -> None:
    from matplotlib.patches import Rectangle

    undefined = math.isnan(share)
    fill = (0.9, 0.9, 0.9) if undefined else shade(share, signed)
    cell = Rectangle((x, y), needed, ROW * size, facecolor=fill, edgecolor="white", linewidth=0.6, clip_on=False)
    if undefined:
        cell.set(hatch="////", edgecolor=style.GREY)
    ax.add_patch(cell)
    write(ax, x + needed / 2, y + ROW * size / 2, text, size, color=ink(fill), ha="center", va="center")


def _draw_intervals(ax: Axes, line: Sequence[Cell], y: float, own: pd.DataFrame, layout: Layout) -> None:
    """Error bars of one line, from the smallest to the largest end in the document, with those two as its scale."""
    size = layout.size
    low, high = min(0.0, float(own["low"].min())), max(0.0, float(own["high"].max()))
    span = (high - low) or 1.0
    bottom, height = y + 0.9 * STRIP * size, 0.8 * STRIP * size

    def place(value: float) -> float:
        return bottom - height * (value - low) / span

    left, right = min(x for _, x, _, _ in line), max(x + needed for _, x, needed, _ in line)
    write(ax, size, place((low + high) / 2), "its interval", 0.85 * size, color=style.GREY, va="center")
    ax.plot([left, right], [place(0.0)] * 2, color=style.GREY, linewidth=0.4)
    ax.text(left - 0.4 * size, place(low), f"{low:.2g}", fontsize=0.8 * size, ha="right", va="bottom")
    ax.text(left - 0.4 * size, place(high), f"{high:.2g}", fontsize=0.8 * size, ha="right", va="top")
    weights, lows, highs = own["weight"].tolist(), own["low"].tolist(), own["high"].tolist()
    for position, x, needed, _ in line:
        middle = x + needed / 2
        ax.plot([middle, middle], [place(lows[position]), place(highs[position])], color="black", linewidth=0.8)
        ax.plot(middle, place(weights[position]), "o", color="black", markersize=1.6)

"""Attention matrices: every query against every key, of one head or of many side by side."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words.heat_rows import room, weight_texts
from attn_interp.figures.words.literal import fitted, label_ticks, printable, width, write
from attn_interp.figures.words.shading import SEQUENTIAL, ink, shade

SELF, CROSS = ("query", "key"), ("decoder query", "encoder key")
LARGEST, SMALLEST = 7.0, 4.0  # points: size of the words at the edges
CELL = 24.0  # points: the side of a cell, at most
NUMBERED = 13.0  # points: from here on a cell has its weight written into it
EDGE, GAP, BAR, NAME = 95.0, 12.0, 60.0, 14.0  # points: words at an edge at most, between heads, scale, an axis' name
HEIGHT, COLUMNS = 620.0, 4  # points of the page; heads beside one another
LOWEST, BAR_LEAST, BAR_MOST = 30.0, 70.0, 140.0  # points: a head of few queries, and the scale
MASKED = "hatched: masked, a query sees no later key"


@dataclass(frozen=True, eq=False)
class ShownMatrix:
    """Attention weights (heads, queries, keys) with their words. A notebook shows it by itself."""

    weights: np.ndarray
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    causal: bool
    names: tuple[str, str]
    about: str

    @property
    def masked(self) -> np.ndarray:
        """(queries, keys): true where a causal mask lets the query not see the key."""
        return _masked(len(self.queries), len(self.keys)) if self.causal else np.zeros(self.weights.shape[1:], bool)

    @property
    def drawn(self) -> pd.DataFrame:
        """What is drawn, one row per cell: head, query_position, query, key_position, key, weight, masked."""
        head, query, key = (index.ravel() for index in np.indices(self.weights.shape))
        return pd.DataFrame(
            {
                "head": head,
                "query_position": query,
                "query": np.array(self.queries, dtype=object)[query],
                "key_position": key,
                "key": np.array(self.keys, dtype=object)[key],
                "weight": self.weights.ravel(),
                "masked": self.masked[query, key],
            }
        )

    def plot(self, ax: Axes | None = None, head: int = 0) -> Axes:
        """Draw one head on `ax`; on a new figure of its own when None.

        Raises:
            ValueError: there is no such head.
        """
        if not 0 <= head < len(self.weights):
            raise ValueError(f"attention matrix: head {head}, but there are {len(self.weights)}, counted from 0")
        with style.paper():
            if ax is None:
                return _page(self, [head]).axes[0]
            across, down = room(ax)
            ax.set_axis_on()
            cell = max(min(across / len(self.keys), down / len(self.queries)), 1.0)
            return _draw(ax, self, head, cell, edges=(True, True))

    def figure(self) -> Figure:
        """All heads at the page's width, each a small matrix; `save_figure(shown.figure(), path, shown.drawn)`."""
        with style.paper():
            return _page(self, range(len(self.weights)))

    def _repr_html_(self) -> str:
        picture = BytesIO()
        with style.paper():
            self.figure().savefig(picture, format="png", dpi=150)
        source = b64encode(picture.getvalue()).decode()
        return (
            f'<img style="max-width:100%" alt="{escape(printable(repr(self)))}" src="data:image/png;base64,{source}">'
        )

    def __repr__(self) -> str:
        heads, queries, keys = self.weights.shape
        size = f"{_count(heads, 'head')}, {queries} × {keys} ({self.names[0]} × {self.names[1]})"
        return f"attention: {size}" + (f", {self.about}" if self.about else "")


def show_matrix(
    weights: Any,
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    causal: bool = False,
    names: tuple[str, str] | None = None,
    about: str = "",
) -> ShownMatrix:
    """Show attention weights as a matrix: a row for each query, a column for each key, one scale from 0 to 1.

    The shade is that of `show`: the square root of the weight on one named scale. Where there is room every cell has
    its weight written into it; where there is none for every word at an edge, every second one is written, and so on.

    Args:
        weights: (Q, K), or (H, Q, K) for several heads; list, array or tensor.
        queries: The Q words that attend.
        keys: The K words attended to; None: self-attention, the queries themselves.
        causal: Whether a query sees only the keys up to its own place, the last query seeing all; cells that are masked
            are hatched.
        names: What queries and keys are, for the axes. None: query and key, or with `keys` decoder query and encoder
            key.
        about: What else to say, such as the layer.

    Raises:
        ValueError: another shape than queries and keys have, weights that are not finite or outside [0, 1], a weight on
            a masked key, fewer keys than queries under a causal mask; naming head, query and key.
    """
    values = np.asarray(weights.detach().cpu() if hasattr(weights, "detach") else weights, dtype=np.float64)
    own_keys = tuple(queries) if keys is None else tuple(keys)
    shape = (len(queries), len(own_keys))
    if values.ndim not in (2, 3) or values.shape[-2:] != shape or 0 in values.shape:
        raise ValueError(
            f"attention matrix: weights of shape {values.shape} for {_count(shape[0], 'query')} and "
            f"{_count(shape[1], 'key')}; give {shape} or (heads, {shape[0]}, {shape[1]}), one head or layer at a time"
        )
    values = values.reshape(-1, *shape)
    if causal and shape[1] < shape[0]:
        raise ValueError(f"attention matrix: causal with {shape[0]} queries but {shape[1]} keys; it takes as many keys")
    _refuse(~np.isfinite(values), values, queries, own_keys, "is not finite; show the rows that have weights")
    _refuse((values < 0) | (values > 1 + 1e-6), values, queries, own_keys, "is outside [0, 1]; pass it after softmax")
    if causal:
        hidden = values * _masked(*shape)
        _refuse(hidden > 0, values, queries, own_keys, "is on a later, masked key; leave causal=True out")
    named = names or (SELF if keys is None else CROSS)
    return ShownMatrix(values, tuple(queries), own_keys, causal, named, about)


def _masked(queries: int, keys: int) -> np.ndarray:
    return np.arange(keys) > np.arange(queries)[:, None] + keys - queries


def _count(number: int, what: str) -> str:
    many = what.removesuffix("y") + "ies" if what == "query" else what + "s"
    return f"{number} {what if number == 1 else many}"


def _refuse(wrong: np.ndarray, values: np.ndarray, queries: Sequence[str], keys: Sequence[str], why: str) -> None:
    if wrong.any():
        head, query, key = (int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(
            f"attention matrix: head {head}, query {query} ({queries[query]!r}), key {key} ({keys[key]!r}): weight "
            f"{values[head, query, key]:g} {why}"
        )


def _edges(shown: ShownMatrix, size: float) -> tuple[float, float]:
    """Points that words of that size beside and below take, with the names of the axes."""
    beside, below = (max(width(word, size) for word in words) for words in (shown.queries, shown.keys))
    return min(beside, EDGE) + NAME + 6, min(below, EDGE) + NAME + 6


def _page(shown: ShownMatrix, heads: Sequence[int]) -> Figure:
    """The heads in rows of four, the words at the outer edges only."""
    columns = min(COLUMNS, len(heads))
    rows = math.ceil(len(heads) / columns)
    across, top = style.DOUBLE * 72, NAME if len(shown.weights) > 1 else 4.0
    left, below = _edges(shown, LARGEST)
    room_across = (across - left - BAR - (columns - 1) * GAP) / columns / len(shown.keys)
    room_down = (HEIGHT - below - 2 * NAME - rows * (top + GAP)) / rows / len(shown.queries)
    cell = max(min(room_across, room_down, CELL), 1.0)
    left, below = _edges(shown, _size(cell))
    wide, high = cell * len(shown.keys), max(cell * len(shown.queries), LOWEST)
    note = NAME if shown.causal else 0.0
    down = max(NAME + rows * (top + high) + (rows - 1) * GAP + below + note, NAME + top + BAR_LEAST + GAP)
    page = style.new_figure(style.DOUBLE, down / 72)
    page.set_layout_engine("none")
    for place, head in enumerate(heads):
        row, column = divmod(place, columns)
        x, y = left + column * (wide + GAP), down - NAME - row * (top + high + GAP) - top - high
        ax = page.add_axes((x / across, y / down, wide / across, high / down))
        _draw(ax, shown, head, cell, edges=(column == 0, place + columns >= len(heads)))
    frame = page.add_axes((0, 0, 1, 1), facecolor="none")
    frame.set_axis_off()
    frame.set(xlim=(0, across), ylim=(0, down))
    write(frame, 4, down - NAME / 2, fitted(repr(shown), 0.8 * across, LARGEST), LARGEST, va="center", weight="bold")
    if shown.causal:
        write(frame, 4, NAME / 2, MASKED, LARGEST, va="center")
    tall = min(max(high, BAR_LEAST), BAR_MOST)
    x = left + columns * wide + (columns - 1) * GAP + 10
    _draw_bar(page.add_axes((x / across, (down - NAME - top - tall) / down, 8 / across, tall / down)))
    return page


def _draw_bar(ax: Axes) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import PowerNorm

    bar = Colorbar(ax, ScalarMappable(PowerNorm(0.5, 0, 1), SEQUENTIAL))
    bar.set_ticks([0, 0.1, 0.4, 1], labels=["0", "0.1", "0.4", "1"])
    ax.minorticks_off()
    bar.set_label("attention weight", fontsize=LARGEST)


def _draw(ax: Axes, shown: ShownMatrix, head: int, cell: float, edges: tuple[bool, bool]) -> Axes:
    """One head; `edges` says whether the words stand at the left and at the lower edge."""
    from matplotlib.colors import PowerNorm
    from matplotlib.patches import Rectangle

    values, masked = shown.weights[head], shown.masked
    ax.imshow(values, cmap=SEQUENTIAL, norm=PowerNorm(0.5, 0, 1), interpolation="none", aspect="auto")
    for query, key in np.argwhere(masked):
        place = (key - 0.5, query - 0.5)
        ax.add_patch(Rectangle(place, 1, 1, facecolor="0.92", edgecolor="0.7", hatch="////", linewidth=0))
    if cell >= NUMBERED:
        texts = weight_texts(values.ravel().tolist())
        for (query, key), text in zip(np.ndindex(values.shape), texts, strict=True):
            if not masked[query, key]:
                colour = ink(shade(float(values[query, key])))
                ax.text(key, query, text, fontsize=0.36 * cell, ha="center", va="center", color=colour)
    size = _size(cell)
    for axis, name, words, written in zip((ax.yaxis, ax.xaxis), shown.names, (shown.queries, shown.keys), edges):
        step = 1 if len(words) == 1 else math.ceil(1.15 * size / cell)
        places = range(0, len(words), step)
        texts = [fitted(words[place], EDGE, size) if written else "" for place in places]
        label_ticks(axis, places, texts, size, rotation=90 if axis is ax.xaxis else 0)
        axis.set_tick_params(length=2 if written else 0, pad=1.5)
        part = "" if step == 1 else f" (1 of {step} words written)"
        axis.set_label_text(name + part if written else "", fontsize=LARGEST, parse_math=False)
    if len(shown.weights) > 1:
        ax.set_title(f"head {head}", fontsize=LARGEST, pad=3)
    for spine in ax.spines.values():
        spine.set_visible(True)
    return ax


def _size(cell: float) -> float:
    """Points of the words at the edge of cells of that size."""
    return min(max(0.8 * cell, SMALLEST), LARGEST)

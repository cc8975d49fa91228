"""The tokens of an answer and what they attend to on a page: the context shaded, and below it a matrix of tokens by
units with the probability of each token and its attention beside the context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words.heat_rows import (
    MARGIN,
    SMALLEST,
    WORDS,
    inner_axes,
    most_on,
    number_text,
    right_to_left,
    room,
    weight_texts,
)
from attn_interp.figures.words.literal import fitted, width, write
from attn_interp.figures.words.shading import draw_scale, ink, shade

if TYPE_CHECKING:
    from attn_interp.figures.words.answer import ShownAnswer

# In units of the size of the words:
LINE, ROW, SPACE, PAD, SCALE = 1.7, 1.6, 0.6, 0.2, 3.2
SMALL = 0.8  # size of numbers
BOLD = 1.14  # how much wider bold letters are
COLUMN, CELL = 3.6, 4.0  # of a number beside the cells, and of a cell at most
HEADED, SMALLEST_NUMBER = 1.3, 0.7  # from here on a column has its unit over it, and a cell its weight written into it
HIGHEST = 9.0  # of a word over a column
LABELS, MOST = 0.2, 0.3  # of the width, at most: the tokens, and the units that they attend to most
LEGEND = "shade: share of the row's absolute weight on the context; number: its weight"


@dataclass(frozen=True)
class Mark:
    """A text, on a shade where it has one; in points from the upper left corner."""

    x: float
    y: float
    wide: float
    high: float
    text: str
    size: float
    fill: tuple[float, float, float] | None = None
    at: str = "center"
    bold: bool = False
    rotation: int = 0
    edge: bool = False


@dataclass(frozen=True)
class Word:
    """A word of a running text, on its shade where it has one; or the number of a unit."""

    text: str
    fill: tuple[float, float, float] | None = None
    bold: bool = False
    number: bool = False


@dataclass
class Layout:
    """What is drawn at one size of the words, and how high it is."""

    across: float
    size: float
    marks: list[Mark] = field(default_factory=list)
    y: float = 0.0
    scale: float = 0.0  # where the scale stands

    def put(self, x: float, wide: float, text: str, **given: Any) -> None:
        """A mark in the line that is being laid out; its text is cut to `wide`."""
        size = given.pop("size", self.size)
        high = given.pop("high", ROW * self.size)
        self.marks.append(Mark(x, self.y, wide, high, fitted(text, wide, size) if text else "", size, **given))


def plot(shown: ShownAnswer, ax: Axes | None = None) -> Axes:
    """Draw on `ax`, smaller where it would not fit; on a new figure of the page's width when None."""
    with style.paper():
        if ax is None:
            (own,) = figure(shown).axes
            return own
        across, down = room(ax)
        layout = lay_out(shown, across, WORDS)
        while layout.y > down and layout.size > SMALLEST:
            layout = lay_out(shown, across, layout.size - 0.25)
        return _draw(ax, shown, layout, down)


def figure(shown: ShownAnswer) -> Figure:
    """At the page's width; the figure is as high as the context and the tokens take."""
    with style.paper():
        layout = lay_out(shown, (style.DOUBLE - 2 * MARGIN) * 72, WORDS)
        page = style.new_figure(style.DOUBLE, layout.y / 72 + 2 * MARGIN)
        _draw(inner_axes(page, 0.0, layout.y), shown, layout, layout.y)
    return page


def lay_out(shown: ShownAnswer, across: float, size: float) -> Layout:
    """Everything at one size of the words, in `across` points."""
    layout = Layout(across, size)
    _flow(layout, [Word(word, bold=True) for word in shown.heat.title.split()])
    _flow(layout, [Word("Question:", bold=True), *map(Word, shown.question.split())])
    rows = [(str(name), own) for name, own in shown.heat.cells.groupby("row", sort=False)]
    _context(layout, shown, rows[0][1])
    _matrix(layout, shown, rows)
    layout.scale = layout.y + SPACE * size
    layout.y += SCALE * size * len({name in shown.heat.signed for name, _ in rows}) + SPACE * size
    return layout


def _flow(layout: Layout, words: Sequence[Word], mirrored: bool = False) -> None:
    """Words in lines, from the right where they are mirrored."""
    x, pad = 0.0, PAD * layout.size
    for word in words:
        own = SMALL * layout.size if word.number else layout.size
        wide = min(width(word.text, own) * (BOLD if word.bold else 1), layout.across - 2 * pad) + 2 * pad
        if x and x + wide > layout.across:
            x = 0.0
            layout.y += LINE * layout.size
        left = layout.across - x - wide if mirrored else x
        layout.put(left, wide, word.text, fill=word.fill, bold=word.bold, size=own)
        x += wide
    layout.y += (LINE + SPACE) * layout.size


def _context(layout: Layout, shown: ShownAnswer, cells: pd.DataFrame) -> None:
    """The units, each with its number where they are no words, shaded by the mean over the tokens."""
    words: list[Word] = []
    for number, (unit, share) in enumerate(zip(cells["word"], cells["share"], strict=True), 1):
        if shown.unit != "word":
            words.append(Word(str(number), bold=True, number=True))
        words += [Word(part, shade(share)) for part in str(unit).split(" ")]
    _flow(layout, words, right_to_left(shown.heat.words))


def _matrix(layout: Layout, shown: ShownAnswer, rows: Sequence[tuple[str, pd.DataFrame]]) -> None:
    """A row for the answer, each token and each method; a column for each unit."""
    size, units = layout.size, shown.heat.words
    numbers = shown.tokens.set_index("row").to_dict("index")
    widest = max(width(shown.heat.label(name), size) for name, _ in rows)
    left = min(widest, LABELS * layout.across) + size
    column = COLUMN * size
    free = layout.across - left - 4 * column - size
    cell = min(free / len(units), CELL * size)
    headed = shown.unit != "word" or cell >= HEADED * size
    most = 0.0 if headed else MOST * layout.across
    cell = min(cell, (free - most) / len(units))
    right = left + 2 * column + len(units) * cell + size
    _heads(layout, shown, left, cell, headed, right)
    for name, own in rows:
        texts = weight_texts(own["weight"].tolist())
        token = numbers.get(name)
        layout.put(0, left - size / 2, shown.heat.label(name), at="left", bold=token is None)
        if token is not None:
            _numbers(layout, [token["probability"], token["log_probability"]], left)
            _numbers(layout, [token["outside"], token["first"]], right)
        widest = max(1.0, *(width(text, SMALL * size) for text in texts))
        written = SMALL * min(1.0, 0.95 * cell / widest)  # all numbers of a row in one size
        for place, (share, text) in enumerate(zip(own["share"], texts, strict=True)):
            fill = (0.9, 0.9, 0.9) if math.isnan(share) else shade(share, name in shown.heat.signed)
            x, text = left + 2 * column + place * cell, text if written >= SMALLEST_NUMBER else ""
            layout.put(x, cell, text, fill=fill, size=written * size, edge=headed)
        if most:
            layout.put(right + 2 * column, most, most_on(own), at="left", size=SMALL * size)
        layout.y += ROW * size


def _heads(layout: Layout, shown: ShownAnswer, left: float, cell: float, headed: bool, right: float) -> None:
    """What stands over the columns."""
    size, column = layout.size, COLUMN * layout.size
    small = SMALL * size
    words = shown.unit == "word"
    high = ROW * size
    if headed and words:
        high = min(max(width(word, small) for word in shown.heat.words), HIGHEST * size) + size / 2
    bottom = layout.y + high
    step = 1 if words else math.ceil(width(f"{len(shown.heat.words)} ", small) / cell)  # where numbers would overlap
    for place, word in enumerate(shown.heat.words if headed else ()):
        text = fitted(word, HIGHEST * size, small) if words else str(place + 1)
        if place % step == 0:
            x, turned = left + 2 * column + place * cell, 90 if words else 0
            layout.marks.append(Mark(x, layout.y, cell, high, text, small, rotation=turned))
    layout.y = bottom - ROW * size
    for x, name in [(left, "p"), (left + column, "log p"), (right, "outside"), (right + column, "first")]:
        layout.put(x, column, name, size=small)
    if not headed:
        layout.put(left + 2 * column, right - left - 2 * column, f"{len(shown.heat.words)} words", size=small)
        layout.put(right + 2 * column, layout.across - right - 2 * column, "largest", size=small, at="left")
    layout.y = bottom


def _numbers(layout: Layout, numbers: Sequence[float], x: float) -> None:
    column = COLUMN * layout.size
    for place, number in enumerate(numbers):
        layout.put(x + place * column, column, number_text(number), size=SMALL * layout.size)


def _draw(ax: Axes, shown: ShownAnswer, layout: Layout, down: float) -> Axes:
    from matplotlib.patches import Rectangle

    ax.set_axis_off()
    ax.set_xlim(0, layout.across)
    ax.set_ylim(down, 0)
    for mark in layout.marks:
        if mark.fill is not None:
            box = Rectangle((mark.x, mark.y), mark.wide, mark.high, facecolor=mark.fill, clip_on=False)
            box.set(edgecolor="white" if mark.edge else mark.fill, linewidth=0.3)
            ax.add_patch(box)
        if mark.text:
            _write(ax, mark)
    size = layout.size
    write(ax, 0, layout.scale + 0.6 * size, LEGEND, size, va="center")
    x, y = width(LEGEND, size) + 4 * size, layout.scale
    for signed in sorted({name in shown.heat.signed for name in shown.heat.rows}):
        draw_scale(ax, x, y + 1.1 * size, 16 * size, size, signed, 0.85 * size)
        y += SCALE * size
    return ax


def _write(ax: Axes, mark: Mark) -> None:
    x = mark.x if mark.at == "left" else mark.x + mark.wide / 2
    y, va = mark.y + mark.high / 2, "center"
    if mark.rotation:
        y, va = mark.y + mark.high - PAD * mark.size, "bottom"
    colour = "black" if mark.fill is None else ink(mark.fill)
    weight = "bold" if mark.bold else "normal"
    write(ax, x, y, mark.text, mark.size, ha=mark.at, va=va, color=colour, fontweight=weight, rotation=mark.rotation)

"""The one style of every figure: final widths, fonts that can be read at that width, and what each colour means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.figures.draw.types import Artist, Axes, Figure, Result

if TYPE_CHECKING:
    from matplotlib.legend import Legend

SINGLE = 3.3  # inches: one column of a two-column page
DOUBLE = 6.9  # inches: the width of the page

# Okabe and Ito's palette, told apart under every common colour blindness; the yellow is left out (too pale on white).
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#767676"

CLASS_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LINES = ("-", "--", ":", "-.")
PAIR_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
STATUS_LINES = {"certified": (GREY, "--"), "search": (BLACK, ":")}  # outlines over the bars of the classes
ORDERINGS = {  # colour and line of each order of erasure
    "attention": (BLUE, "-"),
    "gradient": (VERMILION, "--"),
    "attention x gradient": (GREEN, "-."),
    "leave-one-out": (PURPLE, (0, (5, 1, 1, 1, 1, 1))),
    "integrated gradients": (ORANGE, ":"),
    "random": (GREY, (0, (1, 1))),
    "optimum": (BLACK, "-"),
}

SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.title_fontsize": 7.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "patch.linewidth": 0.8,
    "figure.dpi": 150.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.usetex": False,
    "pdf.fonttype": 42,  # TrueType: text in the PDF can be searched and edited
}


@contextmanager
def paper() -> Iterator[None]:
    """The style, inside the context only; matplotlib's own settings stand again afterwards."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield


def new_figure(width: float = SINGLE, height: float = 2.3) -> Figure:
    """An empty figure of final size (inches) that belongs to no window and to no pyplot state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@contextmanager
def axes_or_new(ax: Axes | None, width: float = SINGLE, height: float = 2.3) -> Iterator[Axes]:
    """The given Axes, or those of a new figure of that size, with the style on inside the context."""
    with paper():
        yield new_figure(width, height).subplots() if ax is None else ax


def page_of(plot: Callable[[Result], Axes]) -> Callable[[Result], Figure]:
    """The `figure` of a module that has one panel: what `plot` draws, on a page of its own."""

    def figure(result: Result) -> Figure:
        page = plot(result).get_figure(root=True)
        assert page is not None
        return page

    return figure


def class_names(frame: pd.DataFrame) -> list[str]:
    """Names in the columns label and predicted, in the order in which every figure shows them: numbers by value."""
    names = sorted({str(name) for column in ("label", "predicted") for name in frame[column].unique()})
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def class_colours(names: Sequence[str]) -> dict[str, str]:
    """Colour of each class; past seven classes the colours come again (see `class_lines`)."""
    return {name: CLASS_COLOURS[index % len(CLASS_COLOURS)] for index, name in enumerate(names)}


def class_lines(names: Sequence[str]) -> dict[str, str]:
    """Line style of each class: solid for the first seven, then dashed and so on, where colours repeat."""
    return {name: LINES[index // len(CLASS_COLOURS) % len(LINES)] for index, name in enumerate(names)}


def legend_above(
    ax: Axes, handles: Sequence[Artist], labels: Sequence[str], title: str = "", columns: int = 1
) -> Legend:
    """Legend over the top edge, where it hides no data; labels and title are drawn literally."""
    return literal(
        ax.legend(
            handles,
            labels,
            title=title or None,
            ncols=columns,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.2,
            alignment="left",
            handlelength=1.4,
            labelspacing=0.25,
        )
    )


def literal(legend: Legend) -> Legend:
    """The legend, its labels and title drawn literally: a dollar sign in a name is no formula."""
    for text in [*legend.get_texts(), legend.get_title()]:
        text.set_parse_math(False)
    return legend


def list_rows(ax: Axes, names: Sequence[str], parted: bool = False) -> None:
    """Write the names of the rows downwards, literally; with `parted` a line stands between two rows."""
    ax.set_yticks(range(len(names)), names)
    for text in ax.get_yticklabels():
        text.set_parse_math(False)
    ax.set_ylim(len(names) - 0.5, -0.5)
    for boundary in range(1, len(names)) if parted else ():
        ax.axhline(boundary - 0.5, color=GREY, linewidth=0.3)


def letter(ax: Axes, name: str) -> None:
    """Put the panel's letter, "(a)", before the title of its legend, where it meets no label."""
    legend = ax.get_legend()
    if legend is None:
        raise ValueError(f"panel {name!r}: has no legend to carry its letter")
    legend.get_title().set_text(f"({name}) {legend.get_title().get_text()}")


def shown_end(largest: float) -> float:
    """Where an axis of a measure from 0 to 1 ends: at 1, or above the largest value where that is below 0.9."""
    return 1.0 if pd.isna(largest) or largest <= 0 or largest >= 0.9 else 1.1 * float(largest)


def range_to(ax: Axes, largest: float, label: str) -> None:
    """Across from 0 to `shown_end`; the label says where that is not the measure's own range."""
    end = shown_end(largest)
    ax.set_xlim(0.0, end)
    ax.set_xlabel(label if end == 1.0 else f"{label}\n(of its range 0 to 1, the part up to {end:.2g})")
    if end < 1.0:  # each tick has its whole value: a factor at the axis' end would meet the label
        ax.locator_params(axis="x", nbins=4)
        ax.xaxis.set_major_formatter("{x:g}")


def beside(ax: Axes, y: float, text: str, colour: str) -> None:
    """Write a remark on the row at height y (data), outside the right edge."""
    ax.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), fontsize=6, color=colour, va="center")


def interval_text(estimate: float, low: float, high: float) -> str:
    """An estimate with its interval, two decimals: "0.34 [0.31, 0.37]"; "0.34" where one value has no interval, and
    "undefined" where there is no value."""
    if pd.isna(estimate):
        return "undefined"
    if pd.isna(low):
        return f"{estimate:z.2f}"
    return f"{estimate:z.2f} [{low:z.2f}, {high:z.2f}]"


def count_text(n: int, undefined: int) -> str:
    """Number of documents behind a mark: "n = 905", and how many more had no value."""
    return f"n = {n:,}" + (f" ({undefined:,} undefined)" if undefined else "")

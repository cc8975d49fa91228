"""One number for each head of each layer, as a grid: shaded by its measure's own range, written with its interval."""

from __future__ import annotations

import math

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes
from attn_interp.figures.words.shading import ink, shade

ROW = 0.3  # inches: height of a layer
EDGES = 0.75  # inches: title and axes of a grid
WIDE_ENOUGH = 8  # heads up to which an interval can be written beside its estimate's number
UNDEFINED = (0.93, 0.93, 0.93)


def draw_grid(ax: Axes, cells: pd.DataFrame, largest: float, signed: bool, title: str, digits: int = 2) -> Axes:
    """Draw cells with the columns layer, head, estimate, low and high (NaN: not written), layer 0 at the bottom.

    Args:
        largest: The end of the measure's range, which is drawn darkest.
        signed: Whether the range is -largest to largest, else 0 to largest.
        title: Above the grid; drawn literally.
        digits: Decimals of the numbers; where all are below five of the last one, they are in units of a power of ten
            that the title says.
    """
    from matplotlib.patches import Rectangle

    ends = ["estimate", "low", "high"]
    most = float(cells[ends].abs().max().max())
    if 0 < most < 5 * 10.0**-digits:  # most cells would read zero
        unit = 10.0 ** math.floor(math.log10(most))
        cells, largest = cells.assign(**{name: cells[name] / unit for name in ends}), largest / unit
        title, digits = f"{title}; numbers in units of {unit:.0e}", 1
    heads, layers = int(cells["head"].max()) + 1, int(cells["layer"].max()) + 1
    size = min(6.5, 60.0 / heads)
    for cell in cells.to_dict("records"):
        undefined = bool(pd.isna(cell["estimate"]))
        fill = UNDEFINED if undefined else shade(cell["estimate"] / largest, signed)
        corner = (cell["head"] - 0.5, cell["layer"] - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=fill, edgecolor="white", linewidth=0.6))
        place = {"x": cell["head"], "ha": "center", "color": ink(fill), "parse_math": False}
        if undefined or pd.isna(cell["low"]):
            ax.text(
                y=cell["layer"],
                s="–" if undefined else short(cell["estimate"], digits),
                fontsize=size,
                va="center",
                **place,
            )
            continue
        interval = (
            f"[{short(cell['low'], digits)}, {short(cell['high'], digits)}]"
            if heads <= WIDE_ENOUGH
            else (f"{short(cell['low'], digits)}\u2009…\u2009{short(cell['high'], digits)}")
        )
        ax.text(y=cell["layer"] + 0.03, s=short(cell["estimate"], digits), fontsize=size, va="bottom", **place)
        ax.text(y=cell["layer"] - 0.06, s=interval, fontsize=0.68 * size, va="top", **place)
    ax.set_xlim(-0.5, heads - 0.5)
    ax.set_ylim(-0.5, layers - 0.5)
    ax.set_xticks(range(heads))
    ax.set_yticks(range(layers))
    ax.tick_params(length=0)
    ax.set_xlabel("head")
    ax.set_ylabel("layer")
    style.legend_above(ax, [], [], title)
    return ax


def short(value: float, digits: int = 2) -> str:
    """A number without the zero before its decimals: ".34", "-.07", "1.00"."""
    text = f"{value:z.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def grid_height(layers: int) -> float:
    """Inches of a grid of so many layers, its title and axes counted."""
    return EDGES + ROW * max(layers, 2)

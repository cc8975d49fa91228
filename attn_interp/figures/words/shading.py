"""Shades of a heatmap of words: how dark a weight is drawn, and the scale bar that says so.

Weights that cannot be negative have the colours of matplotlib's magma, perceptually uniform and falling in lightness,
so that they are told apart in grey too; weights of either sign have those of PRGn, purple below zero and green above,
which are not mistaken for the others. On a dark page zero is dark: magma from its other end, and vanimo.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

SEQUENTIAL, DIVERGING = "magma_r", "PRGn"
DARK_SEQUENTIAL, DARK_DIVERGING = "magma", "vanimo"
STEPS = 60  # of the scale bar
TICKS = (0.0, 0.1, 0.4, 1.0)  # nearly evenly spaced under the square root

Colour = tuple[float, float, float]


def shade(share: float, signed: bool = False, dark: bool = False) -> Colour:
    """Colour of a share in [-1, 1] (not signed: [0, 1]): that of the page at 0, standing out with the square root.

    The square root keeps one scale for all documents, 0 to 1, on which the small shares of a long document still show.
    """
    strength = math.copysign(math.sqrt(min(abs(share), 1.0)), share)
    colours = _colours((DARK_DIVERGING if dark else DIVERGING) if signed else (DARK_SEQUENTIAL if dark else SEQUENTIAL))
    red, green, blue, _ = colours((1.0 + strength) / 2.0 if signed else max(strength, 0.0))
    return float(red), float(green), float(blue)


def ink(fill: Colour) -> str:
    """Black or white, whichever stands out more on the fill (WCAG 2 contrast ratio)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in fill]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"


def draw_scale(ax: Axes, x: float, y: float, width: float, height: float, signed: bool, size: float) -> None:
    """Draw the scale bar with its lower left corner at (x, y), data in points and y downwards."""
    from matplotlib.patches import Rectangle

    lowest = -1.0 if signed else 0.0
    edges = np.linspace(lowest, 1.0, STEPS + 1)  # in strength, the signed square root of the share
    place = x + width * (edges - lowest) / (1.0 - lowest)
    for left, right, strength in zip(place[:-1], place[1:], (edges[:-1] + edges[1:]) / 2, strict=True):
        fill = shade(math.copysign(strength**2, strength), signed)
        ax.add_patch(
            Rectangle(
                (left, y - height), right - left, height, facecolor=fill, edgecolor=fill, linewidth=0.2, clip_on=False
            )
        )
    ax.add_patch(
        Rectangle((x, y - height), width, height, fill=False, edgecolor=style.GREY, linewidth=0.4, clip_on=False)
    )
    ticks = sorted({*TICKS, *(-tick for tick in TICKS[1:] if signed)})
    for tick in ticks:
        strength = math.copysign(math.sqrt(abs(tick)), tick)
        at = x + width * (strength - lowest) / (1.0 - lowest)
        ax.plot([at, at], [y, y + 2], color=style.GREY, linewidth=0.5, clip_on=False)
        ax.text(at, y + 3, f"{tick:g}", fontsize=size, ha="center", va="top")


@cache
def _colours(name: str) -> Colormap:
    from matplotlib import colormaps

    return colormaps[name]

"""Shades of a heatmap of words: how dark a weight is drawn, and the scale bar that says so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attn_interp.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = 60  # of the scale bar
TICKS = (0.0, 0.1, 0.4, 1.0)  # nearly evenly spaced under the square root

Colour = tuple[float, float, float]


def shade(share: float) -> Colour:
    """Colour of a share in [-1, 1]: white at 0, blue at 1, vermilion at -1, darkening with the square root.

    The square root keeps one scale for all documents, 0 to 1, on which the small shares of a long document still show.
    """
    from matplotlib.colors import to_rgb

    hue = to_rgb(style.NEGATIVE if share < 0 else style.POSITIVE)
    strength = math.sqrt(min(abs(share), 1.0))
    red, green, blue = (1 - strength * (1 - part) for part in hue)
    return red, green, blue


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
        fill = shade(math.copysign(strength**2, strength))
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

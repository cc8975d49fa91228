"""What the functions of figures are typed with, imported without loading matplotlib or torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from attn_interp.experiments.result import Result
else:
    Artist = Axes = Figure = Line2D = Result = Any

__all__ = ["Artist", "Axes", "Figure", "Line2D", "Result"]

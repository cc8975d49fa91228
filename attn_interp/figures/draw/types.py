"""What the functions of figures are typed with, imported without loading matplotlib or torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.experiments.result import Result
else:
    Axes = Figure = Result = Any

__all__ = ["Axes", "Figure", "Result"]

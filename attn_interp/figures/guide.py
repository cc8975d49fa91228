"""How well a context-free model classifies under each guide, and what the guide adds to uniform attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from attn_interp.figures import style
from attn_interp.figures.scores import draw_differences, draw_scores, score_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.experiments.result import Result


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """What each guide adds to uniform attention in accuracy, with 95 % intervals over seed and document."""
    with style.axes_or_new(ax, height=1.9) as axes:
        margin, reference = float(result.settings["margin"]), result.settings["reference"]
        draw_differences(axes, drawn(result), margin, "guide of a context-free model", f"accuracy minus {reference}")
    return axes


def figure(result: Result) -> Figure:
    """Accuracy under each guide (a) and what it adds (b), side by side."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.3)
        left, right = page.subfigures(1, 2, squeeze=False).flat
        axes = left.subplots()
        draw_scores(axes, drawn(result), "guide")
        style.letter(axes, "a")
        style.letter(plot(result, right.subplots()), "b")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`."""
    return score_marks(result, "guide")


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        "Accuracy of a model that sees each word alone, trained with its attention frozen to that of a guide, "
        f"{len(settings['seeds'])} seeds, n = {settings['documents']:,} documents. (a) Dots are seeds. (b) Paired "
        f"difference to {settings['reference']} attention; the band is the margin of {settings['margin']:g}. Intervals "
        "are 95 %, over new seeds and new documents."
    )

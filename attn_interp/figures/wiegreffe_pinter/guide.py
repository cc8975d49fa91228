"""How well a context-free model classifies under each guide, and what the guide adds to uniform attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from attn_interp.figures.draw.scores import Wording, plot_differences, score_figure, score_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attn_interp.experiments.result import Result


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """What each guide adds to uniform attention in accuracy, with 95 % intervals over seed and document."""
    return plot_differences(result, _words(result), ax)


def figure(result: Result) -> Figure:
    """Accuracy under each guide (a) and what it adds (b), side by side."""
    return score_figure(result, _words(result))


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`."""
    return score_marks(result, _words(result).condition)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        "Accuracy of a model that sees each word alone, trained with its attention frozen to that of a guide, "
        f"{len(settings['seeds'])} seeds, n = {settings['documents']:,} documents. (a) Dots are seeds. (b) Paired "
        f"difference to {settings['reference']} attention; the band is the margin of {settings['margin']:g}. Intervals "
        "are 95 %, over new seeds and new documents."
    )


def _words(result: Result) -> Wording:
    reference = result.settings["reference"]
    return Wording("guide", "guide", "guide of a context-free model", f"accuracy minus {reference}")

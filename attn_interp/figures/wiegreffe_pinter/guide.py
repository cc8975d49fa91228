"""How well a context-free model classifies under each guide, and what the guide adds to uniform attention."""

from __future__ import annotations

from attn_interp.figures.draw.scores import Wording, drawing_of
from attn_interp.figures.draw.types import Result


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


plot, figure, drawn = drawing_of(_words)

"""Whether attention is needed: accuracy with and without it, and the difference against the margin."""

from __future__ import annotations

from attn_interp.figures.draw.scores import Wording, drawing_of
from attn_interp.figures.draw.types import Result


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        f"Accuracy of the same classifier with {settings['reference']} and without, {len(settings['seeds'])} seeds, "
        f"n = {settings['documents']:,} documents. (a) Dots are seeds. (b) Paired difference by seed and document; the "
        f"band is the margin of {settings['margin']:g} below which a difference does not count. Needed: above the "
        f"margin; not needed: below it; each at a one-sided level of {settings['level']:g}, so a two-sided 95 % "
        "interval may just pass the margin. Intervals are over new seeds and new documents."
    )


def _words(result: Result) -> Wording:
    reference = result.settings["reference"]
    return Wording("condition", "pooling", "rival; is attention needed?", f"accuracy of {reference} minus rival")


plot, figure, drawn = drawing_of(_words)

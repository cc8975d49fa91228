"""How much of what an explanation counts for the decision speaks against it, by explanation and by effect."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.point_ranges import draw_point_ranges
from attn_interp.figures.draw.types import Axes, Figure, Result

EFFECTS = {"deletion": style.BLUE, "vote": style.VERMILION}
SHARES = {"weight": "share of the weight", "top": "share of first words"}
PANELS = tuple(f"{effect}_{share}" for effect in EFFECTS for share in SHARES)


def plot(result: Result, ax: Axes | None = None, panel: str = PANELS[0], named: bool = True) -> Axes:
    """One estimate over the documents with its 95 % interval for each explanation.

    Args:
        panel: "deletion_weight", "deletion_top", "vote_weight" or "vote_top".
        named: Whether the names are written; false for a panel beside one whose rows are the same.

    Raises:
        ValueError: there is no such panel; those of votes are there only where the readout is affine.
    """
    rows = drawn(result)
    own = rows[rows.panel == panel]
    if own.empty:
        raise ValueError(f"figure polarity: no panel {panel!r}; choose from {', '.join(sorted(set(rows.panel)))}")
    effect, share = panel.split("_")
    with style.axes_or_new(ax, height=_height(result)) as axes:
        draw_point_ranges(axes, own, list(own.series), EFFECTS[effect], named)
        axes.set_xticks([0.0, 0.5, 1.0])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(SHARES[share])
        counts = style.count_text(int(own["n"].min()), int(own["undefined"].max()))
        style.legend_above(axes, [], [], f"against the decision, by {effect}\n[95 % interval], {counts}")
    return axes


def figure(result: Result) -> Figure:
    """By deletion: share of the weight (a) and of the first words (b); where the readout is affine, by vote (c, d)."""
    panels = list(dict.fromkeys(drawn(result).panel))
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(result) * len(panels) / 2)
        grid = page.subplots(len(panels) // 2, 2, squeeze=False)
        for axes, panel, name in zip(grid.flat, panels, "abcd"):
            style.letter(plot(result, axes, panel, named=name in "ac"), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: an estimate for each explanation (series) in each panel that has a value."""
    names, summary = _methods(result), result.summary()
    rows = summary[summary["grouping"] == "all"].to_dict("records")
    found = {(row["quantity"], row["method"]): row for row in rows}
    panels = [each for each in PANELS if (each, names[0]) in found]
    return stack([estimate(panel, found[panel, name], name) for panel in panels for name in names])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Of the words that an explanation counts for the decision (weight above 0): the share of their weight, and of "
        "the words of largest weight, that speaks against it. (a, b) Without the word the class is more likely; (c, d) "
        "where the readout is affine, all attention on the word puts the rival first. In bars: absolute values. "
        f"n = {result.settings['documents']:,} documents; 95 % intervals over documents: bootstrap for means, Wilson's "
        "for shares of first words."
    )


def _methods(result: Result) -> list[str]:
    return list(dict.fromkeys(filled(result).frame["method"]))


def _height(result: Result) -> float:
    return 1.2 + 0.22 * len(_methods(result))

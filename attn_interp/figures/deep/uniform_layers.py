"""What a trained model loses when the attention of layers is made uniform at test time."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.point_ranges import draw_point_ranges
from attn_interp.figures.draw.types import Axes, Figure, Result

PANELS = {  # quantity of the summary: label of the axis, colour
    "accuracy": ("accuracy", style.BLUE),
    "tvd": ("mean TVD of the output", style.VERMILION),
    "decision_flip": ("share of decisions changed", style.GREEN),
}


def plot(result: Result, ax: Axes | None = None, panel: str = "accuracy", named: bool = True) -> Axes:
    """One quantity for each choice of layers with its 95 % interval, from 0 to 1.

    Args:
        panel: "accuracy", "tvd" or "decision_flip".
        named: Whether the choices are written beside their rows.
    """
    label, colour = PANELS[panel]
    rows = drawn(result)
    own = rows[rows.panel == panel]
    with style.axes_or_new(ax, height=_height(result)) as axes:
        draw_point_ranges(axes, own, list(own.series), colour, named)
        axes.set_xticks([0.0, 0.5, 1.0])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(label)
        counts = style.count_text(int(own["n"].min()), int(own["undefined"].max()))
        style.legend_above(axes, [], [], f"layers made uniform\nmean [95 % interval], {counts}")
    return axes


def figure(result: Result) -> Figure:
    """Accuracy (a), total variation distance (b) and decisions changed (c)."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(result))
        for axes, panel, name in zip(page.subplots(1, 3), PANELS, "abc"):
            style.letter(plot(result, axes, panel, named=name == "a"), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: a panel for each quantity, series the choices of layers."""
    summary = filled(result).summary()
    parts = []
    for panel in PANELS:
        for row in summary[summary["quantity"] == panel].to_dict("records"):
            parts.append(estimate(panel, row, row["uniform"]))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    when = "at test time alone, nothing retrained"
    if result.settings["retrained"]:
        when = "in training too, each choice trained on from where the model stands"
    return (
        f"The trained model with the attention of all heads of a layer made uniform {when}: "
        "accuracy, total variation distance of the output from the model's own, and share of decisions changed. "
        f"n = {result.settings['documents']:,} documents; 95 % intervals over documents: Wilson's for shares, "
        "bootstrap for means."
    )


def _height(result: Result) -> float:
    return 1.2 + 0.24 * len(result.settings["choices"])

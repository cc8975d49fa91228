"""Every head of every layer: does it rank words as other explanations do, and what happens without it?"""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.head_grid import draw_grid, grid_height
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.jain_wallace.adversary import MOST

LEAVE_ONE_OUT, GRADIENT = "tau_leave_one_out", "tau_gradient"
ABLATED, DELETED = "js_ablated", "js_difference"
PANELS = {  # quantity of the summary: title, end of its range, whether it has either sign, decimals
    LEAVE_ONE_OUT: ("mean τ with |leave-one-out|", 1.0, True, 2),
    GRADIENT: ("mean τ with |gradient x input|", 1.0, True, 2),
    ABLATED: ("mean JSD of the output without the head, nats", MOST, False, 3),
    DELETED: ("most attended word deleted: mean JSD - others', nats", MOST, True, 3),
}
SIDE_BY_SIDE = 6  # heads up to which two grids stand beside one another


def plot(result: Result, ax: Axes | None = None, panel: str = LEAVE_ONE_OUT) -> Axes:
    """One quantity of every head with its 95 % interval, shaded on the measure's own range.

    Args:
        panel: "tau_leave_one_out", "tau_gradient", "js_ablated" or "js_difference".

    Raises:
        ValueError: another panel, or no rows.
    """
    if panel not in PANELS:
        raise ValueError(f"figure heads: got panel={panel!r}, expected one of {', '.join(sorted(PANELS))}")
    return _draw(drawn(result), panel, ax)


def figure(result: Result) -> Figure:
    """The four quantities; beside one another where a layer has up to six heads."""
    rows = drawn(result)
    panels = [panel for panel in PANELS if rows.loc[rows.panel == panel, "x"].notna().any()] or [LEAVE_ONE_OUT]
    layers, heads = int(result.frame["layer"].max()) + 1, int(result.frame["head"].max()) + 1
    columns = 2 if heads <= SIDE_BY_SIDE else 1
    down = -(-len(panels) // columns)
    with style.paper():
        page = style.new_figure(style.DOUBLE, down * grid_height(layers))
        places = page.subplots(down, columns, squeeze=False).ravel()
        for axes, panel, name in zip(places, panels, "abcd"):
            style.letter(_draw(rows, panel, axes), name)
        for axes in places[len(panels) :]:
            axes.set_axis_off()
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: a panel for each quantity, series the layer and group the head."""
    summary = filled(result).summary()
    parts = []
    for panel in PANELS:
        own = summary[summary["quantity"] == panel]
        for row in own.to_dict("records"):
            parts.append(estimate(panel, row, str(row["layer"]), str(row["head"])))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Every attention head by layer. Agreement of its weights on words with leave-one-out and with gradients "
        "(Kendall's tau-b, mean over documents); the change of the output when the head alone is taken out "
        f"({result.settings['taken_out']}); and the change when the word that it attends to most is deleted, less the "
        f"mean over the other words. n = {result.settings['documents']:,} documents; in brackets 95 % bootstrap "
        "intervals over documents, each for its head alone: the largest of many heads is large partly by chance."
    )


def _draw(rows: pd.DataFrame, panel: str, ax: Axes | None) -> Axes:
    own = rows[rows.panel == panel]
    cells = own.assign(layer=own.series.astype(int), head=own.group.astype(int), estimate=own.x)
    title, largest, signed, digits = PANELS[panel]
    counts = style.count_text(int(own["n"].min()), int(own["undefined"].max()))
    with style.axes_or_new(ax, height=grid_height(cells.layer.max() + 1)) as axes:
        draw_grid(axes, cells, largest, signed, f"{title}\n[95 % interval], {counts}", digits)
    return axes

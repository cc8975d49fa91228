"""How well readings of attention rank words beside leave-one-out, and which heads the learned one reads."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.head_grid import draw_grid, grid_height
from attn_interp.figures.draw.marks import estimate, marks, stack
from attn_interp.figures.draw.point_ranges import draw_point_ranges
from attn_interp.figures.draw.types import Axes, Figure, Result

TAU, COEFFICIENTS = "tau", "coefficients"


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Mean tau with |leave-one-out| of each ranking over the held-out documents, with its 95 % interval."""
    rows = drawn(result)
    own = rows[rows.panel == TAU]
    defined = own[own.n > 0]
    with style.axes_or_new(ax, height=_height(own)) as axes:
        draw_point_ranges(axes, own, list(own.series), style.BLUE)
        axes.axvline(0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
        axes.set_xlim(-1.02, 1.02)
        axes.set_xlabel("mean Kendall's τ-b with |leave-one-out|")
        counts = style.count_text(int(defined["n"].min()), int(defined["undefined"].max())) if len(defined) else "n = 0"
        style.legend_above(axes, [], [], f"held-out documents [95 % interval]\n{counts}")
    return axes


def figure(result: Result) -> Figure:
    """The rankings (a), and the coefficient of each head in the learned one (b)."""
    own = drawn(result)
    cells = own[own.panel == COEFFICIENTS]
    cells = cells.assign(layer=cells.series.astype(int), head=cells.group.astype(int), estimate=cells.x)
    layers, heads = int(cells.layer.max()) + 1, int(cells["head"].max()) + 1
    beside = heads <= 6
    tops = (_height(own[own.panel == TAU]), grid_height(layers))
    with style.paper():
        page = style.new_figure(style.DOUBLE, max(tops) if beside else sum(tops))
        if beside:
            left, right = page.subplots(1, 2, width_ratios=(1.0, 1.1))
        else:
            left, right = page.subplots(2, 1, height_ratios=tops)
        style.letter(plot(result, left), "a")
        largest = max(float(cells.estimate.abs().max()), 1e-12)
        strength = f"ridge {result.settings['ridge_strength']:g}, darkest ±{largest:.2g}"
        title = f"coefficients of the standardised heads\n{strength}"
        style.letter(draw_grid(right, cells, largest, True, title), "b")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panel "tau", series the rankings; panel "coefficients", series the layer and head."""
    if result.frame.empty:
        raise ValueError("figure head_combination: the frame has no rows; run the experiment on more documents")
    summary = result.summary()
    parts = []
    for row in summary[summary["quantity"] == TAU].to_dict("records"):
        parts.append(estimate(TAU, row, row["ranking"]))
    settings = result.settings
    for layer, head, value in zip(settings["layers"], settings["heads"], settings["coefficients"]):
        parts.append(marks(COEFFICIENTS, "point", str(layer), str(head), x=value))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        "Rankings of the words from attention, held against leave-one-out (absolute value) in "
        f"{settings['held_out']:,} documents on which nothing was fitted. All heads, learned: ridge regression on "
        f"{settings['fitted_on']:,} other documents; best single head: the one that agreed best there "
        f"({settings['best_head']}); shuffled: the regression learned from values dealt out anew within each document. "
        "Points are means with 95 % bootstrap intervals over documents. Coefficients of heads that attend alike are "
        "shared out among them and are no measure of importance."
    )


def _height(rows: pd.DataFrame) -> float:
    return 1.2 + 0.24 * len(rows)

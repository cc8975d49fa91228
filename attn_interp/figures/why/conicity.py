"""How alike the states and the votes of a document are, against how far permuted weights move its output."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, filled, marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

RHO = "Spearman's rho"
PANELS = {  # column of the frame: label of the axis, colour
    "conicity": ("conicity of the states", style.BLUE),
    "votes_alike": ("how alike the votes are, 0 to 1", style.VERMILION),
}


def plot(result: Result, ax: Axes | None = None, panel: str = "conicity") -> Axes:
    """One point for each document of two words or more, with Spearman's rho of the two.

    Args:
        panel: "conicity" or "votes_alike".
    """
    label, colour = PANELS[panel]
    rows = drawn(result)
    own = rows[rows.panel == panel]
    points, (rho,) = own[own.mark == "point"], own[own.mark == "estimate"].to_dict("records")
    with style.axes_or_new(ax) as axes:
        axes.plot(points.x, points.y, "o", color=colour, markersize=2.2, alpha=0.5, markeredgewidth=0)
        axes.set_xlim(-1.02 if (points.x < 0).any() else -0.02, 1.02)
        end = style.shown_end(float(points.y.max()))
        axes.set_ylim(-0.02 * end, 1.02 * end)
        axes.set_xlabel(label)
        axes.set_ylabel("median TVD, weights permuted" + ("" if end == 1.0 else f"\n(of 0 to 1, up to {end:.2g})"))
        counts = style.count_text(rho["n"], rho["undefined"])
        text = f"Spearman's ρ {style.interval_text(rho['x'], rho['low'], rho['high'])}"
        style.legend_above(axes, [], [], f"{text}\n{counts}")
    return axes


def figure(result: Result) -> Figure:
    """Conicity of the states (a) and how alike the votes are (b)."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 2.5)
        for axes, panel, name in zip(page.subplots(1, 2), PANELS, "ab"):
            style.letter(plot(result, axes, panel), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: a point for each document, and the correlation of each panel as an estimate."""
    frame, summary = filled(result).frame, result.summary()
    longer = frame[frame["words"] > 1]
    parts = []
    for panel in PANELS:
        (row,) = summary[(summary["quantity"] == panel) & (summary["statistic"] == RHO)].to_dict("records")
        parts.append(marks(panel, "point", "documents", x=longer[panel], y=longer["median_tvd"]))
        parts.append(estimate(panel, row, RHO))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "(a) Conicity of the states of a document, the mean cosine with their mean, and (b) how alike its votes are, "
        "against the median total variation distance of the output over "
        f"{result.settings['draws']} permutations of the weights. Each point is a document of two words or more. "
        "Spearman's ρ with 95 % bootstrap intervals over documents."
    )

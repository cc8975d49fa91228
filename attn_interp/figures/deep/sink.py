"""How much of the attention lies outside the words, over the layers of a model."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve, share_axis
from attn_interp.figures.draw.marks import filled, marks, stack
from attn_interp.figures.draw.types import Axes, Result

PANEL = "attention outside the words"
SERIES = {  # quantity of the summary: label, colour, line
    "outside": ("outside the words", style.BLUE, "-"),
    "first_token": ("on the first token", style.VERMILION, "--"),
}


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Both shares by layer, means over documents with 95 % bands, from 0 to 1; larger points with bars are the view
    that is tested."""
    rows = drawn(result)
    with style.axes_or_new(ax, height=2.7) as axes:
        handles, labels = [], []
        for label, colour, line in SERIES.values():
            own = rows[rows.series == label]
            curve, view = own[own.mark == "curve"], own[own.mark == "range"]
            handles.append(draw_curve(axes, curve, colour, line, marker="o", markersize=2.0))
            labels.append(label)
            for row in view.to_dict("records"):
                axes.vlines(row["x"], row["low"], row["high"], colors=colour, linewidth=1.2)
                axes.plot(row["x"], row["y"], "D", color=colour, markersize=4.5, markerfacecolor="white")
        axes.set_xlabel("layer")
        axes.locator_params(axis="x", integer=True)
        axes.margins(x=0.04)
        share_axis(axes, "share of the attention")
        counts = style.count_text(int(rows["n"].min()), int(rows["undefined"].max()))
        title = f"mean [95 % band], {counts}\nof all heads; diamonds: the tested view"
        style.legend_above(axes, handles, labels, title, 2)
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: a curve over the layers (x) for each share (series), and a range for the tested view."""
    summary = filled(result).summary()
    is_layer = summary["layer"].str.startswith("layer ")
    sites = list(dict.fromkeys(summary.loc[is_layer, "site"]))
    interval = ["low", "high", "n", "undefined"]
    parts = []
    for quantity, (label, _, _) in SERIES.items():
        own = summary["quantity"] == quantity
        layers, view = summary[own & is_layer], summary[own & ~is_layer]
        places = [sites.index(site) for site in view["site"]]
        for kind, x, part in (("curve", range(len(layers)), layers), ("range", places, view)):
            numbers = {name: part[name] for name in interval}
            parts.append(marks(PANEL, kind, label, "", x=x, y=part["estimate"], **numbers))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Share of the attention outside the words (special tokens, a prompt, a sink), and on the first token alone, in "
        "each layer as a mean over its heads, and in the view that is tested (diamonds). "
        f"n = {result.settings['documents']:,} documents; 95 % bootstrap intervals over documents."
    )

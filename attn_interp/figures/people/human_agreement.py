"""How far people mark the same words: each measure with its interval, for one other person and for the others' mean."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Axes, Result

TITLES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "f1": "token F1",
    "iou_f1": "IOU F1 of spans",
    "kappa": "Cohen's κ",
    "fleiss_kappa": "Fleiss' κ",
}
COLOURS = {"another person": style.GREEN, "mean of the others": style.PURPLE, "all annotators": style.BLACK}
MARKERS = {"another person": "o", "mean of the others": "s", "all annotators": "D"}
OFFSETS = {"another person": -0.18, "mean of the others": 0.18, "all annotators": 0.0}


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Mean of each measure over documents with 95 % intervals. The axis is 0 to 1, from -1 where a kappa needs it."""
    rows = drawn(result)
    with style.axes_or_new(ax, height=3.4) as axes:
        handles = []
        judges = [name for name in COLOURS if name in set(rows.series)]
        titles = list(dict.fromkeys(rows.group))
        for judge in judges:
            own = rows[rows.series == judge]
            y = [titles.index(name) + OFFSETS[judge] for name in own.group]
            axes.hlines(y, own.low, own.high, colors=COLOURS[judge])
            handles += axes.plot(own.x, y, MARKERS[judge], color=COLOURS[judge], markersize=3.5, linestyle="")
            for place, row in zip(y, own.to_dict("records")):
                style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), COLOURS[judge])
        style.list_rows(axes, titles, parted=True)
        axes.set_xlim(-1.0 if (rows[["x", "low"]] < 0).any(axis=None) else 0.0, 1.0)
        axes.set_xlabel("agreement, mean over documents [95 % interval]")
        title = f"people held against people, {_count(rows)}"
        style.legend_above(axes, handles, judges, title)
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks: one estimate per judge (series) and measure (group)."""
    table = result.summary().query("statistic == 'mean'")
    parts = []
    for quantity, title in TITLES.items():
        for row in table[table["quantity"] == quantity].to_dict("records"):
            parts.append(estimate("agreement", row, str(row["judge"]), title))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    return (
        "Agreement of annotators on the words they mark, each left out in turn and held against every other one and "
        "against the mean of the others; kappas are beyond chance. Means over documents with 95 % bootstrap intervals, "
        f"{_count(drawn(result))}."
    )


def _count(rows: pd.DataFrame) -> str:
    fullest = rows.sort_values("n").iloc[-1]
    return style.count_text(int(fullest["n"]), int(fullest["undefined"]))

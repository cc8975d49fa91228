"""Which remedy moves which verdict: one panel for each question, one row for each model."""

from __future__ import annotations

import math

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words.literal import fitted, label_ticks

COLUMNS = 3
NAME = 90.0  # points: the longest name
ROW, FRAME = 0.145, 0.75  # inches: of a model, and of what stands around a panel


def figure(table: pd.DataFrame) -> Figure:
    """The panels of a table as `remedies_table` makes it, for the text under it `caption`."""
    questions, models = list(table["question"].unique()), list(table["model"].unique())
    lines = math.ceil(len(questions) / COLUMNS)
    with style.paper():
        page = style.new_figure(style.DOUBLE, lines * (ROW * len(models) + FRAME))
        panels = page.subplots(lines, COLUMNS, squeeze=False)
        for place, axes in enumerate(panels.flat):
            if place < len(questions):
                own = table[table["question"] == questions[place]]
                _draw(axes, own, models, named=place % COLUMNS == 0)
                axes.set_title(f"({chr(ord('a') + place)}) {questions[place]}", fontsize=7, loc="left")
            else:
                axes.set_axis_off()
    return page


def _draw(ax: Axes, rows: pd.DataFrame, models: list[str], named: bool) -> None:
    """Means with intervals; filled where the difference to the plain model is told from 0, hollow where not."""
    base = rows[rows["model"] == models[0]]
    if len(base):
        ax.axvline(float(base["estimate"].iloc[0]), color=style.GREY, linewidth=0.6, linestyle="--")
    for place, model in enumerate(models):
        for row in rows[rows["model"] == model].to_dict("records"):
            colour = style.VERMILION if row["apart"] else style.BLUE
            ax.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2)
            face = colour if row["apart"] else "white"
            ax.plot(row["estimate"], place, "o", color=colour, markerfacecolor=face, markersize=3.0, linestyle="")
            known = row["estimate"] == row["estimate"]
            style.beside(ax, place, f"{row['estimate']:z.2f}" if known else "undefined", "black")
    label_ticks(ax.yaxis, range(len(models)), [fitted(name, NAME, 7.0) if named else "" for name in models], 7.0)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=4)
    ax.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
    ax.set_axisbelow(True)


def caption(table: pd.DataFrame) -> str:
    """What the figure shows, for the text under it."""
    seeds = int(table["seeds"].max())
    counts = table["n"][table["n"] > 0]
    least, most = int(counts.min()), int(counts.max())
    documents = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"Means of each model with 95 % intervals over {seeds} seeds and n = {documents} documents. The dashed line is "
        f"{table['model'].iloc[0]}. Filled and red: the paired difference to it is told from 0; hollow: it is not."
    )

"""How good the classifier is, beside its baselines: estimates with intervals."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Axes, Result

MARKERS = "os^Dv"


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Accuracy, macro F1 and AUROC of each predictor with 95 % intervals, on the measures' own range 0 to 1."""
    rows = drawn(result)
    statistics, predictors = rows["group"].unique(), rows["series"].unique()
    step = 0.8 / len(predictors)
    with style.axes_or_new(ax) as axes:
        handles = []
        for index, predictor in enumerate(predictors):
            own = rows[rows.series == predictor]
            colour, marker = style.PAIR_COLOURS[index % len(style.PAIR_COLOURS)], MARKERS[index % len(MARKERS)]
            y = [list(statistics).index(group) + step * (index - (len(predictors) - 1) / 2) for group in own.group]
            axes.hlines(y, own.low, own.high, colors=colour)
            handles += axes.plot(own.x, y, marker, color=colour, markersize=3.5, linestyle="")
            for place, row in zip(y, own.to_dict("records"), strict=True):
                style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), colour)
        style.list_rows(axes, list(statistics), parted=True)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(f"score, 0 to 1; {_counts(result, rows)}")
        style.legend_above(axes, handles, list(predictors), columns=3)
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks that are drawn: one estimate per predictor (series) and quantity (group), from the summary.

    The differences between predictors are no scores, and a baseline that was left out has none.
    """
    summary = result.summary()
    return stack(
        [
            estimate("quality", row, str(row["predictor"]), str(row["quantity"]))
            for row in summary[summary["predictor"].isin(result.frame["predictor"])].to_dict("records")
        ]
    )


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    counted = result.frame.groupby("predictor")["document"].nunique().to_frame("n")
    over = "Student's intervals over new seeds and new" if _seeds(result) > 1 else "bootstrap intervals over"
    return (
        "Accuracy, macro F1 and AUROC (one class against the rest, averaged) on unseen documents, with 95 % "
        f"{over} documents, {_counts(result, counted)}."
    )


def _counts(result: Result, rows: pd.DataFrame) -> str:
    least, most = rows["n"].min(), rows["n"].max()
    documents = f"n = {least:,} documents" if least == most else f"n = {least:,} to {most:,} documents"
    return documents if _seeds(result) == 1 else f"{documents}, {_seeds(result)} seeds"


def _seeds(result: Result) -> int:
    """How many models are in it: several where results were put together, each row then with its seed."""
    return int(result.frame["seed"].nunique()) if "seed" in result.frame else 1

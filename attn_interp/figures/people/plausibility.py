"""Which scores mark the words that people mark: estimates with intervals, the band of people and the line of the prior.

All of these figures show plausibility, agreement with people; none says what the model used.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Artist, Axes, Figure, Result

TITLES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "token_f1": "token F1",
    "iou_f1": "IOU F1 of spans",
    "precision_recall_area": "area under precision-recall",
}
PANELS = ("auroc", "average_precision", "token_f1")
KIND_COLOURS = {"attention": style.BLUE, "attribution": style.VERMILION, "baseline": style.GREY, "human": style.GREEN}
MARKERS = {"attention": "o", "attribution": "s", "baseline": "^", "human": "D"}
LONGEST_NAME = 28


def plot(result: Result, ax: Axes | None = None, measure: str = "auroc") -> Axes:
    """Mean of one measure by scorer with 95 % intervals on its range, 0 to 1; the numbers and n stand at the right.

    The green band is the interval of one person held against another (the ceiling), the dotted line the prior.

    Raises:
        ValueError: an unknown measure.
    """
    rows = _marks(result, [measure])
    with style.axes_or_new(ax, style.DOUBLE * 0.75, _height(rows)) as axes:
        handles, labels = _draw(axes, rows, measure, result)
        for place, row in enumerate(rows.to_dict("records")):
            text = f"{style.interval_text(row['x'], row['low'], row['high'])}, "
            text += style.count_text(row["n"], row["undefined"])
            style.beside(axes, place, text, KIND_COLOURS[row["group"]])
        style.legend_above(axes, handles, labels, _title(rows), columns=3)
    return axes


def figure(result: Result) -> Figure:
    """AUROC, average precision and token F1 beside each other, one row per scorer."""
    rows = drawn(result)
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(rows) + 0.1)
        all_axes = page.subplots(1, len(PANELS), sharey=True)
        for name, axes, measure in zip("abc", all_axes, PANELS):
            handles, labels = _draw(axes, rows[rows.panel == measure], measure, result)
            style.legend_above(axes, [], [], TITLES[measure])
            style.letter(axes, name)
            axes.set_xlabel("mean [95 % interval]")
        style.literal(
            page.legend(handles, labels, loc="outside upper left", ncols=3, title=_title(rows), alignment="left")
        )
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: in each panel one estimate per scorer (series), group being its kind."""
    return _marks(result, PANELS)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    rows = drawn(result)
    rationale = result.settings["rationale"]
    held = "each annotator, averaged in a document" if rationale == "each" else f"the {rationale} of the annotators"
    return (
        "Plausibility: how well scores of words find the words that people marked "
        f"({held}), mean over documents with 95 % bootstrap intervals over documents; {_counts(rows)}. Green band: one "
        "person held against another, by the same measures; dotted line: a prior by the place of a word alone. "
        "Documents with no, an empty or a full rationale are left out and counted as undefined. That a score is "
        "plausible does not say that the model used these words."
    )


def short(name: str) -> str:
    """The name, cut where it would take the place of the figure."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _marks(result: Result, measures: Sequence[str]) -> pd.DataFrame:
    if unknown := sorted(set(measures) - set(TITLES)):
        raise ValueError(f"figure plausibility: no measure {unknown[0]!r}; choose from {', '.join(sorted(TITLES))}")
    table = result.summary().query("grouping == 'all' and statistic == 'mean'")
    parts = []
    for measure in measures:
        for row in table[table["quantity"] == measure].to_dict("records"):
            parts.append(estimate(measure, row, str(row["scorer"]), str(row["kind"])))
    return stack(parts)


def _draw(axes: Axes, rows: pd.DataFrame, measure: str, result: Result) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = []
    labels = []
    ceiling = rows[(rows.series == result.settings["ceiling"]) & rows.low.notna()]
    for row in ceiling.to_dict("records"):
        handles.append(axes.axvspan(row["low"], row["high"], color=(style.GREEN, 0.25), linewidth=0))
        labels.append(f"{row['series']} (the ceiling)")
    prior = rows[(rows.series == result.settings["prior"]) & rows.x.notna()]
    for row in prior.to_dict("records"):
        handles.append(axes.axvline(row["x"], color=style.BLACK, linewidth=0.8, linestyle=":"))
        labels.append(f"prior: {short(row['series'])}")
    for place, row in enumerate(rows.to_dict("records")):
        colour = KIND_COLOURS[row["group"]]
        axes.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2, zorder=3)
        axes.plot(row["x"], place, MARKERS[row["group"]], color=colour, markersize=2.4, zorder=3)
        if pd.isna(row["x"]):
            axes.text(0.02, place, "undefined", fontsize=6, color=style.GREY, va="center")
    for kind in dict.fromkeys(rows.group):
        handles += axes.plot([], [], MARKERS[kind], color=KIND_COLOURS[kind], markersize=2.4)
        labels.append(kind)
    style.list_rows(axes, [short(name) for name in rows.series])
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "", "0.5", "", "1"])
    axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
    axes.set_xlabel(f"{TITLES[measure]}, mean over documents [95 % interval]")
    return handles, labels


def _title(rows: pd.DataFrame) -> str:
    return f"plausibility: agreement with people, not faithfulness\n{_counts(rows)}"


def _counts(rows: pd.DataFrame) -> str:
    """How many documents the rows have, without scorers that have none."""
    counts = rows.loc[rows.n > 0, "n"]
    if not len(counts):
        return "n = 0 documents"
    least, most = int(counts.min()), int(counts.max())
    if least == most:
        return f"n = {most:,} document" + "s" * (most > 1)
    return f"n = {least:,} to {most:,} documents"


def _height(rows: pd.DataFrame) -> float:
    return 1.35 + 0.17 * rows["series"].nunique()

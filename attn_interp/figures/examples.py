"""Documents with their words shaded by attention, by the adversary's attention and by each attribution."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.figures.draw.types import Axes, Figure, Result
from attn_interp.figures.words import heat_rows
from attn_interp.figures.words.heat_rows import HeatRows, cells_of, signed_rows
from attn_interp.figures.words.shading import DIVERGING, SEQUENTIAL

ABOUT = ("document", "label", "predicted", "position", "word")
SHOWN = 3  # documents of the figure: a page
MOST_WORDS = 300  # of a document that are drawn: a page
LOW, HIGH = " low", " high"  # endings of the optional columns with the interval of a weight


def plot(result: Result, ax: Axes | None = None, document: str | None = None) -> Axes:
    """Heatmap of one document: its words from left to right, wrapped, once for every row of weights.

    Shades are shares of the row's total absolute weight (of attention: the weight itself), on one scale from 0 to 1
    for all documents, a diverging one for rows with negative weights; under each word stand its weight and rank. Grey
    hatched cells are undefined. A word wider than the line is cut with an ellipsis, and of a document of more than 300
    words the first 300 are drawn. Columns "<row> low" and
    "<row> high", where the frame has them, are drawn as error bars below the row.

    Args:
        result: of the experiment examples.
        ax: where to draw, the words made smaller where the document would not fit; a new figure of the page's width
            and the height it takes when None.
        document: its id; the first in the frame when None.

    Raises:
        ValueError: the document is not in the frame.
    """
    (heat,) = heats(result, None if document is None else [document])[:1]
    return heat_rows.plot(heat, ax)


def figure(result: Result, documents: Sequence[str] | None = None) -> Figure:
    """The documents under one another at the page's width, in their order, the first three of the frame when None.

    The figure is as high as they take: a page holds about three documents of twenty words with six rows each.
    """
    return heat_rows.figure(heats(result, documents)[: None if documents else SHOWN])


def heats(result: Result, documents: Sequence[str] | None = None) -> list[HeatRows]:
    """The documents of the result, or those named, with their rows of weights.

    Raises:
        ValueError: the frame has no rows, or a document is not in it.
    """
    everything = _cells(result)
    known = list(everything["document"].unique())
    if not known:
        raise ValueError("figure examples: the frame has no rows; run the experiment on at least one document")
    for name in documents or ():
        if name not in known:
            listed = ", ".join(sorted(map(str, known)))
            raise ValueError(f"figure examples: no document {name!r}; the frame has: {listed}")
    eps = result.settings.get("eps")
    labels = {} if eps is None else {"adversary": f"adversary (ε = {eps:g}, {result.settings.get('status')})"}
    signed = signed_rows(everything)
    of = dict(list(everything.groupby("document", sort=False)))
    words = result.frame.groupby("document").size()
    return [HeatRows(_title(of[name], int(words[name])), of[name], labels, signed) for name in documents or known]


def drawn(result: Result) -> pd.DataFrame:
    """One row per cell of the documents of `figure`: document, label, predicted, row (what weighs), position, word,
    weight, share, rank, low, high.

    share, rank, low and high are those of `heat_rows.cells_of`; low and high where the frame has an interval.
    """
    cells = _cells(result)
    return cells[cells["document"].isin(cells["document"].unique()[:SHOWN])]


def _cells(result: Result) -> pd.DataFrame:
    names = [name for name in result.frame.columns if name not in ABOUT]
    ends = {name + end for name in names for end in (LOW, HIGH)} & set(names)
    parts = []
    for _, frame in result.frame.groupby("document", sort=False):
        frame = frame.sort_values("position")
        weights = {name: frame[name].to_numpy(float) for name in names if name not in ends}
        intervals = {
            name: (frame[name + LOW].to_numpy(float), frame[name + HIGH].to_numpy(float))
            for name in weights
            if name + LOW in ends
        }
        about = {name: frame[name].iloc[0] for name in ("document", "label", "predicted")}
        cells = cells_of(list(frame["word"]), weights, intervals)
        cells = cells[cells["position"] < MOST_WORDS]
        parts.append(pd.concat([pd.DataFrame(about, index=cells.index), cells], axis=1))
    columns = [*ABOUT[:3], "row", "position", "word", "weight", "share", "rank", "low", "high"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    count = result.frame["document"].nunique()
    told = f"the first {SHOWN} of {count}" if count > SHOWN else str(count)
    cut = f" Of longer documents the first {MOST_WORDS} words." if _longest(result) > MOST_WORDS else ""
    bars = " Error bars below a row are the intervals of its weights." if drawn(result)["low"].notna().any() else ""
    return (
        f"Words of {told} documents, shaded by attention and beside it by other weights, "
        f"each as its share of the row's total absolute weight (colour scale {SEQUENTIAL}; {DIVERGING} in rows with "
        "negative weights, purple: negative), with weight and, in brackets, rank under each word. Adversary: an "
        f"attention that differs while the output moves by at most eps = {settings['eps']:g} in total variation "
        f"({settings['status']}).{cut}{bars}"
    )


def _longest(result: Result) -> int:
    """Words of the longest document of `figure`."""
    sizes = result.frame.groupby("document", sort=False).size().iloc[:SHOWN]
    return int(sizes.max()) if len(sizes) else 0


def _title(rows: pd.DataFrame, words: int) -> str:
    about = rows.iloc[0]
    said = f"{words} words" if words <= MOST_WORDS else f"the first {MOST_WORDS} of {words:,} words"
    return f"document {about['document']}: label {about['label']}, predicted {about['predicted']}, {said}"

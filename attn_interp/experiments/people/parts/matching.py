"""Scores of words held against the words that people marked: whom to compare with, and one row of measures each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from attn_interp.data.batch import batches_by_length
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.rationales import VIEWS
from attn_interp.experiments.record import Column
from attn_interp.measures.rationale_scores import (
    all_on_top,
    auroc,
    average_precision,
    marked_in_top,
    precision_recall_area,
)
from attn_interp.measures.spans import span_scores, top_words
from attn_interp.statistics.bootstrap import Floats

Marks = np.ndarray[Any, np.dtype[np.bool_]]

EACH = "each"
RATIONALES = (EACH, *VIEWS)
LEAST_MARK = 0.5  # a word whose value is at least this is marked
SHARES = (0.1, 0.2, 0.5)
BATCH = 256

_TIES = "ties broken at random, in expectation"
MEASURE_COLUMNS = {
    "auroc": Column("chance that a marked word scores above one that is not; ties one half", "", 0, 1),
    "average_precision": Column("average precision; words of equal score enter together", "", 0, 1),
    "precision_recall_area": Column("area under the precision-recall curve by trapezoids (ERASER's AUPRC)", "", 0, 1),
    "token_f1": Column(f"precision = recall = F1 of the highest words, as many as people marked; {_TIES}", "", 0, 1),
    "all_found": Column("chance that these words are exactly the marked ones; ties broken at random", "", 0, 1),
    "iou_precision": Column(
        "share of the spans of these words that meet a marked span with IOU >= .5; ties broken by one draw", "", 0, 1
    ),
    "iou_recall": Column("the same hits over the marked spans", "", 0, 1),
    "iou_f1": Column("F1 of these two in the document", "", 0, 1),
    **{
        f"{name}_at_{share:.0%}".rstrip("%"): Column(
            f"token {name} of the highest {share:.0%} of the words, rounded up; {_TIES}", "", 0, 1
        )
        for share in SHARES
        for name in ("precision", "recall", "f1")
    },
}
MEASURES = tuple(MEASURE_COLUMNS)


@dataclass(frozen=True)
class Target:
    """The words that a comparison should find: those that one annotator marked, or that several did in one view.

    Attributes:
        row: Index of the document.
        annotator: Number of the annotator, or the view.
        marked: (T,) true on marked words.
        reason: Why nothing can be found or missed: "no rationale", "empty rationale", "full rationale", or "".
    """

    row: int
    annotator: str
    marked: Marks
    reason: str


def marked_words(rationale: ArrayLike) -> Marks:
    """(T,) the words with a value of at least .5: in the mean of several annotators, those that half of them marked."""
    return np.asarray(rationale, dtype=np.float64) >= LEAST_MARK


def targets(documents: Sequence[Document], rationale: str = EACH) -> list[Target]:
    """What each document is compared with: every annotator for itself ("each"), or one view of all of them.

    Raises:
        ValueError: for another view, and where no document has a rationale.
    """
    if rationale not in RATIONALES:
        raise ValueError(f"rationale {rationale!r} is not known; choose from {', '.join(sorted(RATIONALES))}")
    if not any(document.rationales for document in documents):
        raise ValueError(f"none of the {len(documents)} documents has a rationale; give documents that people marked")
    found = []
    for row, document in enumerate(documents):
        if not document.rationales:
            found.append(Target(row, "", np.zeros(len(document), dtype=bool), "no rationale"))
        elif rationale == EACH:
            for number, values in enumerate(document.rationales):
                found.append(_target(row, str(number), marked_words(values)))
        else:
            found.append(_target(row, rationale, marked_words(VIEWS[rationale](document))))
    return found


def _target(row: int, annotator: str, marked: Marks) -> Target:
    return Target(row, annotator, marked, why_undefined(marked))


def why_undefined(marked: Marks) -> str:
    """ "empty rationale", "full rationale" or, for a rationale that can be found or missed, ""."""
    if marked.any() and not marked.all():
        return ""
    return "full rationale" if marked.any() else "empty rationale"


def measure(scores: Sequence[Floats], marked: Sequence[Marks], ids: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """The `MEASURE_COLUMNS` of each pair of scores (T,) and marked words (T,) of the document with that id.

    NaN where no word or every word is marked and where a score is NaN. The spans of words with equal scores hang on
    which of them are taken: that is drawn from (seed, document id).
    """
    found = np.full((len(scores), len(MEASURES)), np.nan)
    drawn = {name: generator(seed, f"ties {name}") for name in set(ids)}
    ties = {name: drawn[name].random(len(values)) for name, values in zip(ids, scores)}
    for rows in batches_by_length([len(values) for values in scores], BATCH):
        found[rows] = _measured(
            padded([scores[row] for row in rows]),
            padded([marked[row] for row in rows]),
            padded([np.ones(len(scores[row]), dtype=bool) for row in rows]),
            padded([ties[ids[row]] for row in rows]),
        )
    return pd.DataFrame(found, columns=list(MEASURES))


def padded(rows: Sequence[np.ndarray]) -> torch.Tensor:
    """Rows of different lengths as (B, T), 0 past their ends."""
    lengths = np.array([len(row) for row in rows])
    present = np.arange(lengths.max()) < lengths[:, None]
    table = np.zeros(present.shape, dtype=rows[0].dtype)
    table[present] = np.concatenate(rows)
    return torch.from_numpy(table)


def _measured(scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor, ties: torch.Tensor) -> Floats:
    """(B, measures)."""
    count, words = rationale.sum(-1), is_word.sum(-1)
    hits = marked_in_top(scores, rationale, is_word, count)
    spans = span_scores(top_words(scores, is_word, count, ties), rationale)
    columns = [
        auroc(scores, rationale, is_word),
        average_precision(scores, rationale, is_word),
        precision_recall_area(scores, rationale, is_word),
        hits / count,
        all_on_top(scores, rationale, is_word),
        *(torch.where(hits.isnan(), torch.nan, each) for each in spans),
    ]
    for share in SHARES:
        k = torch.ceil(words.double() * share - 1e-9).long()
        found = marked_in_top(scores, rationale, is_word, k)
        columns += [found / k, found / count, 2 * found / (k + count)]
    return torch.stack(columns, -1).numpy()

"""Documents with the words that each annotator marked, beside attention and attributions: what the numbers are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attn_interp.figures import heat_rows
from attn_interp.figures.heat_rows import HeatRows, cells_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from attn_interp.data.document import Document

Scores = Mapping[str, np.ndarray]


def figure(documents: Sequence[Document], scores: Sequence[Scores], about: Sequence[str]) -> Figure:
    """The documents under one another at the page's width.

    Args:
        documents: with their rationales, each of which is a row.
        scores: for each document the rows of the machine: name -> (T,) scores, of which the absolute value is shown.
        about: for each document what to say over it, such as the predicted class.
    """
    return heat_rows.figure(
        [_heat(document, rows, text) for document, rows, text in zip(documents, scores, about, strict=True)]
    )


def drawn(documents: Sequence[Document], scores: Sequence[Scores]) -> pd.DataFrame:
    """One row per cell: document, row, position, word, weight, share, rank."""
    parts = []
    for document, rows in zip(documents, scores, strict=True):
        cells = _heat(document, rows, "").cells.drop(columns=["low", "high"])
        cells.insert(0, "document", document.id)
        parts.append(cells)
    return pd.concat(parts, ignore_index=True)


def _heat(document: Document, scores: Scores, about: str) -> HeatRows:
    rows = {f"annotator {number}": np.asarray(own) for number, own in enumerate(document.rationales, start=1)}
    rows |= {name: np.abs(values) for name, values in scores.items()}
    title = f"document {document.id}: {len(document)} word{'s' * (len(document) > 1)}, {about}"
    return HeatRows(title, cells_of(document.words, rows, {}))

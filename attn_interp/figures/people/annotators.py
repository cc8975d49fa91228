"""A document with the words that each annotator marked, beside attention and attributions: what the numbers are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attn_interp.figures.draw.types import Figure
from attn_interp.figures.words import heat_rows
from attn_interp.figures.words.heat_rows import HeatRows, cells_of

if TYPE_CHECKING:
    from attn_interp.data.document import Document

Scores = Mapping[str, np.ndarray]


def figure(document: Document, scores: Scores, about: str) -> Figure:
    """One document at the page's width.

    Args:
        document: with its rationales, each of which is a row.
        scores: the rows of the machine: name -> (T,) scores, of which the absolute value is shown.
        about: what to say over the document, such as the predicted class.
    """
    return heat_rows.figure([_heat(document, scores, about)])


def drawn(document: Document, scores: Scores) -> pd.DataFrame:
    """One row per cell: document, row, position, word, weight, share, rank."""
    cells = _heat(document, scores, "").cells.drop(columns=["low", "high"])
    cells.insert(0, "document", document.id)
    return cells


def _heat(document: Document, scores: Scores, about: str) -> HeatRows:
    rows = {f"annotator {number}": np.asarray(own) for number, own in enumerate(document.rationales, start=1)}
    rows |= {name: np.abs(values) for name, values in scores.items()}
    title = f"document {document.id}: {len(document)} word{'s' * (len(document) > 1)}, {about}"
    return HeatRows(title, cells_of(document.words, rows, {}))

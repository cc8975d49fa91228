"""People as scorers: the map of one annotator, or of several, held against another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attn_interp.data.document import Document
from attn_interp.data.rationales import VIEWS
from attn_interp.experiments.people.parts.matching import EACH, Marks, marked_words
from attn_interp.statistics.bootstrap import Floats

PERSON, PEOPLE = "another person", "mean of the others"


@dataclass(frozen=True)
class Comparison:
    """One map held against another of the same document.

    Attributes:
        row: Index of the document.
        judge: Who scores: the number of an annotator, or `PEOPLE`, all but the target's.
        target: Number of the annotator whose words are to be found, or the view of all annotators but the judge.
        scores: (T,) the judge's values.
        marked: (T,) the target's marked words.
    """

    row: int
    judge: str
    target: str
    scores: Floats
    marked: Marks


def comparisons(documents: Sequence[Document], rationale: str = EACH) -> list[Comparison]:
    """Every ordered pair of annotators of every document, the others' mean against each; or in a view of several, each
    annotator against the view of the others (leave one out). None for a document with one annotator."""
    found = []
    for row, document in enumerate(documents):
        maps = np.asarray(document.rationales, dtype=np.float64)  # (annotators, T)
        if len(maps) < 2:
            continue
        for number, own in enumerate(maps):
            if rationale != EACH:
                marked = marked_words(VIEWS[rationale](_without(document, number)))
                found.append(Comparison(row, str(number), rationale, own, marked))
                continue
            marked = marked_words(own)
            for judge, scores in enumerate(maps):
                if judge != number:
                    found.append(Comparison(row, str(judge), str(number), scores, marked))
            found.append(Comparison(row, PEOPLE, str(number), np.delete(maps, number, 0).mean(0), marked))
    return found


def _without(document: Document, annotator: int) -> Document:
    kept = tuple(values for number, values in enumerate(document.rationales) if number != annotator)
    return replace(document, rationales=kept)

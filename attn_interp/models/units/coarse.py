"""Coarser units than words, for any model: documents whose words are sentences, or spans of one's own.

A unit takes the place of a word. Its attention is the sum over its words, as that of a word is over its pieces; other
weights are shared out among its words in proportion to what they had; it is left out, erased and marked as a whole.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attn_interp.data.batch import Batch, Collate
from attn_interp.data.document import Document, shortened, word_count
from attn_interp.data.edit import with_words
from attn_interp.data.sequences.on_disk import gathered
from attn_interp.data.tokenise import Spans
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.transformers.subwords import InPieces, first_pieces

Cut = Callable[[Document], Sequence[tuple[int, int]]]
"""Document -> the half-open (start, end) of each unit in words, from left to right, which hold every word once."""

WORD, SENTENCE, SPAN = "word", "sentence", "span"
END = re.compile(r"[.!?…]['\"”’)\]]*$")
CLOSING = re.compile(r"[.!?…'\"”’)\]]+")


def sentences(document: Document) -> list[tuple[int, int]]:
    """The sentences of a document as (start, end) in words. One ends with a word that ends in . ! ? or …, with the
    marks and closing quotes after it; so "Mr." ends one too.

    >>> sentences(Document("It is good. Is it ?! He says so"))
    [(0, 4), (4, 8), (8, 11)]
    """
    found, start, ended = [], 0, False
    for position, word in enumerate(document.words):
        ended = bool(END.search(word) or (ended and CLOSING.fullmatch(word)))
        following = document.words[position + 1 : position + 2]
        if not following or (ended and not CLOSING.fullmatch(following[0])):
            found.append((start, position + 1))
            start, ended = position + 1, False
    return found


def cut_of(units: str | Cut) -> tuple[Cut, str]:
    """What cuts documents into units of this name, and what they are called; a function of one's own makes spans.

    Raises:
        ValueError: there are no such units.
    """
    if callable(units):
        return units, SPAN
    if units != SENTENCE:
        raise ValueError(
            f"units: got {shortened(repr(units), 60)}, expected 'word', 'sentence', or a function that gives the "
            "(start, end) in words of each unit of a document"
        )
    return sentences, SENTENCE


def in_units(document: Document, cut: Cut) -> Document:
    """The document with its units as words, each spelled with blanks between its words; under the same id.

    A rationale marks a unit as its most marked word is; a signal of a unit is the mean over its words that have one.

    Raises:
        TypeError: what cuts gives no pairs of whole numbers.
        ValueError: the units do not hold every word once, in order.
    """
    given = cut(document)
    try:
        spans = [(operator.index(start), operator.index(end)) for start, end in given]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"document {document.id!r}: its units are {shortened(repr(given), 80)}; give whole numbers (start, end)"
        ) from error
    edges = [0, *(end for _, end in spans)]
    if [start for start, _ in spans] != edges[:-1] or edges[-1] != len(document) or any(a >= b for a, b in spans):
        raise ValueError(
            f"document {document.id!r}: its units are {shortened(repr(spans), 80)}; give (start, end) in words from "
            f"(0, ...) to (..., {len(document)}), each from where the one before ends"
        )
    signals = {}
    for name, values in document.signals.items():
        parts = [np.array(values[start:end]) for start, end in spans]
        signals[name] = tuple(map(_mean, parts))
    places = document.spans
    return replace(
        document,
        words=tuple(" ".join(document.words[start:end]) for start, end in spans),
        rationales=tuple(tuple(max(values[start:end]) for start, end in spans) for values in document.rationales),
        signals=signals,
        spans=None if places is None else Spans((places[start][0], places[end - 1][1]) for start, end in spans),
    )


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True)
class InUnits:
    """Documents in units -> the batch of their words, in which a position belongs to a unit.

    Attributes:
        of_words: The collate of the model, in which every word is one position.
    """

    of_words: Collate

    def __call__(self, documents: Sequence[Document]) -> Batch:
        parts = [[unit.split(" ") for unit in document.words] for document in documents]
        flat = [with_words(own, [word for unit in units for word in unit]) for own, units in zip(documents, parts)]
        batch = self.of_words(flat)
        if batch.piece_of is not None:
            raise ValueError(
                "units: collate_documents gives pieces of words; coarser units need one position for each word"
            )
        unit = torch.full(batch.ids.shape, -1)
        unit[batch.is_word.cpu()] = torch.tensor([n for own in parts for n, words in enumerate(own) for _ in words])
        unit = unit.to(batch.ids.device)
        return replace(batch, documents=tuple(documents), is_word=first_pieces(unit), piece_of=unit)


def over_units(model: AttentionModel) -> AttentionModel:
    """The model for documents whose words are coarser units (`in_units`).

    Raises:
        ValueError: its own units are no words already, or nobody can tell which positions a word has.
    """
    if not model.words_are_positions:
        raise ValueError("units: this view weighs sentences already; give documents in words")
    if isinstance(model.collate, InPieces | InUnits):
        return model  # pieces know the word, whatever blanks are in it

    def inputs(batch: Batch) -> tuple[Any, ...]:
        assert batch.piece_of is not None
        return model.inputs(replace(batch, is_word=batch.piece_of >= 0, piece_of=None))

    return replace(model, collate=InUnits(model.collate), inputs=inputs, without_each_word=None, inside_tanh=None)


def read_in(
    model: AttentionModel, documents: Sequence[Document], units: str | Cut
) -> tuple[AttentionModel, Sequence[Document], str]:
    """The model and the documents in these units, and what the units are called; in words both as they are.

    Raises:
        TypeError, ValueError: as `cut_of`, `over_units` and `in_units`.
    """
    if units == WORD:
        return model, documents, WORD
    cut, unit = cut_of(units)
    return over_units(model), gathered((in_units(document, cut) for document in documents), word_count), unit

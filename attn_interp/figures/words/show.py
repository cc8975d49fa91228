"""Looking at the weights of one document: in a notebook, and as a figure for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attn_interp.data.document import Document, text_of
from attn_interp.data.sequences.given import documents_of
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words import heat_rows
from attn_interp.figures.words.answer import ShownAnswer, shown_answer
from attn_interp.figures.words.heat_rows import HeatRows, cells_of, signed_rows
from attn_interp.figures.words.words_html import words_css, words_html

if TYPE_CHECKING:
    from attn_interp.models.attention_model import AttentionModel
    from attn_interp.models.units.coarse import Cut

ATTENTION = "attention"
NOT_NEGATIVE = (ATTENTION, "adversary")
"""Rows that are attention by their name: a negative weight in them is a mistake."""

Numbers = Sequence[float] | Any  # a list, an array or a tensor of one number per word
Interval = tuple[Numbers, Numbers]


@dataclass(frozen=True, eq=False)
class Shown:
    """The words of a document shaded by rows of weights. A notebook shows it by itself."""

    heat: HeatRows

    @property
    def drawn(self) -> pd.DataFrame:
        """What is drawn, one row per cell: row, position, word, weight, share, rank, low, high."""
        return self.heat.cells

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw on `ax`, smaller where it would not fit; on a new figure of the page's width when None."""
        return heat_rows.plot(self.heat, ax)

    def figure(self) -> Figure:
        """A figure of the page's width; `save_figure(shown.figure(), path, shown.drawn)` writes it."""
        return heat_rows.figure([self.heat])

    def html(self) -> str:
        """An HTML fragment with its own rules: no script, nothing fetched."""
        return f"<style>\n{words_css()}</style>\n{words_html(self.heat)}"

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return f"<{self.heat.title}: {', '.join(self.heat.rows)}>"


def show(
    document: str | Document,
    weights: Numbers | Mapping[str, Numbers],
    intervals: Mapping[str, Interval] | None = None,
    about: str = "",
) -> Shown:
    """Show the words of a document shaded by weight, one row for each kind of weight.

    A weight is shaded by its share of the row's total absolute weight, between 0 and 1 on one scale, so that documents
    can be compared; rows with a negative weight have a diverging scale. A second text, which is read and not attended,
    stands above. Under each word stand the weight and its rank
    by absolute value, 1 the largest; equal weights share a rank. A repeated word keeps each of its weights.

    Args:
        document: A text, or a document: its T words.
        weights: T numbers, which are attention; or name -> T numbers for several rows, such as attention, an
            attribution, an annotator. Lists, arrays or tensors. Rows named attention or adversary may not be negative.
        intervals: Row -> (T lower ends, T upper ends), drawn as error bars; not every row needs one.
        about: What else to say over the words, such as the predicted class.

    Raises:
        ValueError: weights or ends not of length T, not finite, an upper end below its lower, negative attention, no
            row of weights, or an interval for a row that is not there; naming the document and the row.
    """
    (document,) = documents_of(document)
    rows = dict(weights) if isinstance(weights, Mapping) else {ATTENTION: weights}
    if not rows:
        raise ValueError(f"document {document.id!r}: no row of weights to show; give name -> weights")
    intervals = intervals or {}
    if unknown := sorted(set(intervals) - set(rows)):
        raise ValueError(
            f"document {document.id!r}: interval for {unknown[0]!r}, but the rows are {', '.join(sorted(rows))}"
        )
    values = {name: _checked(document, name, row) for name, row in rows.items()}
    for name in NOT_NEGATIVE:
        if name in values and (values[name] < 0).any():
            position = int((values[name] < 0).argmax())
            raise ValueError(
                f"document {document.id!r}: row {name!r}: weight {values[name][position]:g} of word {position} is "
                "negative, attention is not; pass weights after the softmax, or an attribution under another name"
            )
    ends = {name: _ends(document, name, pair) for name, pair in intervals.items()}
    count = f"{len(document)} word{'s' if len(document) > 1 else ''}"
    given = f" given {text_of(document.second)!r}" if document.second else ""
    title = f"document {document.id}: {count}{given}" + (f", {about}" if about else "")
    cells = cells_of(document.words, values, ends)
    return Shown(HeatRows(title, cells, signed=signed_rows(cells)))


def show_model(
    model: AttentionModel, text: str | Document, methods: str | Sequence[str] = (), units: str | Cut = "word"
) -> Shown | ShownAnswer:
    """Show a text shaded by a model's attention, with one signed row for each attribution method.

    Attention is that of the model's view over the words, and sums to 1. An attribution is that of the predicted class:
    positive where the word speaks for it. In a view over sentences, sentences stand for words. Of a model of
    `answering` each token of the answer has a row (`ShownAnswer`), of the view's site and head; `model.at(site=...)`
    chooses another. The model generates the answer where the document has none.

    Args:
        model: The model.
        text: The text, or a document.
        methods: Names of attribution methods, or one name.
        units: What takes the place of words: "word", "sentence", or a function, as for `read`.

    Returns:
        What a notebook shows by itself; `figure()` draws it for a page.

    Raises:
        ValueError: there is more than one text; a name is no method's, the message lists them; or there are no such
            units.
    """
    from attn_interp.attribution.methods import named  # not above: figures alone do without torch
    from attn_interp.models.language.contexts.one_answer import OneAnswer
    from attn_interp.models.units.coarse import read_in

    document, *others = documents_of(text)
    if others:
        raise ValueError(f"show: got {1 + len(others)} texts, expected one; show each by itself")
    chosen = named(*([methods] if isinstance(methods, str) else methods))
    if model.completed is not None:
        document = model.completed(document)
    model, documents, unit = read_in(model, [document], units)
    batch = model.batch(documents)
    if isinstance(model.module, OneAnswer):
        return shown_answer(model, batch, chosen, unit)
    run = model.run(batch)
    predicted = model.decisions(run.logits)
    rows = {ATTENTION: run.weights[0]}
    rows |= {name: method(model, batch, predicted).values[0] for name, method in chosen.items()}
    probability = float(run.logits.double().softmax(-1)[0, predicted])
    about = f"predicted {model.classes[int(predicted)]} with probability {probability:.2f}"
    return show(batch.documents[0], rows, about=about)


def _checked(document: Document, name: str, row: Numbers) -> np.ndarray:
    """The row as T finite float64 numbers."""
    where = f"document {document.id!r}: row {name!r}"
    values = np.asarray(row.detach().cpu() if hasattr(row, "detach") else row, dtype=np.float64)
    if values.shape != (len(document),):
        got = f"{len(values)} weights" if values.ndim == 1 else f"weights of shape {values.shape}"
        raise ValueError(
            f"{where}: {got} for {len(document)} words; give one for each word, without padding and special tokens"
        )
    if not np.isfinite(values).all():
        position = int((~np.isfinite(values)).argmax())
        raise ValueError(
            f"{where}: weight {values[position]} of word {position} ({document.words[position]!r}) is not finite; "
            "leave the row out, or give 0 where the method has nothing to say"
        )
    return values


def _ends(document: Document, name: str, pair: Interval) -> tuple[np.ndarray, np.ndarray]:
    low, high = (
        _checked(document, f"{name}, {end} ends", row) for end, row in zip(("lower", "upper"), pair, strict=True)
    )
    if (low > high).any():
        position = int((low > high).argmax())
        raise ValueError(
            f"document {document.id!r}: row {name!r}: interval [{low[position]:g}, {high[position]:g}] of word "
            f"{position} ends before it begins; give (lower ends, upper ends)"
        )
    return low, high

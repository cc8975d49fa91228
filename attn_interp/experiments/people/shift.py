"""How far does erasing words take a document away from the texts that the model was trained on?

A change of the output on an edited document may come from the lost evidence or from the strangeness of what is left
(Hooker et al. 2019). Here the strangeness is counted on the data alone, without looking at any output: the share of
neighbouring pairs of tokens that no training document has, in the edited document less in the document as it was.

It sees neighbours only. A text all of whose pairs are known may be nonsense, a good sentence may have a new pair, and
what attention and states do at a distance is not in it. It is a sign of the shift, not its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, replace_words
from attn_interp.experiments.people.faithfulness import PERCENT
from attn_interp.experiments.people.parts.edited import (
    ATTENTION_MASK,
    DELETE,
    MASK,
    MEAN_EMBEDDING,
    OPERATORS,
    check_operator,
)
from attn_interp.experiments.people.parts.ranked import DRAWS, numbers_drawn
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Summary
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.progress import progress_bar

ERASED, ALONE = "first words erased", "first words alone"
NO_WORD = -1  # stands for an embedding that no word has

Tokens = tuple[tuple[int, ...], ...]
"""The tokens of a document, and those of its second text where it has one."""

COLUMNS = {
    "document": Column("id of the document"),
    "words": Column("length of the document", "words", 1),
    "operator": Column(f"how words are erased: one of {', '.join(OPERATORS)}"),
    "side": Column(f"what is erased: the words that a random ranking puts first ({ERASED}), or all others ({ALONE})"),
    "size": Column("share of the words that are first"),
    "first": Column("how many words that is: k % of the words rounded up, at least one", "words", 0),
    "unseen_before": Column("share of the pairs of the unedited document that no training document has", "", 0, 1),
    "unseen": Column(f"the same share of the edited document, mean over {DRAWS} draws; NaN: nothing is left", "", 0, 1),
    "shift": Column("unseen less unseen_before", "", -1, 1),
}


def shift(reading: Reading, *, operators: Sequence[str] = tuple(OPERATORS)) -> Result:
    """How far does erasing words take a document away from the texts that the model was trained on?

    Share of unseen pairs after random erasures, less before. The erased words, their numbers and the draws are those of
    the random ranking of the experiment faithfulness under the same seed, so that its `tvd` and this shift are of the
    same texts. Pairs are of neighbouring tokens as the model reads them, its tokens for the ends of a text included;
    words that the model does not know are one token. A second text counts with the first, and stays as it is. Deletion
    makes neighbours of words that were apart. A mask word beside a word is a new pair unless training has it: a model
    that reads rare words as unknown has met its mask there, and the share may fall (shift below 0). The mean embedding
    belongs to no word: its pairs are all new. The attention mask leaves the text as it is: 0 by construction, though
    the weights may be unlike any before.

    Args:
        reading: A model's attention over documents, from `read` with `training=`; the model is asked how it reads
            documents, not what it answers.
        operators: How words are erased, some of "delete", "mask", "mean embedding" and "attention mask".

    Returns:
        A result with one row per document, operator, side and size: first (words), unseen_before, unseen, shift.

    Raises:
        ValueError: no training documents, an unknown operator, or a view that weighs sentences.
    """
    if reason := why_not(reading):
        raise ValueError(f"shift: {reason}")
    model, training = reading.model, reading.training or ()
    for operator in operators:
        check_operator(model, operator)
    seen = {pair for _, tokens in _read(model, training) for pair in _pairs(tokens)}
    with progress_bar("shift", len(reading), reading.progress) as step:
        frames = []
        for document in reading.documents:
            frames.append(_rows(model, document, operators, seen, reading.seed))
            step("")
    settings = {
        "documents": len(reading),
        "training_documents": len(training),
        "pairs_in_training": len(seen),
        "operators": list(operators),
        "percent": list(PERCENT),
        "draws": DRAWS,
        "seed": reading.seed,
        "status": f"sampled, {DRAWS} draws; attention mask: 0 by construction",
    }
    return Result("shift", pd.concat(frames, ignore_index=True), settings, COLUMNS)


def why_not(reading: Reading) -> str:
    """Pairs of words are compared with those of the training documents."""
    if not reading.training:
        return "no training documents are known: read(model, documents, training=corpus)"
    return "" if reading.model.words_are_positions else "this view weighs sentences, pairs are of words"


def _rows(
    model: AttentionModel, document: Document, operators: Sequence[str], seen: set[tuple[int, int]], seed: int
) -> pd.DataFrame:
    before = _unseen(_tokens(model, [document])[0], seen)
    orders = numbers_drawn(document, seed).argsort(-1)  # (draws, T)
    rows = []
    for percent in PERCENT:
        first = -(-percent * len(document) // 100)
        for side in (ERASED, ALONE):
            erased = [order[:first] if side == ERASED else order[first:] for order in orders.tolist()]
            for operator in operators:
                unseen = before
                if operator != ATTENTION_MASK:
                    edited = _edited(model, document, erased, operator)
                    unseen = float(np.mean([_unseen(tokens, seen) for tokens in edited])) if edited else np.nan
                elif len(erased[0]) == len(document):
                    unseen = np.nan
                rows.append((document.id, len(document), operator, side, f"{percent} %", first, before, unseen))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)[:-1])
    return frame.assign(shift=frame["unseen"] - frame["unseen_before"])


def _edited(model: AttentionModel, document: Document, erased: Sequence[list[int]], operator: str) -> list[Tokens]:
    """The document as the model reads it without the words of each set; nothing where no word is left to delete."""
    if operator == MEAN_EMBEDDING:
        batch = model.batch([document])
        token, unit = batch.ids[0], model.unit_of(batch)[0]
        whole = [(int(t), int(u)) for t, u, real in zip(token, unit, batch.is_token[0]) if real]
        second = _tokens(model, [document])[0][1:]
        return [(tuple(NO_WORD if u in gone else t for t, u in whole), *second) for gone in map(set, erased)]
    if operator == MASK:
        return _tokens(model, [replace_words(document, gone, str(model.mask_word)) for gone in erased])
    if operator == DELETE and len(erased[0]) == len(document):
        return []
    return _tokens(model, [delete_words(document, gone) for gone in erased])


def _tokens(model: AttentionModel, documents: Sequence[Document]) -> list[Tokens]:
    """The tokens of each document as the model reads them, its own for the ends included."""
    found = dict(_read(model, documents))
    return [found[row] for row in range(len(documents))]


def _read(model: AttentionModel, documents: Sequence[Document]) -> Iterator[tuple[int, Tokens]]:
    """The number and the tokens of each document, those of similar length one after the other."""
    for rows, batch in model.batches(documents, 256):
        texts = [batch] if batch.second is None else [batch, batch.second]
        for place, row in enumerate(rows):
            yield row, tuple(tuple(text.ids[place][text.is_token[place]].tolist()) for text in texts)


def _pairs(tokens: Tokens) -> list[tuple[int, int]]:
    """The neighbouring pairs, none of them from one text to the other."""
    return [pair for text in tokens for pair in pairwise(text)]


def _unseen(tokens: Tokens, seen: set[tuple[int, int]]) -> float:
    """Share of the neighbouring pairs that are not among those seen; NaN for a single token."""
    pairs = _pairs(tokens)
    return sum(pair not in seen for pair in pairs) / len(pairs) if pairs else float("nan")


EXPERIMENT = Experiment(
    shift,
    "reading",
    Card(
        "How far does erasing words take a document from the texts that the model knows?",
        "Erased texts are unlike those that the model was trained on.",
        "A pair of neighbouring words that training never had is a sign of an unlikely text.",
        "How many new pairs each way of erasing makes.",
        "How unlikely the text is as a whole: what is further apart than neighbours is not in it.",
    ),
    Summary(dict.fromkeys(("unseen_before", "unseen", "shift"), ("mean",)), ("operator", "side", "size"), groupings=()),
    why_not=why_not,
    by_name="it says something beside faithfulness alone",
)

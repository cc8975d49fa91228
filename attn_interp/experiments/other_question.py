"""Does attention depend on the question? The same text is read under the question of another document.

Tasks on one text cannot ask it. Attention that explains an answer has to look elsewhere when something else is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.people.parts.matching import marked_words
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import tvd
from attn_interp.models.attention_model import AttentionModel

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "other": Column("id of the document whose second text is asked"),
    "attention_tvd": Column("total variation distance of the attention under the other second text", "", 0, 1),
    "output_tvd": Column("total variation distance of the output under it", "", 0, 1),
    "decision_flip": Column("whether another class is predicted under it"),
    "on_marked": Column("attention on the words that people marked; NaN where none are", "", 0, 1),
    "on_marked_other": Column("the same under the other second text", "", 0, 1),
    "left": Column("the first minus the second: how much attention leaves the marked words", "", -1, 1),
    "found": Column(
        "rise of the attention on the words marked for the other second text; NaN where its first text is another, or "
        "nothing is marked",
        "",
        -1,
        1,
    ),
}


def other_question(reading: Reading) -> Result:
    """Does attention depend on the question?

    Every first text is read once more with the second text of another document of the reading: of one with the same
    first text where there is one (as of the three hypotheses to a premise), else of any whose second text differs,
    drawn from (seed, document id). Words count as marked where an annotator gives them at least .5; of several
    annotators the mean is taken.

    Args:
        reading: A model's attention over documents with second texts, from `read`.

    Returns:
        A result with one row per document: other, attention_tvd, output_tvd, decision_flip, on_marked, on_marked_other,
        left, found.

    Raises:
        ValueError: the documents have no second texts, or all have the same one.
    """
    if reason := why_not(reading):
        raise ValueError(f"other_question: {reason}")
    chosen = _others(reading.documents, reading.seed)
    frames = [_of_batch(reading.model, each, chosen) for each in reading.each_batch("other question")]
    return Result("other_question", reading.in_order(frames), {**reading.settings, "status": "measured"}, COLUMNS)


def why_not(reading: Reading) -> str:
    """It needs second texts that differ."""
    if any(document.second is None for document in reading.documents):
        return "the documents have no second text; attention cannot depend on it"
    return "" if len({_asked(document) for document in reading.documents}) > 1 else "all second texts are the same"


def _asked(document: Document) -> tuple[str, ...]:
    return () if document.second is None else document.second.words


def _others(documents: Sequence[Document], seed: int) -> dict[str, Document]:
    """Id of each document -> the document whose second text it is asked."""
    of_text: dict[tuple[str, ...], list[Document]] = defaultdict(list)
    for document in documents:
        of_text[document.words].append(document)
    found = {}
    for document in documents:
        alike = [each for each in of_text[document.words] if _asked(each) != _asked(document)]
        draw = generator(seed, f"other question {document.id}")
        candidates = alike or documents
        order = draw.permutation(len(candidates)) if alike else _drawn(draw, len(candidates))
        found[document.id] = next(candidates[index] for index in order if _asked(candidates[index]) != _asked(document))
    return found


def _drawn(draw: np.random.Generator, count: int) -> np.ndarray:
    """All numbers below the count, a few drawn first: nearly always one of these serves."""
    return np.concatenate([draw.integers(0, count, 20), draw.permutation(count)])


def _of_batch(model: AttentionModel, read: ReadBatch, chosen: dict[str, Document]) -> pd.DataFrame:
    documents = read.batch.documents
    others = [chosen[document.id] for document in documents]
    asked = [replace(own, second=other.second) for own, other in zip(documents, others)]
    there = ReadBatch(model, read.rows, model.batch(asked), read.check)
    own, other_own = _on_marked(read.weights, documents), _on_marked(there.weights, documents)
    same = [other if other.words == document.words else document for document, other in zip(documents, others)]
    is_same = torch.tensor([each is other for each, other in zip(same, others)])
    found = _on_marked(there.weights, same) - _on_marked(read.weights, same)
    values = {
        "attention_tvd": tvd(there.weights, read.weights),
        "output_tvd": tvd(there.logits.softmax(-1), read.logits.softmax(-1)),
        "decision_flip": there.predicted != read.predicted,
        "on_marked": own,
        "on_marked_other": other_own,
        "left": own - other_own,
        "found": torch.where(is_same, found, torch.nan),
    }
    others_of = [other.id for other in others]
    return read.about(other=others_of, **{name: value.numpy() for name, value in values.items()})


def _on_marked(weights: torch.Tensor, documents: Sequence[Document]) -> torch.Tensor:
    """(B,) the attention (B, W) on marked words, the mean over annotators; NaN where no word is marked."""
    rows = []
    for row, document in enumerate(documents):
        own = weights[row, : len(document)].numpy()
        marks = [marked for marked in map(marked_words, document.rationales) if marked.any()]
        rows.append(np.mean([own[marked].sum() for marked in marks]) if marks else np.nan)
    return torch.tensor(rows, dtype=torch.float64)


MOVES = Statement("TVD of attention under another question", "attention_tvd")
LEFT = Statement("attention that leaves the marked words", "left")
VALUES = ("attention_tvd", "output_tvd", "left", "found", "on_marked")

EXPERIMENT = Experiment(
    other_question,
    "reading",
    Card(
        "Does attention depend on the question?",
        "Under another question attention looks elsewhere, and leaves what the first one was about.",
        "The other question makes sense for the text, or at least is one that the model knows.",
        "How far attention and output move when the same text is asked something else.",
        "That attention which moves looks at the right words: `on_marked` says so where people marked them.",
    ),
    Summary({**dict.fromkeys(VALUES, ("mean",)), "decision_flip": ("share",)}),
    statements=(MOVES, LEFT),
    rules=(
        Rule(
            MOVES,
            0.1,
            "attention depends on the question (above 0.1)",
            "attention hardly depends on the question (below 0.1)",
        ),
    ),
    why_not=why_not,
    pooling=Pooling((*VALUES, "decision_flip")),
    of_answers=True,
)

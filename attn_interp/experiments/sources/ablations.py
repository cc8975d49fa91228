"""Random ablations: the log-probability of a decision where only some of the sources are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.edit import delete_words
from attn_interp.models.attention_model import AttentionModel

KEPT = 0.5  # chance of a source to be kept


def subsets(document: Document, count: int, seed: int, name: str) -> np.ndarray:
    """(M, S) bool: which of the S sources (the words of the document) are kept in each of M ablations.

    Each is kept with chance 1/2, and what would keep none is drawn again; all 2^S - 1 of them, each once, where these
    are no more than `count`.

    >>> subsets(Document("one two"), 3, 0, "told").tolist()
    [[True, False], [False, True], [True, True]]
    """
    sources = len(document)
    if 2**sources - 1 <= count:
        numbers = np.arange(1, 2**sources)
        every: np.ndarray = (numbers[:, None] >> np.arange(sources)) & 1 == 1
        return every
    draw = generator(seed, f"{name} {document.id}")
    kept = np.zeros((count, sources), dtype=bool)
    while not kept.any(1).all():
        empty = ~kept.any(1)
        kept[empty] = draw.random((int(empty.sum()), sources)) < KEPT
    return kept


@dataclass
class Effects:
    """The log-probability (nats) of the decision on a document with a part of its sources; each part is run once.

    Attributes:
        model: Whose decision it is.
        document: Its words are the sources.
        decision: Index of the class.
        whole: The log-probability on the whole document.
        known: Of the parts that were run.
    """

    model: AttentionModel
    document: Document
    decision: int
    whole: float
    known: dict[tuple[bool, ...], float] = field(default_factory=dict)

    def of(self, kept: np.ndarray) -> np.ndarray:
        """(M,) float64 for (M, S) parts; NaN for the part without any source, which is no document."""
        rows = [tuple(row) for row in kept.tolist()]
        wanted = [row for row in dict.fromkeys(rows) if row not in self.known and any(row) and not all(row)]
        if wanted:
            edited = [delete_words(self.document, _left_out(row)) for row in wanted]
            found = log_probabilities(self.model.logits(edited))[:, self.decision]
            self.known |= dict(zip(wanted, found.tolist()))
        return np.array([self.whole if all(row) else self.known.get(row, np.nan) for row in rows])

    def without_each(self) -> np.ndarray:
        """(S,) the log-probability on the whole minus that without each source."""
        return self.whole - self.of(~np.eye(len(self.document), dtype=bool))

    def fall(self, scores: np.ndarray, count: int) -> float:
        """The log-probability on the whole minus that without the `count` sources of highest score, the first of equal
        ones; NaN where nothing would be left."""
        kept = np.ones((1, len(scores)), dtype=bool)
        kept[0, np.argsort(-scores, kind="stable")[:count]] = False
        return float(self.whole - self.of(kept)[0])


def log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """(B, C) float64 on the CPU."""
    return logits.double().log_softmax(-1).cpu()


def _left_out(row: Sequence[bool]) -> list[int]:
    return [place for place, kept in enumerate(row) if not kept]

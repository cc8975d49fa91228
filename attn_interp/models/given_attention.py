"""Classifiers whose attention is given from outside, for experiments: one that uses it, and one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.frozen_attention import Attention, attending
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.view import to_positions
from attn_interp.models.wrap import own_inputs, wrap

TRACE = 1e-4  # logits: what an ornamental attention does to the output, so little that it decides nothing


@dataclass(frozen=True)
class RandomByDocument:
    """Attention drawn for each document from (seed, id), any distribution over its words as likely as any other.

    It says nothing about the words, and is (B, T) as every given attention. An edited document has another one.
    """

    seed: int

    def __call__(self, batch: Batch) -> torch.Tensor:
        return _at_positions(batch, [self._of(document) for document in batch.documents])

    def _of(self, document: Document) -> torch.Tensor:
        draw = generator(self.seed, f"attention of {document.id}")
        return torch.as_tensor(draw.dirichlet(np.ones(len(document))))


@dataclass(frozen=True)
class RandomByWord:
    """Attention whose score is drawn for each word of the language from (seed, word): the softmax of normal scores.

    A word keeps its score wherever it stands, so deleting one word leaves the others' weights in proportion.

    Attributes:
        seed: Draws the scores.
        spread: Standard deviation of the scores, in nats.
    """

    seed: int
    spread: float = 2.0

    def __call__(self, batch: Batch) -> torch.Tensor:
        rows = []
        for document in batch.documents:
            scores = torch.tensor([_score(self.seed, word) for word in document.words])
            rows.append((self.spread * scores).softmax(-1))
        return _at_positions(batch, rows)


def wrap_given(trained: Trained, attention: Attention, example: Sequence[Document] | None = None) -> AttentionModel:
    """A classifier of ours with attention pooling whose attention is always the given one, as an `AttentionModel`.

    Args:
        attention: Has to give each word of a document some weight, and to know any document, made-up ones too; or give
        example: documents that it knows, of at least two lengths, for the dry run.

    Raises:
        TypeError: the classifier does not pool by attention over words.
    """
    return _wrapped(Given(trained.module), trained, attention, example)


def wrap_ornamental(
    trained: Trained, attention: Attention, example: Sequence[Document] | None = None
) -> AttentionModel:
    """Any classifier of ours beside an attention that decides nothing, as an `AttentionModel`.

    The output is the classifier's own but for a ten-thousandth of a logit, so that nothing that is true of the given
    attention is a fact about the decision.
    """
    return _wrapped(Ornamental(trained.module), trained, attention, example)


class Given(nn.Module):
    """The classifier under the attention (B, T) that comes as the last argument, whatever its own scores would be."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        *own, weights = inputs
        with attending(self.classifier, weights):
            return self.classifier(*own)


class Ornamental(nn.Module):
    """The classifier, and beside it a softmax that is as good as unused."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        *own, weights = inputs
        logits: torch.Tensor = self.classifier(*own)
        attention = torch.softmax(weights.log(), -1)  # (B, T)
        values = torch.arange(attention.shape[1], device=attention.device).cos()  # (T,)
        trace = torch.nn.functional.pad(TRACE * (attention @ values)[:, None], (0, logits.shape[1] - 1))
        return logits + trace


def _wrapped(
    module: nn.Module, trained: Trained, attention: Attention, example: Sequence[Document] | None
) -> AttentionModel:
    def inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
        return *own_inputs(batch), attention(batch)

    return wrap(module, inputs=inputs, classes=trained.classes, vocabulary=trained.vocabulary, example=example)


@lru_cache(maxsize=100_000)
def _score(seed: int, word: str) -> float:
    return float(generator(seed, f"score of {word}").normal())


def _at_positions(batch: Batch, rows: list[torch.Tensor]) -> torch.Tensor:
    """Weights of the words of each document -> (B, T), 0 elsewhere."""
    words = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(batch.is_word.device, torch.float32)  # (B, W)
    return to_positions(words, batch.is_word)

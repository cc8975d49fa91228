"""Attention that does not come from the classifier's own scores: held to given weights, or read with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.models.classifiers.hierarchical import HierarchicalClassifier
from attn_interp.models.classifiers.pairs.given_query import GivenPooling
from attn_interp.models.classifiers.pooling import AttentionPooling
from attn_interp.models.view import to_positions

if TYPE_CHECKING:
    from attn_interp.models.attention_model import AttentionModel

Attention = Callable[[Batch], torch.Tensor]
"""Batch -> the attention (B, T) over positions that its documents are given; 0 outside the words, rows sum to 1."""

ROUNDING = 1e-4


@dataclass(frozen=True)
class GivenAttention:
    """An attention that is looked up: one distribution over the words of each document it knows.

    Attributes:
        weights: Id of a document -> (T,) weights of its words.

    Raises:
        ValueError: naming the document whose weights are negative or do not sum to 1.
    """

    weights: Mapping[str, torch.Tensor]

    def __post_init__(self) -> None:
        for name, weights in self.weights.items():
            total = float(weights.sum())
            if not abs(total - 1) <= ROUNDING or bool((weights < 0).any()):
                raise ValueError(
                    f"document {name!r}: attention sums to {total:.6g}, expected weights >= 0 that sum to 1"
                )

    def __call__(self, batch: Batch) -> torch.Tensor:
        """(B, T) weights at the words of the batch.

        Raises:
            KeyError: a document has no attention here.
            ValueError: a document has another number of words than weights.
        """
        rows = []
        for document in batch.documents:
            if document.id not in self.weights:
                raise KeyError(f"document {document.id!r}: no attention was given for it")
            if len(self.weights[document.id]) != len(document):
                raise ValueError(
                    f"document {document.id!r}: attention has {len(self.weights[document.id])} weights "
                    f"for {len(document)} words"
                )
            rows.append(self.weights[document.id])
        words = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(batch.is_word.device, torch.float32)  # (B, W)
        return to_positions(words, batch.is_word)


def uniform(batch: Batch) -> torch.Tensor:
    """The same weight for every word of a document: (B, T)."""
    return batch.is_word / batch.is_word.sum(1, keepdim=True)


def attention_of(model: AttentionModel, documents: Sequence[Document]) -> GivenAttention:
    """The attention that a model has on these documents, to be given to another."""
    found: dict[str, torch.Tensor] = {}
    for _, batch in model.batches(documents, 64):
        for document, weights in zip(batch.documents, model.run(batch).weights.double().cpu(), strict=True):
            found[document.id] = weights[: len(document)]
    return GivenAttention(found)


def attention_of_rationales(documents: Sequence[Document]) -> GivenAttention:
    """The mean rationale of the annotators, made to sum to 1; uniform where a document has none or an empty one."""
    found = {}
    for document in documents:
        marked = torch.tensor(document.rationales, dtype=torch.float64).reshape(-1, len(document)).sum(0)
        marked = marked if float(marked.sum()) > 0 else torch.ones_like(marked)
        found[document.id] = marked / marked.sum()
    return GivenAttention(found)


@contextmanager
def attending(module: nn.Module, weights: torch.Tensor) -> Iterator[None]:
    """Within this context the attention of a classifier of ours is `weights` (B, T), whatever its scores would be."""
    pooling = attention_pooling(module)
    own, normaliser = pooling.scores, pooling.normaliser
    pooling._modules["scores"], pooling.normaliser = _Held(weights.log()), "softmax"
    try:
        yield
    finally:
        pooling._modules["scores"], pooling.normaliser = own, normaliser


@contextmanager
def reading_scores(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yields the list of attention scores (B, H, T), with their gradients, that forward passes in the context add."""
    scores: list[torch.Tensor] = []
    hook = attention_pooling(module).scores.register_forward_hook(lambda part, inputs, output: scores.append(output))
    try:
        yield scores
    finally:
        hook.remove()


def attention_pooling(module: nn.Module) -> AttentionPooling | GivenPooling:
    """The attention over words of a classifier of ours.

    Raises:
        TypeError: the module has none, or attends to sentences.
    """
    if isinstance(module, HierarchicalClassifier):
        raise TypeError("HierarchicalClassifier attends to sentences; expected a classifier that attends to words")
    pooling = getattr(module, "pooling", None)
    if not isinstance(pooling, AttentionPooling | GivenPooling):
        raise TypeError(
            f"{type(module).__name__} pools by {type(pooling).__name__}; expected a classifier with pooling='attention'"
        )
    return pooling


class _Held(nn.Module):
    """Scores whose softmax is the attention given: its logarithms, whatever the states."""

    def __init__(self, logarithms: torch.Tensor) -> None:
        super().__init__()
        self.logarithms = logarithms  # (B, T)

    def forward(self, states: torch.Tensor, *query: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), and the query of a classifier of two texts -> scores (B, 1, T)."""
        return self.logarithms[:, None]

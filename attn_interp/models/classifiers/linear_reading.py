"""What the poolings and the head of our classifiers read of a state, as one linear map of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from attn_interp.models.classifiers.attention_pooling import (
    AdditiveScores,
    AttentionPooling,
    DotScores,
    UniformScores,
    pooled,
)
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.pooling import LastPooling, MeanPooling


@dataclass(frozen=True)
class LinearReading:
    """A state h (D,) is read as weight h (N,), and the readings of a document give its logits.

    Attributes:
        weight: (N, D).
        logits: Readings (B, T, N), is_token (B, T), is_word (B, T) -> logits (B, C). The readings are used up.
        of_words: Whether the logits depend on the readings of words alone, and not on those of a start or an end.
    """

    weight: torch.Tensor
    logits: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    of_words: bool


def reading_of(module: Classifier) -> LinearReading:
    """The reading of a classifier in eval mode, equal to its own pooling and head.

    Attention and the mean pool the votes of each head in place of its states, since the head is affine, and keys or
    scores stand beside them. The other poolings read the state itself.
    """
    pooling, head = module.pooling, module.head
    if isinstance(pooling, AttentionPooling):
        return _attention(pooling, head.weight, head.bias)
    if isinstance(pooling, MeanPooling):
        return LinearReading(head.weight, lambda *given: pooling(*given) + head.bias, of_words=True)
    state = torch.eye(head.in_features).to(head.weight)
    return LinearReading(state, lambda *given: head(pooling(*given)), of_words=not isinstance(pooling, LastPooling))


def _attention(pooling: AttentionPooling, weight: torch.Tensor, bias: torch.Tensor) -> LinearReading:
    attention = pooling.scores
    classes, width = weight.shape
    heads = 1 if isinstance(attention, UniformScores) else len(attention.query)
    own = torch.block_diag(*torch.ones(heads, 1, width // heads)).to(weight)  # (heads, D) the columns of each head
    votes = (own[:, None] * weight).flatten(0, 1)  # (heads C, D)
    if isinstance(attention, AdditiveScores):
        ahead = 2 * attention.keys.weight
    elif isinstance(attention, DotScores):
        ahead = own * attention.vector().flatten() * attention.scale
    else:
        ahead = weight.new_zeros(0, width)

    def logits(read: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        values = read[..., len(ahead) :].clone()  # (B, T, heads C)
        if isinstance(attention, AdditiveScores):
            # tanh(x) = 2 sigmoid(2x) - 1, and softmax does not see the constant that -1 makes of a score
            queries = 2 * torch.block_diag(*attention.query)  # (heads, d/2)
            keys = read.add_(functional.pad(2 * attention.keys.bias, (0, len(votes)))).sigmoid_()
            scores = (keys @ functional.pad(queries, (0, len(votes))).t()).transpose(1, 2)  # (B, heads, T)
        elif isinstance(attention, DotScores):
            scores = read[..., : len(ahead)].transpose(1, 2)
        else:
            scores = attention(values)
        return pooled(values, scores, is_word, pooling.normaliser).unflatten(-1, (heads, classes)).sum(1) + bias

    return LinearReading(torch.cat([ahead, votes]), logits, of_words=True)

"""The classifier of two texts: attention over the first given the second, as for entailment and question answering."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.encoders import build_encoder
from attn_interp.models.classifiers.pairs.given_query import GivenPooling, build_given
from attn_interp.models.classifiers.pooling import LastPooling, MeanPooling, build_pooling
from attn_interp.models.classifiers.settings import ClassifierSettings, encoder_named
from attn_interp.models.predicting import evaluating


class ReadsTwo(Classifier):
    """What classifiers of two texts have in common: how they come to the states of the second."""

    def read_second(
        self, second: tuple[torch.Tensor, ...], encoder: nn.Module
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """ids, is_token, is_word (B, S) of the second texts -> their states (B, S, D), is_token, is_word.

        Raises:
            ValueError: there are no second texts.
        """
        if not second:
            raise ValueError(
                "this classifier reads two texts, and the documents have one; give each its second, as "
                "Document(text, second=...)"
            )
        ids, is_token, is_word = second[:3]
        # Not by a call: words of the second text are no words of the first, whose embeddings are watched and changed.
        embedded = type(self.embedding).forward(self.embedding, ids)
        return encoder(self.dropout(embedded), is_token), is_token, is_word


class InsideTanh(NamedTuple):
    """Logits W tanh(sum_t alpha_t v_t) + b, with inside (B, T, K) v_t at every position, and of each document, for its
    answers may be fewer than the classes, head (B, C, K) W and bias (B, C) b."""

    inside: torch.Tensor
    head: torch.Tensor
    bias: torch.Tensor


NOT_ALLOWED = -100.0
"""Logit of an answer that is not allowed: its probability is 0 in float32, and no number becomes infinite or NaN by it.
The same for every attention, it changes no verdict on whether the logits are affine in it."""


def only_allowed(logits: torch.Tensor, second: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The logits (B, C) with those of answers that the second texts do not allow at `NOT_ALLOWED`; `second` are their
    inputs, of which the fourth are the answers (B, A) where some are not allowed (`Batch.answers`)."""
    if len(second) < 4:
        return logits
    answers = second[3]
    allowed = (answers[..., None] == torch.arange(logits.shape[1], device=logits.device)).any(1)
    return logits.masked_fill(~(allowed | (answers == -2).any(1, keepdim=True)), NOT_ALLOWED)


class PairClassifier(ReadsTwo):
    """Two texts -> logits of C classes, as in Jain & Wallace 2019 (their code).

    Both texts have one table of word vectors and an encoder each. The query q of a pair is what the second encoder
    knows at its end: the last states of both directions of an LSTM or GRU, side by side, and of other encoders the mean
    of the states. The context c is attention over the words of the first text given q, or another pooling of them, and
    the logits are

        W tanh(W_c c + W_q q)

    so they are not affine in the attention: what stands inside tanh is.

    Args:
        settings, vocabulary_size, class_count, embeddings: As for `Classifier`; `settings.texts` is 2.
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        class_count: int,
        embeddings: torch.Tensor | None = None,
    ) -> None:
        super().__init__(settings, vocabulary_size, class_count, embeddings)
        width = settings.state_width
        self.second_encoder = build_encoder(settings)
        sums_up = encoder_named(settings.encoder).sums_up
        self.summary = LastPooling(settings.both_directions) if sums_up else MeanPooling()
        self.pooling = self.fresh_pooling()
        self.of_context = nn.Linear(width, width // 2)
        self.of_query = nn.Linear(width, width // 2)
        self.head = nn.Linear(width // 2, class_count)

    def of_states(
        self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor, *second: torch.Tensor
    ) -> torch.Tensor:
        """States (B, T, D), is_token and is_word (B, T) of the first texts, and ids, is_token and is_word (B, S) of
        the second, padded on the right -> logits (B, C).

        Raises:
            ValueError: there are no second texts.
        """
        query = self.summary(*self.read_second(second, self.second_encoder))  # (B, D)
        attends = isinstance(self.pooling, GivenPooling)
        context = self.dropout(self.pooling(states, query if attends else is_token, is_word))
        return only_allowed(self.head(torch.tanh(self.of_context(context) + self.of_query(query))), second)

    def inside_tanh(self, ids: torch.Tensor, is_token: torch.Tensor, *rest: torch.Tensor) -> InsideTanh:
        """What the logits are made of; arguments as those of `forward`."""
        query = self.summary(*self.read_second(rest[1:], self.second_encoder))
        inside = self.of_context(self.states(ids, is_token)) + self.of_query(query)[:, None]
        bias = only_allowed(self.head.bias.expand(len(ids), -1), rest[1:])
        return InsideTanh(inside, self.head.weight * (bias > NOT_ALLOWED)[..., None], bias)

    def fresh_pooling(self) -> nn.Module:
        if self.settings.pooling != "attention":
            return build_pooling(self.settings)
        return build_given(self.settings.state_width, self.settings.attention)

    def after_attention(self) -> list[nn.Module]:
        return [self.of_context, self.of_query, self.head]


def known_inside_tanh(module: nn.Module) -> Callable[[Batch], InsideTanh] | None:
    """What the logits of a batch are made of, by a module whose attention acts through tanh alone; None for others."""
    if not isinstance(module, PairClassifier) or module.settings.pooling != "attention":
        return None

    def made(batch: Batch) -> InsideTanh:
        with evaluating(module):
            return module.inside_tanh(*batch.inputs)

    return made

"""Classifiers whose states are alike by construction, so that what it means for their attention is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.frozen_attention import Attention, attending
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.wrap import own_inputs, wrap

MIXED, TOWARDS_MEAN, UNREAD = "mixed", "towards their mean", "much that is not read"
MIXED_SHARE = 0.9  # at 1 no weights would move the output, and nothing could be recorded
LONGEST = 100.0  # times the spread of the states of a document


@dataclass(frozen=True)
class Amounts:
    """How far the states of each document are changed: (B,) in [0, 1], drawn from (seed, id), or the same for all."""

    kind: str
    seed: int

    def __call__(self, batch: Batch) -> torch.Tensor:
        if self.kind == MIXED:
            return torch.full((len(batch),), MIXED_SHARE)
        drawn = [generator(self.seed, f"states of {document.id}").random() for document in batch.documents]
        return torch.tensor(drawn, dtype=torch.float32)


class TowardsMean(nn.Module):
    """h_t + a (m - h_t), m being the mean of the states of all words. At a = 1 every state is the mean, the logits are
    the same under any attention and the conicity is 1; in between, both are the nearer the larger a is."""

    def forward(self, states: torch.Tensor, is_word: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_word (B, T), amounts (B,) -> (B, T, D)."""
        return states + amounts[:, None, None] * (mean_of_words(states, is_word) - states)


class Unread(nn.Module):
    """h_t + 100^a s u, s being the root mean square of ||h_t - m||, for a unit vector u that the head does not read:
    W u = 0. The larger a is the nearer is the conicity to 1, and the logits under any attention are what they were."""

    direction: torch.Tensor

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        directions = torch.linalg.svd(head.weight.detach()).Vh  # (D, D), of which the last D - C are not read
        self.register_buffer("direction", directions[-1])

    def forward(self, states: torch.Tensor, is_word: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_word (B, T), amounts (B,) -> (B, T, D)."""
        apart = (states - mean_of_words(states, is_word)).square().sum(-1, keepdim=True)  # (B, T, 1)
        spread = mean_of_words(apart, is_word).sqrt()  # by it, since documents of states that differ have other TVDs
        return states + (LONGEST**amounts)[:, None, None] * spread * self.direction


def mean_of_words(values: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """values (B, T, D), is_word (B, T) -> (B, 1, D); 0 without a word."""
    words = is_word[..., None]
    return (values * words).sum(1, keepdim=True) / words.sum(1, keepdim=True).clamp(min=1)


class Alike(nn.Module):
    """A classifier under given attention over states that are changed: `encoder` yields those that are pooled."""

    def __init__(self, classifier: Classifier, kind: str) -> None:
        super().__init__()
        self.classifier = classifier
        self.encoder = Unread(classifier.head) if kind == UNREAD else TowardsMean()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        ids, is_token, is_word, weights, amounts = inputs
        states = self.encoder(self.classifier.states(ids, is_token), is_word, amounts)
        with attending(self.classifier, weights):
            return self.classifier.of_states(states, is_token, is_word)


def wrap_alike(
    trained: Trained, kind: str, seed: int, attention: Attention, example: Sequence[Document]
) -> AttentionModel:
    """A classifier of ours with attention pooling, always under the given attention, over states that are changed.

    Args:
        kind: `MIXED`, nine tenths of every state are the mean of the states of all words; `TOWARDS_MEAN`, those of a
            document are drawn towards it by a share of its own; `UNREAD`, they have a common direction that the head
            does not read, by an amount of the document's own.
        seed: Draws the shares and amounts.
        attention: Gives each word of a document some weight.
        example: Documents that it knows, of at least two lengths, for the dry run.
    """
    amounts = Amounts(kind, seed)

    def inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
        return *own_inputs(batch), attention(batch), amounts(batch)

    module = Alike(trained.module, kind)
    return wrap(module, inputs=inputs, classes=trained.classes, vocabulary=trained.vocabulary, example=example)

"""The probability of a class as a function of the input embeddings: what captum's methods are given to explain."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType

import torch

from attn_interp.data.batch import POSITIONS, Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.predicting import probability_of

ROWS_AT_ONCE = 128  # documents in one pass of the model; more are no faster on a CPU

Probability = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(points (N, T, D), rows (N,)) -> (N,): the class of document rows[n] when its embeddings are points[n]."""


def probability_at(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Probability:
    """p_class of the documents of a batch at any embeddings; `classes` (B,) names the class of each document."""

    def probability(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        with model.embeddings_given(points), torch.set_grad_enabled(torch.is_grad_enabled() and points.requires_grad):
            return probability_of(model.batch_logits(rows_of(batch, rows)), classes[rows])

    return probability


def rows_at_once(batch: Batch) -> int:
    """How many documents of the batch's width a pass is given: fewer of long ones, at least 1."""
    return max(1, min(ROWS_AT_ONCE, POSITIONS // batch.ids.shape[1]))


def rows_of(batch: Batch, rows: torch.Tensor) -> Batch:
    """The documents `rows` (N,) of a batch, any of them any number of times, at the width of the batch."""
    return batch.rows(rows)


def zero_words(model: AttentionModel, batch: Batch, embeddings: torch.Tensor) -> torch.Tensor:
    """The embeddings (B, T, D) with a zero vector for every word; special tokens and padding keep theirs."""
    return embeddings * (model.unit_of(batch) < 0)[..., None]


def captum_methods() -> ModuleType:
    """captum.attr, imported where it is first needed: it is slow to import."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # captum's bars in a notebook; none is shown
        import captum.attr
    return captum.attr

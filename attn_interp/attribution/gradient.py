"""Gradient x input: the first-order effect of each word's embedding on the probability of a class."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel


def gradient_x_input(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """sum_d e_wd dp/de_wd with the full gradient: a word acts through its value and through the attention it draws.

    The first-order effect of the word's embedding e_w on the probability p of the class.
    """
    return _product(model, batch, classes, detached=False)


def gradient_x_input_detached(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """sum_d e_wd dp/de_wd with the attention weights held constant, so that a word acts through its value alone.

    Its absolute value is the gradient importance of Jain & Wallace 2019, section 4.1. Their code divides it by its sum
    over all positions, special tokens among them, and not over the words alone; the order of the words is the same.
    """
    return _product(model, batch, classes, detached=True)


def _product(model: AttentionModel, batch: Batch, classes: torch.Tensor, detached: bool) -> Attribution:
    embeddings, gradient = model.gradient_at_embeddings(batch, classes, detached)
    return Attribution(model.sum_over_words(batch, (embeddings * gradient).sum(-1)))

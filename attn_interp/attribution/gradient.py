"""Gradient x input: the first-order effect of each word's embedding on the probability of a class."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel, Chosen
from attn_interp.models.predicting import probability_of


def gradient_x_input(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """sum_d e_wd dp/de_wd with the full gradient: a word acts through its value and through the attention it draws.

    The first-order effect of the word's embedding e_w on the probability p of the class.
    """
    return product_at_embeddings(model, batch, classes, detached=False)


def gradient_x_input_detached(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """sum_d e_wd dp/de_wd with the attention weights held constant, so that a word acts through its value alone.

    Its absolute value is the gradient importance of Jain & Wallace 2019, section 4.1. Their code divides it by its sum
    over all positions, special tokens among them, and not over the words alone; the order of the words is the same.
    """
    return product_at_embeddings(model, batch, classes, detached=True)


def product_at_embeddings(
    model: AttentionModel, batch: Batch, classes: torch.Tensor, detached: bool, of: Chosen = probability_of
) -> Attribution:
    """The sum over the embedding of each word of embedding x gradient, of the probability of the class or what `of`
    makes of the logits."""
    embeddings, gradient = model.gradient_at_embeddings(batch, classes, detached, of)
    return Attribution(model.sum_over_words(batch, (embeddings * gradient).sum(-1)))

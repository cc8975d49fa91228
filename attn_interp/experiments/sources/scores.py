"""What scores the sources of a decision, from the model itself: its attention and its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from attn_interp.attribution.flow.rollout import rollout
from attn_interp.attribution.gradient import product_at_embeddings
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.models.every_head import rows_of_heads
from attn_interp.models.language.contexts.one_answer import OneAnswer
from attn_interp.models.language.contexts.rows_of_answer import layers_of_answer, rows_of_answer, steps_of
from attn_interp.models.predicting import log_probability_of

ATTENTION = "attention (view)"
ALL_HEADS = "attention, all heads"
NO_SINK = "shares of attention, all heads"
ROLLOUT = "attention rollout"
NORM = "attention x value norm, all heads"
PUSH = "attention x gradient, all heads"
GRADIENTS = {"gradient x input (detached)": True, "gradient x input": False}
"""Name -> whether the attention weights are held."""
ONE, GRADIENT = "1", "1 and its gradient"


@dataclass(frozen=True)
class Scored:
    """The sources of one document.

    Attributes:
        scores: Name -> (S,) float64, the larger the more a source is held to speak for the decision.
        passes: Name -> what these cost, in forward passes of the document.
        heads: (N, S) share of the attention of every head that is on each source.
    """

    scores: Mapping[str, np.ndarray]
    passes: Mapping[str, str]
    heads: np.ndarray


def scored(batch: ReadBatch) -> list[Scored]:
    """What the model gives for each document of a batch."""
    batch.check()
    model = batch.model
    of_answers = isinstance(model.module, OneAnswer)
    found: dict[str, torch.Tensor] = {ATTENTION: batch.weights}
    passes = {ATTENTION: ONE}
    if of_answers:
        rows = rows_of_answer(model, batch.batch, pushes=True)
        heads = rows.mean(rows.weights)  # (B, N, S)
        found[NORM] = rows.mean(rows.norms).sum(1)
        assert rows.pushes is not None
        found[PUSH] = rows.pushes.sum((1, 2))
        passes |= {NORM: ONE, PUSH: GRADIENT}
        layers = layers_of_answer(model, batch.batch)
        through = steps_of(batch.batch)[:, None] @ rollout(layers)
        found[ROLLOUT] = model.sum_over_words(batch.batch, through[:, 0])
        passes[ROLLOUT] = ONE
    else:
        of_heads = rows_of_heads(model, batch.batch)
        heads = of_heads.weights.nan_to_num(0.0) * of_heads.word_mass[..., None]
    heads = heads.double().cpu()
    if heads.shape[1] > 1:
        found[ALL_HEADS] = heads.mean(1)
        found[NO_SINK] = (heads / heads.sum(-1, keepdim=True).clamp(min=1e-300)).mean(1)
        passes |= {ALL_HEADS: ONE, NO_SINK: ONE}
    if model.embedding.why_not is None:
        # Of the logarithm: the probability of a long answer is too small for the precision of a model.
        classes = batch.predicted.to(model.device)
        for name, detached in GRADIENTS.items():
            found[name] = product_at_embeddings(model, batch.batch, classes, detached, log_probability_of).values
        passes |= dict.fromkeys(GRADIENTS, GRADIENT)
    values = {name: each.double().cpu().numpy() for name, each in found.items()}
    return [
        Scored({name: each[row, :length] for name, each in values.items()}, passes, heads[row, :, :length].numpy())
        for row, length in enumerate(map(len, batch.batch.documents))
    ]

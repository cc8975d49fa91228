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
AT_ONCE = 1 << 14  # positions times layers of the documents of one gradient


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
    """What the model gives for each document of a batch: few at a time, since a gradient holds all their layers."""
    batch.check()
    at_once = max(1, AT_ONCE // (batch.batch.ids.shape[1] * len(batch.model.sites)))
    places = torch.arange(len(batch.batch), device=batch.batch.ids.device)
    return [each for rows in places.split(at_once) for each in _of_documents(batch, rows)]


def _of_documents(read: ReadBatch, rows: torch.Tensor) -> list[Scored]:
    model, batch = read.model, read.batch.rows(rows)
    found = {ATTENTION: read.weights[rows.cpu()]}  # (B, S) each
    passes = {ATTENTION: ONE}
    if isinstance(model.module, OneAnswer):
        of_answer = rows_of_answer(model, batch, pushes=True)
        assert of_answer.pushes is not None
        through = steps_of(batch)[:, None] @ rollout(layers_of_answer(model, batch))
        found[ROLLOUT] = model.sum_over_words(batch, through[:, 0])
        found[NORM] = of_answer.mean(of_answer.norms).sum(1)
        found[PUSH] = of_answer.pushes.sum((1, 2))
        passes |= {ROLLOUT: ONE, NORM: ONE, PUSH: GRADIENT}
        heads = of_answer.mean(of_answer.weights)  # (B, N, S)
    else:
        of_heads = rows_of_heads(model, batch)
        heads = of_heads.weights.nan_to_num(0.0) * of_heads.word_mass[..., None]
    heads = heads.double().cpu()
    if heads.shape[1] > 1:
        found[ALL_HEADS] = heads.mean(1)
        found[NO_SINK] = (heads / heads.sum(-1, keepdim=True).clamp(min=torch.finfo(heads.dtype).tiny)).mean(1)
        passes |= {ALL_HEADS: ONE, NO_SINK: ONE}
    if model.embedding.why_not is None:
        # Of the logarithm: the probability of a long answer is too small for the precision of a model.
        decided = read.predicted.to(rows.device)[rows]
        for name, detached in GRADIENTS.items():
            found[name] = product_at_embeddings(model, batch, decided, detached, log_probability_of).values
        passes |= dict.fromkeys(GRADIENTS, GRADIENT)
    values = {name: own.double().cpu().numpy() for name, own in found.items()}
    return [
        Scored({name: own[row, :count] for name, own in values.items()}, passes, heads[row, :, :count].numpy())
        for row, count in enumerate(map(len, batch.documents))
    ]

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
    """What the model gives for each document of a batch. One by one: a gradient holds every layer of a document."""
    batch.check()
    return [_of_document(batch, row) for row in range(len(batch.batch))]


def _of_document(batch: ReadBatch, row: int) -> Scored:
    model, alone = batch.model, batch.batch.rows(torch.tensor([row], device=batch.batch.ids.device))
    found = {ATTENTION: batch.weights[row]}
    passes = {ATTENTION: ONE}
    if isinstance(model.module, OneAnswer):
        rows = rows_of_answer(model, alone, pushes=True)
        assert rows.pushes is not None
        through = steps_of(alone)[:, None] @ rollout(layers_of_answer(model, alone))
        found[ROLLOUT] = model.sum_over_words(alone, through[:, 0])[0]
        found[NORM] = rows.mean(rows.norms)[0].sum(0)
        found[PUSH] = rows.pushes[0].sum((0, 1))
        passes |= {ROLLOUT: ONE, NORM: ONE, PUSH: GRADIENT}
        heads = rows.mean(rows.weights)[0]  # (N, S)
    else:
        of_heads = rows_of_heads(model, alone)
        heads = (of_heads.weights.nan_to_num(0.0) * of_heads.word_mass[..., None])[0]
    heads = heads.double().cpu()
    if len(heads) > 1:
        found[ALL_HEADS] = heads.mean(0)
        found[NO_SINK] = (heads / heads.sum(-1, keepdim=True).clamp(min=torch.finfo(heads.dtype).tiny)).mean(0)
        passes |= {ALL_HEADS: ONE, NO_SINK: ONE}
    if model.embedding.why_not is None:
        # Of the logarithm: the probability of a long answer is too small for the precision of a model.
        decision = batch.predicted[row : row + 1].to(model.device)
        for name, detached in GRADIENTS.items():
            found[name] = product_at_embeddings(model, alone, decision, detached, log_probability_of).values[0]
        passes |= dict.fromkeys(GRADIENTS, GRADIENT)
    sources = len(batch.batch.documents[row])
    values = {name: own.double().cpu().numpy()[:sources] for name, own in found.items()}
    return Scored(values, passes, heads[:, :sources].numpy())

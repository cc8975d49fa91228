"""Integrated gradients over the input embeddings, computed by captum."""

from __future__ import annotations

from dataclasses import replace

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.models.wrapper import AttentionModel, to_words

STEPS = 20
ROWS_AT_ONCE = 512


def integrated_gradients(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """The gradient of p_class along the straight line from a baseline to the embeddings, times their difference.

    The baseline has a zero vector for every word and keeps the special tokens. The values of a document sum to
    p_class(document) - p_class(baseline) up to the quadrature error of 20 Gauss-Legendre steps, which is returned as
    the completeness gap (sum minus difference).

    Reference: Sundararajan, Taly & Yan 2017, section 3.
    """
    from captum.attr import IntegratedGradients

    embeddings = model.embeddings(batch)  # (B, T, D)
    baselines = embeddings * ~batch.is_word[..., None]

    def probability(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        repeated = replace(
            batch,
            ids=batch.ids[rows],
            is_token=batch.is_token[rows],
            is_word=batch.is_word[rows],
            labels=batch.labels[rows],
        )
        with model.embeddings_given(points):
            probabilities = model.batch_logits(repeated).softmax(-1)
        return probabilities.gather(1, classes[rows][:, None]).squeeze(1)

    rows = torch.arange(len(batch), device=batch.ids.device)
    values, gap = IntegratedGradients(probability).attribute(
        embeddings,
        baselines=baselines,
        additional_forward_args=(rows,),
        n_steps=STEPS,
        internal_batch_size=max(ROWS_AT_ONCE, len(batch)),
        return_convergence_delta=True,
    )
    return Attribution(to_words(values.sum(-1), batch.is_word)[0].detach(), gap.detach())

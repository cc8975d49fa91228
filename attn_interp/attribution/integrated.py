"""Integrated gradients over the input embeddings, computed by captum."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.probability import captum_methods, probability_at, rows_at_once, zero_words
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel

STEPS = (20, 80, 320)  # quadrature steps; the next number where the gap of a document stays above ALLOWED_GAP
ALLOWED_GAP = 1e-3
LARGEST_GAP = 0.05  # of probability: above it the values say too little of what they should sum to


def integrated_gradients(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """The gradient of p_class along the straight line from a baseline to the embeddings, times their difference.

    The baseline has a zero vector for every word and keeps the special tokens. The values of a document sum to
    p_class(document) - p_class(baseline) up to the quadrature error, which is returned as the completeness gap (sum
    minus difference). 20 Gauss-Legendre steps are enough where the probability climbs slowly; documents with a larger
    gap than a thousandth, as a very sure model has them, get 80 and then 320. Where the gap is above .05 even then, the
    values have not converged: they are NaN, and every experiment counts the document as undefined.

    Reference: Sundararajan, Taly & Yan 2017, section 3.
    """
    integrated = captum_methods().IntegratedGradients(probability_at(model, batch, classes))
    embeddings = model.embeddings(batch)  # (B, T, D)
    baselines = zero_words(model, batch, embeddings)
    values = torch.zeros(embeddings.shape[:2], device=embeddings.device)  # (B, T)
    gap = torch.zeros(len(batch), device=embeddings.device)
    rows = torch.arange(len(batch), device=batch.ids.device)
    for steps in STEPS:
        found, missed = integrated.attribute(
            embeddings[rows],
            baselines=baselines[rows],
            additional_forward_args=(rows,),
            n_steps=steps,
            internal_batch_size=max(rows_at_once(batch), len(rows)),
            return_convergence_delta=True,
        )
        values[rows], gap[rows] = found.sum(-1).detach().to(values), missed.detach().to(gap)
        rows = rows[missed.abs() > ALLOWED_GAP]
        if len(rows) == 0:
            break
    over_words = model.sum_over_words(batch, values)
    lost = (gap.abs() > LARGEST_GAP)[:, None] & (model.sum_over_words(batch, torch.ones_like(values)) > 0)
    return Attribution(over_words.masked_fill(lost, torch.nan), gap)

"""The affine readout that touches a model's own readout at its own attention."""

from __future__ import annotations

import torch

from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading


def linearised_votes(reading: Reading, batch: ReadBatch) -> torch.Tensor:
    """(B, W, C) votes whose readout has the model's logits and their derivatives at the model's own attention.

    v_t = z + dz/dalpha_t - sum_u alpha_u dz/dalpha_u. For an affine model these are its votes.
    """
    weights = batch.weights.clone().requires_grad_()
    with torch.enable_grad():
        logits = reading.logits_under(batch, weights[:, None])[:, 0]  # (B, C)
    columns = [torch.autograd.grad(logits[:, k].sum(), weights, retain_graph=True)[0] for k in range(logits.shape[1])]
    slope = torch.stack(columns, -1)  # (B, W, C)
    centred = slope - (batch.weights[..., None] * slope).sum(1, keepdim=True)
    return (logits.detach()[:, None] + centred) * batch.is_word[..., None]

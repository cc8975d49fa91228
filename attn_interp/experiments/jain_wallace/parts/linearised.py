"""The affine readout that touches a model's own readout at its own attention."""

from __future__ import annotations

import torch

from attn_interp.experiments.reading import ReadBatch, Reading, logits_under
from attn_interp.models.attention_model import AttentionModel


def linearised_votes(model: AttentionModel, reading: Reading, read_batch: ReadBatch) -> torch.Tensor:
    """(B, W, C) votes whose readout has the model's logits and their derivatives at the model's own attention.

    v_t = z + dz/dalpha_t - sum_u alpha_u dz/dalpha_u. For an affine model these are its votes.
    """
    weights = read_batch.weights.clone().requires_grad_()
    with torch.enable_grad():
        logits = logits_under(model, reading, read_batch, weights[:, None])[:, 0]  # (B, C)
    columns = [torch.autograd.grad(logits[:, k].sum(), weights, retain_graph=True)[0] for k in range(logits.shape[1])]
    slope = torch.stack(columns, -1)  # (B, W, C)
    centred = slope - (read_batch.weights[..., None] * slope).sum(1, keepdim=True)
    return (logits.detach()[:, None] + centred) * read_batch.is_word[..., None]

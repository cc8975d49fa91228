"""The output when only some words keep their attention: the others are set to 0 and the rest renormalised."""

from __future__ import annotations

import torch

from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading


def logits_keeping(reading: Reading, batch: ReadBatch, kept: torch.Tensor) -> torch.Tensor:
    """The logits (B, K, C) with attention on the words of `kept` (B, K, W) alone; NaN where they have no weight."""
    weights = batch.weights[:, None]
    left = torch.where(kept, weights, 0.0)
    mass = left.sum(-1, keepdim=True)
    weighting = torch.where(mass > 0, left / mass, weights)
    if weighting.shape[1] == 0:
        return weighting.new_zeros(len(kept), 0, batch.logits.shape[-1])
    with torch.no_grad():
        logits = reading.logits_under(batch, weighting)
    return torch.where(mass > 0, logits, torch.nan)

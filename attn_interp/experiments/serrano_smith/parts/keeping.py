"""The output when only some words keep their attention: the others are set to 0 and the rest renormalised."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.recording.one_word import blocks


def logits_of_each(
    reading: Reading, batch: ReadBatch, count: int, kept: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """`logits_keeping` of `count` sets (B, count, W), made in blocks of bounded memory: `kept` gives those of some of
    the numbers 0 to count - 1."""
    parts = [logits_keeping(reading, batch, kept(which)) for which in blocks(count, batch.is_word.numel())]
    return torch.cat(parts, 1) if parts else batch.weights.new_zeros(len(batch.rows), 0, batch.logits.shape[-1])


def logits_keeping(reading: Reading, batch: ReadBatch, kept: torch.Tensor) -> torch.Tensor:
    """The logits (B, K, C) with attention on the words of `kept` (B, K, W) alone; NaN where they have no weight."""
    weights = batch.weights[:, None]
    left = torch.where(kept, weights, 0.0)
    mass = left.sum(-1, keepdim=True)
    weighting = torch.where(mass > 0, left / mass, weights)
    with torch.no_grad():
        logits = reading.logits_under(batch, weighting)
    return torch.where(mass > 0, logits, torch.nan)

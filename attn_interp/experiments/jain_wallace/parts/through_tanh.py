"""The adversary where the logits are affine in the tanh of what is affine in the attention: nearer bounds, and a climb
from what was found without that knowledge."""

from __future__ import annotations

import torch

from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.measures.divergence import jsd
from attn_interp.models.view import to_words
from attn_interp.readout.adversary.inside_tanh import tanh_adversary

LONGEST = 60  # words; twice as many linear programs are solved, each of which grows with them


def through_tanh(
    batch: ReadBatch, weights: torch.Tensor, upper: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attentions (B, W) that diverge no less than `weights` at an output within eps, and no higher bounds (B,) than
    `upper`; of documents of more than 60 words, and where nothing is left to find, as they are.

    The model's `inside_tanh` is not None.
    """
    assert batch.model.inside_tanh is not None
    made = batch.model.inside_tanh(batch.batch)
    inside, _ = to_words(made.inside.double().cpu(), batch.batch.is_word.cpu())  # (B, W, K)
    weights, upper, before = weights.clone(), upper.clone(), jsd(weights, batch.weights)
    for row, words in enumerate(batch.is_word.sum(-1).tolist()):
        if words > LONGEST or before[row] >= upper[row]:
            continue
        of = (slice(row, row + 1), slice(words))
        found = tanh_adversary(
            batch.weights[of], inside[of], made.head[row], made.bias[row], eps=eps, starts=weights[of][:, None]
        )
        upper[row] = torch.minimum(upper[row], found.jsd_upper[0])
        if found.jsd[0] > before[row]:
            weights[row, :words] = found.weights[0]
    return weights, upper

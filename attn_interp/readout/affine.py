"""Logits, decisions and rivals when the readout is affine: z = sum over words of attention times votes."""

from __future__ import annotations

import torch


def logits_of(weights: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
    """Logits (B, C) of attention (B, T) over votes (B, T, C), or of (B, H, T) over (B, H, T, C), summed over heads."""
    products = (weights[..., None] * votes).sum(-2)
    return products if weights.ndim == 2 else products.sum(1)


def head_votes(reference: torch.Tensor, reads: torch.Tensor) -> torch.Tensor:
    """Votes (B, H, T, C) of each head from H(T-1)+1 reads, so that logits are the sum over heads of weights times
    votes.

    With every head's attention on one reference word the logits are z0. Moving head h alone to word t gives its read.
    The votes z_ht - z0 + z0/H share the reference, bias included, equally among the heads; any constants that sum to
    0 could be added.

    Args:
        reference: (B, C) logits with all heads on the reference word.
        reads: (B, H, T, C) logits with head h on word t and the others on the reference word (at the reference word:
        z0).
    """
    heads = reads.shape[1]
    return reads - reference[:, None, None] * (1 - 1 / heads)


def advantages(votes: torch.Tensor, decision: torch.Tensor) -> torch.Tensor:
    """d = v_a - v_k: the votes of the decision a (B,) over each class, (B, [H,] T, C); 0 at a itself."""
    index = decision.reshape(-1, *[1] * (votes.ndim - 1)).expand(*votes.shape[:-1], 1)
    return votes.gather(-1, index) - votes


def decisions(weights: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
    """(B,) the class with the largest logit, the first of equals."""
    return logits_of(weights, votes).argmax(-1)

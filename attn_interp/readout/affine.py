"""Logits, decisions and rivals when the readout is affine: z = sum over words of attention times votes."""

from __future__ import annotations

import torch

from attn_interp.readout.entry import Array, as_tensor, entered_decision


def logits_of(weights: Array, votes: Array) -> torch.Tensor:
    """The logits of attention over votes: the sum over words, and over heads, of attention times votes.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).

    Returns:
        (B, C).

    >>> logits_of([[0.25, 0.75]], [[[4.0, 0.0], [0.0, 8.0]]]).tolist()
    [[1.0, 6.0]]
    """
    weights, votes = as_tensor(weights, "weights"), as_tensor(votes, "votes")
    products = (weights[..., None] * votes).sum(-2)
    return products if weights.ndim == 2 else products.sum(1)


def head_votes(reference: Array, reads: Array) -> torch.Tensor:
    """The votes of each head, from H(T - 1) + 1 reads of the model: the logits are the sum over heads of weights times
    votes.

    With every head's attention on one reference word the logits are z0. Moving head h alone to word t gives its read.
    The votes z_ht - z0 + z0/H share the reference, bias included, equally among the heads; any constants that sum to
    0 could be added.

    Args:
        reference: (B, C) logits with all heads on the reference word.
        reads: (B, H, T, C) logits with head h on word t and the others on the reference word (at the reference word:
            z0).

    Returns:
        (B, H, T, C).

    >>> head_votes([[1.0, 0.0]], [[[[1.0, 0.0], [3.0, 0.0]], [[1.0, 0.0], [1.0, 5.0]]]]).tolist()
    [[[[0.5, 0.0], [2.5, 0.0]], [[0.5, 0.0], [0.5, 5.0]]]]
    """
    reference, reads = as_tensor(reference, "reference"), as_tensor(reads, "reads")
    heads = reads.shape[1]
    return reads - reference[:, None, None] * (1 - 1 / heads)


def advantages(votes: Array, decision: Array) -> torch.Tensor:
    """How far each word votes for the decision a over each class k: d = v_a - v_k, 0 at a itself.

    Args:
        votes: (B, T, C) or (B, H, T, C); any values with the classes on the last axis.
        decision: (B,) class indices.

    Returns:
        The shape of votes.

    Raises:
        TypeError, ValueError: a decision that is no class.

    >>> advantages([[[4.0, 0.0, 1.0], [0.0, 8.0, 1.0]]], [1]).tolist()
    [[[-4.0, 0.0, -1.0], [8.0, 0.0, 7.0]]]
    """
    votes = as_tensor(votes, "votes")
    decision = entered_decision(decision, votes)
    index = decision.reshape(-1, *[1] * (votes.ndim - 1)).expand(*votes.shape[:-1], 1)
    return votes.gather(-1, index) - votes


def decisions(weights: Array, votes: Array) -> torch.Tensor:
    """(B,) the class with the largest logit, the first of equals; weights and votes as in `logits_of`.

    >>> decisions([[0.25, 0.75]], [[[4.0, 0.0], [0.0, 8.0]]]).tolist()
    [1]
    """
    return logits_of(weights, votes).argmax(-1)

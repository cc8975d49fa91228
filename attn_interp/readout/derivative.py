"""How the logits answer to the attention: the derivative by its scores, and what is pooling and what is selection."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.entry import Array, entered, over_positions


def score_derivative(weights: Array, votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """d logit / d score of each word, the score being the value before softmax: alpha_t (v_t - alpha.v).

    Sums to 0 over the words. It is first order in what the erasure of t does: erasing and renormalising moves the
    logit by -1/(1 - alpha_t) times this. Autograd through the weights instead gives v_t less the bias, which is
    another quantity.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        The shape of votes, float64, logit per unit of score; 0 where there is no word.

    Raises:
        ValueError, TypeError: as `entered`.

    >>> score_derivative([[0.75, 0.25]], [[[4.0, 0.0], [0.0, 8.0]]]).tolist()
    [[[0.75, -1.5], [-0.75, 1.5]]]
    """
    weights, votes, _ = entered(weights, votes, is_word)
    mean_vote = (weights[..., None] * votes).sum(-2, keepdim=True)
    return weights[..., None] * (votes - mean_vote)


class Parts(NamedTuple):
    """Parts (B, C) of the logits, which add up to them."""

    pooling: torch.Tensor
    selection: torch.Tensor


def pooling_and_selection(weights: Array, votes: Array, is_word: Array | None = None) -> Parts:
    """Splits each logit into the mean of the votes and T times the covariance of attention and votes.

    The first is what uniform attention gives, the second what the choice of words adds; 0 for uniform attention or
    equal votes.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        pooling and selection, each (B, C), which add up to the logits.

    Raises:
        ValueError, TypeError: as `entered`.

    >>> pooling_and_selection([[0.75, 0.25]], [[[4.0, 0.0], [0.0, 8.0]]])
    Parts(pooling=tensor([[2., 4.]], dtype=torch.float64), selection=tensor([[ 1., -2.]], dtype=torch.float64))
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    words = over_positions(is_word, weights)  # (B, [1,] T)
    uniform = words / words.sum(-1, keepdim=True)
    pooling = (uniform[..., None] * votes).sum(-2)
    selection = ((weights - uniform)[..., None] * votes).sum(-2)
    return Parts(pooling, selection) if weights.ndim == 2 else Parts(pooling.sum(1), selection.sum(1))

"""What a random permutation of the attention weights does to a logit: exact moments and exact range."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.entry import Array, entered


class PermutedLogit(NamedTuple):
    """Per document (B, C), float64, in logits: mean, standard deviation, least and largest over permutations."""

    mean: torch.Tensor
    sd: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor


def permuted_logits(weights: Array, votes: Array, is_word: Array | None = None) -> PermutedLogit:
    """Each logit under a uniformly random permutation of the attention over the words, without sampling.

    The mean is that of the votes; the variance ||alpha - 1/T||^2 ||v - mean v||^2 / (T - 1), 0 for one word; the
    range follows from sorting both. To ask about a logit difference, give votes of differences (`advantages`): a
    difference is a logit like any other. These are moments of the logit; the median of |p - p'| has no such form and
    is sampled. Heads are permuted independently of one another, so that means, variances and ranges add up.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        mean, sd, least and most, each (B, C), in logits.

    Raises:
        ValueError, TypeError: as `entered`.

    >>> found = permuted_logits([[0.75, 0.25]], [[[4.0, 0.0], [0.0, 8.0]]])  # two orders: (3, 2) and (1, 6)
    >>> found.mean.tolist(), found.sd.tolist(), found.least.tolist(), found.most.tolist()
    ([[2.0, 4.0]], [[1.0, 2.0]], [[1.0, 2.0]], [[3.0, 6.0]])
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    if weights.ndim == 2:
        weights, votes = weights[:, None], votes[:, None]
    is_word = is_word[:, None]  # (B, 1, T)
    words = is_word.sum(-1, keepdim=True)  # (B, 1, 1)
    mean = votes.sum(-2) / words  # (B, H, C)
    unevenness = torch.where(is_word, weights - 1 / words, 0.0).square().sum(-1, keepdim=True)  # (B, H, 1)
    scatter = torch.where(is_word[..., None], votes - mean[:, :, None], 0.0).square().sum(-2)  # (B, H, C)
    variance = unevenness * scatter / (words - 1).clamp_min(1)
    weights = weights.sort(-1, descending=True).values[..., None]  # zeros of the padding come last
    falling = votes.masked_fill(~is_word[..., None], -torch.inf).sort(-2, descending=True).values
    rising = votes.masked_fill(~is_word[..., None], torch.inf).sort(-2).values
    in_words = (torch.arange(is_word.shape[-1], device=words.device) < words)[..., None]  # (B, 1, T, 1)
    most, least = (torch.where(in_words, weights * order, 0.0).sum(-2) for order in (falling, rising))
    return PermutedLogit(mean.sum(1), variance.sum(1).sqrt(), least.sum(1), most.sum(1))

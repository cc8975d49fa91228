"""Several heads whose logits add up: what erasing a word from one head does, and how few erasures change the decision.

A word may be erased from every head at once, or a single weight, the attention of one head to one word. Each head is
renormalised on its own, so the lead of the decision is a sum of weighted means, one per head, and no order of the words
is best for all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.affine import advantages, decisions
from attn_interp.readout.entry import Array, entered_heads
from attn_interp.readout.erasure.erased_words import sum_of_others

CELLS = 4_000_000  # numbers held at a time: 32 MB
ROUNDS = 8  # of ordering the words anew by the best set so far


def erased_in_one_head(weights: Array, votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """The logits after a word is erased from one head, that head renormalised and the others left as they are. Exact.

    For the word erased from every head see `erased_logits`.

    Args:
        weights: (B, H, T).
        votes: (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        (B, H, T, C) logits with word t erased from head h; NaN where there is no word and where nothing is left of the
        head.

    Raises:
        ValueError, TypeError: as `entered`, and for weights without heads.

    >>> votes = [[[[4.0, 0.0], [0.0, 8.0]], [[1.0, 0.0], [1.0, 0.0]]]]
    >>> erased_in_one_head([[[0.75, 0.25], [0.5, 0.5]]], votes)[0, 0].tolist()
    [[1.0, 8.0], [5.0, 0.0]]
    """
    weights, votes, is_word = entered_heads(weights, votes, is_word)
    left = sum_of_others(weights[..., None])
    erased = sum_of_others(weights[..., None] * votes) / left
    own = (weights[..., None] * votes).sum(-2)  # (B, H, C)
    erased = erased + sum_of_others(own)[:, :, None]
    return torch.where((left > 0) & is_word[:, None, :, None], erased, torch.nan)


class FewestWeights(NamedTuple):
    """Per document: size (B,) float64, infinite where no erasure changes the decision; rival (B,) that then beats it,
    -1 where none does."""

    size: torch.Tensor
    rival: torch.Tensor


def fewest_weights(weights: Array, votes: Array, is_word: Array | None = None) -> FewestWeights:
    """The fewest weights, of any heads, to erase so that some rival's logit exceeds the decision's. Exact.

    The least lead of a head after n erasures is the least weighted mean over the words that are kept, found by
    Dinkelbach's iteration; the heads share the erasures out among themselves as is best. Each head keeps one weight.
    For one head it is the size of `smallest_erasure`.

    Args:
        weights: (B, H, T).
        votes: (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        size (B,), infinite where no erasure changes the decision; rival (B,) that then beats it.

    Raises:
        ValueError, TypeError: as `entered`, and for weights without heads.

    >>> votes = [[[[4.0, 0.0], [0.0, 8.0]], [[1.0, 0.0], [1.0, 0.0]]]]
    >>> fewest_weights([[[0.75, 0.25], [0.5, 0.5]]], votes).size.tolist()
    [1.0]

    Reference: Dinkelbach 1967, On nonlinear fractional programming.
    """
    weights, votes, is_word = entered_heads(weights, votes, is_word)
    lead = _least_leads(weights, advantages(votes, decisions(weights, votes)).transpose(2, 3))  # (B, H, C, T)
    best = lead[:, 0]  # (B, C, N) of the heads so far, after n erasures
    for head in range(1, lead.shape[1]):
        more = lead.shape[-1] - 1
        shared = best.new_full((*best.shape[:-1], best.shape[-1] + more), torch.inf)
        for n in range(more + 1):
            here = shared[..., n : n + best.shape[-1]]
            here.copy_(torch.minimum(here, best + lead[:, head, :, n : n + 1]))
        best = shared
    size, rival = _first_below_zero(best).min(-1)
    return FewestWeights(size, torch.where(size.isfinite(), rival, -1))


class ErasureBounds(NamedTuple):
    """The fewest words (B,) to erase lie between least (proved) and most (attained); float64, infinite where no set
    does (least: proved; most: found). erased (B, T) bool is the set that attains most, empty where none was found."""

    least: torch.Tensor
    most: torch.Tensor
    erased: torch.Tensor


def smallest_erasure_in_heads(weights: Array, votes: Array, is_word: Array | None = None) -> ErasureBounds:
    """The fewest words to erase from every head so that some rival's logit exceeds the decision's. Certified.

    No n words do it while the least leads of the heads after n erasures each, chosen apart, add up to 0 or more. A set
    that does it is searched for by ordering the words by their part of the lead, sum over heads of
    alpha_t (d_t - m) / k, where m (shifted to add up to 0) and k are mean and kept weight of each head under the best
    set so far. For one head this order is that of `smallest_erasure` and the interval closes. Some weight is left in
    every head; words without attention are never erased.

    Args:
        weights: (B, H, T).
        votes: (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        least (B,), proved, and most (B,), attained by the set erased (B, T); infinite where there is none.

    Raises:
        ValueError, TypeError: as `entered`, and for weights without heads.

    >>> votes = [[[[4.0, 0.0], [0.0, 8.0]], [[1.0, 0.0], [1.0, 0.0]]]]
    >>> found = smallest_erasure_in_heads([[[0.75, 0.25], [0.5, 0.5]]], votes)
    >>> found.least.tolist(), found.most.tolist(), found.erased.tolist()
    ([1.0], [1.0], [[True, False]])
    """
    weights, votes, is_word = entered_heads(weights, votes, is_word)
    d = advantages(votes, decisions(weights, votes)).transpose(2, 3)  # (B, H, C, T)
    least = _first_below_zero(_least_leads(weights, d).sum(1)).amin(-1)
    most, erased = _searched(weights, d)
    most, rival = most.min(-1)
    erased = erased.gather(1, rival[:, None, None].expand(-1, 1, erased.shape[-1]))[:, 0]
    return ErasureBounds(least.minimum(most), most, erased & most.isfinite()[:, None])


def _first_below_zero(lead: torch.Tensor) -> torch.Tensor:
    """lead (..., N) after n = 0, 1, ... erasures -> the first n >= 1 where it is below 0, infinite where there is
    none."""
    below = lead[..., 1:] < 0
    if not below.shape[-1]:
        return torch.full(lead.shape[:-1], torch.inf, dtype=torch.float64, device=lead.device)
    return torch.where(below.any(-1), below.to(torch.uint8).argmax(-1) + 1.0, torch.inf).double()


def _least_leads(weights: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """weights (B, H, T), d (B, H, C, T) -> (B, H, C, T): least weighted mean of d in each head after 0 to T - 1 of its
    weights are erased; where fewer can be, that of as many as can."""
    rows = max(1, CELLS // max(1, d[0].numel() * d.shape[-1]))
    return torch.cat([_least_means(w, each) for w, each in zip(weights.split(rows), d.split(rows))])


def _least_means(weights: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    attended = (weights > 0).sum(-1)  # (B, H)
    words = weights.shape[-1]
    kept = (attended[..., None] - torch.arange(words, device=d.device)).clamp_min(1)  # (B, H, N)
    last = (kept - 1)[:, :, None, :, None].expand(*d.shape, 1)  # (B, H, C, N, 1)
    alpha = weights[:, :, None, None].expand(*d.shape, words)  # (B, H, C, N, T)
    value = d[..., None, :].expand(*d.shape, words)
    mean = (weights[:, :, None] * d).sum(-1)[..., None].expand(d.shape)  # of everything kept
    while True:  # falls from one set's mean to another's, so it ends
        gain = (alpha * (value - mean[..., None])).masked_fill(alpha == 0, torch.inf)
        order = gain.argsort(-1)
        total, weight = ((x.gather(-1, order)).cumsum(-1).gather(-1, last)[..., 0] for x in (alpha * value, alpha))
        lower = total / weight
        if not bool((lower < mean).any()):
            return mean
        mean = torch.minimum(lower, mean)


def _searched(weights: torch.Tensor, d: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The smallest set found for each rival: its size (B, C), infinite without one, and the set (B, C, T)."""
    alpha = weights[:, :, None]  # (B, H, 1, T)
    mean, kept = (alpha * d).sum(-1), alpha.sum(-1)  # (B, H, C), (B, H, 1)
    possible = (weights > 0).any(1)[:, None]  # (B, 1, T)
    size = torch.full(mean[:, 0].shape, torch.inf, dtype=torch.float64, device=d.device)
    erased = torch.zeros_like(d[:, 0], dtype=torch.bool)
    for _ in range(ROUNDS):
        level = mean - mean.mean(1, keepdim=True)
        part = (alpha * (d - level[..., None]) / kept[..., None]).sum(1)  # (B, C, T)
        order = part.masked_fill(~possible, -torch.inf).argsort(dim=-1, descending=True, stable=True)
        placed = order[:, None].expand_as(d)
        left, total = (
            x.expand_as(d).gather(-1, placed).flip(-1).cumsum(-1).flip(-1)[..., 1:]  # added up from the small end
            for x in (alpha, alpha * d)
        )  # (B, H, C, T - 1) after 1, 2, ... erasures
        lead = torch.where((left > 0).all(1), (total / left).sum(1), torch.inf)  # (B, C, T - 1)
        if not lead.shape[-1]:
            break
        below = lead < 0
        first = torch.where(below.any(-1), below.to(torch.uint8).argmax(-1), lead.argmin(-1))  # else the nearest to it
        found = torch.where(below.any(-1), first + 1.0, torch.inf).double()
        better = found < size
        size = torch.where(better, found, size)
        erased = torch.where(better[..., None], order.argsort(-1) <= first[..., None], erased)
        here = first[:, None, :, None].expand(*mean.shape, 1)
        now, weight = total.gather(-1, here)[..., 0], left.gather(-1, here)[..., 0]
        mean, kept = torch.where(weight > 0, now / weight, mean), torch.where(weight > 0, weight, kept)
    return size, erased

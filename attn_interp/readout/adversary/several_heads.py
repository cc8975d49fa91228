"""The most different attention of several heads at the same output, for two classes: an interval that contains it.

The distance is the mean over heads of the Jensen-Shannon divergence, convex in the attention of all heads together, so
the maximum is at a vertex: all heads but one attend to one word each, and that one to at most two. For two heads all
are tried. For more they are too many, T to the power of H + 1: they are climbed head by head, and a Lagrangian dual
bounds them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.measures.divergence import LN2, jsd
from attn_interp.readout.adversary.slab import Slab, slab, two_class_tvd
from attn_interp.readout.adversary.two_classes import all_pairs
from attn_interp.readout.entry import Array, entered

ROUNDING = 1e-12  # of a probability
STARTS = 64  # words of each head from which is climbed; the time grows with them and the square of the words
SWEEPS = 3  # over the heads; a sweep that changes nothing ends the climb
HALVINGS = 100  # of the interval of the multiplier


class HeadAdversary(NamedTuple):
    """Per document: the mean over heads of the divergence that was attained and its proved upper bound, both (B,) in
    nats, [0, ln 2]; the attention (B, H, T) that attains it; how far that moves the output, (B,)."""

    jsd: torch.Tensor
    jsd_upper: torch.Tensor
    weights: torch.Tensor
    tvd: torch.Tensor


def head_adversary(weights: Array, votes: Array, is_word: Array | None = None, eps: float = 0.01) -> HeadAdversary:
    """Largest mean over heads of JSD(q, alpha) over all attentions q of all heads whose output is within eps of the
    model's in total variation. Certified: the largest lies in [jsd, jsd_upper].

    Each head in turn is given its exact optimum while the others hold. The climb starts from the model's own attention,
    and from every word (the 64 best by the dual) in one head with the dual's words in the others. For two heads these
    are all vertices, so up to 64 words the interval is closed: exact. One word gives 0.

    Args:
        weights: (B, H, T).
        votes: (B, H, T, 2).
        is_word: (B, T) bool; None: every position is a word.
        eps: Largest total variation distance allowed, in (0, 1).

    Returns:
        jsd and jsd_upper (B,) in nats; weights (B, H, T) that attain jsd; tvd (B,) of their output.

    Raises:
        ValueError, TypeError: as `entered`, for weights without heads, other than two classes, or eps outside (0, 1).

    >>> votes = [[[[1.5, 0.0], [1.5, 0.0]], [[1.5, 0.0], [1.5, 0.0]]]]
    >>> found = head_adversary([[[0.9, 0.1], [0.9, 0.1]]], votes)
    >>> found.weights.tolist(), bool(found.jsd == found.jsd_upper)
    ([[[0.0, 1.0], [0.0, 1.0]]], True)
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    if weights.ndim != 3 or votes.shape[-1] != 2:
        raise ValueError(
            "this adversary is for several heads and two classes, votes (B, H, T, 2), got "
            f"{tuple(votes.shape)}; there is none for several heads and more classes"
        )
    if not 0.0 < eps < 1.0:
        raise ValueError(f"eps must lie in (0, 1), got {eps}")
    s = votes[..., 1] - votes[..., 0]  # (B, H, T)
    value = (weights * s).sum((-1, -2))
    bounds = slab(value, eps)
    upper, scores = _dual(weights, s, is_word, bounds, value)
    words = scores.topk(min(STARTS, s.shape[-1]), -1).indices  # (B, H, S), those that are no words last
    starts = torch.arange(words.shape[-1]) < is_word.sum(-1, keepdim=True)  # (B, S)
    words = torch.where(starts[:, None], words, words[..., :1])
    eye = torch.eye(s.shape[-1], dtype=torch.float64, device=s.device)
    best, best_jsd = weights, torch.zeros_like(value)

    def keep_better(q: torch.Tensor) -> None:
        nonlocal best, best_jsd
        held = two_class_tvd(value, (q * s).sum((-1, -2))) <= eps + ROUNDING
        found = torch.where(held, jsd(q, weights).mean(-1), 0.0)
        better = found > best_jsd
        best_jsd, best = torch.where(better, found, best_jsd), torch.where(better[:, None, None], q, best)

    heads = s.shape[1]
    keep_better(_climbed(weights, s, is_word, bounds, weights, list(range(heads))))
    for head in range(heads):
        for rank in range(words.shape[-1]):
            q = eye[words[..., 0]].clone()
            q[:, head] = eye[words[:, head, rank]]
            order = [(head + step) % heads for step in range(1, heads + 1)]  # the head that starts here moves last
            keep_better(_climbed(weights, s, is_word, bounds, q, order))
    every = is_word.sum(-1) <= STARTS if heads <= 2 else torch.zeros_like(value, dtype=torch.bool)
    upper = torch.where(every, best_jsd, upper.maximum(best_jsd))
    moved = two_class_tvd(value, (best * s).sum((-1, -2)))
    return HeadAdversary(best_jsd, upper, best, moved)


def _climbed(
    weights: torch.Tensor, s: torch.Tensor, is_word: torch.Tensor, bounds: Slab, q: torch.Tensor, order: list[int]
) -> torch.Tensor:
    """q (B, H, T) with each head in turn at its exact optimum given the others, until none is better."""
    for _ in range(SWEEPS):
        before = q
        for head in order:
            alpha, own = weights[:, head], s[:, head]
            others = (q * s).sum(-1).index_fill(1, torch.tensor([head]), 0.0).sum(-1)
            room = Slab(bounds.lower - others, bounds.upper - others)
            now = (q[:, head] * own).sum(-1)
            inside = (now >= room.lower) & (now <= room.upper)
            pair = all_pairs(alpha, own, is_word, room)
            new = torch.zeros_like(alpha).scatter_(-1, pair.first[:, None], pair.weight[:, None])
            new.scatter_add_(-1, pair.second[:, None], 1 - pair.weight[:, None])
            better = pair.overlap.isfinite() & (~inside | (LN2 - pair.overlap / 2 > jsd(q[:, head], alpha)))
            q = q.clone()
            q[:, head] = torch.where(better[:, None], new, q[:, head])
        if torch.equal(q, before):
            break
    return q


def _dual(
    weights: torch.Tensor, s: torch.Tensor, is_word: torch.Tensor, bounds: Slab, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The bound (B,), and what each word (B, H, T) is worth in it: each head attends to its best one.

    For every mu the mean divergence is at most 1/H [sum over heads of max_t (J_t - mu s_t) + max over the slab of
    mu c], J_t the divergence with all attention on word t: convex in mu, and least within [-H ln 2 / (value - l),
    H ln 2 / (u - value)], beyond which it exceeds its value at 0.
    """
    eye = torch.eye(s.shape[-1], dtype=torch.float64, device=s.device)
    alone = jsd(eye, weights[:, :, None]).masked_fill(~is_word[:, None], -torch.inf)  # (B, H, T)
    heads = s.shape[1]

    def bound(mu: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        worth = alone - mu[:, None, None] * s
        edge = torch.where(mu > 0, bounds.upper, bounds.lower)
        return (worth.amax(-1).sum(-1) + torch.where(mu == 0, 0.0, mu * edge)) / heads, worth

    low = -heads * LN2 / (value - bounds.lower).clamp_min(1e-12)
    high = heads * LN2 / (bounds.upper - value).clamp_min(1e-12)
    for _ in range(HALVINGS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        rising = bound(first)[0] < bound(second)[0]
        low, high = torch.where(rising, low, first), torch.where(rising, second, high)
    best, worth = bound((low + high) / 2)
    at_zero = bound(torch.zeros_like(low))[0]
    return torch.minimum(best, at_zero).clamp(0.0, LN2), worth

"""The most different attention with the same output, for two classes: exact.

Feasible are the attentions q with l <= s.q <= u, s the logit difference of each word. JSD to the given attention is
convex in q, so its maximum sits at a vertex of this slab of the simplex, and a vertex has at most two words: one word
inside the slab, or two words on opposite sides that balance on one of its faces. All of them are tried, or bounded
where a document is long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from attn_interp.measures.divergence import LN2
from attn_interp.readout.adversary.pruned_pairs import Vertex, best_vertex
from attn_interp.readout.adversary.slab import Slab, slab, two_class_scores, two_class_tvd
from attn_interp.readout.entry import Array, entered

PAIRS_UP_TO = 100  # words; above it bounding groups of pairs is the quicker of two exact ways
CELLS = 1_000_000  # pairs held at a time: a handful of 8 MB tensors


class Adversary(NamedTuple):
    """Per document: the largest divergence, the attention that attains it, and how far that moves the output.

    jsd (B,) in nats, [0, ln 2]; weights (B, T); tvd (B,), at most eps up to rounding.
    """

    jsd: torch.Tensor
    weights: torch.Tensor
    tvd: torch.Tensor


class Curve(NamedTuple):
    """Largest divergence (B, E) and the output's movement (B, E) at each of E tolerances."""

    jsd: torch.Tensor
    tvd: torch.Tensor


class Best(NamedTuple):
    """Per document: overlap sum_t D(alpha_t, q_t), the less the more different; two words, weight of the first."""

    overlap: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    weight: torch.Tensor


def exact_adversary(weights: Array, votes: Array, is_word: Array | None = None, eps: float = 0.01) -> Adversary:
    """Largest JSD(q, alpha) over all attentions q whose output is within eps of the model's in total variation.

    Exact: no search exceeds it at this eps. One word, or votes that leave no choice, give jsd 0.

    Args:
        weights: (B, T) attention of the model.
        votes: (B, T, 2).
        is_word: (B, T) bool; None: every position is a word.
        eps: Largest total variation distance allowed, in [0, 1).

    Returns:
        jsd (B,) in nats, in [0, ln 2]; weights (B, T) that attain it; tvd (B,) of their output.

    Raises:
        ValueError, TypeError: as `entered`, for several heads, other than two classes, or eps outside [0, 1).

    >>> found = exact_adversary([[0.9, 0.1]], [[[3.0, 0.0], [3.0, 0.0]]])
    >>> found.weights.tolist(), round(float(found.jsd), 3)
    ([[0.0, 1.0]], 0.526)

    Reference: Jain & Wallace 2019, section 4.2.2, who search for it.
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    scores = two_class_scores(weights, votes)
    found = weights.clone()  # q = alpha is always feasible
    overlap = torch.full((len(weights),), 2 * LN2, dtype=torch.float64, device=weights.device)
    for rows, width in _by_length(is_word):
        order = torch.argsort(~is_word[rows], dim=-1, stable=True)[:, :width]  # positions of the words
        inside = is_word[rows].gather(-1, order)
        alpha, s = weights[rows].gather(-1, order), scores[rows].gather(-1, order)
        value = _between(alpha, s, inside)
        find = all_pairs if width <= PAIRS_UP_TO else pruned_pairs
        best = find(alpha, s, inside, slab(value, eps))
        better = best.overlap < overlap[rows]
        overlap[rows] = torch.where(better, best.overlap, overlap[rows])
        q = torch.zeros_like(alpha).scatter_(-1, best.first[:, None], best.weight[:, None])
        q.scatter_add_(-1, best.second[:, None], 1 - best.weight[:, None])
        q = torch.zeros_like(weights[rows]).scatter_(-1, order, q)
        found[rows] = torch.where(better[:, None], q, found[rows])
    jsd = (LN2 - overlap / 2).clamp(0.0, LN2)
    moved = two_class_tvd((weights * scores).sum(-1), (found * scores).sum(-1))
    return Adversary(jsd, found, moved)


def exact_adversary_curve(weights: Array, votes: Array, is_word: Array | None, eps: Sequence[float]) -> Curve:
    """`exact_adversary` at each of several tolerances: how much divergence a looser output buys.

    Never falls as eps grows. Arguments and errors as there.

    Returns:
        jsd (B, E) in nats and tvd (B, E), a column for each of the E tolerances.

    >>> curve = exact_adversary_curve([[0.9, 0.1]], [[[3.0, 0.0], [2.0, 0.0]]], None, eps=[0.0, 0.1])
    >>> [round(x, 3) for x in curve.jsd[0].tolist()]
    [0.0, 0.526]
    """
    found = [exact_adversary(weights, votes, is_word, each) for each in eps]
    return Curve(torch.stack([each.jsd for each in found], -1), torch.stack([each.tvd for each in found], -1))


def all_pairs(alpha: torch.Tensor, s: torch.Tensor, inside: torch.Tensor, bounds: Slab) -> Best:
    """The best vertex of each document (B, T) by trying every one."""
    rows = torch.arange(len(s), device=s.device)
    lower, upper = bounds.lower[:, None], bounds.upper[:, None]
    alone = inside & (s >= lower) & (s <= upper)
    overlap = torch.where(alone, shared(alpha, torch.ones_like(alpha)), torch.inf)
    least, word = overlap.min(-1)
    best = Best(least, word, word, torch.ones_like(least))
    for face in (lower, upper):
        below, above = inside & (s < face), inside & (s > face)
        gap_below = torch.where(below, face - s, 1.0)[:, :, None]  # (B, T, 1)
        gap_above = torch.where(above, s - face, 1.0)[:, None, :]  # (B, 1, T)
        weight = gap_above / (gap_above + gap_below)  # of the word below
        overlap = shared(alpha[:, :, None], weight) + shared(alpha[:, None, :], 1 - weight)
        overlap = torch.where(below[:, :, None] & above[:, None, :], overlap, torch.inf).flatten(1)
        least, pair = overlap.min(-1)
        pair_best = Best(least, pair // s.shape[1], pair % s.shape[1], weight.flatten(1)[rows, pair])
        better = pair_best.overlap < best.overlap
        best = Best(*(torch.where(better, new, old) for new, old in zip(pair_best, best)))
    return best


def pruned_pairs(alpha: torch.Tensor, s: torch.Tensor, inside: torch.Tensor, bounds: Slab) -> Best:
    """The same as `all_pairs`, document by document, for long documents: memory does not grow with their pairs."""
    vertices = []
    for row in range(len(s)):
        words = inside[row].nonzero()[:, 0]
        vertex = best_vertex(
            alpha[row, words].cpu().numpy(),
            s[row, words].cpu().numpy(),
            float(bounds.lower[row]),
            float(bounds.upper[row]),
        )
        # words stand first in each row, so their numbers are their positions
        vertices.append(vertex or Vertex(math.inf, 0, 0, 1.0))
    overlap, first, second, weight = zip(*vertices)
    return Best(
        torch.tensor(overlap, dtype=torch.float64, device=s.device),
        torch.tensor(first, device=s.device),
        torch.tensor(second, device=s.device),
        torch.tensor(weight, dtype=torch.float64, device=s.device),
    )


def shared(a: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """D(a, q) = a ln(1 + q/a) + q ln(1 + a/q), 0 where a or q is 0; written with -x ln x, so no quotient overflows."""
    entr = torch.special.entr
    return entr(a) + entr(q) - entr(a + q)


def _between(alpha: torch.Tensor, s: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """s.alpha (B,), kept between the least and the largest s of the words, where rounding may not leave it."""
    least = s.masked_fill(~inside, torch.inf).amin(-1)
    most = s.masked_fill(~inside, -torch.inf).amax(-1)
    return (alpha * s).sum(-1).clamp(least, most)


def _by_length(is_word: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
    """Rows of similar length together, so many at a time that their pairs fit; with the longest length among them."""
    words = is_word.sum(-1)
    order = words.argsort(descending=True)
    start = 0
    while start < len(order):
        width = int(words[order[start]])
        rows = order[start : start + max(1, CELLS // width**2)]
        if width > PAIRS_UP_TO:  # which way a document goes depends on its own length, not on its neighbours
            rows = rows[words[rows] > PAIRS_UP_TO]
        yield rows, width
        start += len(rows)

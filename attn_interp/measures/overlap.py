"""Agreement of the most important words: top-k overlap and rank-biased overlap.

Ties are broken at random, independently on the two sides, and the expected value over these breaks is returned in
closed form: a constant vector then agrees with anything as much as chance does, and no order of positions leaks into
the measure. Importance is the larger the better; give absolute values where the sign does not matter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attn_interp.measures.rows import Floats, Truths, dense_ranks, no_order, paired_rows

Integers = np.ndarray[Any, np.dtype[np.int64]]
Places = tuple[Integers, Integers]


def top_k_overlap(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor, k: int) -> torch.Tensor:
    """Share of the k largest words of x that are among the k largest of y.

    In [0, 1], symmetric, 1 for equal orders without ties. A document of T < k words is compared at k = T, where it is
    1. Two independent orders give k / T on average.

    Args:
        x, y: (B, T) importance.
        is_word: (B, T) bool; positions outside are ignored.
        k: How many words count as the top, at least 1.

    Returns:
        (B,) float64, the expected share over random breaks of ties. NaN without words or with a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`, and for k < 1.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> float(top_k_overlap(torch.tensor([[4, 3, 2, 1]]), torch.tensor([[4, 1, 2, 3]]), is_word, k=2))
    0.5
    """
    if k < 1:
        raise ValueError(f"top_k_overlap: k must be at least 1, got {k}")
    left, right, mask = paired_rows("top_k_overlap", x, y, is_word)
    depth = np.minimum(k, mask.sum(-1, keepdims=True))
    shared = _common(_above_and_tied(left, mask), _above_and_tied(right, mask), mask, depth)
    with np.errstate(invalid="ignore"):
        share = shared / depth[:, 0]
    return torch.from_numpy(np.where(no_order(left, right, mask), np.nan, share))


def rank_biased_overlap(
    x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor, persistence: float = 0.9
) -> torch.Tensor:
    """Rank-biased overlap, extrapolated: the overlap at every depth, averaged by the chance that a reader gets that
    far.

    RBO = A_T p^T + (1 - p)/p sum over depths d = 1..T of A_d p^d, where A_d is the share of common words in the two
    tops of size d and p the persistence. Since both orders hold the same T words, A_T = 1 and the extrapolated value
    is exact. In (0, 1], 1 for equal orders without ties; reversed orders of a short document stay well above 0. Ties
    as said at the head of this module (RBO^a of Corsi & Urbano).

    Args:
        x, y: (B, T) importance.
        is_word: (B, T) bool; positions outside are ignored.
        persistence: p in (0, 1); .9 puts 86 % of the weight on the first ten words.

    Returns:
        (B,) float64. NaN without words or with a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`, and for a persistence outside (0, 1).

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> x = torch.tensor([[4, 3, 2, 1]])
    >>> round(float(rank_biased_overlap(x, x.flip(1), is_word)), 3)
    0.783

    Reference: Webber, Moffat & Zobel 2010, A similarity measure for indefinite rankings, section 4; ties: Corsi &
    Urbano 2024, The treatment of ties in rank-biased overlap.
    """
    if not 0.0 < persistence < 1.0:
        raise ValueError(f"rank_biased_overlap: persistence must lie in (0, 1), got {persistence}")
    left, right, mask = paired_rows("rank_biased_overlap", x, y, is_word)
    words = mask.sum(-1)
    total = persistence ** words.astype(np.float64)
    # what lies below this depth weighs less than 1e-17 altogether
    places = _above_and_tied(left, mask), _above_and_tied(right, mask)
    deepest = min(int(words.max(initial=0)), math.ceil(-40.0 / math.log(persistence)))
    for depth in range(1, deepest + 1):
        at_depth = np.minimum(depth, words)[:, None]
        shared = _common(*places, mask, at_depth)
        weight = (1 - persistence) * persistence ** (depth - 1)
        total += np.where(depth <= words, weight * shared / depth, 0.0)
    return torch.from_numpy(np.where(no_order(left, right, mask), np.nan, total))


def _common(x_places: Places, y_places: Places, is_word: Truths, depth: Integers) -> Floats:
    """(B,) expected number of words in both tops of size `depth` (B, 1)."""
    chances = (np.clip((depth - above) / tied, 0.0, 1.0) for above, tied in (x_places, y_places))
    return np.where(is_word, next(chances) * next(chances), 0.0).sum(-1)


def _above_and_tied(rows: Floats, is_word: Truths) -> Places:
    """(B, T) how many words are larger, and how many are equal (the word itself among them)."""
    ranks = dense_ranks(-np.nan_to_num(rows, nan=0.0), is_word)
    batch, positions = ranks.shape
    cells = (np.arange(batch)[:, None] * positions + ranks).ravel()
    tied = np.bincount(cells, minlength=batch * positions).reshape(batch, positions)
    above = tied.cumsum(-1) - tied
    return np.take_along_axis(above, ranks, -1), np.take_along_axis(tied, ranks, -1)

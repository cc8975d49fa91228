"""Kendall's tau-b with its p-value, for all documents at once.

The count of discordant pairs costs O(T log T) per document and O(B T) memory, so long documents need no chunks.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy import special

from attn_interp.measures.rows import Floats, Truths, dense_ranks, paired_rows, undefined_rows

Integers = np.ndarray[Any, np.dtype[np.int64]]

EXACT_UP_TO = 33  # words; above it the exact null is used only next to perfect agreement, as scipy's 'auto' does


def kendall_tau(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Kendall's tau-b and its two-sided p-value, per document over its words.

    tau-b = (concordant - discordant) / sqrt((pairs - ties in x)(pairs - ties in y)), in [-1, 1]. The p-value is that of
    `scipy.stats.kendalltau`: from the exact null distribution without ties and up to 33 words (or with at most one
    pair out of order), else from the normal approximation with ties.

    Args:
        x, y: (B, T) values; equal values are ties.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        tau (B,) and p-value (B,), float64. Both NaN for one word, a side that is constant, or a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> tau, p_value = kendall_tau(torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 4, 3]]), is_word)
    >>> round(float(tau), 4), round(float(p_value), 4)  # one of six pairs out of order
    (0.6667, 0.3333)

    Reference: Kendall 1945, The treatment of ties in ranking problems.
    """
    left, right, mask = paired_rows("kendall_tau", x, y, is_word)
    undefined = undefined_rows(left, right, mask)
    ranks_x, ranks_y = (dense_ranks(np.nan_to_num(rows, nan=0.0), mask) for rows in (left, right))
    order = np.lexsort((ranks_y, ranks_x), axis=-1)
    ranks_x, ranks_y = (np.take_along_axis(ranks, order, -1) for ranks in (ranks_x, ranks_y))
    discordant = _inversions(ranks_y)
    words = mask.sum(-1)
    pairs = words * (words - 1) // 2
    ties_x, ties_y = _ties(ranks_x), _ties(np.sort(ranks_y, -1))
    joint = _ties(ranks_x * (mask.shape[-1] + 1) + ranks_y)[0]
    difference = pairs - ties_x[0] - ties_y[0] + joint - 2 * discordant  # concordant - discordant
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = difference / np.sqrt(pairs - ties_x[0]) / np.sqrt(pairs - ties_y[0])
        tau = np.where(undefined, np.nan, np.clip(tau, -1.0, 1.0))
    p_value = _p_values(words, pairs, discordant, difference, ties_x, ties_y, undefined)
    return torch.from_numpy(tau), torch.from_numpy(p_value)


def _inversions(ranks: Integers) -> Integers:
    """(B,) pairs i < j with ranks[i] > ranks[j], by stable partition on one bit of the rank after the other."""
    total = np.zeros(len(ranks), dtype=np.int64)
    if ranks.size == 0:
        return total
    for bit in reversed(range(int(ranks.max()).bit_length())):
        prefix = ranks >> (bit + 1)  # rows are sorted by it already: equal prefixes stand together
        ones = (ranks >> bit) & 1
        before = ones.cumsum(-1) - ones
        starts = np.ones(ranks.shape, dtype=bool)
        starts[:, 1:] = prefix[:, 1:] != prefix[:, :-1]
        inside = before - np.maximum.accumulate(np.where(starts, before, 0), axis=-1)
        total += np.where(ones == 0, inside, 0).sum(-1)
        order = np.argsort(ranks >> bit, axis=-1, kind="stable")
        ranks = np.take_along_axis(ranks, order, -1)
    return total


def _ties(sorted_ranks: Integers) -> tuple[Integers, Integers, Integers]:
    """Per row, over runs of equal values of length t: sums of t(t-1)/2, t(t-1)(t-2) and t(t-1)(2t+5)."""
    batch, positions = sorted_ranks.shape
    starts = np.ones((batch, positions), dtype=bool)
    starts[:, 1:] = sorted_ranks[:, 1:] != sorted_ranks[:, :-1]
    row, first = np.nonzero(starts)
    end = np.append(first[1:], positions)
    end[np.append(row[1:] != row[:-1], False)] = positions
    run = (end - first).astype(np.int64)
    sums = (run * (run - 1) // 2, run * (run - 1) * (run - 2), run * (run - 1) * (2 * run + 5))
    pairs, triples, spread = (np.bincount(row, weights=s, minlength=batch).astype(np.int64) for s in sums)
    return pairs, triples, spread


def _p_values(
    words: Integers,
    pairs: Integers,
    discordant: Integers,
    difference: Integers,
    ties_x: tuple[Integers, Integers, Integers],
    ties_y: tuple[Integers, Integers, Integers],
    undefined: Truths,
) -> Floats:
    (pairs_x, triples_x, spread_x), (pairs_y, triples_y, spread_y) = ties_x, ties_y
    ordered = words * (words - 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (
            (ordered * (2 * words + 5) - spread_x - spread_y) / 18
            + 2.0 * pairs_x * pairs_y / ordered
            # in floats: the product of two cubes overflows an integer from about 1,700 words on
            + triples_x.astype(np.float64) * triples_y / (9 * ordered * (words - 2))
        )
        p_value: Floats = special.erfc(np.abs(difference) / np.sqrt(2 * variance))
    fewest = np.minimum(discordant, pairs - discordant)
    exact = (pairs_x == 0) & (pairs_y == 0) & ((words <= EXACT_UP_TO) | (fewest <= 1)) & ~undefined
    for count in np.unique(words[exact]):  # one table per length, not per document
        rows = exact & (words == count)
        p_value[rows] = _exact_p_values(int(count))[fewest[rows]]
    p_value[undefined] = np.nan
    return p_value


@cache
def _exact_p_values(words: int) -> Floats:
    """Two-sided p-value by the number of discordant pairs, up to half (above EXACT_UP_TO words: 0 and 1 only).

    The number of orders of n words with d inversions is the coefficient of x^d in the product of (1 + x + ... +
    x^(m-1)), m = 1..n; twice the lower tail over n! is the p-value.
    """
    if words > EXACT_UP_TO:
        return np.exp(math.log(2) - special.gammaln([words + 1, words]))
    half = words * (words - 1) // 4
    tails = np.cumsum(_orders(words)[: half + 1])
    return np.minimum(1.0, 2 * tails / math.factorial(words)).astype(np.float64)


@cache
def _orders(words: int) -> np.ndarray[Any, np.dtype[np.object_]]:
    """(n(n-1)/2 + 1,) number of orders of n words by their inversions, as Python integers (33! exceeds 64 bits)."""
    if words == 1:
        return np.array([1], dtype=object)
    fewer = np.append(_orders(words - 1), np.zeros(words - 1, dtype=object))
    running = np.cumsum(fewer)
    running[words:] -= running[:-words].copy()
    return running

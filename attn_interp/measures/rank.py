"""Rank correlations beside Kendall's tau-b: weighted tau, where the top counts most, and Spearman's rho."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attn_interp.measures.rows import Floats, Truths, dense_ranks, paired_rows, undefined_rows

CELLS = 4_000_000  # of the (B, T, T) comparisons held at a time: a few times 4 MB


def weighted_tau(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Kendall's tau with hyperbolic weights: an exchange near the top costs more than one in the tail.

    A pair of words weighs 1/(r+1) + 1/(s+1), r and s their ranks from the largest (0 first); tau is the weighted sum of
    sign(x_i - x_j) sign(y_i - y_j) over the geometric mean of the two weighted counts of untied pairs. It is taken
    with the ranks by (x, then y) and by (y, then x), and averaged: the default of `scipy.stats.weightedtau`. In [-1,
    1].

    Args:
        x, y: (B, T) values; equal values are ties.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN for one word, a side that is constant, or a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> top, tail = torch.tensor([[1, 2, 4, 3]]), torch.tensor([[2, 1, 3, 4]])
    >>> [round(float(weighted_tau(torch.tensor([[1, 2, 3, 4]]), y, is_word)), 2) for y in (top, tail)]
    [0.52, 0.81]

    Reference: Vigna 2015, A weighted correlation index for rankings with ties.
    """
    left, right, mask = paired_rows("weighted_tau", x, y, is_word)
    undefined = undefined_rows(left, right, mask)
    left, right = np.nan_to_num(left, nan=0.0), np.nan_to_num(right, nan=0.0)
    tau = np.full(len(mask), np.nan)
    tau[~undefined] = _weighted_tau(left[~undefined], right[~undefined], mask[~undefined])
    return torch.from_numpy(tau)


def spearman(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Spearman's rho: the correlation of the ranks, ties at their mean rank. In [-1, 1]; as `scipy.stats.spearmanr`.

    Args:
        x, y: (B, T) values.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN for one word, a side that is constant, or a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> round(float(spearman(torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 4, 3]]), is_word)), 4)
    0.8
    """
    left, right, mask = paired_rows("spearman", x, y, is_word)
    undefined = undefined_rows(left, right, mask)
    a, b = (centred_ranks(np.nan_to_num(rows, nan=0.0), mask) for rows in (left, right))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return torch.from_numpy(np.where(undefined, np.nan, np.clip(rho, -1.0, 1.0)))


def _weighted_tau(x: Floats, y: Floats, is_word: Truths) -> Floats:
    counts = _counts(x, y, is_word)
    total = np.zeros(len(x))
    for major, minor in ((x, y), (y, x)):
        order = np.lexsort((minor, major, is_word), axis=-1)[:, ::-1]
        rank = np.empty(order.shape, dtype=np.int64)
        np.put_along_axis(rank, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), -1)
        weight = 1.0 / (rank + 1.0)
        # the weight of a pair is a sum, and the signs are symmetric up to both signs: one side, twice, cancels in the
        # quotient
        concordance, norm_x, norm_y = (np.einsum("bi,bi->b", count, weight) for count in counts)
        total += concordance / np.sqrt(norm_x) / np.sqrt(norm_y)
    return np.clip(total / 2, -1.0, 1.0)


def _counts(x: Floats, y: Floats, is_word: Truths) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(3, B, T) of word i: the words that x and y put on the same side of it less those on different sides, and the
    words that are not tied with it in x, and in y."""
    counts = np.zeros((3, *x.shape), dtype=np.int64)
    step = max(1, CELLS // max(1, x.size))
    for first in range(0, x.shape[1], step):
        part = slice(first, first + step)
        pairs = is_word[:, part, None] & is_word[:, None]  # (B, S, T)
        a, b = (_signs(rows[:, part, None], rows[:, None]) * pairs for rows in (x, y))
        for count, table in zip(counts, (a * b, np.abs(a), np.abs(b))):
            count[:, part] = table.sum(-1, dtype=np.int64)
    return counts


def _signs(x: Floats, y: Floats) -> np.ndarray[Any, np.dtype[np.int8]]:
    """The sign of x - y."""
    return (x > y).astype(np.int8) - (x < y)


def centred_ranks(rows: Floats, is_word: Truths) -> Floats:
    """(B, T) mean rank of each word less the mean over the words; 0 where there is no word."""
    ranks = dense_ranks(rows, is_word)
    batch, positions = ranks.shape
    cells = (np.arange(batch)[:, None] * positions + ranks).ravel()
    tied = np.bincount(cells, minlength=batch * positions).reshape(batch, positions)
    up_to = tied.cumsum(-1)
    mean_rank = np.take_along_axis(up_to - (tied - 1) / 2, ranks, -1)  # of the run that ends at up_to
    return np.where(is_word, mean_rank - (is_word.sum(-1, keepdims=True) + 1) / 2, 0.0)

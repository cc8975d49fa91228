"""Spearman's rank correlation of two quantities over documents, with its bootstrap interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from attn_interp.statistics.bootstrap import Floats, Interval, at_once

LEAST = 4  # documents: of fewer, resamples have hardly any order


def rank_correlation(x: ArrayLike, y: ArrayLike, seed: int = 0, level: float = 0.95) -> Interval:
    """Spearman's rho between two quantities of the same documents, with the percentile interval of 2,000 resamples.

    Documents are resampled, each with both of its values, and ranked anew (ties at their mean rank). A resample in
    which a quantity is constant has no rho and is left out. The interval knows of the documents alone: that both
    quantities depend on a third, as on the length of a document, is not in it.

    Args:
        x, y: (n,) two quantities of the same n documents, in one order; a document with NaN in either is left out and
            counted.
        seed: Of the resamples.
        level: Coverage of the interval, in (0, 1).

    Returns:
        An `Interval`: rho in [-1, 1], low, high, n and undefined. NaN where a quantity is constant; no interval with
        fewer than 4 documents.

    Raises:
        ValueError: x and y are not of the same documents, have infinite values, or a level outside (0, 1).

    >>> found = rank_correlation([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 9.0])
    >>> found.estimate, found.low, found.n
    (1.0, 1.0, 5)

    Reference: Spearman 1904; Efron & Tibshirani 1993, chapter 13.
    """
    first, second = (np.asarray(side, dtype=np.float64) for side in (x, y))
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"rank_correlation: x and y must be (n,), one value for each document, got {first.shape} and {second.shape}"
        )
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    for name, values in (("x", first), ("y", second)):
        if np.isinf(values).any():
            raise ValueError(f"rank_correlation: document {int(np.isinf(values).argmax())} of {name} is infinite")
    both = np.stack([first, second])
    both = both[:, ~np.isnan(both).any(0)]
    n = both.shape[1]
    rho = float(rank_correlations(both[:, None])[0]) if n > 1 else np.nan
    undefined = len(first) - n
    if n < LEAST or np.isnan(rho):
        return Interval(rho, np.nan, np.nan, n, undefined)
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([rank_correlations(both[:, rng.integers(0, n, (count, n))]) for count in at_once(n)])
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(rho, float(low), float(high), n, undefined)


def rank_correlations(pairs: Floats) -> Floats:
    """(R,) Spearman's rho of pairs (2, R, n); NaN where one of the two is constant."""
    one, two = _centred_ranks(pairs)
    with np.errstate(invalid="ignore"):
        return (one * two).sum(-1) / np.sqrt((one * one).sum(-1) * (two * two).sum(-1))


def standardised_ranks(values: Floats) -> Floats:
    """The ranks of values (n,) less their mean, over their standard deviation; NaN where all are tied.

    The mean of the products of two of them is Spearman's rho.
    """
    ranks = _centred_ranks(values)
    with np.errstate(invalid="ignore"):
        return ranks / np.sqrt((ranks * ranks).mean())


def _centred_ranks(values: Floats) -> Floats:
    """Ranks over the last axis (..., n), less their mean."""
    ranks = rankdata(values, axis=-1)
    return ranks - ranks.mean(-1, keepdims=True)

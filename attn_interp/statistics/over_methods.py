"""Do two qualities of methods go together? A rank correlation whose sample is the methods, so it is small."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.clusters import resampled_means
from attn_interp.statistics.over_documents import rank_correlations

LARGEST_EXACT = 8  # 40,320 orders
DRAWN_ORDERS = 40_000


@dataclass(frozen=True)
class OverMethods:
    """Spearman's rho between the mean qualities of M methods.

    Attributes:
        rho: In [-1, 1]; NaN for fewer than three methods or where one quality is the same for all.
        low, high: 95 % bootstrap interval over documents: the same methods on other documents. It says nothing about
            other methods.
        p_value: Two-sided, over the orders in which the methods could have been paired. With M methods no value lies
            below 2/M!: .33 for three, .083 for four, .017 for five.
        exact: Whether all orders were counted (up to eight methods) or 40,000 drawn.
        methods, documents: How many. A document counts where every method has both qualities.
        left_out: Documents without one of the values.
    """

    rho: float
    low: float
    high: float
    p_value: float
    exact: bool
    methods: int
    documents: int
    left_out: int


def correlation_over_methods(one: pd.DataFrame, two: pd.DataFrame, seed: int = 0) -> OverMethods:
    """Rank correlation of the column means of two tables of documents (rows) by methods (columns).

    Methods and documents that only one of the tables has are left out. The resamples draw documents, the same for both
    tables and all methods.

    Args:
        one, two: tables of the two qualities, documents by methods; NaN where undefined.
        seed: Of the resamples.

    Returns:
        An `OverMethods`: rho with its interval, and its p-value over the methods.

    Raises:
        ValueError: the tables have no document in common, or one has a document or method twice.

    >>> one = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "z": [5.0, 7.0]}, index=["a", "b"])
    >>> found = correlation_over_methods(one, one)
    >>> found.rho, round(found.p_value, 3), found.methods  # with three methods nothing is significant
    (1.0, 0.333, 3)
    """
    for table in (one, two):
        if not table.index.is_unique or not table.columns.is_unique:
            raise ValueError("correlation over methods: a document or method stands twice; give one value for each")
    methods = [name for name in one.columns if name in set(two.columns)]
    documents = [name for name in one.index if name in set(two.index)]
    if not documents:
        raise ValueError("correlation over methods: the tables have no document in common; measure both on the same")
    values = np.concatenate([table.loc[documents, methods].to_numpy(np.float64) for table in (one, two)], 1)
    whole = ~np.isnan(values).any(1)
    count, undefined = int(whole.sum()), len(one.index.union(two.index)) - int(whole.sum())
    if count == 0 or len(methods) < 3:
        return OverMethods(np.nan, np.nan, np.nan, np.nan, True, len(methods), count, undefined)
    means = values[whole].mean(0)[None]
    rho = float(_spearman(means)[0])
    drawn = _spearman(resampled_means(values[whole].T[:, None], seed))
    defined = drawn[~np.isnan(drawn)]
    enough = count > 1 and len(defined) > 0 and not np.isnan(rho)
    low, high = np.quantile(defined, [0.025, 0.975]) if enough else (np.nan, np.nan)
    exact = len(methods) <= LARGEST_EXACT
    p_value = _p_value(means[0], rho, exact, seed)
    return OverMethods(rho, float(low), float(high), p_value, exact, len(methods), count, undefined)


def _spearman(means: Floats) -> Floats:
    """(R,) rank correlations between the first and the second half of each row (R, 2M); NaN where one is constant."""
    return rank_correlations(np.stack(np.split(means, 2, axis=1)))


def _p_value(means: Floats, rho: float, exact: bool, seed: int) -> float:
    if np.isnan(rho):
        return float("nan")
    one, two = np.split(means, 2)
    if exact:
        orders = np.array(list(permutations(range(len(one)))))
    else:
        drawn = np.random.default_rng(seed).random((DRAWN_ORDERS, len(one))).argsort(1)
        orders = np.concatenate([np.arange(len(one))[None], drawn])
    found = _spearman(np.concatenate([np.broadcast_to(one, orders.shape), two[orders]], 1))
    return float((np.abs(found) >= abs(rho) - 1e-9).mean())

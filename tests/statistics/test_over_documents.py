"""Rank correlation over documents against SciPy, its laws, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from attn_interp.statistics.over_documents import rank_correlation, standardised_ranks

DRAW = np.random.default_rng(3)
X = DRAW.integers(0, 9, 60).astype(float)  # with ties
Y = X + DRAW.normal(0, 4, 60)


def test_rho_is_scipys_and_the_ends_are_those_of_resampled_pairs() -> None:
    found = rank_correlation(X, Y, seed=5)
    assert found.estimate == pytest.approx(stats.spearmanr(X, Y).statistic)
    drawn = np.random.default_rng(5).integers(0, 60, (2000, 60))
    resampled = [stats.spearmanr(X[rows], Y[rows]).statistic for rows in drawn]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])))
    assert rank_correlation(X, Y, seed=5) == found != rank_correlation(X, Y, seed=6)
    assert found.low < found.estimate < found.high and (found.n, found.undefined) == (60, 0)


def test_order_alone_counts() -> None:
    found, up = rank_correlation(X, Y), rank_correlation(X**3, np.exp(Y / 9))
    assert (up.estimate, up.low, up.high) == pytest.approx((found.estimate, found.low, found.high))
    down = rank_correlation(-X, Y)
    assert (down.estimate, down.low, down.high) == pytest.approx((-found.estimate, -found.high, -found.low))
    assert rank_correlation(Y, X).estimate == pytest.approx(found.estimate)


def test_undefined_documents_are_left_out_and_counted() -> None:
    holes = np.where(np.arange(60) % 7 == 0, np.nan, Y)
    found = rank_correlation(X, holes)
    whole = ~np.isnan(holes)
    assert (found.n, found.undefined) == (whole.sum(), 60 - whole.sum())
    assert found.estimate == pytest.approx(stats.spearmanr(X[whole], Y[whole]).statistic)


def test_what_has_no_rho_or_no_interval() -> None:
    assert np.isnan(rank_correlation(X, np.ones(60)).estimate)
    few = rank_correlation([1, 2, 3], [1, 3, 2])
    assert few.estimate == pytest.approx(0.5) and np.isnan(few.low) and np.isnan(few.high)
    assert np.isnan(rank_correlation([1.0], [2.0]).estimate)
    nearly = rank_correlation([1, 1, 1, 1, 2], [1, 2, 3, 4, 5])  # many resamples are constant
    assert nearly.low <= nearly.estimate <= nearly.high
    assert np.isnan(standardised_ranks(np.ones(3))).all()


def test_the_mean_product_of_standardised_ranks_is_rho() -> None:
    products = standardised_ranks(X) * standardised_ranks(Y)
    assert products.mean() == pytest.approx(stats.spearmanr(X, Y).statistic)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"got \(60,\) and \(59,\)"):
        rank_correlation(X, Y[1:])
    with pytest.raises(ValueError, match="document 1 of y is infinite"):
        rank_correlation([1.0, 2.0], [0.0, np.inf])
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 2"):
        rank_correlation(X, Y, level=2)

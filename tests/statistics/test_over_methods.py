"""The correlation over methods by hand, against scipy, and what few methods can show."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attn_interp.statistics.over_methods import correlation_over_methods


def tables(means: list[float], others: list[float], documents: int = 31, noise: float = 0.0, seed: int = 0):
    """Two tables whose column means are given, up to noise."""
    random = np.random.default_rng(seed)
    names, ids = [f"m{index}" for index in range(len(means))], [f"d{index}" for index in range(documents)]
    return tuple(
        pd.DataFrame(random.normal(0, noise, (documents, len(means))) + np.array(own), ids, names)
        for own in (means, others)
    )


def test_three_methods_by_hand() -> None:
    found = correlation_over_methods(*tables([0.1, 0.2, 0.3], [5, 7, 6]))
    assert found.rho == pytest.approx(0.5)
    # of the 6 orders rho is 1, .5, .5, -.5, -.5, -1: all have |rho| >= .5
    assert (found.p_value, found.exact, found.methods, found.documents) == (1.0, True, 3, 31)
    assert (found.low, found.high) == (0.5, 0.5)  # without noise every resample is the same


@pytest.mark.parametrize("count", [3, 4, 5])
def test_no_p_value_is_below_two_orders(count: int) -> None:
    values = list(np.arange(count) / 10)
    found = correlation_over_methods(*tables(values, values))
    assert found.rho == pytest.approx(1)
    assert found.p_value == pytest.approx(2 / math.factorial(count))


@pytest.mark.parametrize("count", [6, 9])
def test_against_scipy(count: int) -> None:
    one, two = tables(list(np.linspace(0, 1, count)), list(np.sin(np.arange(count) * 2.0)), noise=0.01)
    found = correlation_over_methods(one, two)
    expected = stats.spearmanr(one.mean(), two.mean()).statistic
    assert found.rho == pytest.approx(expected)
    assert found.exact == (count <= 8)
    permuted = stats.permutation_test(
        (one.mean(),),
        lambda x: stats.spearmanr(x, two.mean()).statistic,
        permutation_type="pairings",
        n_resamples=np.inf if count == 6 else 400,
        rng=1,
    )
    assert found.p_value == pytest.approx(permuted.pvalue, abs=1e-12 if count == 6 else 0.1)


def test_the_interval_is_wide_where_documents_disagree_and_narrow_where_not() -> None:
    means = [0.1, 0.2, 0.3, 0.4, 0.5]
    sure = correlation_over_methods(*tables(means, means, 200, noise=0.01))
    unsure = correlation_over_methods(*tables(means, means, 20, noise=2.0))
    assert sure.low == pytest.approx(1)
    assert unsure.high - unsure.low > 0.5


def test_what_is_missing_is_left_out_and_counted() -> None:
    one, two = tables([0.1, 0.2, 0.3], [1, 2, 3], documents=7)
    one.iloc[0, 1] = np.nan
    found = correlation_over_methods(one.iloc[:6].assign(extra=1.0), two.iloc[1:])
    assert (found.documents, found.left_out, found.methods) == (5, 2, 3)
    few = correlation_over_methods(one[["m0", "m1"]], two)
    assert np.isnan([few.rho, few.p_value, few.low]).all() and few.methods == 2
    equal = correlation_over_methods(*tables([0.1, 0.1, 0.1], [1, 2, 3]))
    assert np.isnan([equal.rho, equal.p_value, equal.low, equal.high]).all()
    single = correlation_over_methods(*tables([0.1, 0.2, 0.3], [1, 2, 3], documents=1))
    assert single.rho == pytest.approx(1) and np.isnan(single.low)


def test_tables_without_a_common_document_and_repeated_ones_are_refused() -> None:
    one, two = tables([0.1, 0.2, 0.3], [1, 2, 3])
    with pytest.raises(ValueError, match="no document in common"):
        correlation_over_methods(one, two.set_axis([f"x{index}" for index in range(31)]))
    with pytest.raises(ValueError, match="stands twice"):
        correlation_over_methods(pd.concat([one, one]), two)

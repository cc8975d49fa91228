"""Means resampled together: plain bootstrap intervals, pairing, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.statistics.bootstrap import interval
from attn_interp.statistics.means import bootstrapped_means, interval_of


def test_a_mean_has_the_interval_of_the_bootstrap() -> None:
    values = np.random.default_rng(0).normal(2, 1, 97)
    found = interval_of(bootstrapped_means(values[:, None])[:, 0])
    known = interval(values)
    assert found[0] == pytest.approx(known.estimate)
    assert found[1:] == pytest.approx((known.low, known.high), abs=0.04)


def test_columns_of_the_same_documents_share_their_resamples() -> None:
    """The difference of two equal columns has no spread, that of independent resamples would have."""
    values = np.random.default_rng(1).normal(0, 1, (41, 1))
    drawn = bootstrapped_means(np.hstack([values, values + 3]))
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 3)


def test_undefined_documents_are_left_out_of_their_column_alone() -> None:
    values = np.array([[1.0, 5.0], [np.nan, 7.0], [3.0, 9.0]])
    drawn = bootstrapped_means(values)
    assert drawn[0].tolist() == [2.0, 7.0]
    assert 1 <= drawn[1:, 0].min() <= drawn[1:, 0].max() <= 3


def test_too_few_documents_have_no_interval() -> None:
    drawn = bootstrapped_means(np.array([[4.0, np.nan]]))
    assert np.array_equal(interval_of(drawn[:, 0]), (4.0, np.nan, np.nan), equal_nan=True)
    assert np.isnan(interval_of(drawn[:, 1])).all()


def test_resamples_without_a_value_are_left_out() -> None:
    assert interval_of(np.array([0.5, np.nan, 0.0, 1.0]))[1:] == pytest.approx((0.025, 0.975))

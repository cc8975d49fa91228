"""Equivalence: the textbook's two tests, the error rates at the margin, and power."""

import numpy as np
import pytest
from scipy import stats

from attn_interp.statistics.two_one_sided import NEEDED, NOT_NEEDED, UNDECIDED, equivalence


def sample(rng, mean: float, n: int = 30) -> tuple[float, float, float]:
    values = rng.normal(mean, 0.1, size=n)
    return float(values.mean()), float(values.std(ddof=1) / n**0.5), n - 1.0


def test_p_values_are_those_of_one_sided_t_tests() -> None:
    values = np.array([0.01, 0.03, -0.02, 0.05, 0.0])
    found = equivalence(values.mean(), values.std(ddof=1) / 5**0.5, 4, 0.04)
    assert found.p_below == pytest.approx(stats.ttest_1samp(values, 0.04, alternative="less").pvalue)
    assert found.p_above_minus == pytest.approx(stats.ttest_1samp(values, -0.04, alternative="greater").pvalue)
    assert found.p_above == pytest.approx(1 - found.p_below)
    assert found.p_equivalent == max(found.p_below, found.p_above_minus)


@pytest.mark.parametrize(("true", "wrong"), [(0.05, NOT_NEEDED), (0.05, NEEDED), (-0.05, NEEDED)])
def test_at_the_margin_either_verdict_is_wrong_in_at_most_a_share_of_the_level(true, wrong) -> None:
    rng = np.random.default_rng(4)
    verdicts = [equivalence(*sample(rng, true), 0.05).verdict(0.1) for _ in range(1500)]
    assert np.mean([verdict == wrong for verdict in verdicts]) < 0.1 + 3 * (0.1 * 0.9 / 1500) ** 0.5


@pytest.mark.parametrize(("true", "right"), [(0.2, NEEDED), (0.0, NOT_NEEDED), (-0.2, NOT_NEEDED)])
def test_far_from_the_margin_the_verdict_is_right(true, right) -> None:
    rng = np.random.default_rng(4)
    verdicts = [equivalence(*sample(rng, true), 0.08).verdict() for _ in range(200)]
    assert np.mean([verdict == right for verdict in verdicts]) > 0.95


def test_too_little_data_is_undecided_and_a_large_negative_difference_is_not_equivalent() -> None:
    assert equivalence(0.0, 0.1, 5, 0.02).verdict() == UNDECIDED
    found = equivalence(-0.3, 0.01, 50, 0.02)
    assert found.verdict() == NOT_NEEDED
    assert found.p_equivalent > 0.99


def test_without_spread_a_p_value_is_0_or_1_and_without_an_error_nothing_is_decided() -> None:
    assert equivalence(0.0, 0.0, 5, 0.02).verdict() == NOT_NEEDED
    assert equivalence(0.1, 0.0, 5, 0.02).verdict() == NEEDED
    assert equivalence(0.02, 0.0, 5, 0.02).verdict() == UNDECIDED
    nothing = equivalence(0.1, np.nan, np.nan, 0.02)
    assert np.isnan(nothing.p_equivalent)
    assert nothing.verdict() == UNDECIDED


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="margin must be above 0, got 0"):
        equivalence(0.1, 0.1, 5, 0)
    with pytest.raises(ValueError, match="standard_error must be at least 0"):
        equivalence(0.1, -0.1, 5, 0.1)

import math

import numpy as np
import pytest

from attn_interp.statistics import benjamini_hochberg, share_of_true_nulls


def naive(p_values: np.ndarray) -> np.ndarray:
    ranks = {index: rank + 1 for rank, index in enumerate(np.argsort(p_values))}
    raw = [len(p_values) * p / ranks[index] for index, p in enumerate(p_values)]
    return np.array([min(1.0, *(raw[j] for j in ranks if p_values[j] >= p), 1.0) for p in p_values])


def test_adjusts_as_the_definition_says() -> None:
    p_values = np.random.default_rng(0).random(23) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p_values), naive(p_values))
    assert (benjamini_hochberg(p_values) >= p_values).all()


def test_undefined_tests_do_not_count() -> None:
    adjusted = benjamini_hochberg([0.01, math.nan, 0.02])
    np.testing.assert_allclose(adjusted, [0.02, math.nan, 0.02])
    assert np.isnan(benjamini_hochberg([math.nan])).all() and benjamini_hochberg([]).shape == (0,)


def test_false_discoveries_stay_below_the_level_and_real_ones_are_found() -> None:
    generator = np.random.default_rng(1)
    shares, found = [], []
    for _ in range(200):
        p_values = np.concatenate([generator.random(80), generator.random(20) * 1e-4])
        rejected = benjamini_hochberg(p_values) <= 0.1
        shares.append(rejected[:80].sum() / max(1, rejected.sum()))
        found.append(rejected[80:].mean())
    assert np.mean(shares) < 0.1 and np.mean(found) > 0.95


@pytest.mark.parametrize("true_share", [1.0, 0.6, 0.0])
def test_share_of_true_nulls(true_share: float) -> None:
    generator = np.random.default_rng(2)
    nulls = generator.random(20_000) < true_share
    p_values = np.where(nulls, generator.random(20_000), generator.random(20_000) * 0.01)
    assert share_of_true_nulls(p_values) == pytest.approx(true_share, abs=0.02)


def test_share_of_true_nulls_at_the_edges() -> None:
    assert share_of_true_nulls([0.9, 0.8]) == 1.0
    assert math.isnan(share_of_true_nulls([math.nan]))
    assert share_of_true_nulls([0.1, 0.2, 0.3, 0.9, math.nan]) == 0.5
    with pytest.raises(ValueError, match=r"threshold must lie in \(0, 1\), got 1"):
        share_of_true_nulls([0.5], threshold=1.0)


def test_refuses_what_is_no_p_value() -> None:
    with pytest.raises(ValueError, match=r"p-values must lie in \[0, 1\]; number 1 is 1.5"):
        benjamini_hochberg([0.5, 1.5])

"""Means over seeds and documents: closed forms, a naive analysis of variance, and the coverage of the intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attn_interp.statistics import bootstrap
from attn_interp.statistics.clusters import crossed_mean, resampled_means, seed_by_document, summarise_crossed


def drawn(rng, seeds: int, documents: int, sd_seeds: float, sd_documents: float, sd_rest: float) -> np.ndarray:
    return (
        sd_seeds * rng.normal(size=(seeds, 1))
        + sd_documents * rng.normal(size=documents)
        + sd_rest * rng.normal(size=(seeds, documents))
    )


def tidy(values: np.ndarray, **columns) -> pd.DataFrame:
    rows = [(s, f"d{d}", values[s, d]) for s, d in np.ndindex(*values.shape)]
    return pd.DataFrame(rows, columns=["seed", "document", "value"]).assign(**columns)


def test_one_seed_is_students_interval_over_documents() -> None:
    values = np.array([[1.0, 2.0, 4.0, 8.0, 5.0]])
    expected = stats.ttest_1samp(values[0], 0).confidence_interval(0.9)
    assert crossed_mean(values).interval(0.9) == pytest.approx((expected.low, expected.high))
    assert np.isnan(crossed_mean(values).sd_seeds)


def test_documents_that_agree_leave_students_interval_over_seeds() -> None:
    values = np.tile(np.array([[1.0], [2.0], [4.0]]), (1, 7))
    expected = stats.ttest_1samp([1.0, 2.0, 4.0], 0).confidence_interval(0.95)
    found = crossed_mean(values)
    assert found.interval() == pytest.approx((expected.low, expected.high))
    assert found.sd_seeds == pytest.approx(np.std([1, 2, 4], ddof=1))


def test_mean_squares_are_those_of_a_plain_analysis_of_variance() -> None:
    values = drawn(np.random.default_rng(3), 5, 11, 1.0, 1.0, 0.3)
    mean = values.mean()
    m_s = sum(11 * (row.mean() - mean) ** 2 for row in values) / 4
    m_d = sum(5 * (column.mean() - mean) ** 2 for column in values.T) / 10
    m_e = sum((values[s, d] - values[s].mean() - values[:, d].mean() + mean) ** 2 for s, d in np.ndindex(5, 11)) / 40
    found = crossed_mean(values)
    assert found.standard_error == pytest.approx(((m_s + m_d - m_e) / 55) ** 0.5)
    assert found.sd_seeds == pytest.approx(((m_s - m_e) / 11) ** 0.5)


@pytest.mark.parametrize(("seeds", "spreads"), [(5, (0.3, 1.0, 1.0)), (3, (0.0, 1.0, 0.5)), (5, (1.0, 0.2, 0.2))])
def test_the_interval_covers_a_new_sample_of_seeds_and_documents(seeds, spreads) -> None:
    rng = np.random.default_rng(8)
    ends = [crossed_mean(drawn(rng, seeds, 40, *spreads)).interval() for _ in range(600)]
    covered = np.mean([low <= 0 <= high for low, high in ends])
    assert 0.92 < covered <= 0.995


def test_rows_taken_as_independent_would_cover_far_too_seldom() -> None:
    """The power of the test above: it is the seeds that matter."""
    rng = np.random.default_rng(8)
    covered = []
    for _ in range(200):
        flat = drawn(rng, 5, 40, 1.0, 0.2, 0.2).ravel()
        interval = stats.ttest_1samp(flat, 0).confidence_interval()
        covered.append(interval.low <= 0 <= interval.high)
    assert np.mean(covered) < 0.5


def test_resampled_means_have_the_spread_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(5)
    values = np.stack([drawn(rng, 6, 80, 1.0, 1.0, 0.1), drawn(rng, 6, 80, 0.0, 1.0, 0.1)])
    means = resampled_means(values, seed=1)
    assert means.shape == (2000, 2)
    assert means.mean(0) == pytest.approx(values.mean((1, 2)), abs=0.05)
    for found, own in zip(means.std(0), values, strict=True):
        assert found == pytest.approx(crossed_mean(own).standard_error, rel=0.15)


def test_resamples_are_shared_and_one_seed_is_kept() -> None:
    values = np.random.default_rng(2).normal(size=(1, 4, 9))
    twice = resampled_means(np.concatenate([values, 3 * values]), seed=7)
    assert twice[:, 1] == pytest.approx(3 * twice[:, 0])
    constant = resampled_means(np.full((1, 1, 5), 2.0))
    assert constant == pytest.approx(2.0)


def test_a_document_without_a_value_under_some_seed_is_left_out_and_counted() -> None:
    values = np.arange(12.0).reshape(3, 4)
    values[1, 2] = np.nan
    table = summarise_crossed(tidy(values, group="g"), ["group"], ["value"])
    (row,) = table.to_dict("records")
    assert row["estimate"] == pytest.approx(np.delete(values, 2, axis=1).mean())
    assert (row["group"], row["seeds"], row["n"], row["undefined"]) == ("g", 3, 3, 1)
    nothing = summarise_crossed(tidy(np.full((2, 3), np.nan)), [], ["value"]).iloc[0]
    assert np.isnan(nothing["estimate"])
    assert (nothing["n"], nothing["undefined"]) == (0, 3)


def test_the_order_of_the_rows_changes_nothing() -> None:
    frame = tidy(np.random.default_rng(1).normal(size=(3, 5)))
    assert seed_by_document(frame, "value").equals(seed_by_document(frame[::-1], "value"))


def test_wrong_input_is_named() -> None:
    frame = tidy(np.ones((2, 3)))
    with pytest.raises(ValueError, match="document 'd0' has two rows of seed 0"):
        seed_by_document(pd.concat([frame, frame]), "value")
    with pytest.raises(KeyError, match=r"no columns \['absent'\]"):
        seed_by_document(frame, "absent")
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(seeds, documents\)"):
        crossed_mean(np.ones(3))
    with pytest.raises(ValueError, match="1 values are not finite"):
        crossed_mean(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match=r"finite \(quantities, seeds, documents\)"):
        resampled_means(np.ones((2, 3)))
    assert np.isnan(crossed_mean(np.ones((2, 1))).standard_error)


def test_resampled_means_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(size=(2, 3, 40))
    whole = resampled_means(values, seed=4)
    monkeypatch.setattr(bootstrap, "CELLS", 900)  # 22 resamples of 40 documents at a time
    np.testing.assert_allclose(resampled_means(values, seed=4), whole, rtol=1e-12)

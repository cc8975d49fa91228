import math

import numpy as np
import pandas as pd
import pytest

from attn_interp.statistics import interval, paired_difference, summarise


def frame(rows: int = 240) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "class": generator.choice(["left", "right"], rows),
            "seed": generator.integers(0, 3, rows),
            "tau": np.where(generator.random(rows) < 0.1, np.nan, generator.normal(0.3, 0.2, rows)),
            "significant": generator.random(rows) < 0.4,
        }
    )


def test_mean_of_a_known_sample() -> None:
    found = interval([1.0, 2.0, 3.0, math.nan])
    assert (found.estimate, found.n, found.undefined) == (2.0, 3, 1)
    assert 1.0 <= found.low < 2.0 < found.high <= 3.0


def test_estimates_are_those_of_numpy() -> None:
    sample = np.random.default_rng(1).normal(size=101)
    assert interval(sample, "mean").estimate == pytest.approx(sample.mean())
    assert interval(sample, "median").estimate == np.median(sample)
    assert interval(sample, "std").estimate == pytest.approx(sample.std(ddof=1))
    assert interval(sample > 0, "share").estimate == pytest.approx((sample > 0).mean())


def test_mean_interval_is_that_of_the_normal_for_a_large_sample() -> None:
    sample = np.random.default_rng(2).normal(3.0, 2.0, 4000)
    found = interval(sample, seed=4)
    half = 1.96 * sample.std() / math.sqrt(4000)
    assert found.low == pytest.approx(sample.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.1 * half)


@pytest.mark.parametrize("statistic", ["mean", "median", "std"])
def test_interval_covers_the_truth_about_as_often_as_it_says(statistic: str) -> None:
    truth = {"mean": 0.0, "median": 0.0, "std": 1.0}[statistic]
    generator = np.random.default_rng(3)
    draws = [interval(generator.normal(size=80), statistic, seed=n, level=0.9) for n in range(150)]
    covered = np.mean([found.low <= truth <= found.high for found in draws])
    assert 0.8 < covered < 0.97


@pytest.mark.parametrize(("n", "least"), [(10, 0.86), (50, 0.91)])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_intervals_of_small_samples_are_a_little_narrow_and_no_more(n: int, least: float, statistic: str) -> None:
    """A percentile bootstrap covers the mean of ten normal values in about .90 of the samples, that of fifty in .94."""
    generator = np.random.default_rng(n)
    found = [interval(generator.normal(size=n), statistic, seed=each) for each in range(300)]
    assert least < np.mean([each.low <= 0 <= each.high for each in found]) < 0.985


@pytest.mark.parametrize("n", [10, 50])
@pytest.mark.parametrize("name", ["normal", "bounded", "skewed", "two-humped"])
def test_interval_of_a_standard_deviation_covers_it_in_small_samples(n: int, name: str) -> None:
    """As its level says, where a percentile bootstrap would be too narrow."""
    generator = np.random.default_rng(n)
    draw, truth = {
        "normal": (lambda: generator.normal(size=n), 1.0),
        "bounded": (lambda: generator.random(n), 1 / math.sqrt(12)),
        "skewed": (lambda: generator.beta(5, 1, n), math.sqrt(5 / (36 * 7))),
        "two-humped": (lambda: generator.beta(0.5, 0.5, n), math.sqrt(1 / 8)),
    }[name]
    found = [interval(draw(), "std") for _ in range(400)]
    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert 0.91 < covered <= 0.995


def test_the_edges_of_the_interval_of_a_standard_deviation() -> None:
    assert math.isnan(interval([1.0, 2.0, 3.0, 4.0], "std").low)
    constant = interval(np.full(9, 0.25), "std")
    assert (constant.estimate, constant.low, constant.high) == (0.0, 0.0, 0.0)
    narrow, wide = (interval(np.arange(5.0), "std", level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.estimate < narrow.high < wide.high


def test_the_largest_value_has_no_interval() -> None:
    found = interval([0.25, math.nan, 1.0], "largest")
    assert found.estimate == 1.0 and math.isnan(found.low) and (found.n, found.undefined) == (2, 1)


def test_ends_that_were_found_are_found_again_and_not_for_other_values(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = np.random.default_rng(8).normal(size=30)
    first = interval(sample)
    assert interval(sample + 1).low == pytest.approx(first.low + 1)
    monkeypatch.setattr("attn_interp.statistics.bootstrap.stats.bootstrap", None)
    assert interval(sample) == first


def test_share_keeps_its_width_at_the_ends() -> None:
    none = interval(np.zeros(20), "share")
    assert none.estimate == 0.0 and none.low == 0.0
    assert none.high == pytest.approx(1.96**2 / (20 + 1.96**2), abs=1e-4)  # Wilson 1927


def test_seed_decides_and_nothing_else() -> None:
    sample = np.random.default_rng(5).normal(size=30)
    assert interval(sample, seed=1) == interval(sample, seed=1) != interval(sample, seed=2)


@pytest.mark.parametrize("statistic", ["mean", "median", "std", "share"])
def test_too_few_values(statistic: str) -> None:
    nothing = interval([math.nan, math.nan], statistic)
    assert math.isnan(nothing.estimate) and (nothing.n, nothing.undefined) == (0, 2)
    one = interval([1.0], statistic)
    assert one.n == 1 and (math.isnan(one.low) or statistic == "share")


def test_constant_sample_is_a_point() -> None:
    found = interval(np.full(9, 0.25))
    assert (found.estimate, found.low, found.high) == (0.25, 0.25, 0.25)


def test_summary_is_tidy_and_counts_what_is_undefined() -> None:
    data = frame()
    summary = summarise(data, ["class", "seed"], ["tau", "significant"], ["mean", "median"])
    assert list(summary.columns) == [
        *["class", "seed", "quantity", "statistic", "estimate", "low", "high", "n", "undefined"]
    ]
    assert len(summary) == 2 * 3 * 2 * 2
    for row in summary.itertuples():
        values = data.loc[(data["class"] == row[1]) & (data["seed"] == row.seed), row.quantity].astype(float)
        assert row.estimate == pytest.approx(values.mean() if row.statistic == "mean" else values.median())
        assert (row.n, row.undefined) == (values.notna().sum(), values.isna().sum())
        assert row.low <= row.estimate <= row.high


def test_no_groups_is_one_row() -> None:
    summary = summarise(frame(), [], ["significant"], ["share"])
    assert summary.columns[0] == "quantity" and len(summary) == 1
    assert summary["n"][0] == 240


def test_a_group_does_not_depend_on_the_others() -> None:
    data = frame()
    whole = summarise(data, ["class"], ["significant", "tau"], seed=3)
    part = summarise(data[data["class"] == "right"], ["class"], ["tau"], seed=3)
    same = whole[(whole["class"] == "right") & (whole["quantity"] == "tau")].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, same)


def test_a_missing_key_is_a_group_and_the_index_does_not_matter() -> None:
    data = frame().iloc[::-1]
    data.loc[data.index[:5], "class"] = None
    summary = summarise(data, ["class"], ["significant"], ["mean"])
    assert summary["n"].tolist() == [*data.groupby("class").size(), 5]


def test_refusals_name_the_column() -> None:
    data = frame().assign(tau=np.inf)
    with pytest.raises(ValueError, match="unknown statistic 'mode'; choose from largest, mean, median, share, std"):
        summarise(data, [], ["tau"], ["mode"])
    with pytest.raises(KeyError, match=r"no columns \['accuracy'\]"):
        summarise(data, ["class"], ["accuracy"])
    with pytest.raises(ValueError, match="'tau': has 240 infinite values"):
        summarise(data, [], ["tau"])
    with pytest.raises(ValueError, match="a share needs 0/1 or truth values"):
        summarise(data, [], ["seed"], ["share"])
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\)"):
        interval([1.0], level=95)


def test_a_constant_difference_has_no_width() -> None:
    x = np.random.default_rng(6).integers(0, 9, 31) / 8
    found = paired_difference(x + 0.25, x)
    assert (found.estimate, found.low, found.high, found.n, found.undefined) == (0.25, 0.25, 0.25, 31, 0)


def test_a_paired_difference_is_the_interval_of_the_differences() -> None:
    generator = np.random.default_rng(7)
    x = generator.normal(3.0, 2.0, 53)
    y = x - generator.normal(0.1, 0.2, 53)
    x[5], y[5], y[11] = math.nan, math.nan, math.nan
    found = paired_difference(x, y, seed=4, level=0.9)
    assert found == interval(x - y, seed=4, level=0.9)
    assert (found.n, found.undefined) == (51, 2)
    alone = interval(x, seed=4, level=0.9)
    assert found.high - found.low < (alone.high - alone.low) / 4  # what both share is not in it
    back = paired_difference(y, x, seed=4, level=0.9)
    assert [back.estimate, back.low, back.high] == pytest.approx([-found.estimate, -found.high, -found.low])


def test_series_are_matched_by_document() -> None:
    x = pd.Series([1.0, 2.0, 4.0], index=["a", "b", "c"])
    y = pd.Series([3.0, 1.0, 0.5], index=["c", "b", "a"])
    assert paired_difference(x, y) == paired_difference([1.0, 2.0, 4.0], [0.5, 1.0, 3.0])


def test_what_is_not_paired_is_refused() -> None:
    x = pd.Series([1.0, 2.0], index=["a", "b"])
    with pytest.raises(ValueError, match="document 'c' is in one of x and y alone"):
        paired_difference(x, pd.Series([1.0, 2.0, 3.0], index=["a", "b", "c"]))
    with pytest.raises(ValueError, match="document 'a' stands twice in y"):
        paired_difference(x, pd.Series([1.0, 2.0, 3.0], index=["a", "b", "a"]))
    with pytest.raises(ValueError, match=r"x and y must be \(n,\), one value for each document, got \(2,\) and \(3,\)"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="document 1 of x is infinite"):
        paired_difference([1.0, math.inf], [1.0, math.inf])

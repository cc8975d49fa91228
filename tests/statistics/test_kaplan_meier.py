import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attn_interp.statistics.kaplan_meier import survival


def one_each(fractions: list[float | None]) -> pd.DataFrame:
    flipped = [fraction is not None for fraction in fractions]
    values = [1.0 if fraction is None else fraction for fraction in fractions]
    names = [f"d{index}" for index in range(len(fractions))]
    return pd.DataFrame({"document": names, "fraction": values, "flipped": flipped})


def several(documents: int, draws: int, seed: int, between: float = 0.3) -> pd.DataFrame:
    """Draws of one document lie near one another; about a third never flip."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(documents):
        centre = random.uniform(0, 1.5)
        for fraction in centre + between * random.normal(size=draws):
            rows.append((f"d{index}", np.clip(fraction, 0.01, 1.0), fraction < 1))
    return pd.DataFrame(rows, columns=["document", "fraction", "flipped"])


def test_what_never_flips_stays_in_the_sample_to_the_end() -> None:
    curve = survival(one_each([0.5, None, 0.25, 0.5, None]), [])
    assert curve["fraction"].tolist() == [0.0, 0.25, 0.5, 1.0]
    np.testing.assert_allclose(curve["share"], [1.0, 0.8, 0.4, 0.4])
    assert (curve["n"] == 5).all()


def test_the_share_is_a_plain_count_and_the_interval_is_wilsons() -> None:
    frame = several(37, 1, seed=1)
    curve = survival(frame, [])
    for row in curve.itertuples():
        standing = int(((frame["fraction"] > row.fraction) | ~frame["flipped"]).sum())
        assert row.share == pytest.approx(standing / 37)
        ends = stats.binomtest(standing, 37).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((ends.low, ends.high), abs=1e-12)


def test_draws_are_averaged_within_their_document() -> None:
    frame = several(13, 7, seed=2)
    curve = survival(frame, [])
    for row in curve.iloc[::5].itertuples():
        own = [np.mean((rows["fraction"] > row.fraction) | ~rows["flipped"]) for _, rows in frame.groupby("document")]
        assert row.share == pytest.approx(np.mean(own))
        effective = 13 * np.mean(own) * (1 - np.mean(own)) / np.var(own) if 0 < np.mean(own) < 1 else 13
        z = stats.norm.ppf(0.975)
        half = z / (1 + z**2 / effective) * np.sqrt(row.share * (1 - row.share) / effective + (z / effective / 2) ** 2)
        middle = (row.share + z**2 / (2 * effective)) / (1 + z**2 / effective)
        assert (row.low, row.high) == pytest.approx((middle - half, middle + half))


def test_draws_that_agree_count_once_and_draws_that_differ_count_more() -> None:
    single = several(31, 1, seed=3)
    copied = survival(pd.concat([single] * 5, ignore_index=True), [])
    pd.testing.assert_frame_equal(copied, survival(single, []))
    wide = survival(several(31, 11, seed=4, between=0.01), []).eval("high - low").mean()
    narrow = survival(several(31, 11, seed=4, between=2.0), []).eval("high - low").mean()
    assert narrow < 0.7 * wide


@pytest.mark.parametrize("draws", [1, 6])
def test_intervals_cover_the_true_share(draws: int) -> None:
    truth = survival(several(4000, draws, seed=5), [])
    at = truth["share"].to_numpy()[truth["fraction"].searchsorted(0.5, side="right") - 1]
    covered = []
    for seed in range(150):
        curve = survival(several(23, draws, seed=100 + seed), [])
        row = curve.iloc[curve["fraction"].searchsorted(0.5, side="right") - 1]
        covered.append(row["low"] <= at <= row["high"])
    assert 0.89 <= np.mean(covered) <= 0.995


def test_groups_do_not_touch_one_another_and_order_changes_nothing() -> None:
    first, second = several(11, 1, 6).assign(ordering="b"), several(7, 3, 7).assign(ordering="a")
    both = survival(pd.concat([first, second]).sample(frac=1, random_state=0), ["ordering"])
    assert list(both.columns) == ["ordering", "fraction", "share", "low", "high", "n"]
    assert both["ordering"].unique().tolist() == ["a", "b"]
    alone = survival(first, ["ordering"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(both[both["ordering"] == "b"].reset_index(drop=True), alone)


def test_edges() -> None:
    never = survival(one_each([None, None, None]), [])
    assert never["share"].tolist() == [1.0, 1.0]
    assert (never["high"] == 1.0).all()
    assert (never["low"] < 0.5).all()
    gone = survival(one_each([0.2, 0.2]), [])
    assert gone[["fraction", "share"]].to_numpy().tolist() == [[0.0, 1.0], [0.2, 0.0]]
    assert gone["low"].iloc[-1] == 0.0
    single = survival(one_each([0.4]), [])
    assert ((single["low"] <= single["share"]) & (single["share"] <= single["high"])).all()
    assert survival(one_each([]), ["document"]).empty


def test_another_scale_ends_where_it_is_told_and_censored_values_are_not_read() -> None:
    frame = pd.DataFrame({"document": list("abc"), "kl": [2.5, np.nan, 0.5], "changes": [True, False, True]})
    curve = survival(frame, [], value="kl", event="changes", end=2.5)
    assert curve["kl"].tolist() == [0.0, 0.5, 2.5]
    np.testing.assert_allclose(curve["share"], [1, 2 / 3, 1 / 3])


def test_what_makes_no_sense_is_refused() -> None:
    frame = one_each([0.5, None])
    with pytest.raises(KeyError, match="ordering"):
        survival(frame, ["ordering"])
    with pytest.raises(ValueError, match="level must lie in"):
        survival(frame, [], level=1.0)
    for value in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match=r"row 1 has an event at .*expected a place in \[0, 1.0\]"):
            survival(one_each([0.5, value]), [])
    with pytest.raises(ValueError, match="document 'd1': has 1 observations, but 'd0' has 2"):
        survival(pd.concat([frame, frame.iloc[:1]]), [])

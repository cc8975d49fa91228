"""The curves of removal: areas and their ratio against sums by hand, and rows that do not fit one another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.people.roar import ATTENTION, RANDOM, roar

SHARES = (0.0, 0.25, 1.0)
RIGHT = {  # (seeds, documents, shares)
    RANDOM: np.array([[[1, 1, 0], [1, 1, 1]], [[1, 1, 0], [1, 0, 0]]]),
    ATTENTION: np.array([[[1, 0, 0], [1, 1, 1]], [[1, 0, 0], [1, 0, 0]]]),
}


def rows(right=RIGHT) -> pd.DataFrame:
    made = [
        {"method": name, "share": share, "seed": seed, "document": "ab"[row], "removed": 0, "label": "x"}
        | {"predicted": "x", "correct": bool(values[seed, row, place]), "probability_label": 0.5}
        for name, values in right.items()
        for seed in range(2)
        for row in range(2)
        for place, share in enumerate(SHARES)
    ]
    return pd.DataFrame(made)


def test_areas_are_sums_of_trapezoids() -> None:
    """Attention is below random at .25 in two of four rows: its area is half of a triangle of height 1 and base 1.
    Random is above its own end by 1 at 0 and .25 in two rows, at 0 alone in one, and never in one."""
    table = roar(rows(), {}).summary().set_index(["method", "quantity"])
    area = 2 / 4 * (0.25 / 2 + 0.75 / 2)
    most = (2 * (0.25 + 0.75 / 2) + 0.25 / 2 + 0) / 4
    assert table.loc[(ATTENTION, "area"), "estimate"].item() == pytest.approx(area)
    assert table.loc[(ATTENTION, "racu"), "estimate"].item() == pytest.approx(area / most)
    own = table.loc[(ATTENTION, "correct_minus_random")].set_index("share")["estimate"]
    assert dict(own) == {0.0: 0.0, 0.25: -0.5, 1.0: 0.0}
    own = table.loc[(RANDOM, "correct")].set_index("share")["estimate"]
    assert dict(own) == {0.0: 1.0, 0.25: 0.75, 1.0: 0.25}


def many(lost: float) -> pd.DataFrame:
    """A hundred documents of two seeds: at the middle share random keeps 9 of 10, attention fewer; at the end half."""
    drawn = np.random.default_rng(0).random((2, 100))
    keeps = {RANDOM: (1.0, 0.9, 0.5), ATTENTION: (1.0, 0.9 - lost, 0.5)}
    parts = [
        pd.DataFrame(
            {"method": name, "share": share, "seed": seed, "document": [f"d{row}" for row in range(100)], "removed": 0}
        ).assign(label="x", predicted="x", correct=drawn[seed] < kept, probability_label=kept)
        for name, own in keeps.items()
        for share, kept in zip(SHARES, own)
        for seed in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_verdict_is_that_of_the_area() -> None:
    result = roar(many(0.4), {})
    assert result.verdict() == ["a model misses the words that attention ranks first more than random ones"]
    found = result.summary().set_index("quantity").loc["racu"]
    assert found["low"] < 0.2 / 0.2625 < found["high"]  # .4 half of the way; .5 and .4 over a quarter, .4 over the rest
    assert roar(many(0.0), {}).verdict() == ["not decided"]
    assert roar(many(0.4).query("method == 'random'"), {}).verdict() == ["not decided"]
    few = many(0.4)
    few = few[few["document"].isin([f"d{row}" for row in range(9)])]
    ends = roar(few, {}).summary().set_index("quantity").loc["racu"]
    assert np.isfinite(ends["low"]) and ends["low"] < ends["estimate"] < ends["high"]
    flat = many(0.4).assign(correct=True)
    ratio = roar(flat, {}).summary().set_index("quantity").loc["racu", ["estimate", "low", "high"]]
    assert ratio.isna().all()  # nothing to lose


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="share"), "roar: the frame has no column 'share'; give method, share"),
        (lambda frame: frame.iloc[1:], r"roar: method 'random' has no row of share 0.0, seed 0, document 'a'"),
        (lambda frame: pd.concat([frame, frame[:1]]), "roar: document 'a' stands twice under method 'random', share 0"),
        (lambda frame: frame[frame["share"] < 1], r"roar: shares are \[.*0.25\)?\], expected some from 0 to 1"),
        (lambda frame: frame[:0], r"roar: shares are \[\], expected some"),
    ],
)
def test_rows_that_do_not_fit_are_said(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        roar(change(rows()), {})

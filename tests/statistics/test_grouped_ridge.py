"""A ridge over groups is the closed form at the strength that is best on whole groups held out."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.statistics.grouped_ridge import STRENGTHS, grouped_ridge, standardised


def closed_form(rows: np.ndarray, wanted: np.ndarray, strength: float) -> np.ndarray:
    centred = rows - rows.mean(0)
    return np.linalg.solve(centred.T @ centred + strength * np.eye(rows.shape[1]), centred.T @ (wanted - wanted.mean()))


def test_it_is_the_closed_form_at_the_strength_of_the_least_share_unexplained_on_other_groups() -> None:
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(4), 12)
    rows = draw.normal(size=(48, 6)) * [1, 5, 0.1, 1, 1, 1] + draw.normal(size=(4, 6))[group]
    wanted = rows[:, 0] - 0.3 * rows[:, 1] + draw.normal(size=48)
    found = grouped_ridge(rows, wanted, group)
    scaled, spread = standardised(rows)
    errors = []
    for strength in STRENGTHS:
        squares = []
        for own in range(4):
            train = group != own
            fitted = closed_form(scaled[train], wanted[train], strength)
            told = wanted[train].mean() + (scaled[~train] - scaled[train].mean(0)) @ fitted
            squares.append(((told - wanted[~train]) ** 2).mean() / wanted[~train].var())
        errors.append(np.mean(squares))
    assert found.strength == STRENGTHS[int(np.argmin(errors))]
    assert found.standardised == pytest.approx(closed_form(scaled, wanted, found.strength))
    assert found.coefficients == pytest.approx(found.standardised / spread)


def test_a_column_that_does_not_vary_has_no_part() -> None:
    rows = np.stack([np.arange(8.0), np.full(8, 3.0)], 1)
    assert grouped_ridge(rows, np.arange(8.0), np.arange(8) // 2).coefficients[1] == 0
    with pytest.raises(ValueError, match="got 1 groups, expected at least 2"):
        grouped_ridge(rows, np.arange(8.0), np.zeros(8))

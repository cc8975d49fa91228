import numpy as np
import pandas as pd
import pytest

from attn_interp.figures.draw.marks import COLUMNS, density, marks, shares, stack


def test_shares_by_hand() -> None:
    values = np.array([0.0, 0.5, 0.5, 1.0, np.nan, 1.0 + 1e-9])
    np.testing.assert_allclose(shares(values, np.array([0.0, 0.5, 1.0])), [1 / 5, 4 / 5])


def test_shares_of_nothing_are_zero() -> None:
    assert shares(np.array([np.nan]), np.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.0]


def test_density_is_the_reflected_kernel_sum_of_the_definition() -> None:
    values = np.array([0.1, 0.15, 0.4, 0.9, np.nan])
    grid, y = density(values, 0.0, 1.0)
    bandwidth = 4 ** (-1 / 5) * np.std(values[:4], ddof=1)
    expected = np.zeros_like(grid)
    for value in values[:4]:
        for centre in (value, -value, 2 - value):
            expected += np.exp(-0.5 * ((grid - centre) / bandwidth) ** 2) / (4 * bandwidth * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(y, expected, rtol=1e-9)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 0.7)])
def test_density_integrates_to_one_over_the_range(low: float, high: float) -> None:
    values = np.random.default_rng(0).uniform(low, high, 83) ** 1.0
    grid, y = density(values, low, high)
    assert (grid[0], grid[-1]) == (low, high)
    assert np.trapezoid(y, grid) == pytest.approx(1, abs=0.01)


def test_a_clipped_density_ends_at_the_values() -> None:
    grid, _ = density(np.array([0.2, 0.3, 0.35]), 0.0, 1.0, clip=True)
    assert (grid[0], grid[-1]) == (0.2, 0.35)


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.3, 0.3], [np.nan, 0.2]])
def test_no_density_without_spread(values: list[float]) -> None:
    grid, y = density(np.array(values, dtype=float), 0.0, 1.0)
    assert len(grid) == len(y) == 0


def test_marks_are_tidy_rows_of_one_schema() -> None:
    rows = stack([marks("p", "bar", "a", x=np.array([0.0, 0.5]), y=0.25), marks("p", "estimate", "a", x=0.1, n=7)])
    assert list(rows.columns) == list(COLUMNS)
    assert rows["y"].tolist()[:2] == [0.25, 0.25]
    assert rows["n"].tolist()[2] == 7
    assert stack([]).empty


def test_values_are_taken_in_order_whatever_their_index() -> None:
    x = pd.Series([0.1, 0.2, 0.3], index=[7, 5, 9])
    rows = marks("panel", "point", "series", x=x, y=x.rename("other").sort_index(), n=4)
    assert rows["x"].tolist() == [0.1, 0.2, 0.3]
    assert rows["y"].tolist() == [0.2, 0.1, 0.3]
    assert rows["n"].tolist() == [4, 4, 4]

"""Partial rank correlation: closed forms, a naive reference, laws, and where it is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attn_interp.measures.rank import spearman
from attn_interp.statistics.partial import partial_spearman


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def words(count: int, padded: int = 0) -> torch.Tensor:
    return torch.arange(count + padded)[None] < count


def naive(x, y, controls) -> float:
    """Residuals of the ranks from numpy's least squares, correlated."""
    design = np.column_stack([np.ones(len(x)), *(stats.rankdata(control) for control in controls)])
    a, b = (stats.rankdata(v) - design @ np.linalg.lstsq(design, stats.rankdata(v), rcond=None)[0] for v in (x, y))
    return float(np.corrcoef(a, b)[0, 1])


def test_one_control_is_the_closed_form() -> None:
    x, y, z = row(3, 1, 4, 1, 5, 9, 2), row(2, 7, 1, 8, 2, 8, 1), row(1, 2, 3, 4, 5, 6, 7)
    r_xy, r_xz, r_yz = (float(spearman(a, b, words(7))) for a, b in ((x, y), (x, z), (y, z)))
    expected = (r_xy - r_xz * r_yz) / math.sqrt((1 - r_xz**2) * (1 - r_yz**2))
    assert float(partial_spearman(x, y, [z], words(7))) == pytest.approx(expected, abs=1e-12)


def test_four_words_by_hand() -> None:
    """Ranks less 2.5: x (-1.5 -.5 .5 1.5), y (-1.5 .5 -.5 1.5), z (-.5 -1.5 1.5 .5): r_xy .8, r_xz .6, r_yz 0."""
    partial = partial_spearman(row(1, 2, 3, 4), row(1, 3, 2, 4), [row(2, 1, 4, 3)], words(4))
    assert float(partial) == pytest.approx(1.0)  # .8 / sqrt(1 - .36)


def test_two_controls_are_taken_out_one_after_another() -> None:
    """The recursion r_xy.zw = (r_xy.z - r_xw.z r_yw.z) / sqrt((1 - r_xw.z^2)(1 - r_yw.z^2))."""
    x, y, z, w = (torch.from_numpy(np.random.default_rng(seed).random((5, 11))) for seed in range(4))
    mask = words(11).expand(5, 11)
    r_xy, r_xw, r_yw = (partial_spearman(a, b, [z], mask) for a, b in ((x, y), (x, w), (y, w)))
    expected = (r_xy - r_xw * r_yw) / ((1 - r_xw**2) * (1 - r_yw**2)).sqrt()
    torch.testing.assert_close(partial_spearman(x, y, [z, w], mask), expected, rtol=0, atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(6, 19), st.integers(0, 3))
def test_it_is_the_naive_one_whatever_the_padding_and_the_order_of_controls(seed: int, count: int, k: int) -> None:
    draw = np.random.default_rng(seed)
    x, y, *controls = draw.integers(0, 12, size=(2 + k, count)).astype(float)
    padded = [row(*values, math.nan, 99.0) for values in (x, y, *controls)]
    found = float(partial_spearman(padded[0], padded[1], padded[2:], words(count, 2)))
    backwards = float(partial_spearman(padded[1], padded[0], padded[:1:-1], words(count, 2)))
    if math.isnan(found):
        assert math.isnan(backwards)
        return
    assert -1 <= found <= 1
    assert found == pytest.approx(naive(x, y, controls), abs=1e-9)
    assert found == pytest.approx(backwards, abs=1e-9)


def test_without_controls_it_is_spearmans() -> None:
    x, y = (torch.from_numpy(np.random.default_rng(seed).random((7, 5))) for seed in (1, 2))
    mask = words(5).expand(7, 5)
    torch.testing.assert_close(partial_spearman(x, y, [], mask), spearman(x, y, mask))


def test_noise_as_a_control_changes_little_and_the_common_cause_everything() -> None:
    """Power and null: x and y are two readings of one cause; given it nothing is left, given noise all of it."""
    draw = np.random.default_rng(5)
    cause, noise = draw.normal(size=(2, 200, 151))
    x, y = (torch.from_numpy(cause + 0.7 * draw.normal(size=cause.shape)) for _ in range(2))
    mask = words(151).expand(200, 151)
    plain = spearman(x, y, mask)
    given_noise = partial_spearman(x, y, [torch.from_numpy(noise)], mask)
    given_cause = partial_spearman(x, y, [torch.from_numpy(cause)], mask)
    assert float(plain.mean()) > 0.5
    assert float((given_noise - plain).abs().max()) < 0.06
    assert abs(float(given_cause.mean())) < 0.05


def test_what_a_control_determines_is_undefined() -> None:
    x, z = row(3, 1, 4, 1, 5, 9, 2, 6), row(1, 2, 3, 4, 5, 6, 7, 8)
    for same in (z, -z, z**3):  # the ranks are those of the control, or reversed
        assert torch.isnan(partial_spearman(x, same, [z], words(8)))
        assert torch.isnan(partial_spearman(same, x, [z], words(8)))
    long = torch.arange(5000, dtype=torch.float64)[None]
    swapped = long.clone()
    swapped[0, :2] = torch.tensor([1.0, 0.0])  # one exchange in 5,000 words is not nothing
    draw = torch.from_numpy(np.random.default_rng(1).random((1, 5000)))
    assert torch.isnan(partial_spearman(draw, long, [long], words(5000)))
    assert not torch.isnan(partial_spearman(draw, swapped, [long], words(5000)))


def test_constant_and_repeated_controls_change_nothing() -> None:
    x, y, z = row(3, 1, 4, 1, 5, 9, 2), row(2, 7, 1, 8, 2, 8, 1), row(1, 3, 2, 4, 7, 6, 5)
    once = float(partial_spearman(x, y, [z], words(7)))
    assert float(partial_spearman(x, y, [z, -2 * z], words(7))) == pytest.approx(once)
    assert float(partial_spearman(x, y, [row(*[5] * 7), z], words(7))) == pytest.approx(once)


@pytest.mark.parametrize(("count", "controls", "defined"), [(2, 0, False), (3, 0, True), (4, 2, False), (5, 2, True)])
def test_too_few_words_are_undefined(count: int, controls: int, defined: bool) -> None:
    values = torch.tensor([[1.0, 5, 2, 4, 3], [2, 1, 5, 3, 4], [1, 2, 3, 5, 4], [4, 1, 2, 5, 3]]).double()
    x, y, *given = (rows[None] for rows in values)
    assert math.isnan(float(partial_spearman(x, y, given[:controls], words(count, 5 - count)))) is not defined


def test_constants_and_nan_are_undefined() -> None:
    x, y, z = row(3, 1, 4, 2), row(2, 7, 1, 8), row(1, 2, 4, 3)
    assert torch.isnan(partial_spearman(row(1, 1, 1, 1), y, [z], words(4)))
    assert torch.isnan(partial_spearman(row(3, math.nan, 4, 2), y, [z], words(4)))
    assert torch.isnan(partial_spearman(x, y, [row(1, math.nan, 4, 3)], words(4)))
    with pytest.raises(ValueError, match=r"partial_spearman: x, y and is_word must all be \(B, T\)"):
        partial_spearman(x, y, [row(1, 2, 3)], words(4))

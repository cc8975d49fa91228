import math
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attn_interp.measures import kendall_tau


def by_scipy(x: np.ndarray, y: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(B, 2) tau and p-value, one document after the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one-word samples
        return np.array([tuple(stats.kendalltau(a[:n], b[:n])) for a, b, n in zip(x, y, lengths)])


def draw(seed: int, documents: int, positions: int, shortest: int = 1) -> tuple[np.ndarray, ...]:
    """Rows with ties, without, and related; every length."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(shortest, positions + 1, documents)
    x = generator.normal(size=(documents, positions))
    y = np.where(
        generator.random((documents, 1)) < 0.5, x + generator.normal(size=x.shape), generator.normal(size=x.shape)
    )
    x[::3], y[::5] = x[::3].round(), y[::5].round()
    return x, y, lengths, np.arange(positions) < lengths[:, None]


def test_same_numbers_as_scipy_at_every_length() -> None:
    x, y, lengths, mask = draw(0, documents=600, positions=41)
    tau, p_value = kendall_tau(*(torch.from_numpy(each) for each in (x, y, mask)))
    expected = by_scipy(x, y, lengths)
    np.testing.assert_allclose(tau, expected[:, 0], atol=1e-14)
    np.testing.assert_allclose(p_value, expected[:, 1], rtol=1e-10)
    assert 0 < np.isnan(expected[:, 0]).sum() < 100  # the undefined ones are among them


def test_same_numbers_as_scipy_on_long_documents() -> None:
    words = 2000
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(7, words)), generator.normal(size=(7, words))
    y[0], x[1] = x[0], x[1].round()
    y[2] = x[2]
    y[2, [3, 4]] = y[2, [4, 3]]  # as good as perfect: the exact null applies at any length
    x[3, 20:], y[3, :-20] = 1.0, 2.0  # ties whose cubes exceed 64 bits together
    x[4, :34], y[4, :34] = np.arange(34), np.arange(34)
    lengths = np.array([words, words, words, words, 34, 171, 500])
    mask = np.arange(words) < lengths[:, None]
    tau, p_value = kendall_tau(*(torch.from_numpy(each) for each in (x, y, mask)))
    expected = by_scipy(x, y, lengths)
    np.testing.assert_allclose(tau, expected[:, 0], atol=1e-14)
    np.testing.assert_allclose(p_value, expected[:, 1], rtol=1e-8)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=9))
def test_counts_pairs(pairs: list[tuple[int, int]]) -> None:
    concordance = ties_x = ties_y = 0
    for i, (a, b) in enumerate(pairs):
        for c, d in pairs[:i]:
            concordance += np.sign(a - c) * np.sign(b - d)
            ties_x, ties_y = ties_x + (a == c), ties_y + (b == d)
    total = len(pairs) * (len(pairs) - 1) // 2
    scale = math.sqrt((total - ties_x) * (total - ties_y))
    x, y = (torch.tensor([[float(pair[side]) for pair in pairs]]) for side in (0, 1))
    tau = kendall_tau(x, y, torch.ones_like(x, dtype=torch.bool))[0].item()
    assert tau == pytest.approx(concordance / scale) if scale else math.isnan(tau)


def test_padding_is_ignored_and_not_at_the_end_only() -> None:
    # independent rows of 20 words whose 80 zeros of padding would agree: tau .89
    generator = torch.Generator().manual_seed(3)
    mask = torch.zeros(1, 100, dtype=torch.bool)
    mask[:, 40:60] = True
    x, y = (torch.where(mask, torch.rand(1, 100, generator=generator), 0.0) for _ in range(2))
    everything = kendall_tau(x, y, torch.ones_like(mask))[0]
    words = kendall_tau(x, y, mask)[0]
    assert everything > 0.8 and abs(words) < 0.4
    torch.testing.assert_close(words, kendall_tau(x[:, 40:60], y[:, 40:60], mask[:, 40:60])[0])


def test_symmetric_and_a_change_of_order_changes_nothing() -> None:
    x, y, _, mask = (torch.from_numpy(each) for each in draw(4, documents=31, positions=13))
    tau, p_value = kendall_tau(x, y, mask)
    order = torch.randperm(13, generator=torch.Generator().manual_seed(0))
    for other in (kendall_tau(y, x, mask), kendall_tau(x[:, order], y[:, order], mask[:, order])):
        torch.testing.assert_close(other[0], tau, equal_nan=True)
        torch.testing.assert_close(other[1], p_value, equal_nan=True)
    torch.testing.assert_close(kendall_tau(x, -y, mask)[0], -tau, equal_nan=True)


@pytest.mark.parametrize(
    "x",
    [[[1.0, 1.0, 1.0]], [[math.nan, 1.0, 2.0]]],
    ids=["constant", "NaN on a word"],
)
def test_undefined_is_nan(x: list[list[float]]) -> None:
    y, mask = torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(1, 3, dtype=torch.bool)
    assert all(value.isnan().all() for value in kendall_tau(torch.tensor(x), y, mask))
    assert all(value.isnan().all() for value in kendall_tau(y, torch.tensor(x), mask))


def test_nan_outside_the_words_does_not_matter() -> None:
    x = torch.tensor([[1.0, 2.0, math.nan]])
    tau, _ = kendall_tau(x, x, torch.tensor([[True, True, False]]))
    assert tau.item() == 1.0


def test_many_documents_are_faster_than_a_loop() -> None:
    x, y, lengths, mask = draw(5, documents=1800, positions=33, shortest=5)
    tensors = [torch.from_numpy(each) for each in (x, y, mask)]
    kendall_tau(*tensors)  # the tables of the exact null are made once
    batched = min(_seconds(lambda: kendall_tau(*tensors)) for _ in range(3))
    looped = min(_seconds(lambda: by_scipy(x, y, lengths)) for _ in range(2))
    assert looped > 5 * batched


def _seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_refuses_other_shapes_and_types() -> None:
    x = torch.rand(2, 3)
    with pytest.raises(ValueError, match=r"kendall_tau: x, y and is_word must all be \(B, T\), got \(2, 3\), \(2, 4\)"):
        kendall_tau(x, torch.rand(2, 4), torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(TypeError, match="is_word must be bool"):
        kendall_tau(x, x, torch.ones(2, 3))

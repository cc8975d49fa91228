import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from attn_interp.measures import rank, spearman, weighted_tau

Reference = Callable[[np.ndarray, np.ndarray], float]
MEASURES = [
    pytest.param(weighted_tau, lambda a, b: stats.weightedtau(a, b).statistic, id="weighted tau"),
    pytest.param(spearman, lambda a, b: stats.spearmanr(a, b).statistic, id="spearman"),
]


def draw(seed: int, documents: int = 300, positions: int = 23) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, positions + 1, documents)
    x, y = generator.normal(size=(2, documents, positions))
    y[::2] += x[::2]
    x[::3], y[::5] = x[::3].round(), y[::5].round()
    return x, y, lengths, np.arange(positions) < lengths[:, None]


@pytest.mark.parametrize(("measure", "reference"), MEASURES)
def test_same_numbers_as_scipy(measure: Callable[..., torch.Tensor], reference: Reference) -> None:
    x, y, lengths, mask = draw(0)
    found = measure(*(torch.from_numpy(each) for each in (x, y, mask)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant samples
        defined = [n > 1 and np.ptp(a[:n]) > 0 and np.ptp(b[:n]) > 0 for a, b, n in zip(x, y, lengths)]
        expected = [reference(a[:n], b[:n]) if ok else math.nan for a, b, n, ok in zip(x, y, lengths, defined)]
    np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize(("measure", "reference"), MEASURES)
def test_laws(measure: Callable[..., torch.Tensor], reference: Reference) -> None:
    x, y, _, mask = (torch.from_numpy(each) for each in draw(1))
    value = measure(x, y, mask)
    defined = value[~value.isnan()]
    assert value.dtype == torch.float64 and (defined.abs() <= 1).all()
    torch.testing.assert_close(measure(y, x, mask), value, equal_nan=True)
    torch.testing.assert_close(measure(x, -y, mask)[::7].isnan(), value[::7].isnan())
    perfect = measure(x, x, mask)
    torch.testing.assert_close(perfect[~perfect.isnan()], torch.ones_like(perfect[~perfect.isnan()]))
    padded = [
        torch.nn.functional.pad(each, (3, 5), value=value) for each, value in ((x, 9.0), (y, math.nan), (mask, False))
    ]
    torch.testing.assert_close(measure(*padded), value, equal_nan=True)


def test_weighted_tau_looks_at_the_top() -> None:
    order = torch.arange(20.0, 0.0, -1.0)[None]
    top, tail = order.clone(), order.clone()
    top[0, [0, 1]], tail[0, [18, 19]] = order[0, [1, 0]], order[0, [19, 18]]
    mask = torch.ones_like(order, dtype=torch.bool)
    assert weighted_tau(order, top, mask) < weighted_tau(order, tail, mask) < 1


def test_long_documents_fit_and_chunks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _, mask = (torch.from_numpy(each) for each in draw(2, documents=29))
    whole = weighted_tau(x, y, mask)
    most, held = 3 * 29 * 23, []
    signs = rank._signs
    monkeypatch.setattr(rank, "CELLS", most)
    monkeypatch.setattr(rank, "_signs", lambda one, two: held.append(signs(one, two)) or held[-1])
    torch.testing.assert_close(weighted_tau(x, y, mask), whole, rtol=0, atol=0, equal_nan=True)
    assert 0 < max(table.size for table in held) <= most


@pytest.mark.parametrize("measure", [weighted_tau, spearman])
def test_undefined_is_nan(measure: Callable[..., torch.Tensor]) -> None:
    x = torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [math.nan, 1.0, 2.0]])
    mask = torch.tensor([[True, True, True], [True, False, False], [True, True, True]])
    assert measure(x, torch.tensor([[3.0, 1.0, 2.0]] * 3), mask).isnan().all()

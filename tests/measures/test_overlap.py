import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.measures import rank_biased_overlap, top_k_overlap


def tie_breaks(values: list[float]) -> list[list[int]]:
    """All orders of the positions, largest first, that the values allow."""
    falling = [values[i] for i in range(len(values))]
    return [
        list(order)
        for order in itertools.permutations(range(len(values)))
        if all(falling[a] >= falling[b] for a, b in itertools.pairwise(order))
    ]


def mean_over_breaks(x: list[float], y: list[float], measure) -> float:
    found = [measure(a, b) for a in tie_breaks(x) for b in tie_breaks(y)]
    return sum(found) / len(found)


def rbo_of_orders(a: list[int], b: list[int], p: float) -> float:
    agreement = [len({*a[:d]} & {*b[:d]}) / d for d in range(1, len(a) + 1)]
    return agreement[-1] * p ** len(a) + (1 - p) / p * sum(share * p ** (d + 1) for d, share in enumerate(agreement))


values = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=5)


@settings(deadline=None, max_examples=40)
@given(values, st.integers(1, 6))
def test_expected_over_random_breaks_of_ties(pairs: list[tuple[int, int]], k: int) -> None:
    x, y = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    rows = torch.tensor([x]), torch.tensor([y]), torch.ones(1, len(x), dtype=torch.bool)
    top = min(k, len(x))
    expected = mean_over_breaks(x, y, lambda a, b: len({*a[:top]} & {*b[:top]}) / top)
    assert top_k_overlap(*rows, k).item() == pytest.approx(expected)
    expected = mean_over_breaks(x, y, lambda a, b: rbo_of_orders(a, b, 0.8))
    assert rank_biased_overlap(*rows, persistence=0.8).item() == pytest.approx(expected)


def test_laws() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(11, 17, generator=generator), torch.rand(11, 17, generator=generator)
    mask = torch.arange(17) < torch.randint(1, 18, (11, 1), generator=generator)
    for measure in (lambda *rows: top_k_overlap(*rows, 5), rank_biased_overlap):
        value = measure(x, y, mask)
        assert value.dtype == torch.float64 and (value >= 0).all() and (value <= 1 + 1e-15).all()
        torch.testing.assert_close(value, measure(y, x, mask))
        torch.testing.assert_close(measure(x, x, mask), torch.ones(11, dtype=torch.float64))
        padded = [
            torch.nn.functional.pad(each, (4, 2), value=fill) for each, fill in ((x, 9.0), (y, 9.0), (mask, False))
        ]
        torch.testing.assert_close(measure(*padded), value)


def test_five_relevant_of_two_hundred_words() -> None:
    # perfect agreement on the words that matter drowns in the tail of tau, and not here
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(1, 200, generator=generator), torch.rand(1, 200, generator=generator)
    x[0, :5] = y[0, :5] = torch.arange(7.0, 2.0, -1.0)
    mask = torch.ones(1, 200, dtype=torch.bool)
    assert top_k_overlap(x, y, mask, 5).item() == 1.0
    assert rank_biased_overlap(x, y, mask).item() > 0.45


def test_constant_agrees_like_chance() -> None:
    x, mask = torch.arange(8.0)[None], torch.ones(1, 8, dtype=torch.bool)
    assert top_k_overlap(x, torch.ones(1, 8), mask, 2).item() == pytest.approx(2 / 8)


def test_deep_tail_of_a_long_document_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(2)
    x, y = torch.rand(2, 1, 900, generator=generator)
    found = rank_biased_overlap(x, y, torch.ones(1, 900, dtype=torch.bool), persistence=0.5).item()
    orders = [row[0].argsort(descending=True).tolist() for row in (x, y)]
    assert found == pytest.approx(rbo_of_orders(*orders, 0.5), abs=1e-15)


def test_undefined_and_refused() -> None:
    x, mask = torch.tensor([[math.nan, 1.0], [1.0, 2.0]]), torch.tensor([[True, True], [False, False]])
    assert top_k_overlap(x, x, mask, 1).isnan().all() and rank_biased_overlap(x, x, mask).isnan().all()
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        top_k_overlap(x, x, mask, 0)
    with pytest.raises(ValueError, match=r"persistence must lie in \(0, 1\), got 1"):
        rank_biased_overlap(x, x, mask, persistence=1.0)

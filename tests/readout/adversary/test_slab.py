import math

import pytest
import torch

from attn_interp.readout.adversary.slab import slab, two_class_scores, two_class_tvd


def test_bounds_are_where_the_probability_has_moved_by_eps() -> None:
    z = torch.linspace(-4, 4, 17, dtype=torch.float64)
    lower, upper = slab(z, 0.01)
    p = torch.sigmoid(z)
    torch.testing.assert_close(torch.sigmoid(lower), p - 0.01)
    torch.testing.assert_close(torch.sigmoid(upper), p + 0.01)


def test_infinite_where_eps_leaves_the_probabilities() -> None:
    z = torch.tensor([-40.0, -5.0, 5.0, 40.0, 800.0], dtype=torch.float64)
    lower, upper = slab(z, 0.01)
    assert lower.isinf().tolist() == [True, True, False, False, False]
    assert upper.isinf().tolist() == [False, False, True, True, True]
    # p rounds to 1 at 40, and the other bound is still right
    torch.testing.assert_close(lower[3:], torch.full((2,), math.log(99.0), dtype=torch.float64))


@pytest.mark.parametrize("eps", [0.0, 1e-9, 0.01, 0.6, 0.999])
def test_contains_the_value_itself(eps: float) -> None:
    z = torch.cat([torch.linspace(-900, 900, 41), torch.tensor([0.0, 1e-300])]).double()
    lower, upper = slab(z, eps)
    assert (lower <= z).all() and (z <= upper).all()


def test_movement_is_exact_where_probabilities_round_to_one() -> None:
    a, b = torch.tensor([50.0, -50.0, 1.0]).double(), torch.tensor([51.0, -51.0, -1.0]).double()
    expected = [math.exp(-50) - math.exp(-51), math.exp(-50) - math.exp(-51), math.tanh(0.5)]
    torch.testing.assert_close(two_class_tvd(a, b), torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"eps must lie in \[0, 1\), got 1"):
        slab(torch.zeros(1), 1.0)
    with pytest.raises(ValueError, match=r"for one head and two classes, votes \(B, T, 2\), got \(1, 3, 4\)"):
        two_class_scores(torch.ones(1, 3), torch.ones(1, 3, 4))

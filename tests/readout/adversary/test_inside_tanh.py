"""The adversary inside tanh: lines around it, a polytope that loses nothing, searches under its bound, and the affine
case, which it becomes where tanh is straight."""

import numpy as np
import pytest
import torch

from attn_interp.measures import jsd, tvd
from attn_interp.readout.adversary.inside_tanh import TanhBall, lines_around, tanh_adversary
from attn_interp.readout.adversary.many_classes import certified_adversary, divergence
from attn_interp.readout.polytope import maxima


def drawn(seed: int, words: int = 7, width: int = 5, classes: int = 3, spread: float = 1.0):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(1, words, generator=generator, dtype=torch.float64).pow(3)
    inside = spread * torch.randn(1, words, width, generator=generator, dtype=torch.float64)
    head = torch.randn(classes, width, generator=generator, dtype=torch.float64)
    return weights / weights.sum(), inside, head, torch.randn(classes, generator=generator, dtype=torch.float64)


def logits(q: torch.Tensor, inside, head, bias) -> torch.Tensor:
    return torch.tanh(q @ inside[0]) @ head.T + bias


def test_lines_lie_on_their_sides_of_tanh_and_meet_it() -> None:
    generator = np.random.default_rng(0)
    for spread in (0.1, 1.0, 6.0):
        for low, high in np.sort(generator.normal(0, spread, (200, 2)), axis=1):
            u = np.linspace(low, high, 101)
            for side, slope, start in lines_around(low, high):
                above = side * (slope * u + start - np.tanh(u))
                assert above.min() > -1e-14
                assert above.min() < 0.02 * (high - low)  # the nearest there are touch it
    assert lines_around(0.3, 0.3)[0] == (1.0, 0.0, pytest.approx(np.tanh(0.3)))


@pytest.mark.parametrize("seed", range(4))
def test_no_search_is_above_the_bound_and_the_lower_end_is_attained(seed) -> None:
    weights, inside, head, bias = drawn(seed)
    found = tanh_adversary(weights, inside, head, bias, eps=0.05)
    own = logits(weights[0], inside, head, bias).softmax(-1)
    assert float(tvd(logits(found.weights[0], inside, head, bias).softmax(-1), own)) <= 0.05 + 1e-9
    assert float(jsd(found.weights, weights)[0]) == pytest.approx(float(found.jsd[0]), abs=1e-12)
    tried = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(7, 0.3), size=4000))
    ball = TanhBall(weights[0].numpy(), inside[0].numpy(), head.numpy(), bias.numpy(), 0.05)
    feasible = ball.pulled(tried.numpy(), ball.alpha)
    best = divergence(ball.alpha, feasible).max()
    assert best <= float(found.jsd_upper[0]) + 1e-12
    assert best <= float(found.jsd[0]) + 0.02  # the lower end is a search, and a good one
    # whatever is feasible lies in the polytope: no linear objective is larger there than its proved maximum
    objectives = np.random.default_rng(1).normal(size=(20, 7))
    assert ((objectives @ feasible.T).max(1) <= maxima([ball.outer()], objectives).bounds + 1e-9).all()


def test_its_slope_is_the_derivative() -> None:
    weights, inside, head, bias = drawn(5)
    ball = TanhBall(weights[0].numpy(), inside[0].numpy(), head.numpy(), bias.numpy(), 0.05)
    free = weights[0].clone().requires_grad_()
    for k, row in enumerate(logits(free, inside, head, bias)):
        (slope,) = torch.autograd.grad(row, free, retain_graph=True)
        np.testing.assert_allclose(ball.slope_at(ball.alpha)[:, k], slope.numpy(), atol=1e-12)


def test_where_tanh_is_straight_it_is_the_affine_interval() -> None:
    weights, inside, head, bias = drawn(6, spread=1e-4)
    votes = torch.tanh(inside) @ (1e4 * head).T + bias
    found = tanh_adversary(weights, inside, 1e4 * head, bias, eps=0.05)
    expected = certified_adversary(weights, votes, eps=0.05)
    torch.testing.assert_close(found.jsd_upper, expected.jsd_upper, atol=1e-4, rtol=0)
    assert abs(float(found.jsd - expected.jsd)) < 0.02  # each a search, from other points


def test_a_start_is_never_lost() -> None:
    weights, inside, head, bias = drawn(7)
    ball = TanhBall(weights[0].numpy(), inside[0].numpy(), head.numpy(), bias.numpy(), 0.05)
    tried = np.random.default_rng(3).dirichlet(np.full(7, 0.3), size=3000)
    feasible = ball.pulled(tried, ball.alpha)
    start = feasible[divergence(ball.alpha, feasible).argmax()]
    found = tanh_adversary(weights, inside, head, bias, eps=0.05, starts=torch.from_numpy(start)[None, None])
    assert float(found.jsd[0]) >= divergence(ball.alpha, start[None])[0] - 1e-12

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from attn_interp.measures import jsd, tvd
from attn_interp.readout.adversary.many_classes import certified_adversary
from attn_interp.readout.adversary.output_ball import OutputBall
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.readout.affine import logits_of

LN2 = math.log(2.0)


def best_of_many_searches(alpha: np.ndarray, votes: np.ndarray, eps: float, starts: int) -> float:
    """Random feasible attentions, and a constrained solver from the best and from others."""
    ball, generator = OutputBall(alpha, votes, eps), np.random.default_rng(0)
    divergence = lambda q: jsd(torch.from_numpy(q), torch.from_numpy(alpha)).numpy()  # noqa: E731
    q = np.vstack([generator.dirichlet(np.full(len(alpha), shape), size=1500) for shape in (0.1, 0.3, 1.0)])
    q = ball.pulled(np.vstack([q, np.eye(len(alpha))]), alpha)
    best = float(divergence(q).max())
    for start in [q[divergence(q).argmax()], *q[:starts]]:
        found = minimize(
            lambda x: -float(divergence(np.abs(x)[None] / np.abs(x).sum())[0]),
            start,
            bounds=[(0, 1)] * len(alpha),
            constraints=[
                {"type": "eq", "fun": lambda x: x.sum() - 1},
                {"type": "ineq", "fun": lambda x: eps - float(ball.tvd(x[None])[0])},
            ],
            method="SLSQP",
            options={"maxiter": 60},
        )
        point = np.maximum(found.x, 0)[None] / np.maximum(found.x, 0).sum()
        best = max(best, float(divergence(ball.pulled(point, alpha))[0]))
    return best


@pytest.mark.parametrize(("classes", "eps"), [(3, 0.01), (4, 0.05), (11, 0.05)])
def test_interval_holds_the_best_of_many_searches(draw, classes: int, eps: float) -> None:
    documents = draw(0, count=6, positions=9, classes=classes)
    found = certified_adversary(*documents, eps=eps)
    shortfall = []
    for row in range(6):
        best = best_of_many_searches(*(each.numpy() for each in documents.one(row)), eps=eps, starts=2)
        assert best <= found.jsd_upper[row] + 1e-9
        shortfall.append(best - float(found.jsd[row]))
    # the lower end is a search too, and a good one
    assert np.mean(shortfall) < 0.01


@pytest.mark.parametrize(("classes", "eps"), [(2, 0.01), (3, 0.01), (5, 0.1), (3, 0.0)])
def test_lower_end_is_attained_by_a_feasible_attention(draw, classes: int, eps: float) -> None:
    weights, votes, is_word = draw(1, classes=classes)
    found = certified_adversary(weights, votes, is_word, eps=eps)
    assert (found.weights >= 0).all() and (found.weights[~is_word] == 0).all()
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(13, dtype=torch.float64))
    torch.testing.assert_close(jsd(found.weights, weights), found.jsd, atol=1e-12, rtol=0)
    moved = tvd(logits_of(found.weights, votes).softmax(-1), logits_of(weights, votes).softmax(-1))
    torch.testing.assert_close(moved, found.tvd, atol=1e-12, rtol=0)
    assert (found.tvd <= eps + 2e-12).all()
    assert (found.jsd <= found.jsd_upper).all() and (found.jsd_upper <= LN2 + 1e-12).all()


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.2])
def test_two_classes_hold_the_exact_optimum(draw, eps: float) -> None:
    documents = draw(2, count=17, positions=10)
    exact, found = exact_adversary(*documents, eps=eps).jsd, certified_adversary(*documents, eps=eps)
    assert (found.jsd <= exact + 1e-9).all() and (exact <= found.jsd_upper + 1e-9).all()
    assert (exact - found.jsd).mean() < 0.01


def test_edges(degenerate) -> None:
    exact, found = exact_adversary(*degenerate).jsd, certified_adversary(*degenerate)
    assert (found.jsd <= exact + 1e-9).all() and (exact <= found.jsd_upper + 1e-9).all()
    assert (exact - found.jsd).mean() < 0.01


def test_interval_is_narrow_where_words_are_many(draw) -> None:
    documents = draw(3, count=3, positions=40, classes=3)
    found = certified_adversary(*documents)
    assert (found.jsd_upper - found.jsd)[0] < 0.03
    single = documents.is_word.sum(-1) == 1
    assert (found.jsd_upper[single] < 1e-9).all()


def test_a_third_class_that_nobody_votes_for_changes_little(draw) -> None:
    weights, votes, is_word = draw(4, count=7)
    third = torch.cat([votes, torch.full_like(votes[..., :1], -200.0)], -1)
    found, exact = certified_adversary(weights, third, is_word), exact_adversary(weights, votes, is_word).jsd
    assert (found.jsd <= exact + 1e-9).all() and (exact <= found.jsd_upper + 1e-9).all()


def test_refusals() -> None:
    heads = torch.full((1, 2, 3), 1 / 3), torch.ones(1, 2, 3, 4), torch.ones(1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="the certified adversary is for one head"):
        certified_adversary(*heads)
    with pytest.raises(ValueError, match=r"eps must lie in \[0, 1\), got -0.1"):
        certified_adversary(heads[0][:, 0], heads[1][:, 0], heads[2], eps=-0.1)

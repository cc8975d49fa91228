import numpy as np
import pytest

from attn_interp.readout.adversary.output_ball import OutputBall
from attn_interp.readout.polytope import Polytope, maxima


def ball(seed: int, words: int = 7, classes: int = 3, eps: float = 0.05, scale: float = 2.0) -> OutputBall:
    generator = np.random.default_rng(seed)
    return OutputBall(generator.dirichlet(np.ones(words)), scale * generator.normal(size=(words, classes)), eps)


def holds(shape: Polytope, q: np.ndarray) -> bool:
    """Is q in the polytope? It is where shrinking the simplex to q leaves a solution."""
    only = Polytope(shape.rows @ q[:, None], shape.limits + 1e-9, shape.extra, shape.low, shape.high)
    return bool(np.isfinite(maxima([only], np.ones((1, 1))).points).all())


@pytest.mark.parametrize(
    ("classes", "eps", "scale"), [(2, 0.01, 2), (3, 0.05, 2), (5, 0.2, 1), (4, 0.05, 30), (3, 0.0, 2), (3, 0.6, 2)]
)
def test_outer_holds_every_feasible_attention(classes: int, eps: float, scale: float) -> None:
    generator = np.random.default_rng(0)
    for seed in range(4):
        one = ball(seed, classes=classes, eps=eps, scale=scale)
        q = one.pulled(generator.dirichlet(np.full(7, 0.3), size=12), one.alpha)
        assert (one.tvd(q) <= eps + 2e-12).all() and one.holds(q).all()
        outer = one.outer()
        assert holds(outer, one.alpha) and all(holds(outer, each) for each in q)


def test_outer_is_no_larger_than_the_bounds_on_logit_differences() -> None:
    one = ball(1, classes=4)
    p, eps = one.probabilities, one.eps
    outer = one.outer()
    for i in range(4):
        for j in range(4):
            if i != j and p[j] > eps:
                widest = maxima([outer], (one.votes[:, i] - one.votes[:, j])[None]).bounds[0]
                assert widest <= np.log((p[i] + eps) / (p[j] - eps)) + 1e-9


def test_two_classes_are_the_slab() -> None:
    one = ball(2, classes=2)
    s = one.votes[:, 1] - one.votes[:, 0]
    p = one.probabilities[1]
    found = maxima([one.outer()], np.stack([s, -s])).bounds
    faces = [np.log((p + one.eps) / (1 - p - one.eps)), -np.log((p - one.eps) / (1 - p + one.eps))]
    np.testing.assert_allclose(found, np.minimum(faces, [s.max(), -s.min()]), atol=1e-9)


def test_pulled_stays_or_goes_to_the_edge() -> None:
    one = ball(3)
    q = np.vstack([np.eye(7), one.alpha])
    pulled = one.pulled(q, one.alpha)
    inside = one.holds(q)
    assert inside[-1] and not inside.all()
    np.testing.assert_array_equal(pulled[inside], q[inside])
    np.testing.assert_allclose(one.tvd(pulled[~inside]), one.eps, rtol=1e-6)


def test_tangent_agrees_with_the_ball_close_by() -> None:
    one = ball(4)
    generator = np.random.default_rng(5)
    near = one.alpha + 1e-6 * (generator.dirichlet(np.ones(7), size=9) - one.alpha)
    tangent = one.linearised(one.alpha)
    change = tangent.rows[:-1] @ (near - one.alpha).T
    exact = np.exp(near @ one.votes) / np.exp(near @ one.votes).sum(1, keepdims=True) - one.probabilities
    np.testing.assert_allclose(change.T, exact, atol=1e-10)
    assert holds(tangent, one.alpha)

import numpy as np
import pytest
from scipy.optimize import linprog

from attn_interp.readout.polytope import Polytope, maxima, ranges


def polytope(seed: int, positions: int = 7, rows: int = 5, extra: int = 3) -> Polytope:
    """One that holds the uniform distribution, with an extra variable in every row."""
    generator = np.random.default_rng(seed)
    sides, more = generator.normal(size=(rows, positions)), generator.normal(size=(rows, extra))
    return Polytope(sides, sides.mean(1) + 0.1, more, np.full(extra, -0.2), np.full(extra, 0.3))


def one_program(shape: Polytope, objective: np.ndarray) -> float:
    positions, extra = shape.rows.shape[1], len(shape.low)
    found = linprog(
        -np.append(objective, np.zeros(extra)),
        A_ub=np.hstack([shape.rows, shape.extra]),
        b_ub=shape.limits,
        A_eq=np.append(np.ones(positions), np.zeros(extra))[None],
        b_eq=[1.0],
        bounds=[(0, 1)] * positions + list(zip(shape.low, shape.high)),
    )
    return -found.fun


def test_many_programs_are_each_program(monkeypatch: pytest.MonkeyPatch) -> None:
    shape, objectives = polytope(0), np.random.default_rng(1).normal(size=(11, 7))
    expected = [one_program(shape, objective) for objective in objectives]
    np.testing.assert_allclose(maxima([shape], objectives).bounds, expected, atol=1e-9)
    shapes = [polytope(seed) for seed in range(11)]
    monkeypatch.setattr("attn_interp.readout.polytope.VARIABLES", 31)
    expected = [one_program(*each) for each in zip(shapes, objectives)]
    found = maxima(shapes, objectives)
    np.testing.assert_allclose(found.bounds, expected, atol=1e-9)
    np.testing.assert_allclose((found.points * objectives).sum(1), expected, atol=1e-6)
    np.testing.assert_allclose(found.points.sum(1), 1)


def test_bounds_hold_for_any_multipliers(monkeypatch: pytest.MonkeyPatch) -> None:
    # a solver that is wrong about the multipliers costs tightness, never truth
    shape, objectives = polytope(2), np.random.default_rng(3).normal(size=(11, 7))
    true = maxima([shape], objectives).bounds

    def sloppy(*args: object, **kwargs: object) -> object:
        solution = linprog(*args, **kwargs)
        solution.ineqlin.marginals = solution.ineqlin.marginals * 0.7 - 0.05
        return solution

    monkeypatch.setattr("attn_interp.readout.polytope.linprog", sloppy)
    assert (maxima([shape], objectives).bounds >= true - 1e-12).all()


def test_without_a_solution_the_simplex_bounds() -> None:
    nowhere = Polytope(np.ones((1, 3)), np.array([-1.0]), np.zeros((1, 0)), np.zeros(0), np.zeros(0))
    found = maxima([nowhere], np.array([[1.0, 4.0, 2.0]]))
    assert found.bounds.tolist() == [4.0] and np.isnan(found.points).all()


def test_ranges_of_a_halved_simplex() -> None:
    half = Polytope(
        np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), np.array([0.5, 0.0]), np.zeros((2, 0)), np.zeros(0), np.zeros(0)
    )
    least, most, points = ranges(half)
    np.testing.assert_allclose(least, 0, atol=1e-12)
    np.testing.assert_allclose(most, [0.5, 1, 1])
    assert points.shape == (6, 3)

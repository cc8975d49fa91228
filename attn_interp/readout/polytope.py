"""Linear programs over the attentions that satisfy linear inequalities, with bounds that are proved, not only computed.

For maximising c.q over q in the simplex and x in a box with A q + E x <= b, any multipliers y >= 0 give the bound
y.b + max_t (c - A'y)_t + sum of the largest -(E'y).x in the box. The solver's multipliers make it tight, and it holds
whatever the solver's tolerance, up to the rounding of that one expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

Floats = np.ndarray[Any, np.dtype[np.float64]]

VARIABLES = 20_000  # of the programs solved in one call of the solver


class Polytope(NamedTuple):
    """All q (T,) in the simplex with rows (M, T) q + extra (M, E) x <= limits (M,) for some low <= x <= high (E,)."""

    rows: Floats
    limits: Floats
    extra: Floats
    low: Floats
    high: Floats


class Maxima(NamedTuple):
    """Per objective: a proved upper bound (N,) of its maximum, and the maximiser (N, T) as the solver found it.

    A point may leave the polytope by the solver's tolerance (1e-7), so that whoever uses it checks what matters. NaN
    where the solver found none.
    """

    bounds: Floats
    points: Floats


def maxima(polytopes: list[Polytope], objectives: Floats) -> Maxima:
    """The maximum of each objective (N, T) over its polytope, or the only one; many programs per call of the solver."""
    count, positions = objectives.shape
    bounds, points = np.empty(count), np.empty((count, positions))
    scaled = [_scaled(polytope) for polytope in polytopes]
    step = max(1, VARIABLES // (positions + len(polytopes[0].low)))
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        chosen = scaled[part] if len(scaled) > 1 else scaled * (part.stop - start)
        bounds[part], points[part] = _solve(chosen, objectives[part])
    return Maxima(bounds, points)


def ranges(polytope: Polytope) -> tuple[Floats, Floats, Floats]:
    """Proved least and most (T,) that each position can have, and the points (2T, T) where the solver found them."""
    positions = polytope.rows.shape[1]
    found = maxima([polytope], np.concatenate([np.eye(positions), -np.eye(positions)]))
    most, least = np.split(found.bounds, 2)
    most, least = np.clip(most, 0.0, 1.0), np.clip(-least, 0.0, 1.0)
    return least, np.maximum(least, most), found.points


def _scaled(polytope: Polytope) -> Polytope:
    """Every inequality divided by its largest coefficient; one without coefficients asks nothing."""
    scale = np.abs(np.concatenate([polytope.rows, polytope.extra], 1)).max(1, initial=0.0)
    kept = scale > 0
    rows, limits, extra = (part[kept] for part in polytope[:3])
    scale = scale[kept]
    return polytope._replace(rows=rows / scale[:, None], limits=limits / scale, extra=extra / scale[:, None])


def _solve(polytopes: list[Polytope], objectives: Floats) -> tuple[Floats, Floats]:
    """Polytopes of one size, each with its objective, as the blocks of one program."""
    count, positions = objectives.shape
    added = len(polytopes[0].low)
    with_extra = np.concatenate([objectives, np.zeros((count, added))], 1)
    low = np.concatenate([np.concatenate([np.zeros(positions), polytope.low]) for polytope in polytopes])
    high = np.concatenate([np.concatenate([np.ones(positions), polytope.high]) for polytope in polytopes])
    blocks: Any = sparse.block_diag([np.hstack([each.rows, each.extra]) for each in polytopes], format="csr")
    sums: Any = sparse.kron(sparse.identity(count), np.concatenate([np.ones(positions), np.zeros(added)])[None], "csr")
    box: Any = np.stack([low, high], 1)
    solution = linprog(
        -with_extra.ravel(),
        A_ub=blocks,
        b_ub=np.concatenate([each.limits for each in polytopes]),
        A_eq=sums,
        b_eq=np.ones(count),
        bounds=box,
        method="highs",
    )
    if solution.x is None:  # no multipliers: those of 0 still bound
        return objectives.max(1), np.full(objectives.shape, np.nan)
    points = np.maximum(solution.x.reshape(count, -1)[:, :positions], 0.0)
    multipliers = np.maximum(-solution.ineqlin.marginals, 0.0)
    bounds = np.array(list(_dual_values(polytopes, objectives, multipliers)))
    return bounds, points / points.sum(1, keepdims=True)


def _dual_values(polytopes: list[Polytope], objectives: Floats, multipliers: Floats) -> Iterator[float]:
    start = 0
    for polytope, objective in zip(polytopes, objectives):
        y = multipliers[start : start + len(polytope.limits)]
        start += len(y)
        slack = -(y @ polytope.extra)
        box = np.maximum(slack * polytope.low, slack * polytope.high).sum()
        yield float(y @ polytope.limits + (objective - y @ polytope.rows).max() + box)

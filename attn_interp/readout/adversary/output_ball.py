"""The attentions whose output stays within eps in total variation: a test, and polytopes around them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from attn_interp.readout.polytope import Polytope

Floats = np.ndarray[Any, np.dtype[np.float64]]
Truths = np.ndarray[Any, np.dtype[np.bool_]]

HALVINGS = 40
ROUNDING = 1e-12  # of the movement of the output: what a linear program that is exact leaves
TINY = 1e-300  # eps over a smaller probability overflows; its class is then left free to rise


class Further(NamedTuple):
    """Quantities s (E,) between low and high that the logits depend on beside q: by delta (C, E), and so that
    of_q (N, T) q + of_s (N, E) s <= limits (N,)."""

    delta: Floats
    of_q: Floats
    of_s: Floats
    limits: Floats
    low: Floats
    high: Floats

    @classmethod
    def nothing(cls, classes: int, positions: int) -> Further:
        """There are none."""
        none = np.zeros(0)
        return cls(np.zeros((classes, 0)), np.zeros((0, positions)), np.zeros((0, 0)), none, none, none)


class OutputBall:
    """For attention alpha (T,) and votes (T, C): all q whose output is within eps of alpha's in total variation."""

    def __init__(self, alpha: Floats, votes: Floats, eps: float) -> None:
        self.alpha, self.votes, self.eps = alpha, votes, eps
        self.logits = self.logits_at(alpha)
        self.probabilities = special.softmax(self.logits)

    def logits_at(self, q: Floats) -> Floats:
        """(..., C) under attentions (..., T)."""
        return q @ self.votes

    def slope_at(self, q: Floats) -> Floats:
        """(T, C) d logits / d q at one attention (T,)."""
        return self.votes

    def tvd(self, q: Floats) -> Floats:
        """(N,) movement of the output under attentions q (N, T)."""
        return np.abs(special.softmax(self.logits_at(q), axis=-1) - self.probabilities).sum(-1) / 2

    def holds(self, q: Floats) -> Truths:
        """(N,) true where an attention's output is within eps, up to rounding."""
        return self.tvd(q) <= self.eps + ROUNDING

    def pulled(self, q: Floats, towards: Floats) -> Floats:
        """Each attention (N, T) moved towards feasible ones as far as it takes; one that is feasible stays."""
        low = self.holds(q).astype(np.float64)
        high = np.ones(len(q))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            fine = self.holds(towards + middle[:, None] * (q - towards))
            low, high = np.where(fine, middle, low), np.where(fine, high, middle)
        # an end is given as it is: towards + (q - towards) would round
        moved = np.where(low[:, None] == 1.0, q, towards + low[:, None] * (q - towards))
        return np.where(low[:, None] == 0.0, towards, moved)

    def outer(self) -> Polytope:
        """A polytope that holds every feasible q."""
        delta = (self.votes - self.logits).T  # (C, T): delta_k is this row times q, for q sums to 1
        return self.around(delta, np.zeros(len(delta)), Further.nothing(*delta.shape))

    def around(self, delta: Floats, constant: Floats, further: Further) -> Polytope:
        """A polytope that holds every feasible q, where the logits change by delta q + further.delta s + constant, with
        some s of which `further` is known.

        With c the change of the log normaliser and delta_k that of logit k, p'_k = p_k exp(delta_k - c). Feasible
        means that p'_k <= p_k + u_k and p'_k >= p_k - w_k for some u, w >= 0 that sum to eps at most. So
            delta_k - c <= ln(1 + u_k / p_k), concave in u_k: its tangents at 0 and eps hold;
            c - delta_k <= -ln(1 - w_k / p_k), convex in w_k: its chord on [0, eps] holds, for p_k > eps;
            c >= sum_k p_k delta_k, since the log normaliser is convex.
        Eliminating c, u and w leaves at least the bound ln((p_i + eps) / (p_j - eps)) on every logit difference.
        """
        p, eps = self.probabilities, self.eps
        classes = len(p)
        rising, falling = np.flatnonzero(p > TINY), np.flatnonzero(p > eps * (1 + 1e-9))
        up, down = p[rising, None], p[falling, None]
        chord = -np.log1p(-eps / down) / eps if eps > 0 else 1 / down
        eye, none, one = np.eye(classes), np.zeros((classes, classes)), np.ones((classes, 1))
        still, budget = np.zeros((1, classes)), np.full((1, 1), eps)
        parts = [  # coefficients of the delta_k; of c, u and w; limits
            (eye[rising], [-one[rising], -eye[rising] / up, none[rising]], 0 * up),
            (
                eye[rising],
                [-one[rising], -eye[rising] / (up + eps), none[rising]],
                np.log1p(eps / up) - eps / (up + eps),
            ),
            (-eye[falling], [one[falling], none[falling], -eye[falling] * chord], 0 * down),
            (p[None], [-one[:1], none[:1], none[:1]], 0 * budget),
            (still, [0 * one[:1], one.T, none[:1]], budget),
            (still, [0 * one[:1], none[:1], one.T], budget),
        ]
        of_deltas = np.concatenate([rows for rows, _, _ in parts])
        limits = np.concatenate([limits[:, 0] for _, _, limits in parts])
        extra = np.concatenate([np.hstack(extra) for _, extra, _ in parts])
        largest = np.abs(further.delta) @ np.maximum(np.abs(further.low), np.abs(further.high))
        span = (np.abs(delta).max(1, initial=0.0) + largest + np.abs(constant)).max(initial=0.0)
        return Polytope(
            rows=np.concatenate([of_deltas @ delta, further.of_q]),
            limits=np.concatenate([limits - of_deltas @ constant, further.limits]),
            extra=np.block(
                [[extra, of_deltas @ further.delta], [np.zeros((len(further.of_q), extra.shape[1])), further.of_s]]
            ),
            low=np.concatenate([[-span], np.zeros(2 * classes), further.low]),
            high=np.concatenate([[span], np.full(2 * classes, eps), further.high]),
        )

    def linearised(self, q: Floats) -> Polytope:
        """The ball with its output replaced by the tangent at q (T,): close to it near q, not inside nor outside."""
        p, votes = special.softmax(self.logits_at(q)), self.slope_at(q)
        slope = (p * (votes - (votes @ p)[:, None])).T  # (C, T): d p / d q
        classes = len(p)
        rows = np.concatenate([slope, np.zeros((1, len(q)))])
        limits = np.append(self.probabilities - p + slope @ q, self.eps)
        extra = np.concatenate([-np.eye(classes), np.ones((1, classes))])
        return Polytope(rows, limits, extra, np.zeros(classes), np.full(classes, self.eps))

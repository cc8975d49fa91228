"""The most different attention with the same output, for any number of classes: an interval that holds the optimum
for sure.

The attentions with an output within eps in total variation lie between two polytopes, for a bound on the logit
differences is linear in attention. A climb inside gives an attention that is checked to be feasible (lower end); a
linear function above the divergence, maximised over the outer polytope, gives the upper end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import special

from attn_interp.measures.divergence import LN2
from attn_interp.readout.adversary.output_ball import OutputBall
from attn_interp.readout.entry import Array, check_eps, entered_one_head
from attn_interp.readout.polytope import Polytope, maxima, ranges

Floats = np.ndarray[Any, np.dtype[np.float64]]

STARTS = 12
CLIMBS = 12  # linear programs per start; most stop after three
LEAST_GAIN = 1e-7  # nats
SMALLEST_WEIGHT = 1e-9  # in the slope of the divergence, which is infinite at 0


class CertifiedAdversary(NamedTuple):
    """Per document: an interval [jsd, jsd_upper] (B,) in nats that holds the largest divergence.

    jsd is attained by weights (B, T), whose output moves by tvd (B,), at most eps up to rounding (1e-12);
    jsd_upper is proved.
    """

    jsd: torch.Tensor
    jsd_upper: torch.Tensor
    weights: torch.Tensor
    tvd: torch.Tensor


def certified_adversary(
    weights: Array, votes: Array, is_word: Array | None = None, eps: float = 0.01
) -> CertifiedAdversary:
    """Certified interval of the largest JSD(q, alpha) over the attentions q with an output within eps.

    Args:
        weights: (B, T) attention of the model.
        votes: (B, T, C), any number of classes; for two, `exact_adversary` is exact and faster.
        is_word: (B, T) bool; None: every position is a word.
        eps: Largest total variation distance allowed, in [0, 1).

    Returns:
        jsd and jsd_upper (B,) in nats; weights (B, T) that attain jsd; tvd (B,) of their output.

    Raises:
        ValueError, TypeError: as `entered`, for several heads, or eps outside [0, 1).

    >>> votes = [[[3.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 1.0, 2.0]]]
    >>> found = certified_adversary([[0.9, 0.1, 0.0]], votes, eps=0.01)
    >>> bool(0.3 < found.jsd <= found.jsd_upper), round(float(found.tvd), 9)
    (True, 0.01)
    """
    weights, votes, is_word = entered_one_head("the certified adversary is", weights, votes, is_word)
    check_eps(eps)
    rows = zip(weights, votes, is_word)
    balls = [OutputBall(own[words].cpu().numpy(), vote[words].cpu().numpy(), eps) for own, vote, words in rows]
    return of_balls(balls, weights, is_word)


def of_balls(
    balls: Sequence[OutputBall], weights: torch.Tensor, is_word: torch.Tensor, starts: torch.Tensor | None = None
) -> CertifiedAdversary:
    """The interval of each document, of its ball, for weights and is_word (B, T) as entered; and `starts` (B, S, T),
    further attentions to climb from."""
    found = weights.clone()
    ends = torch.zeros(len(weights), 3, dtype=torch.float64, device=weights.device)
    for row, (ball, words) in enumerate(zip(balls, is_word)):
        best, upper = interval(ball, None if starts is None else starts[row][:, words].cpu().numpy())
        found[row, words] = torch.from_numpy(best).to(found.device)
        jsd, moved = float(divergence(ball.alpha, best[None])[0]), float(ball.tvd(best[None])[0])
        ends[row] = torch.tensor([jsd, max(upper, jsd), moved], dtype=torch.float64)
    return CertifiedAdversary(ends[:, 0], ends[:, 1], found, ends[:, 2])


def divergence(alpha: Floats, q: Floats) -> Floats:
    """(N,) JSD of attentions q (N, T) from alpha (T,)."""
    overlap = (special.entr(alpha) + special.entr(q) - special.entr(alpha + q)).sum(-1)
    return np.clip(LN2 - overlap / 2, 0.0, LN2)


def interval(ball: OutputBall, further: Floats | None = None) -> tuple[Floats, float]:
    """The best feasible attention (T,) found, from `further` attentions (S, T) too, and an upper bound of the
    divergence."""
    alpha = ball.alpha
    outer = ball.outer()
    least, most, points = ranges(outer)
    upper, slope = _chord_bound(alpha, outer, least, most)
    points = np.concatenate([points, maxima([outer], np.stack([slope, -alpha])).points])
    points = points[np.isfinite(points).all(1)]
    outside = _climb_outer(alpha, outer, points[divergence(alpha, points).argsort()[::-1][:STARTS]])
    given = alpha[None] if further is None else np.concatenate([alpha[None], further])
    feasible = ball.pulled(np.concatenate([np.eye(len(alpha)), given, points, outside]), alpha)
    starts = feasible[divergence(alpha, feasible).argsort()[::-1][:STARTS]]
    best = _climb_inside(ball, starts)
    return best[divergence(alpha, best).argmax()], upper


def _chord_bound(alpha: Floats, outer: Polytope, least: Floats, most: Floats) -> tuple[float, Floats]:
    """Upper bound, each concave D(alpha_t, .) being at least its chord over the range of q_t; and its objective."""
    entr = special.entr
    low, high = (entr(alpha) + entr(q) - entr(alpha + q) for q in (least, most))
    width = most - least
    wide = width > 1e-12
    slope = np.divide(high - low, width, out=np.zeros_like(width), where=wide)
    start = np.where(wide, low, np.minimum(low, high)) - slope * least
    overlap = start.sum() - float(maxima([outer], -slope[None]).bounds[0])
    return min(LN2 - overlap / 2, LN2), -slope


def _slope(alpha: Floats, q: Floats) -> Floats:
    """d JSD / d q_t, up to a factor 2."""
    near = np.maximum(q, SMALLEST_WEIGHT)
    return np.log(2 * near / (near + alpha))


def _climb_outer(alpha: Floats, outer: Polytope, q: Floats) -> Floats:
    """Points (N, T) met on the way up: JSD is convex, so the best vertex along its slope is never lower."""
    met = [q]
    for _ in range(CLIMBS):
        higher = maxima([outer], _slope(alpha, q)).points
        higher = higher[np.isfinite(higher).all(1)]
        if len(higher) == 0 or divergence(alpha, higher).max() <= divergence(alpha, q).max() + LEAST_GAIN:
            break
        higher = np.unique(higher.round(9), axis=0)
        met.append(higher)
        q = higher
    return np.concatenate(met)


def _climb_inside(ball: OutputBall, q: Floats) -> Floats:
    """Feasible attentions (N, T) no lower than the feasible q: climb the tangent at each, step back into the ball.

    From q towards a point that is higher along the slope, JSD rises all the way, so what is left of the step is still
    a gain.
    """
    for _ in range(CLIMBS):
        before = divergence(ball.alpha, q)
        higher = maxima([ball.linearised(each) for each in q], _slope(ball.alpha, q)).points
        higher = np.where(np.isfinite(higher), higher, q)
        higher = ball.pulled(higher, q)
        after = divergence(ball.alpha, higher)
        q = np.where((after > before)[:, None], higher, q)
        if (after - before).max() <= LEAST_GAIN:
            break
    return q

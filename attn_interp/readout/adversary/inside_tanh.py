"""The most different attention with the same output where what stands inside tanh is affine in the attention, as in the
classifiers of two texts of Jain & Wallace 2019: an interval that holds the optimum for sure.

The logits are W tanh(u) + b with u = sum_t alpha_t v_t, so u lies in a box whose sides the v_t give. In a box tanh
lies between straight lines. With these the attentions whose output is within eps lie in a polytope again, and the
interval is found as for logits that are affine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attn_interp.readout.adversary.many_classes import CertifiedAdversary, of_balls
from attn_interp.readout.adversary.output_ball import Further, OutputBall
from attn_interp.readout.entry import Array, as_tensor, check_eps, entered_one_head
from attn_interp.readout.polytope import Polytope

Floats = np.ndarray[Any, np.dtype[np.float64]]

TANGENTS = 3  # on each side of tanh
HALVINGS = 60


def tanh_adversary(
    weights: Array,
    inside: Array,
    head: Array,
    bias: Array,
    is_word: Array | None = None,
    eps: float = 0.01,
    starts: Array | None = None,
) -> CertifiedAdversary:
    """Certified interval of the largest JSD(q, alpha) over the attentions q with an output within eps, of logits
    W tanh(sum_t alpha_t v_t) + b.

    Args:
        weights: (B, T) attention of the model.
        inside: (B, T, K) v_t: what stands inside tanh with all attention on one word.
        head: (C, K) W.
        bias: (C,) b.
        is_word: (B, T) bool; None: every position is a word.
        eps: Largest total variation distance allowed, in [0, 1).
        starts: (B, S, T) further attentions to climb from; None: none.

    Returns:
        As `certified_adversary`.

    Raises:
        ValueError, TypeError: as `certified_adversary`, with `inside` in the place of votes.

    >>> found = tanh_adversary([[0.5, 0.3, 0.2]], [[[1.0], [0.0], [-1.0]]], [[1.0], [-1.0]], [0.0, 0.0], eps=0.05)
    >>> bool(0.1 < found.jsd <= found.jsd_upper), bool(found.tvd <= 0.05 + 1e-9)
    (True, True)
    """
    inside = as_tensor(inside, "inside")
    padded = torch.cat([inside, torch.zeros_like(inside[..., :1])], -1)  # votes have two columns at least
    weights, padded, is_word = entered_one_head("the adversary inside tanh is", weights, padded, is_word)
    check_eps(eps)
    matrix, offset = (as_tensor(each, "head").detach().double().cpu().numpy() for each in (head, bias))
    rows = zip(weights, padded[..., :-1], is_word)
    balls = [TanhBall(own[words].cpu().numpy(), v[words].cpu().numpy(), matrix, offset, eps) for own, v, words in rows]
    further = None if starts is None else as_tensor(starts, "starts").detach().double().to(weights.device)
    return of_balls(balls, weights, is_word, further)


class TanhBall(OutputBall):
    """For attention alpha (T,), v (T, K), W (C, K) and b (C,): all q whose output is within eps of alpha's."""

    def __init__(self, alpha: Floats, inside: Floats, head: Floats, bias: Floats, eps: float) -> None:
        self.inside, self.head, self.bias = inside, head, bias
        super().__init__(alpha, self.logits_at(np.eye(len(alpha))), eps)

    def logits_at(self, q: Floats) -> Floats:
        return np.tanh(q @ self.inside) @ self.head.T + self.bias

    def slope_at(self, q: Floats) -> Floats:
        return (self.inside * (1 - np.tanh(q @ self.inside) ** 2)) @ self.head.T

    def outer(self) -> Polytope:
        """A polytope that holds every feasible q: the logits are linear in s (K,), with s_k between lines below and
        above tanh over the range of u_k."""
        low, high = self.inside.min(0), self.inside.max(0)
        lines = [(k, *line) for k in range(len(low)) for line in lines_around(low[k], high[k])]
        of = np.array([k for k, _, _, _ in lines])
        side, slope, start = np.array([line for _, *line in lines]).T  # side (s_k - slope u_k - start) <= 0
        further = Further(
            delta=self.head,
            of_q=-(side * slope)[:, None] * self.inside.T[of],
            of_s=side[:, None] * np.eye(len(low))[of],
            limits=side * start,
            low=np.tanh(low),
            high=np.tanh(high),
        )
        return self.around(np.zeros((len(self.bias), len(self.alpha))), self.bias - self.logits, further)


def lines_around(low: float, high: float) -> list[tuple[float, float, float]]:
    """(side, slope, start) of straight lines slope u + start above (side 1) and below (side -1) tanh u on [low, high].

    Above, tanh u is concave for u >= 0: a tangent at t >= 0 is above it wherever it is above the end at low, so from
    the t on whose tangent passes there. Where that t is beyond high the chord is above. Below is the same mirrored.
    """
    above = [(1.0, slope, start) for slope, start in _lines_above(low, high)]
    return above + [(-1.0, slope, -start) for slope, start in _lines_above(-high, -low)]


def _lines_above(low: float, high: float) -> list[tuple[float, float]]:
    first = max(low, 0.0)
    if low < 0:
        least, most = 0.0, max(high, 0.0)
        for _ in range(HALVINGS):  # the tangent at `most` is above the end at low, that at `least` is not
            middle = (least + most) / 2
            least, most = (least, middle) if _tangent_at(middle, low) >= math.tanh(low) else (middle, most)
        first = most
    if first >= high or _tangent_at(first, low) < math.tanh(low):
        slope = (math.tanh(high) - math.tanh(low)) / (high - low) if high > low else 0.0
        return [(slope, math.tanh(high) - slope * high)]
    places = np.linspace(first, high, TANGENTS)
    return [(1 - math.tanh(t) ** 2, math.tanh(t) - (1 - math.tanh(t) ** 2) * t) for t in places]


def _tangent_at(place: float, u: float) -> float:
    """The tangent of tanh at a place, at u."""
    return math.tanh(place) + (1 - math.tanh(place) ** 2) * (u - place)

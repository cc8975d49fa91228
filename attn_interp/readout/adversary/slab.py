"""Decision values within eps of the output: the slab l <= s.q <= u that an adversary of two classes must stay in."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.entry import check_eps


class Slab(NamedTuple):
    """Bounds l, u (B,) of the logit difference s.q; infinite where p - eps or p + eps leaves (0, 1)."""

    lower: torch.Tensor
    upper: torch.Tensor


def slab(decision_value: torch.Tensor, eps: float) -> Slab:
    """All logit differences whose probability is within eps of that of `decision_value` (B,).

    Worked from p and 1 - p as two sigmoids, so that neither is lost at large logits; widened to contain the decision
    value itself, which rounding may leave outside.

    Raises:
        ValueError: for eps outside [0, 1).
    """
    check_eps(eps)
    p, q = torch.sigmoid(decision_value), torch.sigmoid(-decision_value)
    lower = torch.where(p > eps, torch.log((p - eps).clamp_min(0) / (q + eps)), -torch.inf)
    upper = torch.where(q > eps, torch.log((p + eps) / (q - eps).clamp_min(0)), torch.inf)
    return Slab(torch.minimum(lower, decision_value), torch.maximum(upper, decision_value))


def two_class_scores(weights: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
    """s = v_1 - v_0 (B, T) of checked inputs.

    Raises:
        ValueError: for several heads or other than two classes.
    """
    if weights.ndim != 2 or votes.shape[-1] != 2:
        raise ValueError(
            "this adversary is for one head and two classes, votes (B, T, 2), got "
            f"{tuple(votes.shape)}; take certified_adversary for several classes and head_adversary for several heads"
        )
    return votes[..., 1] - votes[..., 0]


def two_class_tvd(value: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Total variation distance of the outputs at two logit differences, also where both probabilities round to 1."""
    side = torch.where(value > 0, -1.0, 1.0)  # compare the small probabilities
    return (torch.sigmoid(side * value) - torch.sigmoid(side * other)).abs()

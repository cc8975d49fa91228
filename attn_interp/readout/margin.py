"""The attention margin: how far, in Kullback-Leibler divergence, attention must move before the decision changes."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.affine import advantages, decisions
from attn_interp.readout.entry import Array, entered_one_head

DOUBLINGS = 1000  # mu is then past every float64; a dual with a finite optimum has turned long before
HALVINGS = 60  # of a bracket whose ends are a factor 2 apart: below the spacing of float64


class Margin(NamedTuple):
    """Per document: the least divergence, the attention at the edge, and the rival that is level there.

    kl (B,) in nats, infinite where no shift of attention among the attended words makes a rival level; weights (B,
    T) and rival (B,), NaN and -1 where kl is infinite.
    """

    kl: torch.Tensor
    weights: torch.Tensor
    rival: torch.Tensor


def attention_margin(weights: Array, votes: Array, is_word: Array | None = None) -> Margin:
    """Smallest KL(q || alpha) over the attentions q under which some rival's logit reaches the decision's.

    For a rival k with d_t = v_ta - v_tk it is the maximum over mu >= 0 of -ln sum_t alpha_t exp(-mu d_t), concave in
    mu, attained by q_t proportional to alpha_t exp(-mu d_t); the margin is the least over the rivals. Where no word
    with attention has d_t < 0 and some have d_t = 0, the rival can draw level and no more: with all attention on those,
    at minus the logarithm of what they have. Infinite exactly where every word with attention has d_t > 0 for every
    rival; 0 where a rival is level already. At q the two are level.

    Args:
        weights: (B, T).
        votes: (B, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        kl (B,) in nats, infinite where no rival can be level; weights (B, T) at the edge; rival (B,) that is
        level there.

    Raises:
        ValueError, TypeError: as `entered`, and for several heads.

    >>> margin = attention_margin([[0.75, 0.25]], [[[1.0, 0.0], [0.0, 1.0]]])  # level at equal weights
    >>> [round(x, 4) for x in margin.weights[0].tolist()], round(float(margin.kl), 4)
    ([0.5, 0.5], 0.1438)
    """
    weights, votes, is_word = entered_one_head("the attention margin is", weights, votes, is_word)
    decision = decisions(weights, votes)
    d = advantages(votes, decision).transpose(1, 2)  # (B, C, T)
    attended = (weights > 0)[:, None]
    scale = torch.where(attended, d.abs(), 0.0).amax(-1, keepdim=True)
    d = torch.where(attended, d / torch.where(scale > 0, scale, 1.0), 0.0)
    log_weights = weights.log()[:, None]
    mu = _stationary(log_weights, d)
    tilted = log_weights - mu[..., None] * d
    kl = -tilted.logsumexp(-1)
    # level already (up to rounding): the optimum is at mu = 0
    level = attended & (d == 0)
    on_level = log_weights.masked_fill(~level, -torch.inf)
    kl = torch.where((d < 0).any(-1), kl, -on_level.logsumexp(-1)).clamp_min(0.0)
    kl[torch.arange(len(kl)), decision] = torch.inf  # the decision is no rival of itself
    least, rival = kl.min(-1)
    tilted = torch.where((d < 0).any(-1, keepdim=True), tilted, on_level)
    q = tilted.softmax(-1).gather(1, rival[:, None, None].expand(-1, 1, d.shape[-1]))[:, 0]
    finite = least.isfinite()
    return Margin(least, torch.where(finite[:, None], q, torch.nan), torch.where(finite, rival, -1))


def _stationary(log_weights: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """mu (B, C) >= 0 where the tilted mean of d is 0, for every document and rival at once; 0 where it never is."""

    def mean(mu: torch.Tensor) -> torch.Tensor:
        return ((log_weights - mu[..., None] * d).softmax(-1) * d).sum(-1)

    open_ended = (d < 0).any(-1)
    high = torch.ones(d.shape[:-1], dtype=d.dtype, device=d.device)
    low = torch.zeros_like(high)
    for _ in range(DOUBLINGS):
        rising = open_ended & (mean(high) > 0)
        if not bool(rising.any()):
            break
        low = torch.where(rising, high, low)
        high = torch.where(rising, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rising = mean(middle) > 0
        low, high = torch.where(rising, middle, low), torch.where(rising, high, middle)
    return torch.where(open_ended, low, 0.0)

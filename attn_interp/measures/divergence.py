"""How far apart two distributions are: total variation, Jensen-Shannon and Kullback-Leibler."""

from __future__ import annotations

import math

import torch

LN2 = math.log(2)
"""The largest Jensen-Shannon divergence there is, in nats: of two distributions with nothing in common."""


def tvd(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Total variation distance: half the sum of |p - q|.

    In [0, 1] for distributions, symmetric, 0 exactly when they are equal. For two classes it is the absolute
    difference of one probability.

    Args:
        p, q: (..., C) distributions over the last axis; leading axes broadcast.

    Returns:
        (...) float64.

    Raises:
        ValueError: where the last axes differ in size or a value is negative.

    >>> float(tvd(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25])))
    0.25
    """
    p, q = _distributions("tvd", p, q)
    return (p - q).abs().sum(-1) / 2


def jsd(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence in nats: mean of KL(p || m) and KL(q || m), m = (p + q) / 2.

    In [0, ln 2] and symmetric; ln 2 exactly when no element has weight in both. An element of weight 0 contributes
    nothing. Rounding leaves an absolute error of about 1e-16, so two equal distributions give 0 or that.

    Args:
        p, q: (..., T) distributions over the last axis; leading axes broadcast.

    Returns:
        (...) float64, nats.

    Raises:
        ValueError: where the last axes differ in size or a value is negative.

    >>> round(float(jsd(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))), 4)  # ln 2
    0.6931

    Reference: Lin 1991, Divergence measures based on the Shannon entropy.
    """
    p, q = _distributions("jsd", p, q)
    middle = (p + q) / 2
    entropy = torch.special.entr(middle) - (torch.special.entr(p) + torch.special.entr(q)) / 2
    return entropy.sum(-1).clamp(0.0, LN2)


def kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence KL(p || q) in nats: sum of p ln(p / q).

    At least 0, not symmetric. An element with p = 0 contributes nothing; one with p > 0 = q makes it infinite.

    Args:
        p, q: (..., T) distributions over the last axis; leading axes broadcast.

    Returns:
        (...) float64, nats.

    Raises:
        ValueError: where the last axes differ in size or a value is negative.

    >>> round(float(kl(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))), 4)
    0.6931
    """
    p, q = _distributions("kl", p, q)
    # p ln p and p ln q apart: the quotient p / q may overflow where the product does not.
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1).clamp_min(0.0)


def _distributions(name: str, p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if p.shape[-1:] != q.shape[-1:]:
        raise ValueError(f"{name}: the last axes differ: p is {tuple(p.shape)}, q is {tuple(q.shape)}")
    p, q = p.detach().double(), q.detach().double()
    for side, values in (("p", p), ("q", q)):
        if bool((values < 0).any()):
            raise ValueError(f"{name}: {side} has a negative value {float(values.min()):.3g}; give distributions")
    return p, q

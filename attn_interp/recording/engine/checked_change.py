"""A change of attention weights, checked to be attention again."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attn_interp.recording.site import Site

Change = Callable[[torch.Tensor], torch.Tensor] | torch.Tensor

# A key is masked if its score lies this far below the largest of its row. Masks are -inf, the least float or -1e4 and
# less; scores that a model computes do not come near.
MASK_GAP = 1000.0


def allowed_keys(site: Site, scores: torch.Tensor | None) -> torch.Tensor | None:
    """(B, heads, queries, keys), or sizes that broadcast to it: true on keys that are not masked. None: not known."""
    if scores is None:
        return None
    scores = scores.detach()
    highest = scores.amax(dim=site.key_axis, keepdim=True)
    return site.read((scores > -torch.inf) & (scores >= highest - MASK_GAP))[0]


def fully_masked(site: Site, scores: torch.Tensor) -> torch.Tensor:
    """(B, heads, queries, keys): true on rows whose scores are all -inf; their softmax is NaN."""
    return site.read((scores == -torch.inf).all(site.key_axis, keepdim=True).expand_as(scores))[0]


def changed(
    site: Site,
    change: Change,
    weights: torch.Tensor,
    sink: torch.Tensor | None,
    scores: torch.Tensor | None,
    unnormalised: bool,
) -> torch.Tensor:
    """The weights (B, heads, queries, keys) after the change.

    With a sink, rows are rescaled to the mass that the sink leaves, unless `unnormalised`. Rows whose keys are all
    masked stay as they are.

    Raises:
        TypeError, ValueError: if the result has another shape, is not finite, or is not a distribution over the
            allowed keys (which `unnormalised` waives).
    """
    new = change if isinstance(change, torch.Tensor) else change(weights)
    if not isinstance(new, torch.Tensor):
        raise TypeError(f"site {site.name!r}: the change must return a tensor, got {type(new).__name__}")
    if new.shape != weights.shape:
        raise ValueError(
            f"site {site.name!r}: the change must return weights of shape {tuple(weights.shape)} "
            f"(batch, heads, queries, keys), got {tuple(new.shape)}"
        )
    new = new.to(weights)
    allowed = allowed_keys(site, scores)
    if allowed is not None:
        alive = allowed.any(-1, keepdim=True)  # (B, heads, queries, 1)
        if not alive.all():
            new = torch.where(alive, new, weights)
    else:
        alive = torch.ones_like(weights[..., :1], dtype=torch.bool)
    with torch.no_grad():
        _check(site, new, weights, allowed, alive, sink, unnormalised)
    if sink is not None and not unnormalised:
        new = new * (weights.sum(-1, keepdim=True) / new.sum(-1, keepdim=True))
    return new


def _check(
    site: Site,
    new: torch.Tensor,
    weights: torch.Tensor,
    allowed: torch.Tensor | None,
    alive: torch.Tensor,
    sink: torch.Tensor | None,
    unnormalised: bool,
) -> None:
    if not (torch.isfinite(new) | ~alive).all():
        raise ValueError(f"site {site.name!r}: the change returned weights that are not finite")
    if unnormalised:
        return
    remedy = "; give unnormalised=True if that is meant"
    least = new.masked_fill(~alive, 0).min().item() if new.numel() else 0.0
    if least < -1e-6:
        raise ValueError(f"site {site.name!r}: the change returned a negative weight, {least:.3g}{remedy}")
    if allowed is not None and (new.abs() * (~allowed & alive)).max() > 1e-6:
        raise ValueError(
            f"site {site.name!r}: the change gives weight to keys that are masked (their weight was 0){remedy}"
        )
    if not site.normalised:
        return
    total = new.sum(-1, keepdim=True)
    if sink is not None:
        if (total.masked_fill(~alive, 1) <= 0).any():
            raise ValueError(f"site {site.name!r}: the change returned a row without mass{remedy}")
        return
    tolerance = 1e-4 if new.dtype in (torch.float32, torch.float64) else 1e-2
    off = (total - 1).abs().masked_fill(~alive, 0).max().item()
    if off > tolerance:
        raise ValueError(f"site {site.name!r}: a row of the changed weights sums to 1 within {off:.3g} only{remedy}")

"""Heads taken out: changes of their weights for `intervene`, and the mean weights to put in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F

from attn_interp.recording.engine.checked_change import Change
from attn_interp.recording.site import Site

HOW = ("mean", "uniform", "zero")

Put = Callable[[torch.Tensor], torch.Tensor]
"""Weights (B, H, Q, K) -> what is put in the place of any head that is taken out."""


def ablate(
    heads: Mapping[Site, Sequence[int]] | Mapping[str, Sequence[int]],
    how: str,
    means: Mapping[str, torch.Tensor] | None = None,
) -> dict[Site | str, Change]:
    """The changes that take heads out, as in `with intervene(module, ablate({"encoder.layers.0.self_attn": [1]},
    "uniform")): ...`

    - "zero": the head adds nothing, as if it were cut out of the model (its share of the output projection's bias is no
      head's and stays). Its rows do not sum to 1, so `intervene` must be told unnormalised=True.
    - "uniform": equal weight on every key that has any, which are those that are not masked.
    - "mean": the weights that the head has on average at this query and key, from `mean_weights`, shared out over the
      keys that have any weight.

    The mass of a row stays as it is with "uniform" and "mean", whatever a sink takes. Other heads are untouched.

    Args:
        heads: Site, or its name -> indices of heads.
        how: "mean", "uniform" or "zero".
        means: for "mean": name of the site -> (H, Q, K).

    Raises:
        ValueError: here, another `how`, no head, or no means; at the site, a head that it has not, or a query and key
            that no reference document had.

    Reference: Michel, Levy & Neubig 2019, section 2.3 (zero).
    """
    if how not in HOW:
        raise ValueError(f"ablate: got how={how!r}, expected one of {', '.join(HOW)}")
    changes: dict[Site | str, Change] = {}
    for site, chosen in heads.items():
        name = site.name if isinstance(site, Site) else site
        if not chosen:
            raise ValueError(f"site {name!r}: no head to ablate; leave the site out, or name heads")
        put: Put = torch.zeros_like if how == "zero" else _uniform
        if how == "mean":
            if means is None or name not in means:
                known = ", ".join(sorted(means or {})) or "no site"
                raise ValueError(f"site {name!r}: means are given of {known}; make them by mean_weights")
            put = partial(_mean, name, means[name])
        changes[site] = partial(_ablated, name, tuple(chosen), put)
    return changes


def mean_weights(batches: Iterable[tuple[Mapping[str, torch.Tensor], torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Name of the site -> (H, Q, K) float64: the mean over documents, at each query and key over those that have both.

    NaN at a query and key that no document has.

    Args:
        batches: of each batch a recording, or name of the site -> weights (B, H, Q, K), and (B, K) false on padding.
            Where queries are the same positions as keys (Q = K), padded queries are left out too.

    Raises:
        ValueError: no batch, or a site whose keys are not the positions of the batch.
    """
    sums: dict[str, torch.Tensor] = {}
    counts: dict[str, torch.Tensor] = {}
    for recorded, is_key in batches:
        for name, weights in recorded.items():
            if weights.shape[::3] != is_key.shape:
                raise ValueError(
                    f"site {name!r}: weights of {weights.shape[0]} documents over {weights.shape[3]} keys, and is_key "
                    f"has shape {tuple(is_key.shape)}; leave out the sites that attend to something else"
                )
            present = is_key[:, None, None, :].expand_as(weights)
            if weights.shape[2] == weights.shape[3]:
                present = present & is_key[:, None, :, None]
            sums[name] = _plus(sums.get(name), (weights.detach().double() * present).sum(0).cpu())
            counts[name] = _plus(counts.get(name), present.sum(0).double().cpu())
    if not sums:
        raise ValueError("mean_weights: there is no batch of weights to average over")
    return {name: total / counts[name] for name, total in sums.items()}


def _plus(total: torch.Tensor | None, more: torch.Tensor) -> torch.Tensor:
    """The sum of two (H, Q, K), each filled up with zeros to the larger sizes of both."""
    if total is None:
        return more
    queries, keys = (max(one, two) for one, two in zip(total.shape[1:], more.shape[1:]))
    total, more = (F.pad(x, (0, keys - x.shape[2], 0, queries - x.shape[1])) for x in (total, more))
    return total + more


def _ablated(name: str, chosen: tuple[int, ...], put: Put, weights: torch.Tensor) -> torch.Tensor:
    heads = weights.shape[1]
    if not all(0 <= head < heads for head in chosen):
        raise ValueError(f"site {name!r} has heads 0..{heads - 1}, got {list(chosen)}")
    changed = weights.clone()
    changed[:, list(chosen)] = put(weights)[:, list(chosen)]
    return changed


def _uniform(weights: torch.Tensor) -> torch.Tensor:
    return _shared_out(torch.ones_like(weights), weights)


def _mean(name: str, mean: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    queries, keys = weights.shape[2:]
    known = mean[:, :queries, :keys].to(weights)
    fits = known.shape == weights.shape[1:]
    if not fits or (known.isnan() & (weights > 0)).any():
        raise ValueError(
            f"site {name!r}: the mean weights {tuple(mean.shape)} (heads, queries, keys) do not cover weights of shape "
            f"{tuple(weights.shape[1:])}; take the mean over reference documents as long as these"
        )
    return _shared_out(known.nan_to_num(), weights)


def _shared_out(new: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """`new` on the keys that have weight, each row scaled to the mass that it has."""
    new = new * (weights > 0)
    mass = weights.sum(-1, keepdim=True)
    alive = mass > 0  # a row whose keys are all masked stays as it is
    return torch.where(alive, new * (mass / torch.where(alive, new.sum(-1, keepdim=True), 1)), weights)

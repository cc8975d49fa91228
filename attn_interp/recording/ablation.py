"""Heads taken out: changes of their weights for `intervene`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch

from attn_interp.recording.engine.checked_change import Change
from attn_interp.recording.site import Site

HOW = ("uniform", "zero")

Put = Callable[[torch.Tensor], torch.Tensor]
"""Weights (B, H, Q, K) -> what is put in the place of any head that is taken out."""


def ablate(heads: Mapping[Site, Sequence[int]] | Mapping[str, Sequence[int]], how: str) -> dict[Site | str, Change]:
    """The changes that take heads out, as in `with intervene(module, ablate({"encoder.layers.0.self_attn": [1]},
    "uniform")): ...`

    - "zero": the head adds nothing, as if it were cut out of the model (its share of the output projection's bias is no
      head's and stays). Its rows do not sum to 1, so `intervene` must be told unnormalised=True.
    - "uniform": equal weight on every key that has any, which are those that are not masked.

    The mass of a row stays as it is with "uniform", whatever a sink takes. Other heads are untouched.

    Args:
        heads: Site, or its name -> indices of heads.
        how: "uniform" or "zero".

    Raises:
        ValueError: here, another `how`, or no head; at the site, a head that it has not.

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
        changes[site] = partial(_ablated, name, tuple(chosen), put)
    return changes


def _ablated(name: str, chosen: tuple[int, ...], put: Put, weights: torch.Tensor) -> torch.Tensor:
    heads = weights.shape[1]
    if not all(0 <= head < heads for head in chosen):
        raise ValueError(f"site {name!r} has heads 0..{heads - 1}, got {list(chosen)}")
    changed = weights.clone()
    changed[:, list(chosen)] = put(weights)[:, list(chosen)]
    return changed


def _uniform(weights: torch.Tensor) -> torch.Tensor:
    """Equal weights on the keys that have weight, each row with the mass that it has."""
    present = (weights > 0).to(weights)
    mass = weights.sum(-1, keepdim=True)
    alive = mass > 0  # a row whose keys are all masked stays as it is
    return torch.where(alive, present * (mass / torch.where(alive, present.sum(-1, keepdim=True), 1)), weights)

"""Value zeroing: how far the states after a layer turn when a position's value vectors are taken out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from attn_interp.attribution.flow.blocks import block_path
from attn_interp.recording import Site, intervene, record
from attn_interp.recording.discovery.dry_run_inputs import fresh


def value_zeroing(module: nn.Module, site: Site, *args: Any, block: str | None = None, **kwargs: Any) -> torch.Tensor:
    """At [b, i, j]: the cosine distance between the state of position i after the layer, and the same without the
    values of position j.

    The weights stay as they are, so a value of zero is a column of zeros in the weights of every head: that is how it
    is done, in any model. The whole block is run again, once for each position, with its normalisations and its
    feed-forward network. Range [0, 2]; a padded position moves nothing. `shares` makes rows of it that sum to 1.

    Args:
        block: path of the module whose output are the states after the layer; None: `block_path`.

    Returns:
        (B, T, T) float64.

    Raises:
        ValueError: the block did not run, or its output is not one state for each position.

    Reference: Mohebbi et al. 2023, section 3.
    """
    path = block_path(site) if block is None else block
    inside = module.get_submodule(path)
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    hook = inside.register_forward_pre_hook(
        # As they are before the block writes into any of them, such as a cache of keys and values.
        lambda module, inputs, named: calls.append(fresh(inputs, named)),
        with_kwargs=True,
    )
    try:
        with torch.no_grad(), record(module, [site]):  # which keeps torch off its fast path, where blocks see no states
            module(*args, **kwargs)
    finally:
        hook.remove()
    if not calls:
        raise ValueError(f"site {site.name!r}: block {path!r} did not run")
    shared = len(calls) > 1  # a block that the model runs as every layer attends once in each run
    call = calls[site.call if shared else 0]
    alone = replace(site, path=site.path.removeprefix(path).removeprefix("."), call=0 if shared else site.call)

    def states(zeroed: int | None) -> torch.Tensor:
        def without(weights: torch.Tensor) -> torch.Tensor:
            changed = weights.clone()
            if zeroed is not None:
                changed[..., zeroed] = 0
            return changed

        inputs, named = fresh(*call)
        with torch.no_grad(), intervene(inside, {alone: without}, unnormalised=True):
            output = inside(*inputs, **named)
        state = output if isinstance(output, torch.Tensor) else output[0]
        return nn.functional.normalize(state.double(), dim=-1)

    own = states(None)
    if own.dim() != 3:
        raise ValueError(f"block {path!r}: its output has shape {tuple(own.shape)}, expected (batch, positions, width)")
    # 1 - cos, as half the squared distance of the directions: no digits are lost where they are close.
    moved = [(states(position) - own).square().sum(-1) / 2 for position in range(own.shape[1])]
    return torch.stack(moved, -1)


def shares(distances: torch.Tensor) -> torch.Tensor:
    """(B, T, T) -> the same with rows that sum to 1. A state that no value moves is made of itself alone.

    >>> shares(torch.tensor([[[0.3, 0.1], [0.0, 0.0]]])).tolist()
    [[[0.75, 0.25], [0.0, 1.0]]]
    """
    total = distances.sum(-1, keepdim=True)
    itself = torch.eye(distances.shape[-1], dtype=distances.dtype, device=distances.device)
    return torch.where(total > 0, distances / total, itself)

"""The contexts `record` and `intervene`: a forward pass <-> attention weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from attn_interp.recording.discovery.dry_run import find
from attn_interp.recording.discovery.dry_run_inputs import map_tensors
from attn_interp.recording.engine.checked_change import Change
from attn_interp.recording.engine.interceptor import intercepting, outside
from attn_interp.recording.engine.tracker import Tracker, unwrap
from attn_interp.recording.engine.visitors import Changer, Recorder
from attn_interp.recording.recording import Recording
from attn_interp.recording.site import Site
from attn_interp.recording.wrapped import Wrapped, module_in


def found_at_first_pass(tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Site, ...]:
    """The sites, by a dry run on the inputs of the pass that is beginning; contexts that nest share it."""
    if tracker.found is None:
        with outside():
            tracker.found = find(tracker.root, args, _without_empty_cache(kwargs))
    return tracker.found


def _without_empty_cache(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The inputs of the first step of transformers' generate() without the cache that it is to fill, which may have
    room for later keys already; a mask of queries and keys is cut to the keys that there are."""
    length = getattr(kwargs.get("past_key_values"), "get_seq_length", None)
    if length is None or int(length()) > 0:
        return kwargs

    def cut(mask: torch.Tensor) -> torch.Tensor:
        return mask[..., : mask.shape[-2]] if mask.ndim == 4 else mask

    masks = map_tensors(kwargs.get("attention_mask"), cut)  # one, or one for each kind of layer
    return {**kwargs, "past_key_values": None, "use_cache": False, "attention_mask": masks}


def named(found: tuple[Site, ...], names: Iterable[str]) -> tuple[Site, ...]:
    """The sites of these names.

    Raises:
        KeyError: naming the first that is not there, and all that are.
    """
    by_name = {site.name: site for site in found}
    for name in names:
        if name not in by_name:
            raise KeyError(f"no site {name!r}; the sites are {', '.join(sorted(by_name))}")
    return tuple(by_name[name] for name in names)


def _resolver(wanted: Iterable[Site | str]) -> Any:
    """The sites themselves if all are given; else a function that finds those given by name at the first pass."""
    wanted = tuple(wanted)
    known = {site.name: site for site in wanted if isinstance(site, Site)}
    if len(known) == len(wanted):
        return tuple(known.values())

    def resolve(tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Site, ...]:
        names = [site for site in wanted if isinstance(site, str)]
        return (*known.values(), *named(found_at_first_pass(tracker, args, kwargs), names))

    return resolve


@contextmanager
def record(
    module: nn.Module | Wrapped, sites: Iterable[Site | str] | None = None, gradients: bool = False
) -> Iterator[Recording]:
    """Records the attention weights of every forward pass of `module` within the context.

    Around `module.generate(...)` of the transformers library every step is a pass, and the prompt is that on which the
    sites are found; `generated` makes one matrix of them.

    Args:
        module: Any module, or an `AttentionModel`; its code is not changed.
        sites: What to record; by default everything that a dry run on the inputs of the first pass finds, of an
            `AttentionModel` its sites.
        gradients: The recorded tensors are those that the output is computed from, so that
            `torch.autograd.grad(output, recording[site])` works; by default they are detached copies.

    Yields:
        Recording: name of the site -> weights (batch, heads, queries, keys) of the latest pass. In train mode they are
        the weights before dropout.

    Raises:
        RuntimeError: at exit, if the module did not run or a site was not reached; on gradients under gradient
            checkpointing.
        ValueError: at the first pass, if a dry run finds no site or cannot tell the layout (see `sites`).
    """
    recording, inside = Recording(), module_in(module)
    if sites is None and not isinstance(module, nn.Module):
        sites = module.sites
    visitor = Recorder(found_at_first_pass if sites is None else _resolver(sites), recording, gradients)
    with intercepting(unwrap(inside), visitor):
        yield recording
    visitor.finish("record")


@contextmanager
def intervene(
    module: nn.Module | Wrapped,
    changes: Mapping[Site | str, Change] | Mapping[str, Change] | Mapping[Site, Change],
    unnormalised: bool = False,
) -> Iterator[None]:
    """Replaces attention weights in every forward pass of `module` within the context.

    Contexts nest in any order: changes come before records, and of several changes of one site the outermost first.

    Args:
        module: Any module, or an `AttentionModel`; its code is not changed.
        changes: Site, or its name -> a function of the weights (batch, heads, queries, keys) that returns weights of
            the same shape, or such weights. A loop is changed step by step (queries = 1).
        unnormalised: Take weights as they are. By default they must be a distribution over the keys that are not
            masked; with a sink they are rescaled to the mass that the sink leaves.

    Raises:
        TypeError, ValueError: at the site, if the change returns something else.
        RuntimeError: at exit, if the module did not run or a site was not reached; under gradient checkpointing.
    """
    of = {site.name if isinstance(site, Site) else site: change for site, change in changes.items()}
    visitor = Changer(_resolver(changes), of, unnormalised)
    with intercepting(unwrap(module_in(module)), visitor):
        yield
    visitor.finish("intervene")

"""A module that comes inside a model: the model's own sites are those of its module."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from attn_interp.recording.site import Site


class Wrapped(Protocol):
    """A model around a module, with the sites that were found in it, such as an `AttentionModel`."""

    @property
    def module(self) -> nn.Module: ...

    @property
    def sites(self) -> tuple[Site, ...]: ...


def module_in(model: nn.Module | Wrapped) -> nn.Module:
    """The module itself, or the one inside the model.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(model, nn.Module):
        return model
    inside = getattr(model, "module", None)
    if not isinstance(inside, nn.Module):
        raise TypeError(f"got a {type(model).__name__}, expected a torch.nn.Module or a model that holds one")
    return inside

"""A site: one place where a model attends; and the mark for places that cannot be seen from outside."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.overrides import handle_torch_function, has_torch_function_unary

from attn_interp.recording.discovery.layout import Layout

ROOT = "(root)"  # no module can have this name


@dataclass(frozen=True)
class Site:
    """One place where a model attends, found by `sites` or written by hand.

    Attributes:
        name: `path`, or `path#1`, `path#2`, ... for the further sites of one module; `(root)` for the module itself.
        path: Name of the module that attends, as in `named_modules()`.
        call: The n-th softmax, attention function or mark of that module within one forward pass of the root, from 0.
        layout: One word for each axis of the weights, such as `B H T T`, `B*H T T`, `B T` or `B T 1` (see `Layout`).
        key_axis: The softmaxed axis, counted from the end (negative).
        heads: Number of heads.
        kind: 'softmax', 'sdpa' (scaled_dot_product_attention) or 'mark'.
        sink: True if the last of T+1 keys is a sink, which takes mass and no value.
        normalised: True if rows sum to 1 (together with the sink); false of attention by a sigmoid, for example.
        line: For a loop, the `file:line` that attends; every call there within a pass is one step, and the steps are
            stacked as queries. None for a site that is one call.
    """

    name: str
    path: str
    call: int = 0
    layout: str = "B T"
    key_axis: int = -1
    heads: int = 1
    kind: str = "softmax"
    sink: bool = False
    normalised: bool = True
    line: str | None = None

    def __post_init__(self) -> None:
        Layout(self.layout, self.key_axis, self.heads)

    def read(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The model's weights as (batch, heads, queries, keys), and the sink's (batch, heads, queries, 1) or None."""
        if self._packs(weights.shape):
            weights = weights.flatten(1, 2)[:, :, None]
        try:
            read = Layout(self.layout, self.key_axis, self.heads).read(weights)
        except ValueError as error:
            raise ValueError(
                f"site {self.name!r}: {error}; find the sites again, with inputs of the kind that is being run"
            ) from error
        return (read[..., :-1], read[..., -1:]) if self.sink else (read, None)

    def write(self, weights: torch.Tensor, sink: torch.Tensor | None, shape: torch.Size) -> torch.Tensor:
        """The inverse of `read`, laid out as the model laid them out."""
        whole = weights if sink is None else torch.cat([weights, sink], dim=-1)
        if self._packs(shape):
            return whole.reshape(shape)
        return Layout(self.layout, self.key_axis, self.heads).write(whole, shape)

    def _packs(self, shape: torch.Size) -> bool:
        """Whether the heads that share their keys stand where queries do: (B, groups, heads of a group, keys), as
        transformers has them in steps of one query."""
        several = self.kind == "sdpa" and len(shape) == 4 == len(self.layout.split())
        return several and shape[1] != self.heads and shape[1] * shape[2] == self.heads


def mark(weights: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Returns `weights` as they are, and shows them to `sites`, `record` and `intervene` as attention over `dim`.

    For attention that is not made by a softmax or by scaled_dot_product_attention (sparsemax, entmax, a sigmoid), or
    that is changed after its softmax: place it where the weights are about to be multiplied with the values. Which keys
    are masked cannot be seen from a mark, so a change is not checked to leave them at 0.
    """
    if has_torch_function_unary(weights):
        return handle_torch_function(mark, (weights,), weights, dim=dim)
    return weights

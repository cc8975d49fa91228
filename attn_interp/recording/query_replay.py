"""Replay at one query: what follows the site is run for the position alone whose row of attention is changed.

In the last layer of a transformer nothing else is read: the output projection, the feed-forward part and the head work
position by position. So the module is run as on documents of one position. What was kept of the first pass is cut to
that position, the site gives the changed row over all keys, and the product with the values takes those of the first
pass. Layers above that attend again find the other positions in a cache that is given beside. Whether that is the same
as the whole is for the caller to try.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from attn_interp.recording.discovery.dry_run import in_eval_mode
from attn_interp.recording.discovery.dry_run_inputs import map_tensors
from attn_interp.recording.engine.attention_functions import SOFTMAXES
from attn_interp.recording.engine.interceptor import Around, around_functions, intercepting
from attn_interp.recording.engine.tracker import Call, Tracker
from attn_interp.recording.replay import PRODUCTS, Replay, skipping, weights_first


class _Nobody:
    """Looks on, so that the tracker follows the pass."""

    changes = False

    def begin(self, tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...

    def visit(self, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        return weights


class QueryReplay:
    """The outputs of a kept pass under other rows of attention at one query of each document.

    Args:
        kept: The pass, of B documents in T positions, at a site whose queries are positions (`B H T T`) or are one, as
            where attention pools a document.
        at: (B,) the query of each document; of one query, any position that stands for the document.
        beside: K -> by name what the module is given in place of its own inputs for K rows of each document.

    Raises:
        ValueError: the site is of another kind, or its product with the values was not seen.
    """

    def __init__(self, kept: Replay, at: torch.Tensor, beside: Callable[[int], dict[str, Any]] | None = None) -> None:
        site, values = kept.site, kept.values
        one = kept.weights.shape[2] == 1
        followed = one or site.layout == "B H T T"
        if not followed or site.line is not None or site.sink or site.kind == "mark" or values is None:
            raise ValueError(f"site {site.name!r}: rows of one query cannot be followed through its product")
        self.kept = kept
        self.at = at
        self.beside = beside
        query = torch.zeros_like(at) if one else at
        self.rows = kept.weights[torch.arange(len(at), device=at.device), :, query]  # (B, H, T)

    def under(self, rows: torch.Tensor) -> Any:
        """What the module returns for B K documents with `rows` (B, K, H, T) at their query; gradients reach them."""
        root = self.kept.root
        cut = partial(map_tensors, change=partial(self._cut, ways=rows.shape[1]))
        with (
            in_eval_mode(root),
            intercepting(root, _Nobody()) as tracker,
            skipping(self.kept, tracker, cut),
            around_functions(self._around(tracker, rows)),
        ):
            args, kwargs = cut(self.kept.inputs)
            if self.beside is None:
                return root(*args, **kwargs)
            return root(**inspect.signature(root.forward).bind(*args, **kwargs).arguments | self.beside(rows.shape[1]))

    def _cut(self, tensor: torch.Tensor, ways: int) -> torch.Tensor:
        """The tensor at the query of each document, `ways` times; what has no positions, as often."""
        documents, positions = len(self.at), self.rows.shape[-1]
        if tensor.ndim >= 2 and tensor.shape[:2] == (1, positions):
            tensor = tensor.expand(documents, *tensor.shape[1:])  # the same for all, as the angles of a rotation are
        if tensor.ndim == 0 or tensor.shape[0] != documents:
            if tensor.ndim > 2 and tensor.shape[0] != 1:
                raise ValueError(f"an output of shape {tuple(tensor.shape)} is not one of {documents} documents")
            return tensor
        axis = next((axis for axis in (1, 2) if tensor.shape[axis : axis + 1] == (positions,)), None)
        if axis is not None:  # (B, T, ...), or (B, H, T, ...)
            own = torch.arange(documents, device=tensor.device)
            tensor = tensor.transpose(1, axis)[own, self.at.to(tensor.device)][:, None].transpose(1, axis)
        return tensor.repeat_interleave(ways, 0)

    def _around(self, tracker: Tracker, rows: torch.Tensor) -> Around:
        site, values = self.kept.site, self.kept.values
        ways = rows.shape[:2]
        changed = rows.flatten(0, 1)[:, :, None]  # (B K, H, 1, T)
        pending = False

        def product(rows: torch.Tensor) -> torch.Tensor:
            """(B K, ..., 1, T) -> (B K, ..., 1, D), with the values (B, ..., T, D)."""
            assert values is not None
            together = rows[..., 0, :].unflatten(0, ways).movedim(1, -2)  # (B, ..., K, T)
            return (together.to(values.dtype) @ values).movedim(-2, 1).flatten(0, 1)[..., None, :]

        def around(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
            nonlocal pending
            frame = tracker.frame
            if frame is None or frame.path != site.path:
                return run(*args, **kwargs)
            attends = function is F.scaled_dot_product_attention if site.kind == "sdpa" else function in SOFTMAXES
            if attends and tracker.counts[site.path] == site.call:
                tracker.counts[site.path] += 1
                pending = site.kind != "sdpa"
                if not pending:
                    return product(changed)
                shape = list(args[0].shape)
                shape[site.key_axis] = rows.shape[-1]
                return site.write(changed, None, torch.Size(shape))
            if pending and function in PRODUCTS and len(args) == 2 and args[0].shape[-1] == rows.shape[-1]:
                pending = False
                return product(args[0])
            pair = weights_first(function, args) if pending else None
            if pair is not None and pair[0].shape[-2] == rows.shape[-1]:
                pending = False
                return product(pair[0].transpose(-1, -2))  # summed already, over keys that are one now
            return run(*args, **kwargs)

        return around

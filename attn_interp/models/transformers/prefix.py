"""The cache of a causal decoder: what later tokens read of the tokens before them, kept from one pass."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from attn_interp.recording.discovery.dry_run import in_eval_mode


@dataclass(frozen=True)
class Prefixes:
    """The keys and values of a batch in every layer of a decoder, from which tokens are run that follow its prefixes.

    In a causal decoder no token reads those after it, so whatever follows, a prefix has the same keys and values. That
    a module is one is for the caller to try.

    Attributes:
        cache: Of the B documents in T positions, as the module filled it.
        mask: (B, T) the attention mask of the batch.
        named: The arguments of the module's forward.
    """

    cache: Any
    mask: torch.Tensor  # (B, T)
    named: frozenset[str]

    def followed(self, rows: torch.Tensor, start: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        """What the module is given beside the ids (R, S) of tokens that follow the first positions of documents.

        Args:
            rows: (R,) the documents.
            start: (R,) how many positions of each stay: the position of its first further token.
            mask: (R, S) the attention mask of the further tokens.
        """
        longest = int(start.max())
        # The end of each prefix stands beside what follows it, so that distances between positions are their own.
        place = start[:, None] - longest + torch.arange(longest, device=start.device)  # (R, L)
        cached = rows[:, None], place.clamp(min=0)
        kept = self.mask[cached] * (place >= 0)
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in cache.layers]
        for layer in cache.layers:
            layer.update = partial(_followed, layer.keys, layer.values, cached)
            layer.keys = layer.keys[:, :, :longest]  # whose length the module asks for
        given = {"attention_mask": torch.cat([kept, mask.to(kept.dtype)], 1), "past_key_values": cache}
        if "position_ids" in self.named:
            given["position_ids"] = start[:, None] + torch.arange(mask.shape[1], device=start.device)
        return given


def _followed(
    kept_keys: torch.Tensor,
    kept_values: torch.Tensor,
    cached: tuple[torch.Tensor, torch.Tensor],
    keys: torch.Tensor,
    values: torch.Tensor,
    *args: Any,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What S further tokens read: the keys and values (R, H, L + S, D) of documents and positions `cached`, each (R, L)
    or (R, 1), and their own, of which nothing is kept."""
    before_keys, before_values = (x.transpose(1, 2)[cached].transpose(1, 2) for x in (kept_keys, kept_values))
    return torch.cat([before_keys, keys], -2), torch.cat([before_values, values], -2)


def prefixes_of(module: nn.Module, inputs: tuple[Any, ...]) -> Prefixes:
    """The prefixes of a batch, from one pass of the module with the inputs of its forward.

    Raises:
        TypeError: the module takes no cache.
    """
    signature = inspect.signature(module.forward)
    if missing := sorted({"input_ids", "attention_mask", "past_key_values"} - set(signature.parameters)):
        raise TypeError(f"{type(module).__name__} takes no {missing[0]}, so no token is run behind what was kept")
    from transformers import DynamicCache

    cache = DynamicCache()
    given = signature.bind(*inputs).arguments | {"past_key_values": cache}
    with torch.no_grad(), in_eval_mode(module):
        module(**given)
    return Prefixes(cache, given["attention_mask"], frozenset(signature.parameters))

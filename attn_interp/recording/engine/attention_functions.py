"""The functions that attention is made of, taken apart so that the weights can be seen."""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F

SOFTMAXES = frozenset({torch.softmax, torch.special.softmax, torch.Tensor.softmax, F.softmax, torch._safe_softmax})


def softmax_axis(scores: torch.Tensor, dim: int | None) -> int:
    """The axis that is softmaxed, counted from the end. Without `dim`, torch takes axis 0 of 0, 1 or 3 axes, else 1."""
    if dim is None:
        dim = 0 if scores.ndim in (0, 1, 3) else 1
    return dim if dim < 0 else dim - scores.ndim


def masked_scores(
    query: torch.Tensor, key: torch.Tensor, attn_mask: torch.Tensor | None, is_causal: bool, scale: float | None
) -> torch.Tensor:
    """The scores (..., queries, keys) that scaled_dot_product_attention softmaxes; -inf where a key is masked.

    The causal mask is aligned top left, as torch defines it.
    """
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        causal = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~causal, -math.inf)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return scores


def without_overloads(function: Any) -> Any:
    """A copy of F.multi_head_attention_forward that does not hand itself to the mode, so that its inner calls do."""
    seen = {**function.__globals__, "has_torch_function": lambda tensors: False}
    copy = FunctionType(function.__code__, seen, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy

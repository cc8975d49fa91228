"""Conicity: how nearly the states of a document point the same way."""

from __future__ import annotations

import torch
from torch.nn import functional


def conicity(states: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """(B,) the mean cosine between the states (B, T, D) of the words and their mean; in [-1, 1], 1 where all point the
    same way. A state or a mean of length 0 has the cosine 0, and so has a document without words. Gradients pass.

    Args:
        states: (B, T, D).
        is_word: (B, T) bool; states elsewhere are ignored.

    Raises:
        ValueError: the shapes do not fit; TypeError where `is_word` is not bool.

    >>> round(float(conicity(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.ones(1, 2, dtype=torch.bool))), 4)
    0.7071

    Reference: Mohankumar et al. 2020, section 3.1.
    """
    if states.ndim != 3 or states.shape[:2] != is_word.shape:
        raise ValueError(
            f"conicity: states must be (B, T, D) and is_word (B, T), got {tuple(states.shape)} and "
            f"{tuple(is_word.shape)}"
        )
    if is_word.dtype != torch.bool:
        raise TypeError(f"conicity: is_word must be bool, true on real words, got {is_word.dtype}")
    states = states.masked_fill(~is_word[..., None], 0.0)
    count = is_word.sum(-1, keepdim=True).clamp(min=1)  # (B, 1)
    mean = states.sum(1) / count
    cosine = functional.cosine_similarity(states, mean[:, None], dim=-1)  # (B, T)
    return (cosine * is_word).sum(-1) / count[:, 0]

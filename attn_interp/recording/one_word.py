"""The logits with all attention on one word, for each word in turn, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

CELLS = 4_000_000  # weights of alternatives held at a time: 32 MB


def blocks(count: int, cells_each: int) -> Iterator[torch.Tensor]:
    """The numbers 0 to count - 1 in blocks, of which each number needs `cells_each` values."""
    yield from torch.arange(count).split(max(1, CELLS // max(1, cells_each)))


def on_each_word(under: Callable[[torch.Tensor], torch.Tensor], is_word: torch.Tensor) -> torch.Tensor:
    """The logits (B, W, C) that `under` gives for weightings (B, K, W) with all attention on one word.

    Past the end of a document stand the logits of its last word: attention has to be somewhere.

    Args:
        under: Weightings (B, K, W), float64 -> logits (B, K, C).
        is_word: (B, W).
    """
    words = is_word.sum(-1, keepdim=True)
    parts = []
    for which in blocks(is_word.shape[1], is_word.numel()):
        chosen = which.to(words.device).minimum(words - 1)  # (B, K)
        parts.append(under(torch.nn.functional.one_hot(chosen, is_word.shape[1]).double()))
    return torch.cat(parts, 1)

"""How much of the attention the output pins down: which other attentions give the same decision values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from attn_interp.readout.entry import Array, as_tensor, entered_one_head, entered_votes
from attn_interp.readout.polytope import Polytope, ranges


def equivalent_dimension(votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """Dimension of the set of attentions that give the same logit differences: T - 1 - rank of the centred differences.

    Around an attention that has weight on every word. 0 where the output pins attention down; T - 1 where the votes
    are equal and the output says nothing. The rank is taken at the precision of the votes' own type, so give them as
    the model did.

    Args:
        votes: (B, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        (B,) int64.

    Raises:
        ValueError, TypeError: as `entered_votes`, and for several heads.

    >>> equivalent_dimension([[[4.0, 0.0], [0.0, 8.0], [1.0, 1.0]]]).tolist()
    [1]
    """
    votes = as_tensor(votes, "votes")
    precision = torch.finfo(votes.dtype if votes.is_floating_point() else torch.float64).eps
    checked, is_word = entered_votes(votes, is_word)
    if checked.ndim != 3:
        raise ValueError(f"the equivalent dimension is for one head; votes must be (B, T, C), got {tuple(votes.shape)}")
    words = is_word.sum(-1)
    differences = checked[..., :-1] - checked[..., -1:]  # (B, T, C - 1)
    mean = differences.sum(1, keepdim=True) / words[:, None, None]
    centred = torch.where(is_word[..., None], differences - mean, 0.0)
    # relative to the votes, not to the differences: equal votes differ by rounding alone
    noise = precision * max(centred.shape[1:]) * checked.abs().amax((1, 2))
    rank = (torch.linalg.svdvals(centred) > noise[:, None]).sum(-1)
    return words - 1 - rank


class WeightInterval(NamedTuple):
    """Least and most (B, T) that the weight of each word can be; 0 where there is no word."""

    least: torch.Tensor
    most: torch.Tensor


def weight_interval(weights: Array, votes: Array, is_word: Array | None = None, delta: float = 0.0) -> WeightInterval:
    """The interval of every weight over the attentions that move no logit difference by more than delta.

    Wide intervals are the finding: the output says little about the attention behind it. In closed form for two
    classes; by linear programs for more, whose ends are proved (they may lie outside the true ones by rounding, never
    inside).

    Args:
        weights: (B, T).
        votes: (B, T, C).
        is_word: (B, T) bool; None: every position is a word.
        delta: Movement allowed of each logit difference, at least 0.

    Returns:
        least and most, each (B, T), in [0, 1]; 0 where there is no word.

    Raises:
        ValueError, TypeError: as `entered`, for several heads or a negative delta.

    >>> least, most = weight_interval([[0.5, 0.25, 0.25]], [[[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    >>> least.tolist(), most.tolist()  # the votes pin the first weight down, and only the sum of the others
    ([[0.5, 0.0, 0.0]], [[0.5, 0.5, 0.5]])
    """
    weights, votes, is_word = entered_one_head("weight intervals are", weights, votes, is_word)
    if not delta >= 0.0:
        raise ValueError(f"delta must be at least 0, got {delta}")
    if votes.shape[-1] == 2:
        return _two_class_interval(weights, votes[..., 1] - votes[..., 0], is_word, delta)
    least, most = torch.zeros_like(weights), torch.zeros_like(weights)
    for row, words in enumerate(is_word):
        low, high = _interval(weights[row, words], votes[row, words], delta)
        least[row, words], most[row, words] = low.to(least.device), high.to(most.device)
    return WeightInterval(least, most)


def _two_class_interval(weights: torch.Tensor, s: torch.Tensor, is_word: torch.Tensor, delta: float) -> WeightInterval:
    smallest = s.masked_fill(~is_word, torch.inf).amin(-1, keepdim=True)
    largest = s.masked_fill(~is_word, -torch.inf).amax(-1, keepdim=True)
    value = (weights * s).sum(-1, keepdim=True).clamp(smallest, largest)
    lower, upper = value - delta, value + delta
    above, below = s > upper, s < lower
    most = torch.ones_like(s)
    # a word above the slab can be balanced best by the word furthest below, and the other way round
    most = torch.where(above, (upper - smallest) / (s - smallest), most)
    most = torch.where(below, (largest - lower) / (largest - s), most)
    least_other, most_other = _others_ends(s, is_word)
    least = torch.zeros_like(s)
    # all others on one side of the slab: this word must pull the nearest of them back to it
    least = torch.where(least_other > upper, (least_other - upper) / (least_other - s), least)
    least = torch.where(most_other < lower, (lower - most_other) / (s - most_other), least)
    least = torch.where(is_word.sum(-1, keepdim=True) == 1, torch.ones_like(s), least)
    return WeightInterval(
        torch.where(is_word, least, 0.0).clamp(0.0, 1.0), torch.where(is_word, most, 0.0).clamp(0.0, 1.0)
    )


def _others_ends(s: torch.Tensor, is_word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) smallest and largest s of the words other than this one; infinite and minus infinite without others."""
    padding = s.new_full((len(s), 1), torch.inf)
    rising = torch.cat([s.masked_fill(~is_word, torch.inf), padding], -1).sort(-1)
    falling = torch.cat([s.masked_fill(~is_word, -torch.inf), -padding], -1).sort(-1, descending=True)
    here = torch.arange(s.shape[1], device=s.device)
    least, most = (
        torch.where(here == order.indices[:, :1], order.values[:, 1:2], order.values[:, :1])
        for order in (rising, falling)
    )
    return least, most


def _interval(alpha: torch.Tensor, votes: torch.Tensor, delta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """One document (T,): the logits' movements must lie in some [x, x + delta], x the one extra variable."""
    movement = (votes - alpha @ votes).T.cpu().numpy()  # (C, T): this row times q is how far logit k moves
    classes = len(movement)
    span = np.abs(movement).max(keepdims=True)[0]
    polytope = Polytope(
        rows=np.concatenate([movement, -movement]),
        limits=np.repeat([delta, 0.0], classes),
        extra=np.repeat([-1.0, 1.0], classes)[:, None],
        low=-span,
        high=span,
    )
    least, most, _ = ranges(polytope)
    return torch.from_numpy(least), torch.from_numpy(most)

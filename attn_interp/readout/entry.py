"""Weights, votes and words as they enter the readout: made tensors, checked, in float64, every row of weights summing
to 1.

This is the one place that checks what a caller gives. Tensors, NumPy arrays and nested lists are all taken.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike

Array: TypeAlias = torch.Tensor | ArrayLike

TOLERANCE = 1e-3  # of the sum of a row of weights: what half precision leaves; anything further is no attention


class Entered(NamedTuple):
    """weights (B, [H,] T), votes (B, [H,] T, C), both 0 outside `is_word` (B, T) and float64."""

    weights: torch.Tensor
    votes: torch.Tensor
    is_word: torch.Tensor


class EnteredVotes(NamedTuple):
    """votes (B, [H,] T, C) in float64, 0 outside `is_word` (B, T)."""

    votes: torch.Tensor
    is_word: torch.Tensor


def as_tensor(values: Array, name: str) -> torch.Tensor:
    """A tensor as it is; anything else as a tensor of its own values, float64 where they are plain numbers.

    Raises:
        ValueError: rows of different lengths.
    """
    if isinstance(values, torch.Tensor):
        return values
    try:
        copied = np.array(values, order="C")
    except ValueError as error:
        raise ValueError(
            f"{name}: rows of different lengths; fill the shorter ones up with 0 and give is_word, true on real words"
        ) from error
    return torch.from_numpy(copied)


def entered(weights: Array, votes: Array, is_word: Array | None = None) -> Entered:
    """The three inputs of every readout function, checked and converted.

    Args:
        weights: (B, T), or (B, H, T) for H heads; non-negative, summing to 1 over the words, 0 elsewhere.
        votes: (B, T, C), or (B, H, T, C): the logits with all attention on one position; finite on words.
        is_word: (B, T) bool; None: every position is a word.

    Raises:
        ValueError: naming the row that is wrong; TypeError where `is_word` is not bool.
    """
    weights, votes = as_tensor(weights, "weights"), as_tensor(votes, "votes")
    shape = tuple(weights.shape)
    if weights.ndim not in (2, 3):
        raise ValueError(f"weights must be (B, T) or (B, H, T), got {shape}")
    is_word = _words(is_word, weights)
    if (shape[0], shape[-1]) != tuple(is_word.shape):
        raise ValueError(f"weights must be (B, T) or (B, H, T) for is_word {tuple(is_word.shape)}, got {shape}")
    if votes.ndim != weights.ndim + 1 or tuple(votes.shape[:-1]) != shape:
        raise ValueError(
            f"votes must be the shape of weights {shape} and one axis of classes, got {tuple(votes.shape)}"
        )
    words = over_positions(is_word, weights)
    weights = weights.detach().double()
    rows = (weights * ~words).abs().amax(-1) > 0
    _refuse(rows, "attention weight on a position that is no word; take the words' weights and renormalise them")
    weights = torch.where(words, weights, 0.0)
    total = weights.sum(-1, keepdim=True)
    _refuse(((total[..., 0] - 1).abs() <= TOLERANCE).logical_not(), "attention weights that do not sum to 1")
    _refuse((weights < 0).any(-1), "a negative attention weight")
    return Entered(weights / total, *entered_votes(votes, is_word))


def entered_one_head(what: str, weights: Array, votes: Array, is_word: Array | None) -> Entered:
    """As `entered`, for what has an answer for one head alone.

    Raises:
        ValueError: weights of several heads.
    """
    weights = as_tensor(weights, "weights")
    if weights.ndim == 3:
        raise ValueError(
            f"{what} for one head; weights must be (B, T), got {tuple(weights.shape)}: choose a head, weights[:, h]"
        )
    return entered(weights, votes, is_word)


def entered_heads(weights: Array, votes: Array, is_word: Array | None) -> Entered:
    """As `entered`, for what is asked about several heads.

    Raises:
        ValueError: weights without an axis of heads.
    """
    weights = as_tensor(weights, "weights")
    if weights.ndim != 3:
        raise ValueError(f"weights must be (B, H, T), one row for each head, got {tuple(weights.shape)}")
    return entered(weights, votes, is_word)


def entered_votes(votes: Array, is_word: Array | None = None) -> EnteredVotes:
    """The inputs of what needs no weights: votes (B, [H,] T, C) in float64, 0 outside the words, and the words.

    Raises:
        ValueError: for another shape, fewer than two classes or values that are not finite, naming the row; TypeError
            where `is_word` is not bool.
    """
    votes = as_tensor(votes, "votes")
    if votes.ndim not in (3, 4):
        raise ValueError(f"votes must be (B, T, C) or (B, H, T, C), got {tuple(votes.shape)}")
    is_word = _words(is_word, votes[..., 0])
    if (votes.shape[0], votes.shape[-2]) != tuple(is_word.shape):
        raise ValueError(
            f"votes must be (B, T, C) or (B, H, T, C) for is_word {tuple(is_word.shape)}, got {tuple(votes.shape)}"
        )
    if votes.shape[-1] < 2:
        raise ValueError(f"votes have {votes.shape[-1]} class; give one logit for each of two classes or more")
    words = over_positions(is_word, votes[..., 0])
    votes = torch.where(words[..., None], votes.detach().double(), 0.0)
    _refuse(votes.isfinite().all(-1).all(-1).logical_not(), "a vote that is not finite")
    return EnteredVotes(votes, is_word)


def entered_words(is_word: Array) -> torch.Tensor:
    """`is_word` (B, T) as a tensor, after a check that it is bool with at least one word in each row."""
    is_word = as_tensor(is_word, "is_word")
    if is_word.dtype != torch.bool:
        raise TypeError(f"is_word must be bool, true on real words, got {is_word.dtype}")
    if is_word.ndim != 2:
        raise ValueError(f"is_word must be (B, T), got {tuple(is_word.shape)}")
    _refuse(is_word.any(-1).logical_not(), "no word")
    return is_word


def entered_decision(decision: Array, votes: torch.Tensor) -> torch.Tensor:
    """Class indices (B,), int64, for votes (B, ..., C).

    Raises:
        TypeError: no whole numbers; ValueError: another shape, or no such class, naming the row.
    """
    decision = as_tensor(decision, "decision")
    if decision.is_floating_point() or decision.dtype == torch.bool:
        raise TypeError(f"decision must be class indices, whole numbers, got {decision.dtype}")
    batch, classes = votes.shape[0], votes.shape[-1]
    if tuple(decision.shape) != (batch,):
        raise ValueError(f"decision must be (B,) = ({batch},), got {tuple(decision.shape)}")
    _refuse((decision < 0) | (decision >= classes), f"a decision that is none of the classes 0..{classes - 1}")
    return decision.long()


def check_eps(eps: float) -> None:
    """Raises ValueError unless eps is a total variation distance that leaves something out: in [0, 1)."""
    if not 0.0 <= eps < 1.0:
        raise ValueError(f"eps must lie in [0, 1), got {eps}")


def over_positions(is_word: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """`is_word` (B, T) with an axis of size 1 for the heads where `values` (B, [H,] T) has them."""
    return is_word if values.ndim == 2 else is_word[:, None]


def _words(is_word: Array | None, values: torch.Tensor) -> torch.Tensor:
    """The words of values (B, [H,] T): what is given, or every position."""
    if is_word is None:
        return torch.ones(values.shape[0], values.shape[-1], dtype=torch.bool, device=values.device)
    return entered_words(is_word)


def _refuse(rows: torch.Tensor, what: str) -> None:
    if bool(rows.any()):
        row = int(rows.reshape(len(rows), -1).any(-1).nonzero()[0, 0])
        raise ValueError(f"row {row}: {what}")

"""Weights, votes and words as they enter the readout: checked, in float64, every row of weights summing to 1."""

from __future__ import annotations

from typing import NamedTuple

import torch

TOLERANCE = 1e-3  # of the sum of a row of weights: what half precision leaves; anything further is no attention


class Entered(NamedTuple):
    """weights (B, [H,] T), votes (B, [H,] T, C), both 0 outside `is_word` (B, T) and float64."""

    weights: torch.Tensor
    votes: torch.Tensor
    is_word: torch.Tensor


def entered(weights: torch.Tensor, votes: torch.Tensor, is_word: torch.Tensor) -> Entered:
    """The three inputs of every readout function, checked and converted.

    Args:
        weights: (B, T), or (B, H, T) for H heads; non-negative, summing to 1 over the words, 0 elsewhere.
        votes: (B, T, C), or (B, H, T, C): the logits with all attention on one position; finite on words.
        is_word: (B, T) bool.

    Raises:
        ValueError: naming the row that is wrong; TypeError where `is_word` is not bool.
    """
    words = check_words(is_word)
    shape = tuple(weights.shape)
    if weights.ndim not in (2, 3) or (shape[0], shape[-1]) != tuple(is_word.shape):
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
    return Entered(weights / total, checked_votes(votes, is_word), is_word)


def checked_votes(votes: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Votes (B, [H,] T, C) in float64, 0 outside the words.

    Raises:
        ValueError: for another shape, fewer than two classes or values that are not finite, naming the row.
    """
    check_words(is_word)
    if votes.ndim not in (3, 4) or (votes.shape[0], votes.shape[-2]) != tuple(is_word.shape):
        raise ValueError(
            f"votes must be (B, T, C) or (B, H, T, C) for is_word {tuple(is_word.shape)}, got {tuple(votes.shape)}"
        )
    if votes.shape[-1] < 2:
        raise ValueError(f"votes have {votes.shape[-1]} class; give one logit for each of two classes or more")
    words = over_positions(is_word, votes[..., 0])
    votes = torch.where(words[..., None], votes.detach().double(), 0.0)
    _refuse(votes.isfinite().all(-1).all(-1).logical_not(), "a vote that is not finite")
    return votes


def check_words(is_word: torch.Tensor) -> torch.Tensor:
    """`is_word` itself, after a check that it is (B, T) bool with at least one word in each row."""
    if is_word.dtype != torch.bool:
        raise TypeError(f"is_word must be bool, true on real words, got {is_word.dtype}")
    if is_word.ndim != 2:
        raise ValueError(f"is_word must be (B, T), got {tuple(is_word.shape)}")
    _refuse(is_word.any(-1).logical_not(), "no word")
    return is_word


def over_positions(is_word: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """`is_word` (B, T) with an axis of size 1 for the heads where `values` (B, [H,] T) has them."""
    return is_word if values.ndim == 2 else is_word[:, None]


def _refuse(rows: torch.Tensor, what: str) -> None:
    if bool(rows.any()):
        row = int(rows.reshape(len(rows), -1).any(-1).nonzero()[0, 0])
        raise ValueError(f"row {row}: {what}")

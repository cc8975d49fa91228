"""Rationales as spans: which runs of chosen words meet a run that a person marked."""

from __future__ import annotations

import numpy as np
import torch

from attn_interp.measures.rows import Truths

LEAST_IOU = 0.5


def top_words(scores: torch.Tensor, is_word: torch.Tensor, k: torch.Tensor, ties: torch.Tensor) -> torch.Tensor:
    """(B, T) true on the k highest words of each row; among words of equal score those with the larger `ties`.

    Args:
        scores, ties: (B, T); NaN counts as lowest. Draw `ties` at random so that no order of positions leaks in.
        is_word: (B, T) bool; other positions are never chosen.
        k: (B,) how many; all words where a row has fewer.

    Returns:
        (B, T) bool.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> scores, ties = torch.tensor([[0.1, 0.4, 0.2, 0.2]]), torch.tensor([[0, 0, 1, 2]])
    >>> top_words(scores, is_word, torch.tensor([2]), ties).tolist()
    [[False, True, False, True]]
    """
    values = np.where(is_word.numpy(), np.nan_to_num(scores.double().numpy(), nan=-np.inf), -np.inf)
    order = np.lexsort((ties.numpy(), values, is_word.numpy()), axis=-1)[:, ::-1]
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), -1)
    return torch.from_numpy((place < k.numpy()[:, None]) & is_word.numpy())


def span_scores(predicted: torch.Tensor, rationale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Precision, recall and F1 (B,) of predicted spans: a span hits when its IOU with a marked one is at least .5.

    A span is a longest run of neighbouring words; IOU is the number of words in both over that in either. Precision is
    the share of predicted spans that hit, recall hits over marked spans. At .5 and for longest runs no two spans hit
    the same one, so recall does not exceed 1. All in [0, 1]; NaN where nothing is predicted (precision), nothing marked
    (recall) or either (F1).

    Args:
        predicted, rationale: (B, T) bool, false outside the words.

    Returns:
        precision, recall and F1, each (B,) float64.

    Raises:
        ValueError: the shapes differ; TypeError: not bool.

    >>> predicted, marked = torch.tensor([[True, True, False, True]]), torch.tensor([[True, True, True, False]])
    >>> precision, recall, f1 = span_scores(predicted, marked)
    >>> float(precision), float(recall), round(float(f1), 4)
    (0.5, 1.0, 0.6667)

    Reference: DeYoung et al. 2020, ERASER, section 4.1, and the partial match of its scorer.
    """
    if predicted.shape != rationale.shape or predicted.ndim != 2:
        raise ValueError(
            f"span_scores: predicted and rationale must be (B, T), got {tuple(predicted.shape)} and "
            f"{tuple(rationale.shape)}"
        )
    if predicted.dtype != torch.bool or rationale.dtype != torch.bool:
        raise TypeError(f"span_scores: expected bool, got {predicted.dtype} and {rationale.dtype}")
    own, human = predicted.numpy(), rationale.numpy()
    own_of, own_length = _runs(own)
    human_of, human_length = _runs(human)
    both = own & human
    pairs, shared = np.unique(np.stack([own_of[both], human_of[both]]), axis=1, return_counts=True)
    either = own_length[pairs[0]] + human_length[pairs[1]] - shared
    row_of_run = np.zeros(len(own_length), dtype=np.int64)
    row_of_run[own_of[own]] = np.nonzero(own)[0]
    hits = np.bincount(row_of_run[pairs[0]][shared >= LEAST_IOU * either], minlength=len(own)).astype(np.float64)
    predictions, marked = (_starts(rows).sum(-1) for rows in (own, human))
    with np.errstate(invalid="ignore"):
        precision, recall = hits / predictions, hits / marked
        f1 = np.where((predictions > 0) & (marked > 0), 2 * hits / (predictions + marked), np.nan)
    return torch.from_numpy(precision), torch.from_numpy(recall), torch.from_numpy(f1)


def _starts(rows: Truths) -> Truths:
    before = np.zeros_like(rows)
    before[:, 1:] = rows[:, :-1]
    return rows & ~before


def _runs(rows: Truths) -> tuple[np.ndarray, np.ndarray]:
    """(B, T) number of the run that a true position belongs to, counted over all rows; and the length of each run."""
    numbers = np.maximum(_starts(rows).cumsum().reshape(rows.shape) - 1, 0)
    return numbers, np.bincount(numbers[rows], minlength=1)

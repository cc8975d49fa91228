"""Pairs of rows to be compared over their words: the one place where they are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

Floats = np.ndarray[Any, np.dtype[np.float64]]
Truths = np.ndarray[Any, np.dtype[np.bool_]]


def paired_rows(name: str, x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> tuple[Floats, Floats, Truths]:
    """x, y (B, T) as float64 and `is_word` (B, T), with 0 wherever there is no word.

    Returns arrays, for the sorting that follows is numpy's. A row with NaN on a word keeps it: `undefined_rows` finds
    it.

    Raises:
        ValueError: where the shapes differ, naming the measure; TypeError where `is_word` is not bool.
    """
    if x.ndim != 2 or x.shape != y.shape or x.shape != is_word.shape:
        raise ValueError(
            f"{name}: x, y and is_word must all be (B, T), got {tuple(x.shape)}, {tuple(y.shape)} and "
            f"{tuple(is_word.shape)}"
        )
    if is_word.dtype != torch.bool:
        raise TypeError(f"{name}: is_word must be bool, true on real words, got {is_word.dtype}")
    mask: Truths = is_word.detach().cpu().numpy()
    left, right = (np.where(mask, rows.detach().cpu().double().numpy(), 0.0) for rows in (x, y))
    return left, right, mask


def no_order(x: Floats, y: Floats, is_word: Truths) -> Truths:
    """(B,) true where a row cannot be ordered: no word, or a NaN on a word."""
    return np.logical_not(is_word.any(-1)) | (np.isnan(x) | np.isnan(y)).any(-1)


def undefined_rows(x: Floats, y: Floats, is_word: Truths) -> Truths:
    """(B,) true where no rank agreement exists: no word, a NaN on a word, or one side constant over the words."""
    undefined = no_order(x, y, is_word)
    for rows in (x, y):
        highest = np.where(is_word, rows, -np.inf).max(-1, initial=-np.inf)
        lowest = np.where(is_word, rows, np.inf).min(-1, initial=np.inf)
        undefined |= highest == lowest
    return undefined


def dense_ranks(rows: Floats, is_word: Truths) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(B, T) 0 for the smallest word of a row, equal for ties; all other positions last, each its own."""
    order = np.lexsort((rows, ~is_word), axis=-1)
    sorted_rows = np.take_along_axis(rows, order, -1)
    sorted_mask = np.take_along_axis(is_word, order, -1)
    steps = np.zeros(rows.shape, dtype=np.int64)
    steps[:, 1:] = (sorted_rows[:, 1:] != sorted_rows[:, :-1]) | ~sorted_mask[:, 1:]
    ranks = np.empty_like(steps)
    np.put_along_axis(ranks, order, steps.cumsum(-1), -1)
    return ranks

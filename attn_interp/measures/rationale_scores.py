"""How well the scores of words find the words that a person marked: average precision, areas, words in the top.

All of these measure plausibility, whether a score looks right to a person. None says that a model used the words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import comb

from attn_interp.measures.rows import Floats, Truths, dense_ranks, no_order, paired_rows


def average_precision(scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Sum over thresholds of (recall gained there) x (precision there), thresholds being the distinct scores.

    In (0, 1], 1 where every marked word is above every other. Words of equal score enter together: constant scores
    give the share of marked words. Equal to `sklearn.metrics.average_precision_score`, the average precision of the
    ERASER scorer.

    Args:
        scores: (B, T), the larger the more important.
        rationale: (B, T) bool, true on marked words.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN where no word or every word is marked, without words, or with a NaN on a word.

    Raises:
        ValueError, TypeError: as `paired_rows`, and for a rationale that is not bool.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> scores, marked = torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[True, False, True, False]])
    >>> round(float(average_precision(scores, marked, is_word)), 4)  # (1/1 + 2/3) / 2
    0.8333

    Reference: DeYoung et al. 2020, ERASER, section 4.1.
    """
    steps = _steps("average_precision", scores, rationale, is_word)
    return _defined((steps.marked * steps.precision).sum(-1) / steps.all_marked, steps)


def precision_recall_area(scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Area under the precision-recall curve by trapezoids, from precision 1 at recall 0.

    In (0, 1]. It is what the ERASER scorer calls AUPRC; interpolating straight between thresholds flatters scores with
    ties, where constant scores give (1 + share of marked words) / 2. Prefer `average_precision`.

    Args:
        scores: (B, T), the larger the more important.
        rationale: (B, T) bool, true on marked words.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN where no word or every word is marked.

    Raises:
        ValueError, TypeError: as `paired_rows`, and for a rationale that is not bool.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> marked = torch.tensor([[True, False, True, False]])
    >>> float(precision_recall_area(torch.ones(1, 4), marked, is_word))
    0.75
    """
    steps = _steps("precision_recall_area", scores, rationale, is_word)
    before = np.concatenate([np.ones((len(steps.marked), 1)), steps.precision[:, :-1]], axis=1)
    return _defined((steps.marked * (steps.precision + before) / 2).sum(-1) / steps.all_marked, steps)


def auroc(scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """The chance that a marked word scores higher than a word that is not marked, ties counting one half.

    In [0, 1]; 1/2 for constant scores and on average for random ones; scores and their negatives sum to 1. Equal to
    `sklearn.metrics.roc_auc_score`.

    Args:
        scores: (B, T), the larger the more important.
        rationale: (B, T) bool, true on marked words.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN where no word or every word is marked.

    Raises:
        ValueError, TypeError: as `paired_rows`, and for a rationale that is not bool.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> scores, marked = torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[True, False, True, False]])
    >>> float(auroc(scores, marked, is_word))
    0.75
    """
    steps = _steps("auroc", scores, rationale, is_word)
    above = steps.marked.cumsum(-1) - steps.marked / 2
    return _defined((steps.unmarked * above).sum(-1) / (steps.all_marked * steps.all_unmarked), steps)


def marked_in_top(
    scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor, k: torch.Tensor
) -> torch.Tensor:
    """How many of the k highest words are marked, in expectation over random breaks of ties.

    From 0 to min(k, marked words). Divided by k it is the precision, by the number of marked words the recall, and
    twice it over their sum the F1 of the top k; at k = number of marked words the three are one number.

    Args:
        k: (B,) how many words are the top of each row, from 0 to its number of words.

    Other arguments, returns (in words) and errors as `average_precision`; ValueError too for a k out of range.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> scores, marked = torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[True, False, True, False]])
    >>> float(marked_in_top(scores, marked, is_word, k=torch.tensor([2])))
    1.0
    """
    steps = _steps("marked_in_top", scores, rationale, is_word)
    size = k.cpu().numpy()[:, None]
    if (size < 0).any() or (size[:, 0] > is_word.sum(-1).cpu().numpy()).any():
        raise ValueError(f"marked_in_top: k must lie between 0 and the words of its row, got {k.tolist()}")
    together = steps.marked + steps.unmarked
    above = together.cumsum(-1) - together
    taken = np.clip(size - above, 0, together) / np.maximum(together, 1)
    return _defined((taken * steps.marked).sum(-1), steps)


def all_on_top(scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """The chance that the highest words, as many as are marked, are exactly the marked ones; ties break at random.

    In [0, 1]: 1 where every marked word is above every other, 0 where one is below another. With a words marked and b
    others at the lowest score of a marked word, it is one of the C(a + b, a) ways to take a of them.

    Arguments, returns and errors as `average_precision`.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> marked = torch.tensor([[True, False, True, False]])
    >>> float(all_on_top(torch.ones(1, 4), marked, is_word)) * 6  # one of six pairs
    1.0
    """
    steps = _steps("all_on_top", scores, rationale, is_word)
    last = steps.marked.shape[1] - 1 - (steps.marked[:, ::-1] > 0).argmax(-1)
    rows = np.arange(len(last))
    others_above = steps.unmarked.cumsum(-1)[rows, last] - steps.unmarked[rows, last]
    tied, free = steps.marked[rows, last], steps.unmarked[rows, last]
    return _defined(np.where(others_above > 0, 0.0, 1 / comb(tied + free, tied)), steps)


def curve_points(
    scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Recall, false positive rate and precision (B, T) at each distinct score from the highest; the last again where a
    row has fewer than T. NaN rows, arguments and errors as `average_precision`.

    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> scores, marked = torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[True, False, True, False]])
    >>> [part.tolist() for part in curve_points(scores, marked, is_word)[:2]]
    [[[0.5, 0.5, 1.0, 1.0]], [[0.0, 0.5, 0.5, 1.0]]]
    """
    steps = _steps("curve_points", scores, rationale, is_word)
    recall = steps.marked.cumsum(-1) / steps.all_marked[:, None]
    false_positives = steps.unmarked.cumsum(-1) / steps.all_unmarked[:, None]
    rows = (recall, false_positives, steps.precision)
    found = [torch.from_numpy(np.where(steps.undefined[:, None], np.nan, row)) for row in rows]
    return found[0], found[1], found[2]


@dataclass(frozen=True)
class _Steps:
    """Column g of each row is its g-th highest distinct score; 0 words past the last one, its precision again."""

    marked: Floats  # (B, T) marked words of that score
    unmarked: Floats  # (B, T)
    precision: Floats  # (B, T) of all words of that score or a higher one
    undefined: Truths  # (B,)
    all_marked: Floats  # (B,) at least 1, so that it divides; so the next
    all_unmarked: Floats  # (B,)


def _steps(name: str, scores: torch.Tensor, rationale: torch.Tensor, is_word: torch.Tensor) -> _Steps:
    if rationale.dtype != torch.bool:
        raise TypeError(f"{name}: rationale must be bool, true on marked words, got {rationale.dtype}")
    values, marks, mask = paired_rows(name, scores, rationale, is_word)
    ranks = dense_ranks(-np.nan_to_num(values, nan=0.0), mask)
    batch, positions = ranks.shape
    cells = (np.arange(batch)[:, None] * positions + ranks).ravel()
    words = _sums(cells, mask, batch)
    marked = _sums(cells, marks * mask, batch)
    precision = marked.cumsum(-1) / np.maximum(words.cumsum(-1), 1)
    count, total = marked.sum(-1), words.sum(-1)
    undefined = no_order(values, marks, mask) | (count == 0) | (count == total)
    return _Steps(marked, words - marked, precision, undefined, np.maximum(count, 1), np.maximum(total - count, 1))


def _sums(cells: np.ndarray, values: np.ndarray, batch: int) -> Floats:
    return np.bincount(cells, values.ravel().astype(np.float64), minlength=cells.size).reshape(batch, -1).astype(float)


def _defined(values: Floats, steps: _Steps) -> torch.Tensor:
    return torch.from_numpy(np.where(steps.undefined, np.nan, values))

"""Agreement of people who mark words, beyond chance: kappas."""

from __future__ import annotations

import numpy as np
import torch

from attn_interp.measures.rows import paired_rows


def cohen_kappa(first: torch.Tensor, second: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Cohen's kappa of two annotators per document: (agreement - chance) / (1 - chance).

    Chance is how often two annotators agree who mark as many words as these, each independently. In [-1, 1], symmetric,
    1 for equal maps, 0 on average by chance.

    Args:
        first, second: (B, T) bool, true on marked words.
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN without words, and where both mark everything or both nothing (chance is 1).

    Raises:
        ValueError, TypeError: as `paired_rows`.

    >>> first, second = torch.tensor([[True, True, False, False]]), torch.tensor([[True, False, False, False]])
    >>> is_word = torch.ones(1, 4, dtype=torch.bool)
    >>> float(cohen_kappa(first, second, is_word))
    0.5

    Reference: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    x, y, mask = paired_rows("cohen_kappa", first, second, is_word)
    words = mask.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreement = ((x == y) & mask).sum(-1) / words
        p, q = x.sum(-1) / words, y.sum(-1) / words
        chance = p * q + (1 - p) * (1 - q)
        kappa = (agreement - chance) / (1 - chance)
    return torch.from_numpy(np.where((words == 0) | (chance == 1), np.nan, kappa))


def pair_agreement(marked_by: np.ndarray, annotators: int) -> float:
    """Share of the pairs of annotators that agree on a word, averaged over the words: Fleiss' observed agreement.

    Args:
        marked_by: (T,) how many of the annotators marked each word.
        annotators: how many there are, the same for every word; NaN for fewer than two.

    Returns:
        In [0, 1].

    >>> round(pair_agreement(np.array([3, 0, 2]), annotators=3), 4)  # 1, 1 and 1/3 of the pairs agree
    0.7778
    """
    if annotators < 2:
        return float("nan")
    rest = annotators - marked_by
    agreeing = marked_by * (marked_by - 1) + rest * (rest - 1)
    return float(np.mean(agreeing / (annotators * (annotators - 1))))


def fleiss_kappa(agreement: float | np.ndarray, marked_share: float | np.ndarray) -> np.ndarray:
    """Fleiss' kappa from the observed agreement of pairs and the share of all marks given: (P - C) / (1 - C),
    C = share^2 + (1 - share)^2. In [-1, 1]; NaN where the share is 0 or 1.

    Args:
        agreement: in [0, 1], as `pair_agreement` gives it; a number or an array.
        marked_share: of all marks that could have been given, in [0, 1].

    Returns:
        float64, of the shape of the two.

    >>> round(float(fleiss_kappa(0.75, 0.5)), 4)
    0.5

    Reference: Fleiss 1971, Measuring nominal scale agreement among many raters.
    """
    share = np.asarray(marked_share, dtype=np.float64)
    chance = share**2 + (1 - share) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance == 1, np.nan, (agreement - chance) / (1 - chance))

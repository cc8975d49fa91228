"""Scores that are learned from ablations: of the same document, or of others through the attention of the heads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from attn_interp.statistics.grouped_ridge import grouped_ridge, standardised

STRENGTH = 0.01  # of the lasso, on standardised effects


def sparse_surrogate(kept: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """(S,) the coefficients of a lasso that tells the log-probability (M,) from which sources are kept (M, S).

    Effects are standardised before and the coefficients brought back to nats. Zero everywhere where nothing moves the
    answer.

    Reference: Cohen-Wang et al. 2024 (ContextCite), section 4.1 and appendix (a lasso of strength 0.01).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso

    spread = effects.std()
    if not spread > 0:
        return np.zeros(kept.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = Lasso(alpha=STRENGTH, max_iter=10_000).fit(kept.astype(float), (effects - effects.mean()) / spread)
    coefficients: np.ndarray = fitted.coef_ * spread
    return coefficients


def datamodelling_score(scores: np.ndarray, kept: np.ndarray, effects: np.ndarray) -> float:
    """Spearman's rank correlation, over ablations, of the sum of the scores of what is kept with the log-probability.

    The linear datamodelling score, in [-1, 1]; NaN where either is constant. Equal are values that are so to a
    millionth of the largest.

    >>> kept = np.array([[True, False], [False, True], [True, True]])
    >>> datamodelling_score(np.array([1.0, 2.0]), kept, np.array([-3.0, -2.0, -1.0]))
    1.0

    Reference: Park et al. 2023 (TRAK), section 2; Cohen-Wang et al. 2024, section 3.
    """
    told, real = (rankdata(_settled(values)) for values in (kept @ scores, effects))
    if np.ptp(told) == 0 or np.ptp(real) == 0:
        return float("nan")
    return float(np.round(np.corrcoef(told, real)[0, 1], 12))


def _settled(values: np.ndarray) -> np.ndarray:
    """Without what rounding makes of equal values, in float32 or in the order of a sum."""
    largest = np.abs(values).max()
    return np.round(values / largest, 6) if largest > 0 else values


class Heads:
    """What learns from the ablations of some documents to read the heads of others.

    Args:
        weights: Of each document the attention (N, S) of its heads to its sources.
        kept: Of each document (M, S) which sources were kept.
        effects: Of each document (M,) the log-probability.

    Within a document, both what is told and the log-probability are centred, and the latter is divided by its
    deviation, so that every document counts alike. A document whose answer nothing moves teaches nothing.

    Reference: Cohen-Wang et al. 2025 (learning to attribute with attention), section 3.
    """

    def __init__(
        self, weights: Sequence[np.ndarray], kept: Sequence[np.ndarray], effects: Sequence[np.ndarray]
    ) -> None:
        self.weights = weights
        self.told, self.wanted = [], []
        for own, parts, values in zip(weights, kept, effects):
            told = parts.astype(float) @ own.T  # (M, N)
            self.told.append(told - told.mean(0))
            spread = values.std()
            self.wanted.append((values - values.mean()) / spread if spread > 0 else np.zeros(len(values)))
        self.teaches = [bool(values.any()) for values in self.wanted]

    def of_others(self, fold: Sequence[int]) -> tuple[list[np.ndarray | None], list[np.ndarray | None]]:
        """Of each document the scores (S,) that a ridge regression of all heads gives its sources, and those of the
        one head that tells best, both learned on the documents of the other folds; None: too few of these teach."""
        ridge: list[np.ndarray | None] = [None] * len(fold)
        best: list[np.ndarray | None] = [None] * len(fold)
        for held in sorted(set(fold)):
            teachers = [place for place, own in enumerate(fold) if own != held and self.teaches[place]]
            if len(teachers) < 2:
                continue
            coefficients, head = self._learned(teachers)
            for place, own in enumerate(fold):
                if own == held:
                    ridge[place] = coefficients @ self.weights[place]
                    best[place] = self.weights[place][head]
        return ridge, best

    def _learned(self, teachers: Sequence[int]) -> tuple[np.ndarray, int]:
        """The coefficients (N,) of the heads, and the head of the highest correlation."""
        told = np.concatenate([self.told[place] for place in teachers])
        wanted = np.concatenate([self.wanted[place] for place in teachers])
        document = np.repeat(np.arange(len(teachers)), [len(self.wanted[place]) for place in teachers])
        return grouped_ridge(told, wanted, document).coefficients, int((wanted @ standardised(told)[0]).argmax())

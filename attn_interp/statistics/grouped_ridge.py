"""A ridge regression whose strength is chosen by cross-validation that keeps what belongs together together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attn_interp.statistics.bootstrap import Floats

STRENGTHS = tuple(10.0**power for power in range(-2, 6))
FOLDS = 5


@dataclass(frozen=True)
class GroupedRidge:
    """A fitted ridge regression of n rows of N columns.

    Attributes:
        standardised: (N,) coefficients of the columns in units of their deviation.
        spread: (N,) that deviation; 1 for a column that does not vary.
        strength: Of the penalty, one of `STRENGTHS`.
    """

    standardised: Floats
    spread: Floats
    strength: float

    @property
    def coefficients(self) -> Floats:
        """(N,) of the columns as they are."""
        return self.standardised / self.spread


def grouped_ridge(rows: Floats, wanted: Floats, group: np.ndarray) -> GroupedRidge:
    """The ridge regression that tells `wanted` (n,) from the standardised `rows` (n, N), with an intercept.

    Args:
        group: (n,) which group each row is of, as its document; rows of one are never on both sides of a fold.

    Raises:
        ValueError: fewer than two groups.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold

    count = len(np.unique(group))
    if count < 2:
        raise ValueError(f"grouped_ridge: got {count} groups, expected at least 2, one to learn from and one to try on")
    scaled, spread = standardised(rows)
    folds = list(GroupKFold(min(FOLDS, count)).split(scaled, groups=group))
    fitted = RidgeCV(STRENGTHS, cv=folds).fit(scaled, wanted)
    return GroupedRidge(fitted.coef_, spread, float(fitted.alpha_))


def standardised(rows: Floats) -> tuple[Floats, Floats]:
    """The rows (n, N) with each column of mean 0 and deviation 1, and that deviation (N,), 1 where it is 0."""
    spread = rows.std(0)
    spread[spread == 0] = 1.0
    return (rows - rows.mean(0)) / spread, spread

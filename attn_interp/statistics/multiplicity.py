"""Many p-values at once: the false discovery rate, and how many of the nulls are true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

Floats = np.ndarray[Any, np.dtype[np.float64]]


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """p-values adjusted so that rejecting those at most q keeps the expected share of false rejections at q or below.

    In [0, 1], never below the raw p-value, in the same order. The guarantee holds for independent or positively
    dependent tests.

    Args:
        p_values: (n,) in [0, 1]; NaN is an undefined test: it stays NaN and does not count.

    Returns:
        (n,) float64.

    Raises:
        ValueError: for a p-value outside [0, 1].

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.02, 0.9]).tolist()]
    [0.03, 0.03, 0.9]

    Reference: Benjamini & Hochberg 1995.
    """
    values = _p_values(p_values)
    adjusted = np.full(values.shape, np.nan)
    defined = ~np.isnan(values)
    if defined.any():
        adjusted[defined] = stats.false_discovery_control(values[defined], method="bh")
    return adjusted


def share_of_true_nulls(p_values: ArrayLike, threshold: float = 0.5) -> float:
    """Estimated share of the tests whose null hypothesis holds: #(p > threshold) / ((1 - threshold) n), at most 1.

    p-values of true nulls are uniform, so those above the threshold are nearly all nulls; scaled up they estimate
    their number. One minus it estimates the share of documents with any association at all, however weak, which the
    share of p <= .05 does not: that one grows with the length of the documents at one and the same association. The
    estimate errs upwards, also where p-values are discrete (short documents).

    Args:
        p_values: (n,) in [0, 1]; NaN is left out.
        threshold: In (0, 1); larger is less biased and less stable.

    Returns:
        In [0, 1]; NaN without any defined p-value.

    Raises:
        ValueError: for a p-value outside [0, 1] or a threshold outside (0, 1).

    >>> share_of_true_nulls([0.01, 0.02, 0.2, 0.9])
    0.5

    Reference: Storey 2002, A direct approach to false discovery rates.
    """
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"threshold must lie in (0, 1), got {threshold}")
    values = _p_values(p_values)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan")
    return min(1.0, float((values > threshold).mean()) / (1.0 - threshold))


def _p_values(p_values: ArrayLike) -> Floats:
    values = np.asarray(p_values, dtype=np.float64).ravel()
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise ValueError(f"p-values must lie in [0, 1]; number {int(outside.argmax())} is {values[outside][0]}")
    return values

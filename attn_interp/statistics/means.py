"""Means over documents of many columns at once, resampled together: any function of them gets its interval."""

from __future__ import annotations

import numpy as np

from attn_interp.statistics.bootstrap import RESAMPLES, Floats
from attn_interp.statistics.clusters import resampled_means


def bootstrapped_means(values: Floats, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """Row 0: the mean of each column over the documents that have a value; the other rows: the means of resamples.

    Columns that are defined for the same documents share the resamples, so that differences and ratios of them are
    paired. A document with several annotators is one row: its mean over them.

    Args:
        values: (D, K) numbers, NaN where undefined.
        seed: Of the resamples.

    Returns:
        (1 + resamples, K); NaN for a column without values, and past row 0 for a column with one.

    >>> means = bootstrapped_means(np.array([[1.0, 3.0], [2.0, 4.0], [6.0, 8.0]]))
    >>> means.shape, means[0].tolist()
    ((2001, 2), [3.0, 5.0])
    >>> [round(end, 9) for end in interval_of(means[:, 1] - means[:, 0])]  # they differ by 2 in every document
    [2.0, 2.0, 2.0]
    """
    found = np.full((1 + resamples, values.shape[1]), np.nan)
    defined = ~np.isnan(values)
    patterns, pattern_of = np.unique(defined, axis=1, return_inverse=True)
    for number, documents in enumerate(patterns.T):
        columns = np.flatnonzero(pattern_of.ravel() == number)
        sample = values[np.ix_(documents, columns)]
        if len(sample):
            found[0, columns] = sample.mean(0)
        if len(sample) > 1:
            found[1:, columns] = resampled_means(sample.T[:, None], seed, resamples)
    return found


def interval_of(means: Floats, level: float = 0.95) -> tuple[float, float, float]:
    """Estimate, low and high of a function of the rows of `bootstrapped_means`, (1 + resamples,): its value for the
    sample and the percentile interval; resamples in which it has no value are left out.

    Args:
        means: (1 + resamples,), the first of the sample itself.
        level: Coverage of the interval, in (0, 1).

    Returns:
        estimate, low, high; NaN where there is no value.

    >>> interval_of(np.array([2.0, 1.0, 2.0, 3.0]), level=0.5)
    (2.0, 1.5, 2.5)
    """
    estimate, resampled = float(means[0]), means[1:][~np.isnan(means[1:])]
    if np.isnan(estimate) or not len(resampled):
        return estimate, np.nan, np.nan
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return estimate, float(low), float(high)

"""Estimates with their intervals, of one sample or of every group of a frame."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

Floats = np.ndarray[Any, np.dtype[np.float64]]

RESAMPLES = 2000
CELLS = 1 << 17  # of the resampled values held at a time: 1 MB, which stays near the processor: half the time


def at_once(values: int, resamples: int = RESAMPLES) -> list[int]:
    """How many resamples of so many values are drawn one after the other, so that at most `CELLS` are held.

    >>> at_once(3_000_000, 3), at_once(60)
    ([1, 1, 1], [2000])
    """
    count = max(1, CELLS // max(1, values))
    return [min(count, resamples - done) for done in range(0, resamples, count)]


def _standard_deviation(sample: Floats, axis: int = -1) -> Floats:
    return np.std(sample, axis=axis, ddof=1)


STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "share": np.mean,
    "std": _standard_deviation,
    "largest": np.max,
}


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Attributes:
        estimate: The statistic of the n defined values; NaN where there are too few (none, or fewer than two for std).
        low, high: Ends of the interval; NaN where n < 2 (a share: n < 1; std: n < 5), and of the largest value, which
            has none.
        n: How many values are defined.
        undefined: How many values are NaN; they are left out of the estimate and counted here.
    """

    estimate: float
    low: float
    high: float
    n: int
    undefined: int


def interval(values: ArrayLike, statistic: str = "mean", seed: int = 0, level: float = 0.95) -> Interval:
    """A statistic of one sample with its interval.

    Mean and median get the percentile bootstrap interval from 2,000 resamples. A share, the mean of 0/1 values, gets
    Wilson's interval, which stays honest at 0 and n where a bootstrap has width 0. The standard deviation std (n - 1 in
    the denominator) gets Bonett's interval from the kurtosis, since a bootstrap of it is too narrow where values
    are few. The largest value is said
    without an interval. NaN is left out and counted. The values are taken as independent: several seeds of one document
    are not.

    Args:
        values: (n,) numbers or truth values.
        statistic: "mean", "median", "share", "std" or "largest".
        seed: Of the resamples.
        level: Coverage of the interval, in (0, 1).

    Returns:
        An `Interval`: estimate, low, high, n and undefined.

    Raises:
        ValueError: for another statistic, a level outside (0, 1), infinite values, or a share of other values than 0
        and 1.

    >>> found = interval([True, True, False, True], "share")
    >>> found.estimate, round(found.low, 2), round(found.high, 2)  # Wilson
    (0.75, 0.3, 0.95)

    Reference: Efron & Tibshirani 1993, An introduction to the bootstrap, chapter 13; Wilson 1927; Bonett 2006,
    Approximate confidence interval for standard deviation of nonnormal distributions.
    """
    _check_choice([statistic], level)
    sample = np.asarray(values, dtype=np.float64).ravel()
    return _interval(sample, statistic, level, (seed,), "values")


def paired_difference(x: ArrayLike, y: ArrayLike, seed: int = 0, level: float = 0.95) -> Interval:
    """The mean of x - y over the same documents, with the percentile bootstrap interval of that mean.

    Documents are resampled, each with both of its values: what makes a document high in both is in neither end of the
    interval, which two intervals side by side would hold twice. It is `interval(x - y)`. A document where either is NaN
    is undefined: left out, and counted.

    Args:
        x, y: (n,) two quantities of the same n documents, in one order; two Series are matched by their index.
        seed: Of the resamples.
        level: Coverage of the interval, in (0, 1).

    Returns:
        An `Interval`: estimate, low and high of the mean difference, n and undefined.

    Raises:
        ValueError: other documents in x than in y, a document that stands twice, infinite values, or a level outside
            (0, 1).

    >>> paired_difference([0.5, 0.75, 1.0], [0.25, 0.5, 0.75])
    Interval(estimate=0.25, low=0.25, high=0.25, n=3, undefined=0)
    """
    if isinstance(x, pd.Series) and isinstance(y, pd.Series):
        for name, side in (("x", x), ("y", y)):
            if not side.index.is_unique:
                twice = side.index[side.index.duplicated()][0]
                raise ValueError(
                    f"paired_difference: document {twice!r} stands twice in {name}; give one value for each"
                )
        apart = x.index.symmetric_difference(y.index)
        if len(apart):
            raise ValueError(
                f"paired_difference: document {apart[0]!r} is in one of x and y alone; give both the same documents"
            )
        y = y.reindex(x.index)
    first, second = (np.asarray(side, dtype=np.float64) for side in (x, y))
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"paired_difference: x and y must be (n,), one value for each document, got {first.shape} and "
            f"{second.shape}"
        )
    for name, values in (("x", first), ("y", second)):
        if np.isinf(values).any():
            raise ValueError(f"paired_difference: document {int(np.isinf(values).argmax())} of {name} is infinite")
    return interval(first - second, "mean", seed, level)


def summarise(
    frame: pd.DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    statistics: Sequence[str] = ("mean",),
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every statistic of every value column in every group, each with its interval (see `interval`).

    The resamples of a group depend on the seed, the group's key and the value column alone: adding a group or
    reordering the columns changes no other row.

    Args:
        frame: One row per observation; value columns are numbers or truth values, NaN where undefined.
        by: Columns that make the groups; none for one group of all rows. A missing key is a group of its own.
        values: Columns to summarise.
        statistics: Any of "mean", "median", "share", "std" and "largest".
        seed, level: As in `interval`.

    Returns:
        A tidy frame with the columns of `by`, then quantity, statistic, estimate, low, high, n, undefined; one row
        per group, value column and statistic, groups in sorted order.

    Raises:
        ValueError: as `interval`, naming the column; KeyError: for a column that the frame lacks.

    >>> frame = pd.DataFrame({"corpus": ["a", "a", "b"], "tau": [0.25, 0.5, 1.0]})
    >>> summarise(frame, ["corpus"], ["tau"])[["corpus", "estimate", "n"]].to_numpy().tolist()
    [['a', 0.375, 2], ['b', 1.0, 1]]
    """
    _check_choice(statistics, level)
    missing = sorted((set(by) | set(values)) - set(frame.columns))
    if missing:
        raise KeyError(f"no columns {missing}; the frame has {sorted(map(str, frame.columns))}")
    columns = {name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in values}
    groups: dict[Any, Any] = {(): np.arange(len(frame))}
    if by:
        groups = frame.reset_index(drop=True).groupby(list(by), dropna=False, observed=True, sort=True).indices
    rows = []
    for key, members in groups.items():
        keys = key if isinstance(key, tuple) else (key,)
        for name in values:
            sample = columns[name][members]
            for statistic in statistics:
                found = _interval(sample, statistic, level, (seed, _entropy(keys, name)), f"column {name!r}")
                estimate = (found.estimate, found.low, found.high, found.n, found.undefined)
                rows.append((*keys, name, statistic, *estimate))
    return pd.DataFrame(rows, columns=[*by, "quantity", "statistic", "estimate", "low", "high", "n", "undefined"])


def _check_choice(statistics: Sequence[str], level: float) -> None:
    for statistic in statistics:
        if statistic not in STATISTICS:
            raise ValueError(f"unknown statistic {statistic!r}; choose from {', '.join(sorted(STATISTICS))}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")


def _entropy(keys: tuple[object, ...], name: str) -> int:
    digest = hashlib.sha256(repr((tuple(map(str, keys)), name)).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _interval(sample: Floats, statistic: str, level: float, seeds: tuple[int, ...], where: str) -> Interval:
    defined = sample[~np.isnan(sample)]
    n, undefined = len(defined), len(sample) - len(defined)
    if np.isinf(defined).any():
        raise ValueError(
            f"{where}: has {int(np.isinf(defined).sum())} infinite values; make them NaN or leave them out"
        )
    if statistic == "share" and not np.isin(defined, (0.0, 1.0)).all():
        raise ValueError(
            f"{where}: a share needs 0/1 or truth values, got values between {defined.min()} and {defined.max()}"
        )
    if n < (2 if statistic == "std" else 1):
        return Interval(np.nan, np.nan, np.nan, n, undefined)
    function = STATISTICS[statistic]
    estimate = float(function(defined))
    if statistic == "share":
        return Interval(estimate, *_ends_of_share(int(defined.sum()), n, level), n, undefined)
    if statistic == "std":
        return Interval(estimate, *_ends_of_std(defined, level), n, undefined)
    if n < 2 or statistic == "largest":
        return Interval(estimate, np.nan, np.nan, n, undefined)
    key = (hashlib.sha256(defined.tobytes()).digest(), statistic, level, seeds, RESAMPLES)
    if key not in _ENDS:
        _ENDS[key] = _bootstrapped(defined, function, level, seeds)
    return Interval(estimate, *_ENDS[key], n, undefined)


@lru_cache(maxsize=4096)
def _ends_of_share(count: int, n: int, level: float) -> tuple[float, float]:
    """Wilson 1927. Kept, since SciPy finds the p-value too, which takes most of the time."""
    ends = stats.binomtest(count, n).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)


def _ends_of_std(sample: Floats, level: float) -> tuple[float, float]:
    """Bonett 2006: the logarithm of the variance plus and minus its standard error, which the kurtosis decides."""
    n, variance = len(sample), float(np.var(sample, ddof=1))
    z = float(stats.norm.ppf((1 + level) / 2))
    if n < max(5, z + 1):
        return np.nan, np.nan
    if variance == 0:
        return 0.0, 0.0
    middle = stats.trim_mean(sample, 1 / (2 * math.sqrt(n - 4)))  # which outliers move less than the mean
    kurtosis = n * float(((sample - middle) ** 4).sum()) / ((n - 1) * variance) ** 2
    correction = n / (n - z)
    factor = math.exp(z * correction * math.sqrt(max(kurtosis - (n - 3) / n, 0.0) / (n - 1)))
    return math.sqrt(correction * variance / factor), math.sqrt(correction * variance * factor)


_ENDS: dict[tuple[object, ...], tuple[float, float]] = {}
"""Ends that were found before: a result is summarised when it is saved, and again for each table and page."""


def _bootstrapped(
    sample: Floats, function: Callable[..., Any], level: float, seeds: tuple[int, ...]
) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # a constant sample: the interval is that point
        result = stats.bootstrap(
            (sample,),
            function,
            n_resamples=RESAMPLES,
            batch=at_once(len(sample))[0],
            vectorized=True,
            confidence_level=level,
            method="percentile",
            rng=np.random.default_rng(seeds),
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)

"""Several seeds of the same documents: intervals over (seed, document) instead of over rows taken as independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from attn_interp.statistics.bootstrap import RESAMPLES, Floats, at_once

SEED, DOCUMENT = "seed", "document"


@dataclass(frozen=True)
class CrossedMean:
    """The mean over seeds and documents under crossed random effects, y_sd = mean + seed_s + document_d + rest_sd.

    Attributes:
        estimate: The mean.
        standard_error: Of the mean over new seeds and new documents; over new documents alone where S = 1.
        degrees: Satterthwaite's degrees of freedom.
        sd_seeds: Standard deviation of the seeds' true means, 0 where the estimate is negative; NaN where S = 1.
        seeds, documents: S and D.
    """

    estimate: float
    standard_error: float
    degrees: float
    sd_seeds: float
    seeds: int
    documents: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Ends of Student's interval; NaN where the standard error is."""
        half = float(stats.t.ppf((1 + level) / 2, self.degrees)) * self.standard_error
        return self.estimate - half, self.estimate + half


def crossed_mean(values: Floats) -> CrossedMean:
    """Mean of (S, D) values, every seed with every document, and its standard error from an analysis of variance.

    Rows of one document share the document and rows of one seed share the seed, so neither S D nor D is the sample
    size. The variance of the mean is (M_s + M_d - M_e) / (S D) with the mean squares of seeds, documents and the rest;
    it is not let below what either factor alone gives.

    Args:
        values: (S, D) numbers.

    Returns:
        A `CrossedMean`, with its `interval`.

    Raises:
        ValueError: the array is not (S, D) with S >= 1 and D >= 1, or holds values that are not finite.

    >>> found = crossed_mean(np.array([[0.0, 1.0, 1.0], [1.0, 2.0, 2.0]]))  # two seeds, three documents
    >>> round(found.estimate, 4), round(found.sd_seeds, 4), found.documents
    (1.1667, 0.7071, 3)

    Reference: Cornfield & Tukey 1956; Satterthwaite 1946.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"crossed_mean: got an array of shape {values.shape}, expected (seeds, documents)")
    if not np.isfinite(values).all():
        raise ValueError(f"crossed_mean: {int((~np.isfinite(values)).sum())} values are not finite; leave them out")
    seeds, documents = values.shape
    mean = float(values.mean())
    if documents < 2:
        return CrossedMean(mean, np.nan, np.nan, np.nan, seeds, documents)
    by_seed, by_document = values.mean(1), values.mean(0)
    ms_document = seeds * float(((by_document - mean) ** 2).sum()) / (documents - 1)
    if seeds == 1:
        return CrossedMean(mean, (ms_document / documents) ** 0.5, documents - 1.0, np.nan, 1, documents)
    ms_seed = documents * float(((by_seed - mean) ** 2).sum()) / (seeds - 1)
    rest = values - by_seed[:, None] - by_document + mean
    ms_rest = float((rest**2).sum()) / ((seeds - 1) * (documents - 1))
    total = max(ms_seed + ms_document - ms_rest, ms_seed, ms_document)
    spread = ms_seed**2 / (seeds - 1) + ms_document**2 / (documents - 1) + ms_rest**2 / (seeds - 1) / (documents - 1)
    degrees = total**2 / spread if spread > 0 else float(documents - 1)
    sd_seeds = (max(ms_seed - ms_rest, 0.0) / documents) ** 0.5
    return CrossedMean(mean, (total / values.size) ** 0.5, degrees, sd_seeds, seeds, documents)


def seed_by_document(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """The column as a table of seeds (S) by documents (D), both sorted; NaN where a seed has no row of a document.

    Args:
        frame: Columns seed, document and `value`.
        value: Name of the column.

    Returns:
        (S, D) frame, its index the seeds, its columns the documents.

    Raises:
        KeyError: the frame lacks one of the columns seed, document and `value`.
        ValueError: a document has two rows of one seed.

    >>> frame = pd.DataFrame({"seed": [0, 0, 1, 1], "document": list("abba"), "tau": [0.1, 0.2, 0.3, 0.4]})
    >>> seed_by_document(frame, "tau").to_numpy().tolist()
    [[0.1, 0.2], [0.4, 0.3]]
    """
    _require_columns(frame, {SEED, DOCUMENT, value})
    _require_one_row(frame)
    rows, seeds = pd.factorize(frame[SEED], sort=True)
    columns, documents = pd.factorize(frame[DOCUMENT], sort=True)
    table = np.full((len(seeds), len(documents)), np.nan)
    table[rows, columns] = frame[value].to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.DataFrame(table, index=seeds, columns=documents)


def _require_columns(frame: pd.DataFrame, needed: set[str]) -> None:
    if missing := sorted(needed - set(frame.columns)):
        raise KeyError(f"no columns {missing}; the frame has {sorted(map(str, frame.columns))}")


def _require_one_row(frame: pd.DataFrame) -> None:
    if (twice := frame.duplicated([SEED, DOCUMENT])).any():
        row = frame[twice].iloc[0]
        raise ValueError(f"document {row[DOCUMENT]!r} has two rows of seed {row[SEED]}; give one row for each")


def summarise_crossed(
    frame: pd.DataFrame, by: Sequence[str], values: Sequence[str], level: float = 0.95
) -> pd.DataFrame:
    """The mean of every value column in every group over the columns seed and document, with its interval.

    Args:
        frame: Columns seed, document, those of `by` and of `values`.
        by: Columns that make the groups; none for one group of all rows.
        values: Columns to summarise.
        level: Coverage of the interval, in (0, 1).

    Returns:
        The columns of `by`, then quantity, statistic, estimate, low, high, sd_seeds, seeds, n (documents with a value
        under every seed) and undefined (documents without); groups in sorted order.

    Raises:
        as `seed_by_document` does.

    >>> frame = pd.DataFrame({"seed": [0, 0, 1, 1], "document": list("abab"), "tau": [0.0, 0.5, 0.5, 1.0]})
    >>> summarise_crossed(frame, [], ["tau"])[["estimate", "seeds", "n"]].to_numpy().tolist()
    [[0.5, 2.0, 2.0]]
    """
    _require_columns(frame, {SEED, DOCUMENT, *by, *values})
    whole = frame.reset_index(drop=True)
    groups: dict[Any, Any] = {(): np.arange(len(whole))}
    if by:
        groups = whole.groupby(list(by), dropna=False, observed=True, sort=True).indices
    seeds, documents = (pd.factorize(whole[column], sort=True)[0] for column in (SEED, DOCUMENT))
    samples = {name: whole[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in values}
    rows = []
    for key, members in groups.items():
        keys = key if isinstance(key, tuple) else (key,)
        own_seeds, row = np.unique(seeds[members], return_inverse=True)
        own_documents, column = np.unique(documents[members], return_inverse=True)
        filled = np.zeros((len(own_seeds), len(own_documents)), dtype=bool)
        filled[row, column] = True
        if filled.sum() < len(members):
            _require_one_row(whole.iloc[members])
        for name in values:
            table = np.full(filled.shape, np.nan)
            table[row, column] = samples[name][members]
            defined = ~np.isnan(table).any(0)
            array, undefined = table[:, defined], int((~defined).sum())
            if not array.size:
                rows.append((*keys, name, "mean", np.nan, np.nan, np.nan, np.nan, len(array), 0, undefined))
                continue
            found = crossed_mean(array)
            low, high = found.interval(level)
            count = (found.seeds, found.documents, undefined)
            rows.append((*keys, name, "mean", found.estimate, low, high, found.sd_seeds, *count))
    columns = [*by, "quantity", "statistic", "estimate", "low", "high", "sd_seeds", "seeds", "n", "undefined"]
    return pd.DataFrame(rows, columns=columns)


def resampled_means(values: Floats, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """Means of K quantities in a bootstrap that draws seeds and documents, each with replacement: (K, S, D) -> (R, K).

    All quantities share the resamples, so that any function of the means can be bootstrapped. Of S seeds S - 1 are
    drawn, which makes the variance due to few seeds unbiased; a single seed is kept.

    Args:
        values: (K, S, D) numbers.
        seed: Of the resamples.

    Returns:
        (R, K) float64.

    Raises:
        ValueError: values that are not finite, or no such array.

    >>> resampled_means(np.ones((2, 3, 5)), resamples=7).shape
    (7, 2)

    Reference: Owen 2007, The pigeonhole bootstrap; Rao & Wu 1988 for the size of the resample.
    """
    if values.ndim != 3 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"resampled_means: got shape {values.shape}, expected finite (quantities, seeds, documents)")
    quantities, seeds, documents = values.shape
    generator = np.random.default_rng(seed)
    drawn = max(seeds - 1, 1)
    of_seeds = generator.multinomial(drawn, np.full(seeds, 1 / seeds), size=resamples) / drawn  # (R, S)
    shares, by_row = np.full(documents, 1 / documents), values.reshape(-1, documents).T
    parts = [
        generator.multinomial(documents, shares, size=count) / documents @ by_row
        for count in at_once(documents, resamples)
    ]
    by_seed = np.concatenate(parts).reshape(resamples, quantities, seeds)
    return np.einsum("rks,rs->rk", by_seed, of_seeds)

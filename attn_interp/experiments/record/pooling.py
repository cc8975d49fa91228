"""Pooling: the results of one experiment on several seeds as one, with intervals over seeds and documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.summary import rows_of
from attn_interp.statistics.clusters import SEED, summarise_crossed

if TYPE_CHECKING:
    from attn_interp.experiments.result import Result

SEED_COLUMN = Column("seed of the model")


@dataclass(frozen=True)
class Pooling:
    """How the results of an experiment on several seeds become one summary.

    Attributes:
        values: Columns whose means are reported.
        by: Columns that part several rows of a document.
        rows: Result of one seed -> one row per document and `by`.
        made: Columns that `rows` makes, described.
        settled: The rows of all seeds -> the same, where what is said of one seed does not hold for all.
    """

    values: tuple[str, ...]
    by: tuple[str, ...] = ()
    rows: Callable[[Result], pd.DataFrame] = rows_of
    made: Mapping[str, Column] = field(default_factory=dict, hash=False)
    settled: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame

    def frame(self, results: Mapping[int, Result]) -> pd.DataFrame:
        """Seed -> result, one below the other: `by`, document, `values`, seed."""
        parts = [self.rows(result).assign(**{SEED: seed}) for seed, result in sorted(results.items())]
        frame = pd.concat(parts, ignore_index=True)[[*self.by, "document", *self.values, SEED]]
        return self.settled(frame)

    def columns(self, known: Mapping[str, Column]) -> dict[str, Column]:
        """The columns of `frame`, described."""
        described = {**known, **self.made, SEED: SEED_COLUMN}
        return {name: described[name] for name in (*self.by, "document", *self.values, SEED)}

    def summary(self, frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
        """Means with 95 % intervals over seeds and documents, in the columns of `summarise_crossed`; with few seeds
        an interval is wide, and cut off where the quantity cannot be."""
        table = summarise_crossed(frame, self.by, self.values)
        ranges = [columns[name] for name in table["quantity"]]
        low = table["low"].clip(lower=pd.Series([each.low for each in ranges], dtype=float))
        high = table["high"].clip(upper=pd.Series([each.high for each in ranges], dtype=float))
        return table.assign(low=low, high=high, grouping="all")

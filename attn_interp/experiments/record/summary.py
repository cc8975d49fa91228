"""Summaries as data: which statistics of which columns, in which groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd

from attn_interp.statistics.bootstrap import summarise

if TYPE_CHECKING:
    from attn_interp.experiments.result import Result

BY_PREDICTED = ("all", "predicted")


def grouped(frame: pd.DataFrame, groupings: tuple[str, ...] = BY_PREDICTED) -> Iterator[pd.DataFrame]:
    """The frame once per grouping, with the columns `grouping` (its name) and `group` (the document's value of it).

    "all" puts every document into the group "all"; any other grouping is a column of the frame.
    """
    for grouping in groupings:
        yield frame.assign(grouping=grouping, group="all" if grouping == "all" else frame[grouping])


def rows_of(result: Result) -> pd.DataFrame:
    """The frame of a result, truth values as 0 and 1."""
    flags = result.frame.select_dtypes("bool")
    return result.frame.assign(**{str(name): flags[name].astype(float) for name in flags})


@dataclass(frozen=True)
class Summary:
    """Result -> its statistics with 95 % bootstrap intervals over documents (of a share: Wilson's).

    Attributes:
        values: Column -> the statistics taken of it, any of mean, median, share and std; in the order of the summary.
        by: Columns that part the rows of a document, before grouping and group.
        groupings: See `grouped`; none: the summary has no such columns.
        rows: Result -> the rows that are summarised, where they are not those of its frame.
        in_order: Whether the values of `by` stand in the order of the frame, and not sorted.
    """

    values: Mapping[str, tuple[str, ...]] = field(hash=False)
    by: tuple[str, ...] = ()
    groupings: tuple[str, ...] = BY_PREDICTED
    rows: Callable[[Result], pd.DataFrame] = rows_of
    in_order: bool = False

    def __call__(self, result: Result) -> pd.DataFrame:
        """Columns: those of `by`, grouping, group, quantity, statistic, estimate, low, high, n, undefined."""
        seed, rows = int(result.settings["seed"]), self.rows(result)
        keys = [*self.by, "grouping", "group"] if self.groupings else list(self.by)
        tables = [
            summarise(frame, keys, list(columns), statistics, seed)
            for frame in (grouped(rows, self.groupings) if self.groupings else [rows])
            for statistics, columns in groupby(self.values, key=lambda column: self.values[column])
        ]
        table = pd.concat(tables, ignore_index=True)
        return rows[list(self.by)].drop_duplicates().merge(table, on=list(self.by)) if self.in_order else table

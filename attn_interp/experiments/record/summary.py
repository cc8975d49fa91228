"""Summaries as data: which statistics of which columns, in which groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from attn_interp.statistics.bootstrap import summarise

if TYPE_CHECKING:
    from attn_interp.experiments.result import Result

ALL = ("all",)
BY_PREDICTED = ("all", "predicted")
BY_EITHER_CLASS = ("all", "predicted", "label")


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
class Part:
    """Some columns and the statistics taken of each: any of mean, median, share and std."""

    values: tuple[str, ...]
    statistics: tuple[str, ...] = ("mean",)


@dataclass(frozen=True)
class Summary:
    """Result -> its statistics with 95 % bootstrap intervals over documents (of a share: Wilson's).

    Attributes:
        parts: What is estimated, in the order of the summary.
        by: Columns that part the rows of a document, before grouping and group.
        groupings: See `grouped`.
        rows: Result -> the rows that are summarised, where they are not those of its frame.
    """

    parts: tuple[Part, ...]
    by: tuple[str, ...] = ()
    groupings: tuple[str, ...] = BY_PREDICTED
    rows: Callable[[Result], pd.DataFrame] = rows_of

    def __call__(self, result: Result) -> pd.DataFrame:
        """Columns: those of `by`, grouping, group, quantity, statistic, estimate, low, high, n, undefined."""
        seed = int(result.settings["seed"])
        tables = [
            summarise(frame, [*self.by, "grouping", "group"], part.values, part.statistics, seed)
            for frame in grouped(self.rows(result), self.groupings)
            for part in self.parts
        ]
        return pd.concat(tables, ignore_index=True)

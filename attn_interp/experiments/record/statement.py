"""Statements: the rows of a summary that answer the question of an experiment, and what kind of number each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

if TYPE_CHECKING:
    from attn_interp.experiments.record.experiment import Experiment

Kind = Literal["measured", "sampled", "exact", "certified", "search"]
COLUMNS = ("question", "statistic", "estimate", "low", "high", "n", "undefined", "status")
USUAL = {"grouping": ("all",), "statistic": ("mean", "share")}  # the mean over all documents; a share is one too
MOST = 12  # rows of an experiment that has no statements of its own


@dataclass(frozen=True)
class Statement:
    """Some rows of a summary, and how they are told.

    Attributes:
        statistic: What is estimated; {name} is filled in from the columns of the row and the settings.
        quantity: What the rows estimate; "": whatever stands in them.
        kind: measured, sampled, exact, certified or search; None: the row's own status.
        question: What the rows answer; "": the question of the experiment.
        in_overview: Whether the overview of a study shows the rows too.
        where: Column -> the value that a row has; elsewhere the rows are means over all documents.
    """

    statistic: str
    quantity: str = ""
    kind: Kind | None = "measured"
    question: str = ""
    in_overview: bool = True
    where: Mapping[str, str] = field(default_factory=dict, hash=False)

    def rows(self, summary: pd.DataFrame) -> pd.DataFrame:
        """The rows of a summary that it tells."""
        wanted = {column: values for column, values in USUAL.items() if column in summary}
        wanted |= {"quantity": (self.quantity,)} if self.quantity else {}
        wanted |= {column: (value,) for column, value in self.where.items()}
        for column, values in wanted.items():
            summary = summary[summary[column].isin(values)]
        return summary


def stated(
    experiment: Experiment,
    summary: pd.DataFrame,
    settings: Mapping[str, Any],
    chosen: Iterable[Statement] | None = None,
) -> pd.DataFrame:
    """One row per row that a statement tells, in the order of the statements.

    Status is what kind of number a row is: measured (an average over documents of something computed without search or
    sampling), sampled, exact (a closed form or a proved optimum for every document), certified (an end of an interval
    that contains the optimum) or search (a lower bound). An experiment without statements gives the first rows of its
    summary over all documents.

    Args:
        chosen: The statements; None: all of the experiment.

    Returns:
        question, statistic, estimate, low, high (95 % interval), n, undefined, status.
    """
    if chosen is None and not experiment.statements:
        return pd.DataFrame(_first_rows(experiment, summary, settings), columns=list(COLUMNS))
    rows = []
    for statement in experiment.statements if chosen is None else chosen:
        for row in statement.rows(summary).to_dict("records"):
            known: dict[str, Any] = {**settings, **{str(name): value for name, value in row.items()}}
            status = statement.kind or known["status"]
            question = statement.question or experiment.card.question
            rows.append(_row(row, question, statement.statistic.format(**known), status))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(row: Mapping[Any, Any], question: str, statistic: str, status: str) -> tuple[object, ...]:
    numbers = (row["estimate"], row["low"], row["high"], row["n"], row.get("undefined", 0))
    return (question, statistic, *numbers, status)


def _first_rows(
    experiment: Experiment, summary: pd.DataFrame, settings: Mapping[str, Any]
) -> Sequence[tuple[object, ...]]:
    if not {"estimate", "low", "high", "n"} <= set(summary.columns):
        return []
    if "grouping" in summary.columns:
        summary = summary[summary["grouping"] == "all"].drop(columns=["grouping", "group"], errors="ignore")
    named = [name for name in summary.columns if not pd.api.types.is_numeric_dtype(summary[name])]
    status = str(settings.get("status", "measured"))
    return [
        _row(
            row, experiment.card.question, ", ".join(str(row[name]) for name in named if not pd.isna(row[name])), status
        )
        for row in summary.head(MOST).to_dict("records")
    ]

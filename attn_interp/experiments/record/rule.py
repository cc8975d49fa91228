"""Rules: how the interval of a statement becomes a verdict.

A rule decides by a whole 95 % interval, never by an estimate: above a threshold, below it, or neither. What is held
against something that was measured on the same documents is a paired difference, held against 0. Thresholds are those
whose power and false alarms the experiment validity measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.experiments.record.statement import Statement

if TYPE_CHECKING:
    from attn_interp.experiments.record.experiment import Experiment

UNDECIDED = "not decided"
HALF_LN2 = 0.3466  # nats: half of what two distributions can differ by


@dataclass(frozen=True)
class Rule:
    """How the rows of a statement become verdicts.

    Attributes:
        statement: The statement; one that is a difference of two is held against 0.
        threshold: What the interval is held against.
        above, below: What holds where the whole interval lies above or below; "" where that decides nothing.
        between: What is said where it does neither; "" for nothing.
        of: The two statements that `statement` is the paired difference of, where a board shows these.
        held: What it calls the second.
    """

    statement: Statement
    threshold: float
    above: str
    below: str
    between: str = ""
    of: tuple[Statement, Statement] | None = None
    held: str = ""

    def decides(self, row: Mapping[Any, Any]) -> str:
        """`above`, `below`, or "" where the interval of the row decides neither."""
        if row["low"] > self.threshold:  # False where the interval is undefined: too few documents
            return self.above
        return self.below if row["high"] < self.threshold else ""


def verdicts(experiment: Experiment, summary: pd.DataFrame) -> list[str]:
    """What the rules decide, one text for each interval in question; `UNDECIDED` alone where none of them does, and
    nothing for an experiment without rules."""
    found = []
    for rule in experiment.rules:
        for row in rule.statement.rows(summary).to_dict("records"):
            undefined = pd.isna(row["low"]) or pd.isna(row["high"])  # too few documents for an interval
            found.append(rule.decides(row) or ("" if undefined else rule.between))
    found = [text for text in found if text]
    return found or ([UNDECIDED] if experiment.rules else [])

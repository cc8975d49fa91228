"""The board: one row per question, with all that its rules hold its interval against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.rule import UNDECIDED, Rule
from attn_interp.experiments.record.statement import Statement
from attn_interp.experiments.result import Result


class Estimate(NamedTuple):
    """A number with its 95 % interval, NaN where it has none."""

    estimate: float
    low: float
    high: float
    name: str = ""


@dataclass(frozen=True)
class Row:
    """One question.

    Attributes:
        experiment: What answers it.
        question, statistic: What is asked and what is estimated.
        verdicts: What the rules decide, `UNDECIDED` where they do not; none where the experiment has no rule for it.
        estimates: The number; two where the optimum lies between them.
        held: What was measured on the same documents and is held against it: a ceiling or baselines.
        threshold: What it is held against otherwise.
        ends: The range of the measure, as its column has it; None: it is unbounded.
        n, undefined: Documents with and without a value.
        status: What kind of number it is; "" where seeds of several kinds are pooled.
    """

    experiment: str
    question: str
    statistic: str
    verdicts: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    held: tuple[Estimate, ...]
    threshold: float | None
    ends: tuple[float, float] | None
    n: int
    undefined: int
    status: str


def board(result: Result) -> list[Row]:
    """The rows of a result: one for each question and status that its rules decide; of an experiment without rules one
    with its first statement."""
    experiment, summary = experiment_of(result.experiment), result.summary()
    rules: list[tuple[Statement, Rule | None]] = [
        ((rule.of or (rule.statement,))[0], rule) for rule in experiment.rules
    ]
    told: dict[tuple[str, str], list[Any]] = {}
    for statement, rule in rules or [(each, None) for each in experiment.statements[:1]]:
        for row in statement.rows(summary).to_dict("records")[: None if rule else 1]:
            known = {**result.settings, **{str(name): value for name, value in row.items()}}
            key = (statement.question or experiment.card.question, statement.kind or str(known.get("status", "")))
            told.setdefault(key, []).append((known, statement, rule))
    return [_row(result, summary, *key, group) for key, group in told.items()]


def _row(result: Result, summary: pd.DataFrame, question: str, status: str, told: list[Any]) -> Row:
    first, statement, _ = told[0]
    rules = [rule for *_, rule in told if rule]
    held = [
        _estimate(row, each.held) for each in rules if each.of for row in each.of[1].rows(summary).to_dict("records")
    ]
    thresholds = [rule.threshold for rule in rules if not rule.of]
    return Row(
        result.experiment,
        question,
        statement.statistic.format(**first),
        tuple(_verdicts(rules, summary)),
        tuple(dict.fromkeys(_estimate(row) for row, *_ in told)),
        tuple(dict.fromkeys(held)),
        thresholds[0] if thresholds else None,
        _ends(result, str(first["quantity"])) if "quantity" in first else None,
        int(first["n"]),
        int(first.get("undefined", 0)),
        status,
    )


def _verdicts(rules: list[Rule], summary: pd.DataFrame) -> Iterator[str]:
    """What is decided of all rows; `UNDECIDED` where there are rows and none is decided."""
    rows = [(rule, row) for rule in rules for row in rule.statement.rows(summary).to_dict("records")]
    texts = [rule.decides(row) or rule.between for rule, row in rows]
    yield from dict.fromkeys(text for text in texts if text)
    if rows and not any(texts):
        yield UNDECIDED


def _estimate(row: Mapping[Any, Any], name: str = "") -> Estimate:
    return Estimate(row["estimate"], row["low"], row["high"], name)


def _ends(result: Result, quantity: str) -> tuple[float, float] | None:
    pooling = experiment_of(result.experiment).pooling
    columns: dict[str, Column] = {**result.columns, **(pooling.made if pooling else {})}
    column = columns.get(quantity, Column(""))
    return None if column.low is None or column.high is None else (column.low, column.high)

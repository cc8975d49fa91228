"""What each experiment states: the rows of its summary that answer its question, and what kind of number each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from attn_interp.experiments.jain_wallace.adversary import CERTIFIED, EXACT, SEARCH
from attn_interp.experiments.serrano_smith.erasure import ATTENTION, OPTIMUM, PRODUCT, RANDOM

GRADIENT, LEAVE_ONE_OUT = "gradient x input (detached)", "leave-one-out"
MEASURED, SAMPLED = "measured", "sampled"
COLUMNS = ("question", "statistic", "estimate", "low", "high", "n", "undefined", "status", "overview")
MOST = 12  # rows of an experiment that has no statements of its own


@dataclass(frozen=True)
class Statement:
    """Some rows of a summary, and how they are told.

    Attributes:
        question: What they answer.
        statistic: What is estimated; {name} is filled in from the columns of the row and the settings.
        kind: measured, sampled, exact, certified or search; None: the row's own status.
        where: Column -> the value that a row has.
        overview: Whether the overview of a study shows it too.
    """

    question: str
    statistic: str
    kind: str | None
    where: Mapping[str, str]
    overview: bool = True


def _all(quantity: str, statistic: str | None = "mean", **where: str) -> dict[str, str]:
    named = {} if statistic is None else {"statistic": statistic}
    return {"grouping": "all", "quantity": quantity, **named, **where}


CLASSIFIES = "Does the model classify?"
ANOTHER = "Can attention be another at the same output?"
JSD = "mean eps-max JSD, eps {eps}"
SHAPE = "And with its weights only permuted?"
POWERS = "What can attention do to a decision?"
LONG = "How many words until the decision changes?"
ONE = "Does the most attended word matter more than another?"
NEEDED = "Is attention needed?"
GUIDES = "Does the attention point at what matters?"
IMITATES = "Can a whole model attend otherwise and decide the same?"
LADDER = "How different can attention be, and at what cost?"

STATEMENTS: Mapping[str, tuple[Statement, ...]] = {
    "quality": (
        Statement(CLASSIFIES, "accuracy", MEASURED, {"predictor": "model", "quantity": "accuracy"}),
        Statement(
            CLASSIFIES, "accuracy, bag of words", MEASURED, {"predictor": "bag of words", "quantity": "accuracy"}
        ),
        Statement(CLASSIFIES, "accuracy, majority class", MEASURED, {"predictor": "majority", "quantity": "accuracy"}),
        Statement(CLASSIFIES, "macro F1", MEASURED, {"predictor": "model", "quantity": "macro F1"}),
        Statement(CLASSIFIES, "AUROC", MEASURED, {"predictor": "model", "quantity": "AUROC"}),
    ),
    "agreement": tuple(
        Statement(question, "mean Kendall's tau", MEASURED, _all("tau", first=first, second=second))
        for question, first, second in (
            ("Does attention rank words as gradients do?", "attention", GRADIENT),
            ("Does attention rank words as leave-one-out does?", "attention", LEAVE_ONE_OUT),
            ("Do those two agree with each other (the ceiling)?", GRADIENT, LEAVE_ONE_OUT),
        )
    ),
    "permutation": (
        Statement(
            "Does it matter which word gets the weight?", "mean of median TVD, permuted", SAMPLED, _all("median_tvd")
        ),
    ),
    "adversary": (
        Statement(ANOTHER, JSD, CERTIFIED, _all("jsd", status=CERTIFIED)),
        Statement(ANOTHER, "its proved upper bound", CERTIFIED, _all("jsd_upper", status=CERTIFIED)),
        Statement(ANOTHER, JSD, EXACT, _all("jsd", status=EXACT)),
        Statement(ANOTHER, JSD, SEARCH, _all("jsd", status=SEARCH)),
    ),
    "same_shape": (
        Statement(SHAPE, "mean eps-max JSD, attained", CERTIFIED, _all("jsd")),
        Statement(SHAPE, "mean eps-max JSD, upper bound", CERTIFIED, _all("jsd_upper")),
    ),
    "reach": (
        Statement(POWERS, "decisions that no attention can change", EXACT, _all("unflippable", None)),
        Statement(POWERS, "share of the votes' spread it uses", EXACT, _all("spread_used", None)),
    ),
    "erasure": (
        *(
            Statement(
                LONG,
                f"fraction erased, {ordering}",
                EXACT if ordering == OPTIMUM else MEASURED,
                _all("fraction", None, ordering=ordering),
            )
            for ordering in (ATTENTION, PRODUCT, RANDOM, OPTIMUM)
        ),
        Statement(
            LONG,
            "fraction erased, random - attention",
            SAMPLED,
            _all("minus_attention", None, ordering=RANDOM),
            overview=False,
        ),
    ),
    "single_erasure": (
        Statement(ONE, "mean difference of JS divergences", MEASURED, _all("js_difference")),
        Statement(ONE, "changes the decision: only the most attended", MEASURED, _all("flip_only_most_attended")),
        Statement(ONE, "changes the decision: only the other", MEASURED, _all("flip_only_other")),
        Statement(ONE, "changes the decision: neither", MEASURED, _all("flip_neither")),
    ),
    "adversary_curve": (Statement(ANOTHER, "mean eps-max JSD, eps {eps}", None, _all("jsd")),),
    "necessity": (
        Statement(NEEDED, "{quantity}, {condition}", MEASURED, {"statistic": "score"}),
        Statement(NEEDED, "{quantity}, {reference} - {condition} ({verdict})", MEASURED, {"statistic": "difference"}),
    ),
    "guide": (
        Statement(GUIDES, "{quantity}, {guide}", MEASURED, {"statistic": "score"}),
        Statement(GUIDES, "{quantity}, {guide} - {reference}", MEASURED, {"statistic": "difference"}),
    ),
    "seeds": (
        Statement("Does attention move with the seed?", "mean JSD between two seeds", MEASURED, _all("jsd")),
        Statement("Do outputs move with the seed?", "mean TVD between two seeds", MEASURED, _all("tvd")),
    ),
    "imitation": (
        Statement(IMITATES, "mean JSD, {free} free, strength {strength}", SEARCH, {"quantity": "jsd"}),
        Statement(IMITATES, "mean TVD, {free} free, strength {strength}", SEARCH, {"quantity": "tvd"}),
    ),
    "ladder": (Statement(LADDER, "mean {quantity}, {rung}, {setting}", None, {"statistic": "mean"}),),
    "validity": (Statement("Do the tests find what is there?", "{rate}: {claim} ({case})", MEASURED, {}),),
    "external": (
        Statement(
            "Does attention rank words as outside data do?",
            "mean Spearman, {signal}",
            MEASURED,
            _all("spearman", scorer="attention"),
        ),
    ),
    "faithfulness": (
        Statement(
            "Are the words needed?", "comprehensiveness, {method}", MEASURED, _all("comprehensiveness", size="AOPC")
        ),
        Statement("Are the words enough?", "sufficiency, {method}", MEASURED, _all("sufficiency", size="AOPC")),
    ),
    "plausibility": (Statement("Do people mark the same words?", "AUROC, {scorer}", MEASURED, _all("auroc")),),
    "human_agreement": (
        Statement(
            "Do people agree?",
            "AUROC, {judge}",
            MEASURED,
            {"quantity": "auroc", "statistic": "mean"},
        ),
    ),
}
"""Experiment -> its statements. Others are told by the first rows of their summary."""


def statements(experiment: str, summary: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """One row per statement: question, statistic, estimate, low, high (95 % interval), n, undefined, status, overview.

    Status is what kind of number it is: measured (an average over documents of something computed without search or
    sampling), sampled, exact (a closed form or a proved optimum for every document), certified (an end of an interval
    that contains the optimum) or search (a lower bound). An experiment without statements of its own gives the first
    rows of its summary over all documents.
    """
    rows = []
    for statement in STATEMENTS.get(experiment, ()):
        for row in _matching(summary, statement.where).to_dict("records"):
            known: dict[str, Any] = {**settings, **{str(name): value for name, value in row.items()}}
            status = statement.kind or known["status"]
            name = statement.statistic.format(**known)
            rows.append(_row(row, statement.question, name, status, statement.overview))
    if experiment not in STATEMENTS:
        rows = _first_rows(summary, str(settings.get("status", MEASURED)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _matching(summary: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    for column, value in where.items():
        summary = summary[summary[column] == value]
    return summary


def _row(row: Mapping[Any, Any], question: str, statistic: str, status: str, overview: bool) -> tuple[object, ...]:
    numbers = (row["estimate"], row["low"], row["high"], row["n"], row.get("undefined", 0))
    return (question, statistic, *numbers, status, overview)


def _first_rows(summary: pd.DataFrame, status: str) -> list[tuple[object, ...]]:
    if not {"estimate", "low", "high", "n"} <= set(summary.columns):
        return []
    if "grouping" in summary.columns:
        summary = summary[summary["grouping"] == "all"].drop(columns=["grouping", "group"], errors="ignore")
    named = [name for name in summary.columns if not pd.api.types.is_numeric_dtype(summary[name])]
    return [
        _row(row, "", ", ".join(str(row[name]) for name in named if not pd.isna(row[name])), status, False)
        for row in summary.head(MOST).to_dict("records")
    ]

"""Remedies and questions: what each model says to each question, and how far that is from the plain model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.people import faithfulness, plausibility
from attn_interp.experiments.people.faithfulness import AOPC
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import LN2
from attn_interp.statistics.clusters import DOCUMENT, SEED, summarise_crossed

PLAUSIBILITY = "plausibility"
PER_DOCUMENT = {PLAUSIBILITY: plausibility.per_document, "faithfulness": faithfulness.per_document}
"""One row per document and more, of experiments that are not pooled over seeds."""


@dataclass(frozen=True)
class Question:
    """One column of the table: a value of each document, of one experiment.

    Attributes:
        heading: What it is called.
        step: Whose result it is read from: the experiment, and after a comma the variant.
        value: The column of the value.
        where: Which rows, as {column: value}.
        least, most: What it can be.
    """

    heading: str
    step: str
    value: str
    where: Mapping[str, str] = field(default_factory=dict)
    least: float = 0.0
    most: float = 1.0


def _tau(other: str) -> dict[str, str]:
    return {"first": "attention", "second": other}


def _aopc(method: str) -> dict[str, str]:
    return {"method": method, "size": AOPC}


MASKED, NEEDED = "faithfulness, mask", "comprehensiveness_minus_random"
ACCURACY = Question("accuracy", "quality", "accuracy", {"predictor": "model"})
QUESTIONS = (
    ACCURACY,
    Question("tau, leave-one-out", "agreement", "tau", _tau("leave-one-out"), -1.0),
    Question("tau, gradients", "agreement", "tau", _tau("gradient x input (detached)"), -1.0),
    Question("TVD, permuted", "permutation", "median_tvd"),
    Question("JSD, same output (nats)", "adversary", "jsd", most=LN2),
    Question("unflippable", "reach", "unflippable"),
    Question("erased sooner than chance", "erasure", "minus_attention", {"ordering": "random"}, -1.0),
    Question("needed (masked), attention", MASKED, NEEDED, _aopc("attention"), -1.0),
    Question("needed (masked), leave-one-out", MASKED, NEEDED, _aopc("leave-one-out"), -1.0),
    Question("weight on opposing words", "polarity", "vote_weight", {"method": "attention"}),
    Question("conicity", "conicity", "conicity", least=-1.0),
    Question("AUROC, attention", PLAUSIBILITY, "auroc", {"scorer": "attention"}),
    Question("AUROC, leave-one-out", PLAUSIBILITY, "auroc", {"scorer": "leave-one-out"}),
)
"""Accuracy first, which is the price; then the questions of the papers."""


GAINED = Question("accuracy gained by attention", "quality", "accuracy", least=-1.0)


def values(question: Question, result: Result) -> pd.DataFrame:
    """document and value of one result."""
    experiment = experiment_of(question.step.partition(", ")[0])
    rows = PER_DOCUMENT.get(experiment.name) or experiment.pooling.rows  # type: ignore[union-attr]
    frame = rows(result)
    for column, value in question.where.items():
        frame = frame[frame[column] == value]
    found: pd.DataFrame = frame[[DOCUMENT, question.value]].rename(columns={question.value: "value"})
    return found.astype({"value": float})


def remedies_table(
    results: Mapping[str, Mapping[int, Mapping[str, Result]]],
    base: str,
    unattended: str | None = None,
    questions: Sequence[Question] = QUESTIONS,
) -> pd.DataFrame:
    """What each model says to each question, and the difference to the plain model on the same seeds and documents.

    Args:
        results: Model -> seed -> experiment -> result.
        base: The model that the others are held against.
        unattended: The model with uniform attention, by which attention is needed: adds the question "accuracy gained
            by attention", accuracy minus that of this model.
        questions: The columns; those that no model has a result of are left out.

    Returns:
        One row per model and question: model, question, estimate, low, high, sd_seeds, seeds, n, undefined; and
        difference, difference_low, difference_high to the base (0 of itself), all with 95 % intervals over seeds and
        documents; and apart, whether the difference is told from 0.

    Raises:
        ValueError: the base is none of the models.
    """
    if base not in results:
        raise ValueError(f"remedies_table: {base!r} is none of the models {', '.join(results)}")
    rows = []
    for question in questions:
        frames = {model: _of_seeds(question, seeds) for model, seeds in results.items()}
        asked = {model: frame for model, frame in frames.items() if len(frame)}
        rows += [_row(model, question, frame, asked.get(base)) for model, frame in asked.items()]
        if question == ACCURACY and unattended in asked:
            gained = {model: _minus(frame, asked[unattended]) for model, frame in asked.items() if model != unattended}
            rows += [_row(model, GAINED, frame, gained.get(base)) for model, frame in gained.items()]
    return pd.DataFrame(rows)


def _of_seeds(question: Question, seeds: Mapping[int, Mapping[str, Result]]) -> pd.DataFrame:
    parts = [
        values(question, own[question.step]).assign(**{SEED: seed})
        for seed, own in sorted(seeds.items())
        if question.step in own
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _minus(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The values minus those of the same seed and document."""
    both = frame.merge(other, on=[SEED, DOCUMENT], suffixes=("", " other"))
    return both.assign(value=both["value"] - both["value other"])[[DOCUMENT, SEED, "value"]]


def _row(model: str, question: Question, frame: pd.DataFrame, base: pd.DataFrame | None) -> dict[str, object]:
    (own,) = summarise_crossed(frame, [], ["value"]).to_dict("records")
    own |= {"low": max(own["low"], question.least), "high": min(own["high"], question.most)}
    found: dict[str, object] = {"model": model, "question": question.heading}
    found |= {name: own[name] for name in ("estimate", "low", "high", "sd_seeds", "seeds", "n", "undefined")}
    names = {"difference": "estimate", "difference_low": "low", "difference_high": "high"}
    if base is None:
        return found | dict.fromkeys(names, float("nan")) | {"apart": False}
    (against,) = summarise_crossed(_minus(frame, base), [], ["value"]).to_dict("records")
    apart = bool(against["low"] > 0 or against["high"] < 0)
    return found | {name: against[end] for name, end in names.items()} | {"apart": apart}


def remedies_sentences(table: pd.DataFrame) -> pd.DataFrame:
    """What each remedy moves: a sentence with the differences to the plain model that are told from 0, and its price.

    Returns:
        model, sentence; the plain model has none.
    """
    base, told = table["model"].iloc[0], []
    for model, rows in table[table["model"] != table["model"].iloc[0]].groupby("model", sort=False):
        moved = [
            f"{row['question']} by {_signed(row)}"
            for row in rows.to_dict("records")
            if row["question"] not in (ACCURACY.heading, GAINED.heading) and row["apart"]
        ]
        (price,) = rows[rows["question"] == ACCURACY.heading].to_dict("records")
        words = f"moves {', '.join(moved)}" if moved else "moves nothing that is told from 0"
        cost = f"accuracy changes by {_signed(price)}" + ("" if price["apart"] else ", not told from 0")
        told.append((model, f"Against {base}, {model} {words}; {cost}."))
    return pd.DataFrame(told, columns=["model", "sentence"])


def _signed(row: Mapping[Any, Any]) -> str:
    return f"{row['difference']:+.3f} [{row['difference_low']:z.3f}, {row['difference_high']:z.3f}]"


def remedies_layout(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read: one row per model, one column per question, an asterisk where the difference to the
    plain model is told from 0."""
    if "sentence" in table:
        return table
    cells = [
        f"{row['estimate']:z.2f} [{row['low']:z.2f}, {row['high']:z.2f}]{' *' if row['apart'] else ''}"
        if row["estimate"] == row["estimate"]
        else "--"
        for row in table.to_dict("records")
    ]
    shown = table.assign(cell=cells).pivot_table("cell", "model", "question", aggfunc="first").fillna("--")
    return shown.loc[table["model"].unique(), table["question"].unique()].reset_index().rename_axis(columns=None)

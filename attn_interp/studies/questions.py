"""Which experiments are asked of a reading, whether each applies, and how it is put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record.experiment import SUBJECTS, Experiment
from attn_interp.experiments.result import Result


def asked_of_a_reading() -> list[Experiment]:
    """The experiments on one model, and on what people marked in its documents, in their order."""
    return [each for each in map(experiment_of, names()) if each.subject in ("reading", "documents")]


def default_names() -> tuple[str, ...]:
    """Those that are asked where nothing is named."""
    return tuple(each.name for each in asked_of_a_reading() if not each.by_name)


def why_not(experiment: Experiment, reading: Reading) -> str:
    """Why the experiment does not apply to the reading, or cannot be put to it alone; "" where it can."""
    if experiment.subject not in ("reading", "documents"):
        return f"it needs more than one model and its documents: {experiment.example}"
    if reading.model.decided is not None and not experiment.of_answers:
        return (
            "it measures the probabilities of classes, and that of one answer is near 0 whatever is done; see sources"
        )
    return experiment.why_not(reading)


def asked_by_default(experiment: Experiment, reading: Reading) -> bool:
    """Whether it is asked where nothing is named: `sources` is what answers from a context are for."""
    of_answers = reading.model.decided is not None and experiment.name == "sources"
    return of_answers or not experiment.by_name


def put(experiment: Experiment, reading: Reading, options: Mapping[str, Any]) -> Result:
    """The result of the experiment on the reading, or on the documents that it puts the question to."""
    if experiment.subject == "documents":
        return experiment.function(reading.documents, seed=reading.seed, **options)
    return experiment.function(reading.sample(experiment.documents(reading)), **options)


def list_experiments() -> pd.DataFrame:
    """Every experiment: its name, its question, how it is called, and what `ask` does with it.

    >>> list_experiments().columns.tolist()
    ['experiment', 'question', 'call', 'asked']
    """
    rows = []
    for experiment in map(experiment_of, names()):
        asked = "where it applies" if experiment.subject in ("reading", "documents") else experiment.example
        if experiment.by_name:
            asked = f"by name alone: {experiment.by_name}"
        rows.append((experiment.name, experiment.card.question, SUBJECTS[experiment.subject], asked))
    return pd.DataFrame(rows, columns=["experiment", "question", "call", "asked"])

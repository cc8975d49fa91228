"""What several models decide of the same documents, by condition and seed: the rows of the retraining tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd
import torch

from attn_interp.data.document import Document, gold_labels
from attn_interp.data.sequences.given import documents_of
from attn_interp.experiments.record import Column
from attn_interp.experiments.result import Result
from attn_interp.statistics.scores import LEVEL

MARGIN = 0.02  # of accuracy or macro F1: the smallest difference that counts

COLUMNS = {
    "document": Column("id of the document"),
    "seed": Column("seed of the training"),
    "label": Column("gold class"),
    "predicted": Column("class of the highest probability"),
    "correct": Column("whether the prediction is the gold class"),
    "probability_label": Column("probability of the gold class", "", 0, 1),
}


class Classifies(Protocol):
    """Any model: what `train` and `wrap` return, or an object of your own with these two."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def logits(self, documents: Sequence[Document]) -> torch.Tensor: ...


Models = Mapping[str, Mapping[int, Classifies]]
"""Condition -> seed -> model."""


def of_conditions(
    name: str, condition: str, models: Models, documents: Sequence[Document], margin: float, reference: str
) -> Result:
    """The predictions of every model as the result of the experiment `name`.

    Raises:
        TypeError: the models are not given as {condition: {seed: model}}.
        ValueError: no documents or one without a label, seeds or classes that differ between conditions, an unknown
            reference, margin <= 0.
    """
    if not documents:
        raise ValueError(f"{name}: no documents were given; at least one is needed")
    given = documents_of(documents)
    if not isinstance(models, Mapping) or not all(isinstance(each, Mapping) for each in models.values()):
        raise TypeError(f"{name}: give the models as {{{condition}: {{seed: model}}}}, got a {type(models).__name__}")
    if reference not in models:
        listed = ", ".join(map(repr, models))
        raise ValueError(f"{name}: there is no {condition} {reference!r} to compare with; given are {listed}")
    if not margin > 0:
        raise ValueError(f"{name}: margin must be above 0, got {margin}; state the smallest difference that counts")
    for document in given:
        if document.label is None:
            raise ValueError(f"{name}: document {document.id!r} has no label; right and wrong need the gold class")
    settings: dict[str, Any] = {
        "documents": len(given),
        f"{condition}s": list(models),
        "reference": reference,
        "margin": margin,
        "level": LEVEL,
        "seeds": sorted(models[reference]),
    }
    return Result(
        name, _predictions(name, condition, models, given), settings, {condition: CONDITIONS[condition], **COLUMNS}
    )


CONDITIONS = {
    "condition": Column("what pools the states of the words"),
    "guide": Column("whose attention the context-free model was trained under"),
}


def _predictions(name: str, condition: str, models: Models, documents: Sequence[Document]) -> pd.DataFrame:
    """One row per condition, seed and document: the column `condition`, then `COLUMNS`."""
    seeds = {each: sorted(runs) for each, runs in models.items()}
    if len({tuple(each) for each in seeds.values()}) != 1 or not next(iter(seeds.values())):
        raise ValueError(f"{name}: the seeds differ between conditions: {seeds}; they are compared seed by seed")
    if len({tuple(model.classes) for runs in models.values() for model in runs.values()}) != 1:
        raise ValueError(f"{name}: the models do not have the same classes")
    frames = [
        decisions(model, documents, seed).assign(**{condition: each})
        for each, runs in models.items()
        for seed, model in runs.items()
    ]
    return pd.concat(frames, ignore_index=True)[[condition, *COLUMNS]]


def decisions(model: Classifies, documents: Sequence[Document], seed: int) -> pd.DataFrame:
    """One row per document: `COLUMNS`, of a model that was trained under the seed."""
    probabilities = model.logits(documents).double().softmax(-1).cpu().numpy()
    labels = gold_labels(documents)
    predicted = probabilities.argmax(1)
    return pd.DataFrame(
        {
            "document": [document.id for document in documents],
            "seed": seed,
            "label": [model.classes[label] for label in labels],
            "predicted": [model.classes[index] for index in predicted],
            "correct": predicted == labels,
            "probability_label": probabilities[range(len(labels)), labels],
        }
    )

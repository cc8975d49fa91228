"""What trained classifiers decide of the same documents, by condition and seed: the rows of the retraining tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from attn_interp.data.document import Document, gold_labels
from attn_interp.experiments.result import Column
from attn_interp.models.classifiers.frozen_attention import Attention
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict

COLUMNS = {
    "document": Column("id of the document"),
    "seed": Column("seed of the training"),
    "label": Column("gold class"),
    "predicted": Column("class of the highest probability"),
    "correct": Column("whether the prediction is the gold class"),
    "probability_label": Column("probability of the gold class", "", 0, 1),
}


@dataclass(frozen=True)
class Guided:
    """A classifier and the attention it was trained under; None: its own."""

    trained: Trained
    attention: Attention | None = None


def predictions(name: str, models: Mapping[str, Sequence[Guided]], documents: Sequence[Document]) -> pd.DataFrame:
    """One row per condition, seed and document: the column `name` with the condition, then `COLUMNS`.

    Raises:
        ValueError: there are no documents, or the conditions do not have the same seeds and classes.
    """
    if not documents:
        raise ValueError(f"{name}: no documents were given; at least one is needed")
    seeds = {condition: sorted(model.trained.seed for model in runs) for condition, runs in models.items()}
    if len({tuple(each) for each in seeds.values()}) != 1 or not next(iter(seeds.values())):
        raise ValueError(f"{name}: the seeds differ between conditions: {seeds}; they are compared seed by seed")
    if len({model.trained.classes for runs in models.values() for model in runs}) != 1:
        raise ValueError(f"{name}: the models do not have the same classes")
    frames = []
    for condition, runs in models.items():
        for model in runs:
            classes = model.trained.classes
            probabilities = predict(model.trained, documents, attention=model.attention).numpy()
            labels = gold_labels(documents)
            predicted = probabilities.argmax(1)
            frame = pd.DataFrame(
                {
                    name: condition,
                    "document": [document.id for document in documents],
                    "seed": model.trained.seed,
                    "label": [classes[label] for label in labels],
                    "predicted": [classes[index] for index in predicted],
                    "correct": predicted == labels,
                    "probability_label": probabilities[range(len(labels)), labels],
                }
            )
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)

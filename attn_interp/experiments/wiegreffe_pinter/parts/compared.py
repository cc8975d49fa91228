"""Two models on the same documents: how far apart their attention and their outputs are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch

from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Column
from attn_interp.measures.divergence import LN2, jsd, kl, tvd
from attn_interp.models.attention_model import AttentionModel

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "jsd": Column("Jensen-Shannon divergence of the other model's attention from the base model's", "nats", 0, LN2),
    "kl": Column("Kullback-Leibler divergence KL(attention of the other model || attention of the base)", "nats", 0),
    "tvd": Column("total variation distance of the outputs", "", 0, 1),
    "decision_flip": Column("whether the other model predicts another class"),
    "correct": Column("whether the other model predicts the gold class; missing where that is not known"),
}
"""The columns of `compared`."""

RANGES = {"jsd": (0.0, LN2), "tvd": (0.0, 1.0), "decision_flip": (0.0, 1.0), "correct": (0.0, 1.0)}


def within_ranges(table: pd.DataFrame) -> pd.DataFrame:
    """A summary with its intervals cut off where the quantity cannot be, which Student's are not by themselves."""
    low, high = (table["quantity"].map({name: ends[k] for name, ends in RANGES.items()}) for k in (0, 1))
    return table.assign(low=table["low"].clip(lower=low), high=table["high"].clip(upper=high))


def compared(reading: Reading, other: AttentionModel) -> pd.DataFrame:
    """One row per document of the reading of the base model: `COLUMNS`, label, prediction and weights being the base's.

    Raises:
        TypeError: the other model has no attention to compare.
        ValueError: the models do not have the same classes, or attend to other units.
    """
    if not isinstance(other, AttentionModel):
        raise TypeError(
            f"got a {type(other).__name__}, whose attention cannot be compared; give models of train or wrap"
        )
    classes = reading.model.classes
    if classes != other.classes:
        raise ValueError(f"the base model has classes {classes}, the other {other.classes}; they must be the same")
    frames = []
    for own in reading.batches:
        run = other.run(other.batch(own.batch.documents))
        weights, logits = run.weights.double().cpu(), run.logits.double().cpu()
        weights = weights / weights.sum(-1, keepdim=True)
        if weights.shape != own.weights.shape or not torch.equal(run.is_word.cpu(), own.is_word):
            raise ValueError("the models do not attend to the same units of the documents")
        decided = logits.argmax(-1)
        labels = [document.label for document in own.batch.documents]
        columns: dict[str, Any] = {
            "jsd": jsd(weights, own.weights).numpy(),
            "kl": kl(weights, own.weights).numpy(),
            "tvd": tvd(logits.softmax(-1), own.logits.softmax(-1)).numpy(),
            "decision_flip": (decided != own.predicted).numpy(),
            "correct": [None if label is None else index == label for index, label in zip(decided.tolist(), labels)],
        }
        frames.append(own.about(**columns))
    return reading.in_order(frames)

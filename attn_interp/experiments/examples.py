"""Documents to look at: their words with attention, the adversary's attention and every attribution beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from attn_interp.attribution.attribution import Method
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document, label_name
from attn_interp.experiments.attributed import attribute
from attn_interp.experiments.jain_wallace.adversary import find_adversaries
from attn_interp.experiments.reach import DELTA
from attn_interp.experiments.reading import Reading, read, reading_settings
from attn_interp.experiments.result import Column, Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.identifiability import weight_interval

QUANTILES = (0.1, 0.5, 0.9)
READABLE = (8, 30)
INTERVAL = {
    "attention low": Column(f"least weight among attentions within {DELTA} of every logit difference", "", 0, 1),
    "attention high": Column(f"largest weight among attentions within {DELTA} of every logit difference", "", 0, 1),
}


def examples(
    model: AttentionModel,
    documents: Sequence[Document],
    eps: float = 0.01,
    methods: Mapping[str, Method] = METHODS,
    seed: int = 0,
    reading: Reading | None = None,
) -> Result:
    """One row per word of a few documents, one column per kind of weight.

    The documents are not picked by hand: for each predicted class, among those of 8 to 30 words (all, where there are
    none), the ones at the 10th, 50th and 90th percentile of the maximum attention weight.
    """
    whole = reading or read(model, documents, seed)
    chosen = [documents[row] for row in _chosen(whole)]
    reading = replace(read(model, chosen, seed), affinity=whole.affinity)
    attributed = attribute(model, reading, methods)
    frames: dict[int, pd.DataFrame] = {}
    for read_batch, found in zip(reading.batches, attributed.batches):
        (adversaries,) = find_adversaries(model, reading, read_batch, eps, "best", seed)
        rows = {"attention": read_batch.weights, "adversary": adversaries.weights}
        if reading.affine:
            interval = weight_interval(read_batch.weights, read_batch.votes, read_batch.is_word, DELTA)
            rows |= {"attention low": interval.least, "attention high": interval.most}
        rows |= {name: attribution.values for name, attribution in found.items()}
        for index, document in enumerate(read_batch.batch.documents):
            about = {
                "document": document.id,
                "label": label_name(document, model.classes),
                "predicted": model.classes[int(read_batch.predicted[index])],
                "position": np.arange(len(document)),
                "word": document.words,
            }
            values = {name: row[index, : len(document)].numpy() for name, row in rows.items()}
            frames[read_batch.rows[index]] = pd.DataFrame({**about, **values})
    columns = {
        "document": Column("id of the document"),
        "label": Column("gold class"),
        "predicted": Column("class predicted by the model"),
        "position": Column("place of the word in the document", "words from the beginning", 0),
        "word": Column("the word"),
        "attention": Column("the model's attention weight", "", 0, 1),
        "adversary": Column(f"attention of largest divergence with the output within {eps}", "", 0, 1),
        **(INTERVAL if reading.affine else {}),
        **{name: Column("signed contribution to the probability of the predicted class") for name in methods},
    }
    settings = {
        **reading_settings(model, reading, seed),
        "eps": eps,
        "methods": list(methods),
        "status": adversaries.status,
        "delta": DELTA,
    }
    frame = pd.concat([frames[row] for row in sorted(frames)], ignore_index=True)
    return Result("examples", frame, settings, columns)


def _chosen(reading: Reading) -> list[int]:
    """Rows of the documents to show."""
    count = len(reading.documents)
    predicted, largest = np.zeros(count, dtype=int), np.zeros(count)
    for read_batch in reading.batches:
        predicted[read_batch.rows] = read_batch.predicted.numpy()
        largest[read_batch.rows] = read_batch.weights.amax(-1).numpy()
    lengths = np.array([len(document) for document in reading.documents])
    readable = (lengths >= READABLE[0]) & (lengths <= READABLE[1])
    chosen: list[int] = []
    for k in np.unique(predicted):
        rows = np.flatnonzero((predicted == k) & readable)
        if len(rows) == 0:
            rows = np.flatnonzero(predicted == k)
        ordered = rows[np.argsort(largest[rows], kind="stable")]
        chosen += [int(ordered[round(quantile * (len(ordered) - 1))]) for quantile in QUANTILES]
    return list(dict.fromkeys(chosen))


def summarise(result: Result) -> pd.DataFrame:
    """The documents that are shown: length and largest weight of each."""
    grouped = result.frame.groupby(["document", "label", "predicted"], sort=False)
    return grouped.agg(
        words=("word", "size"), max_attention=("attention", "max"), max_adversary=("adversary", "max")
    ).reset_index()

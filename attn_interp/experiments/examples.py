"""Documents to look at: their words with attention, the adversary's attention and every attribution beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.attribution.attribution import Method
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.adversary import find_adversaries
from attn_interp.experiments.reach import DELTA
from attn_interp.experiments.reading import Reading, read, reading_settings
from attn_interp.experiments.result import Column, Result
from attn_interp.measures.divergence import jsd
from attn_interp.models.wrapper import AttentionModel
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
    none), the ones at the 10th, 50th and 90th percentile of the divergence of the adversary.
    """
    reading = reading or read(model, documents, seed)
    divergence = np.zeros(len(documents))
    place: dict[int, tuple[int, int]] = {}
    adversaries = []
    for number, read_batch in enumerate(reading.batches):
        adversaries.append(find_adversaries(model, reading, read_batch, eps, "best", seed)[0])
        divergence[read_batch.rows] = jsd(adversaries[-1].weights, read_batch.weights).numpy()
        place.update({row: (number, index) for index, row in enumerate(read_batch.rows)})
    predicted = np.zeros(len(documents), dtype=int)
    for read_batch in reading.batches:
        predicted[read_batch.rows] = read_batch.predicted.numpy()
    frames = []
    for row in _chosen(documents, predicted, divergence):
        number, index = place[row]
        read_batch, document = reading.batches[number], documents[row]
        alone = model.batch([document])
        classes = read_batch.predicted[index : index + 1].to(model.device)
        frame = pd.DataFrame(
            {
                "document": document.id,
                "label": model.classes[document.label],
                "predicted": model.classes[predicted[row]],
                "position": np.arange(len(document)),
                "word": document.words,
                "attention": read_batch.weights[index, : len(document)].numpy(),
                "adversary": adversaries[number].weights[index, : len(document)].numpy(),
            }
        )
        if reading.affine:
            interval = weight_interval(
                read_batch.weights[index : index + 1],
                read_batch.votes[index : index + 1],
                read_batch.is_word[index : index + 1],
                DELTA,
            )
            frame["attention low"] = interval.least[0, : len(document)].numpy()
            frame["attention high"] = interval.most[0, : len(document)].numpy()
        for name, method in methods.items():
            frame[name] = method(model, alone, classes).values[0].double().cpu().numpy()
        frames.append(frame)
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
    status = adversaries[0].status
    settings = {
        **reading_settings(model, reading, seed),
        "eps": eps,
        "methods": list(methods),
        "status": status,
        "delta": DELTA,
    }
    return Result("examples", pd.concat(frames, ignore_index=True), settings, columns)


def _chosen(documents: Sequence[Document], predicted: np.ndarray, divergence: np.ndarray) -> list[int]:
    lengths = np.array([len(document) for document in documents])
    readable = (lengths >= READABLE[0]) & (lengths <= READABLE[1])
    chosen: list[int] = []
    for k in np.unique(predicted):
        rows = np.flatnonzero((predicted == k) & readable)
        if len(rows) == 0:
            rows = np.flatnonzero(predicted == k)
        ordered = rows[np.argsort(divergence[rows], kind="stable")]
        chosen += [int(ordered[round(quantile * (len(ordered) - 1))]) for quantile in QUANTILES]
    return list(dict.fromkeys(chosen))


def summarise(result: Result) -> pd.DataFrame:
    """The documents that are shown: length and largest weight of each."""
    grouped = result.frame.groupby(["document", "label", "predicted"], sort=False)
    return grouped.agg(
        words=("word", "size"), max_attention=("attention", "max"), max_adversary=("adversary", "max")
    ).reset_index()

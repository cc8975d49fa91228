"""Documents to look at: their words with attention, the adversary's attention and every attribution beside."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.attribution.methods import METHODS
from attn_interp.experiments.jain_wallace.adversary import best, check_eps
from attn_interp.experiments.reach import DELTA
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment
from attn_interp.experiments.result import Result
from attn_interp.readout.identifiability import weight_interval

QUANTILES = (0.1, 0.5, 0.9)
READABLE = (8, 30)
INTERVAL = {
    "attention low": Column(f"least weight among attentions within {DELTA} of every logit difference", "", 0, 1),
    "attention high": Column(f"largest weight among attentions within {DELTA} of every logit difference", "", 0, 1),
}


def examples(reading: Reading, *, eps: float = 0.01, methods: Methods = METHODS) -> Result:
    """What do the weights look like on documents?

    The documents are not picked by hand: for each predicted class, among those of 8 to 30 words (all, where there are
    none), the ones at the 10th, 50th and 90th percentile of the maximum attention weight.

    Args:
        reading: A model's attention over documents, from `read`.
        eps: What the adversary may move the output by (total variation), in (0, 1).
        methods: Names of attributions, or a mapping of names of your own to functions.

    Returns:
        A result with one row per word of these documents, and one column per kind of weight: attention (with its
        interval where the readout is affine), the adversary's attention, and each attribution, signed.

    Raises:
        ValueError: eps outside (0, 1), or a name that is no method's.
    """
    check_eps("examples", eps)
    part = reading.only([reading.documents[row] for row in _chosen(reading)])
    frames: dict[int, pd.DataFrame] = {}
    names: list[str] = []
    for batch, found in part.attributions(methods):
        names = list(found)
        adversaries = best(part, batch, eps)
        rows = {"attention": batch.weights, "adversary": adversaries.weights}
        if part.affine:
            interval = weight_interval(batch.weights, batch.votes, batch.is_word, DELTA)
            rows |= {"attention low": interval.least, "attention high": interval.most}
        rows |= {name: attribution.values for name, attribution in found.items()}
        about = batch.about()
        for index, document in enumerate(batch.batch.documents):
            values = {name: row[index, : len(document)].numpy() for name, row in rows.items()}
            known = {name: about[name].iloc[index] for name in ("document", "label", "predicted")}
            words = {"position": np.arange(len(document)), "word": document.words}
            frames[batch.rows[index]] = pd.DataFrame({**known, **words, **values})
    columns = {
        "document": Column("id of the document"),
        "label": Column("gold class; missing where it is not known"),
        "predicted": Column("class predicted by the model"),
        "position": Column("place of the word in the document", "words from the beginning", 0),
        "word": Column("the word"),
        "attention": Column("the model's attention weight", "", 0, 1),
        "adversary": Column(f"attention of largest divergence with the output within {eps}", "", 0, 1),
        **(INTERVAL if part.affine else {}),
        **{name: Column("signed contribution to the probability of the predicted class") for name in names},
    }
    own = {"eps": eps, "methods": names, "status": adversaries.status, "delta": DELTA}
    frame = pd.concat([frames[row] for row in sorted(frames)], ignore_index=True)
    return Result("examples", frame, {**part.settings, **own}, columns)


def _chosen(reading: Reading) -> list[int]:
    """Rows of the documents to show."""
    count = len(reading.documents)
    predicted, largest = np.zeros(count, dtype=int), np.zeros(count)
    for batch in reading.batches:
        predicted[batch.rows] = batch.predicted.numpy()
        largest[batch.rows] = batch.weights.amax(-1).numpy()
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
    grouped = result.frame.groupby(["document", "label", "predicted"], sort=False, dropna=False)
    return grouped.agg(
        words=("word", "size"), max_attention=("attention", "max"), max_adversary=("adversary", "max")
    ).reset_index()


EXPERIMENT = Experiment(
    examples,
    "reading",
    Card(
        "What do the weights look like on documents?",
        "None: these are documents to look at, not picked by hand.",
        "One document proves nothing.",
        "Attention, the adversary's attention and attributions on the same words.",
        "Anything about other documents.",
    ),
    summarise,
    decided_by=("eps",),
    shown_apart=True,
    of_answers=True,
)

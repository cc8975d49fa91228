"""How good is the classifier? Attention of a model that does not classify explains nothing.

Accuracy, macro F1 and AUROC on documents the model has not seen, beside a majority and a bag-of-words baseline.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from attn_interp.data.document import Document, gold_labels
from attn_interp.experiments.bag_of_words import bag_of_words
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import Floats, at_once
from attn_interp.statistics.scores import Integers, auroc, auroc_values, f1_values, macro_f1

MODEL, BAG_OF_WORDS, MAJORITY = "model", "bag of words", "majority"
ACCURACY, MACRO_F1, AUROC = "accuracy", "macro F1", "AUROC"
FEWEST = 10  # documents by which an order of the classes can be told
NO_TRAINING = "no training documents are known: read(model, documents, training=corpus)"


def quality(reading: Reading) -> Result:
    """Does the model classify?

    Predictions of the model beside two baselines that see the training documents of the reading alone. The bag of words
    is scikit-learn's logistic regression (C = 1) on lower-cased word counts. The majority predictor gives each class
    its share of the training documents. Without training documents there are no baselines, and the settings say so.

    Args:
        reading: A model's attention over documents, from `read`; the documents are labelled.

    Returns:
        A result with one row per document and predictor: label, predicted, correct, and a probability for each class.

    Raises:
        ValueError: a document without a label.
    """
    documents, classes = reading.documents, reading.model.classes
    if reason := why_not(reading):
        raise ValueError(f"quality: {reason}")
    probabilities = {MODEL: reading.probabilities()}
    if reading.training is not None:
        probabilities[BAG_OF_WORDS] = bag_of_words(reading.training, documents, len(classes))
        probabilities[MAJORITY] = np.tile(_shares(reading.training, len(classes)), (len(documents), 1))
    gold = gold_labels(documents)
    _warn_of_another_order(gold, probabilities[MODEL].argmax(1), classes)
    labels = [classes[label] for label in gold]
    frames = []
    for predictor, rows in probabilities.items():
        predicted = [classes[index] for index in rows.argmax(1)]
        frame = pd.DataFrame(
            {
                "document": [document.id for document in documents],
                "predictor": predictor,
                "label": labels,
                "predicted": predicted,
                "correct": [a == b for a, b in zip(labels, predicted)],
            }
        )
        frames.append(frame.assign(**{f"probability {name}": rows[:, k] for k, name in enumerate(classes)}))
    columns = {
        "document": Column("id of the document"),
        "predictor": Column(f"{MODEL}, {BAG_OF_WORDS} (logistic regression on word counts) or {MAJORITY}"),
        "label": Column("gold class"),
        "predicted": Column("class of the highest probability"),
        "correct": Column("whether the prediction is the gold class"),
        **{f"probability {name}": Column(f"probability of class {name}", "", 0, 1) for name in classes},
    }
    left_out = {} if reading.training is not None else {BAG_OF_WORDS: NO_TRAINING, MAJORITY: NO_TRAINING}
    settings = {"classes": list(classes), "seed": reading.seed, "left_out": left_out}
    return Result("quality", pd.concat(frames, ignore_index=True), settings, columns)


def why_not(reading: Reading) -> str:
    """Every document needs its gold class."""
    without = [document.id for document in reading.documents if document.label is None]
    if without:
        return f"{len(without)} documents have no label, as {without[0]!r}; quality compares with gold labels"
    return ""


def _warn_of_another_order(gold: Sequence[int], predicted: Integers, classes: Sequence[str]) -> None:
    """Warns where the model would be right far more often if its classes stood in another order."""
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (predicted, np.array(gold)), 1)
    _, best = linear_sum_assignment(-counts)
    right, could = np.trace(counts) / len(gold), counts[np.arange(len(classes)), best].sum() / len(gold)
    if len(gold) >= FEWEST and could - right > 0.5:
        order = ", ".join(classes[label] for label in best.tolist())
        warnings.warn(
            f"quality: the accuracy is {right:.2f}, and would be {could:.2f} if the classes of the model, "
            f"{', '.join(classes)}, were those of the labels in the order {order}; read(model, documents, "
            "training=corpus) compares their names",
            stacklevel=3,
        )


def _shares(documents: Sequence[Document], classes: int) -> Floats:
    return np.bincount(gold_labels(documents), minlength=classes) / len(documents)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy, macro F1 and AUROC (one class against the rest, averaged over classes) with percentile intervals from
    a bootstrap over documents; and by how much the model is above each baseline on the same documents, resampled
    together."""
    classes = list(result.settings["classes"])
    predictors = {name: _Predicted(frame, classes) for name, frame in result.frame.groupby("predictor", sort=False)}
    seed, rows = int(result.settings["seed"]), []
    for name, own in predictors.items():
        for quantity, statistic in own.statistics.items():
            rows.append((name, quantity, *_interval(statistic, own.count, seed), own.count, 0))
    model = predictors[MODEL]
    for name in (name for name in (MAJORITY, BAG_OF_WORDS) if name in predictors):
        other = predictors[name].statistics[ACCURACY]

        def difference(counts: Integers, other: Statistic = other) -> Floats:
            return np.asarray(model.statistics[ACCURACY](counts) - other(counts))

        rows.append((f"{MODEL} - {name}", ACCURACY, *_interval(difference, model.count, seed), model.count, 0))
    for name in result.settings.get("left_out", {}):
        rows.append((name, ACCURACY, np.nan, np.nan, np.nan, 0, model.count))
    return pd.DataFrame(rows, columns=["predictor", "quantity", "estimate", "low", "high", "n", "undefined"])


Statistic = Callable[[Integers], Floats]
"""How often each document was drawn (R, N) -> a number for each resample (R,)."""


class _Predicted:
    """What one predictor says, as functions of how often each document was drawn (R, N) -> (R,)."""

    def __init__(self, frame: pd.DataFrame, classes: Sequence[str]) -> None:
        codes = {name: index for index, name in enumerate(classes)}
        label, predicted = (np.array(frame[name].map(codes), dtype=np.int64) for name in ("label", "predicted"))
        scores = frame[[f"probability {name}" for name in classes]].to_numpy()
        correct = (label == predicted).astype(float)
        self.count = len(frame)
        self.statistics: dict[str, Statistic] = {
            ACCURACY: lambda counts: counts @ correct / len(correct),
            MACRO_F1: lambda counts: macro_f1(label, predicted, len(classes), counts),
            AUROC: lambda counts: auroc(label, scores, len(classes), counts),
        }


def _interval(statistic: Statistic, n: int, seed: int) -> tuple[float, float, float]:
    """A statistic of resampled documents, with its 95 % percentile bootstrap interval.

    Resamples without a value, an AUROC without one of the classes, are left out; NaN where the sample itself has none.
    """
    estimate = float(statistic(np.ones((1, n), dtype=np.int64))[0])
    if np.isnan(estimate):
        return estimate, np.nan, np.nan
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([statistic(_counts(rng.integers(n, size=(count, n)))) for count in at_once(n)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return estimate, float(low), float(high)


def _counts(rows: Integers) -> Integers:
    """Rows of resampled documents (R, N) -> how often each of the N documents was drawn (R, N)."""
    resamples, n = rows.shape
    return np.bincount((rows + n * np.arange(resamples)[:, None]).ravel(), minlength=rows.size).reshape(rows.shape)


def _scored(result: Result) -> pd.DataFrame:
    """With values of each document whose means are accuracy, macro F1 and AUROC."""
    probabilities = {f"probability {name}": name for name in result.settings["classes"]}
    parts = []
    for _, own in result.frame.groupby("predictor", sort=False):
        scores = {
            ACCURACY: own["correct"].to_numpy(float),
            MACRO_F1: f1_values(own["label"], own["predicted"]),
            AUROC: auroc_values(own["label"], own[list(probabilities)].rename(columns=probabilities)),
        }
        parts.append(own.assign(**scores))
    return pd.concat(parts)


BASELINES = {MAJORITY: "the majority class", BAG_OF_WORDS: "a bag of words"}
ACCURACIES = {
    name: Statement("accuracy" if name == MODEL else f"accuracy, {said}", ACCURACY, where={"predictor": name})
    for name, said in ((MODEL, ""), (BAG_OF_WORDS, "bag of words"), (MAJORITY, "majority class"))
}
ABOVE = {
    name: Statement(f"accuracy, model - {name}", ACCURACY, where={"predictor": f"{MODEL} - {name}"}, in_overview=False)
    for name in BASELINES
}

EXPERIMENT = Experiment(
    quality,
    "reading",
    Card(
        "Does the model classify?",
        "The model decides unseen documents better than the majority class, and than a bag of words.",
        "The test documents are drawn as those that it will be used on.",
        "Whether there is a decision worth explaining.",
        "That its attention explains anything.",
    ),
    summarise,
    statements=(
        *ACCURACIES.values(),
        Statement("macro F1", MACRO_F1, where={"predictor": MODEL}),
        Statement("AUROC", AUROC, where={"predictor": MODEL}),
        *ABOVE.values(),
    ),
    rules=tuple(
        Rule(
            ABOVE[name],
            0.0,
            f"better than {said}",
            f"worse than {said}",
            f"not told apart from {said}",
            (ACCURACIES[MODEL], ACCURACIES[name]),
            said,
        )
        for name, said in BASELINES.items()
    ),
    why_not=why_not,
    pooling=Pooling(
        (ACCURACY, MACRO_F1, AUROC),
        ("predictor",),
        _scored,
        {
            ACCURACY: Column("whether the prediction is the gold class", "", 0, 1),
            MACRO_F1: Column(
                "the document's value in the macro F1 (`f1_values`), which may lie outside that of the mean"
            ),
            AUROC: Column("the document's value in the AUROC (`auroc_values`), which may lie outside that of the mean"),
        },
    ),
)

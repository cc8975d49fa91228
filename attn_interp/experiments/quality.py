"""How good is the classifier? Attention of a model that does not classify explains nothing.

Accuracy, macro F1 and AUROC on documents the model has not seen, beside a majority and a bag-of-words baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document, gold_labels
from attn_interp.experiments.result import Column, Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict
from attn_interp.statistics.bootstrap import RESAMPLES

MODEL, BAG_OF_WORDS, MAJORITY = "model", "bag of words", "majority"


def quality(trained: Trained | AttentionModel, corpus: Corpus, split: str = "test", seed: int = 0) -> Result:
    """Predictions of the model and of two baselines. One row per document and predictor.

    The bag of words is scikit-learn's logistic regression (C = 1) on lower-cased word counts; the majority predictor
    gives each class its share of the training documents. Both see the training split alone.
    """
    documents = corpus.splits[split]
    probabilities = {
        MODEL: _probabilities(trained, documents),
        BAG_OF_WORDS: _bag_of_words(corpus.train, documents, len(corpus.classes)),
        MAJORITY: np.tile(_shares(corpus.train, len(corpus.classes)), (len(documents), 1)),
    }
    labels = [corpus.classes[label] for label in gold_labels(documents)]
    frames = []
    for predictor, rows in probabilities.items():
        predicted = [corpus.classes[index] for index in rows.argmax(1)]
        frame = pd.DataFrame(
            {
                "document": [document.id for document in documents],
                "predictor": predictor,
                "label": labels,
                "predicted": predicted,
                "correct": [a == b for a, b in zip(labels, predicted)],
            }
        )
        frames.append(frame.assign(**{f"probability {name}": rows[:, k] for k, name in enumerate(corpus.classes)}))
    columns = {
        "document": Column("id of the document"),
        "predictor": Column(f"{MODEL}, {BAG_OF_WORDS} (logistic regression on word counts) or {MAJORITY}"),
        "label": Column("gold class"),
        "predicted": Column("class of the highest probability"),
        "correct": Column("whether the prediction is the gold class"),
        **{f"probability {name}": Column(f"probability of class {name}", "", 0, 1) for name in corpus.classes},
    }
    settings = {"corpus": corpus.name, "split": split, "classes": list(corpus.classes), "seed": seed}
    return Result("quality", pd.concat(frames, ignore_index=True), settings, columns)


def _probabilities(model: Trained | AttentionModel, documents: Sequence[Document]) -> np.ndarray:
    """(N, C) in the order of the documents."""
    if isinstance(model, AttentionModel):
        return model.logits(documents).double().softmax(-1).cpu().numpy()
    return predict(model, documents).double().numpy()


def _shares(documents: Sequence[Document], classes: int) -> np.ndarray:
    return np.bincount(gold_labels(documents), minlength=classes) / len(documents)


def _bag_of_words(train: Sequence[Document], test: Sequence[Document], classes: int) -> np.ndarray:
    """(N, C) probabilities; a class without training documents gets 0."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(analyzer=lambda document: [word.lower() for word in document.words])
    counts = counter.fit_transform(train)
    regression = LogisticRegression(max_iter=2000).fit(counts, gold_labels(train))
    result = np.zeros((len(test), classes))
    result[:, regression.classes_] = regression.predict_proba(counter.transform(test))
    return result


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy, macro F1 and AUROC (one class against the rest, averaged over classes) with percentile intervals from
    a bootstrap over documents."""
    classes = list(result.settings["classes"])
    tables = []
    for predictor, frame in result.frame.groupby("predictor", sort=False):
        codes = {name: index for index, name in enumerate(classes)}
        label = frame["label"].map(codes).to_numpy()
        predicted = frame["predicted"].map(codes).to_numpy()
        scores = frame[[f"probability {name}" for name in classes]].to_numpy()
        statistics = {
            "accuracy": lambda rows, y=label, p=predicted: (y[rows] == p[rows]).mean(-1),
            "macro F1": lambda rows, y=label, p=predicted: _macro_f1(y[rows], p[rows], len(classes)),
            "AUROC": lambda rows, y=label, s=scores: _auroc(y[rows], s[rows], len(classes)),
        }
        for name, statistic in statistics.items():
            estimate, low, high = _interval(statistic, len(frame), int(result.settings["seed"]))
            tables.append((predictor, name, estimate, low, high, len(frame), 0))
    return pd.DataFrame(tables, columns=["predictor", "quantity", "estimate", "low", "high", "n", "undefined"])


def _interval(statistic: Callable[[np.ndarray], np.ndarray], n: int, seed: int) -> tuple[float, float, float]:
    """A statistic of resampled rows (R, n) -> (R,), with its 95 % percentile bootstrap interval.

    Resamples without a value, an AUROC without one of the classes, are left out; NaN where the sample itself has none.
    """
    estimate = float(statistic(np.arange(n)[None])[0])
    if np.isnan(estimate):
        return estimate, np.nan, np.nan
    rows = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    low, high = np.nanquantile(statistic(rows), [0.025, 0.975])
    return estimate, float(low), float(high)


def _macro_f1(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Mean over the classes that occur of 2 TP / (2 TP + FP + FN), for each row of resampled documents (R, N)."""
    scores = []
    for k in range(classes):
        hit = ((label == k) & (predicted == k)).sum(-1)
        either = (label == k).sum(-1) + (predicted == k).sum(-1)
        with np.errstate(invalid="ignore"):
            scores.append(np.where(either > 0, 2 * hit / either, np.nan))
    return np.nanmean(scores, axis=0)


def _auroc(label: np.ndarray, scores: np.ndarray, classes: int) -> np.ndarray:
    """Mann-Whitney form of the AUROC, one class against the rest, mean over classes, for (R, N) resampled documents."""
    from scipy.stats import rankdata

    areas = []
    for k in range(classes):
        positive = label == k
        n1 = positive.sum(-1)
        n0 = positive.shape[-1] - n1
        ranks = rankdata(scores[..., k], axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            areas.append(((ranks * positive).sum(-1) - n1 * (n1 + 1) / 2) / (n1 * n0))
    return np.mean(areas, axis=0)

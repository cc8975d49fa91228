"""How well conditions classify over seeds and documents, and how far each is from a reference condition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.clusters import SEED, CrossedMean, crossed_mean, seed_by_document
from attn_interp.statistics.two_one_sided import equivalence

ACCURACY, MACRO_F1 = "accuracy", "macro F1"
SCORE, DIFFERENCE = "score", "difference"
LEVEL = 0.05

Integers = np.ndarray[Any, np.dtype[np.int64]]


def compare(frame: pd.DataFrame, condition: str, reference: str, margin: float) -> pd.DataFrame:
    """Accuracy and macro F1 of each condition, and what the reference has over it, paired by seed and document.

    Intervals and tests hold over new seeds and new documents (`crossed_mean`). Macro F1 is no mean over documents; its
    jackknife values stand in for one. Two documents of +-sqrt(1/2) are added to the differences, which is half
    a document for either side alone: without them conditions that never differ in the sample would differ in nothing.

    Args:
        frame: Columns document, seed, label, predicted and `condition`; every condition with every seed and document.
        condition: Name of the column that tells the conditions apart.
        reference: The condition that the others are held against.
        margin: The smallest difference that counts.

    Returns:
        The column `condition`, then quantity, statistic ("score" or "difference": reference minus condition),
        estimate, low, high, sd_seeds, seeds, n, p_equivalent, p_above (the difference exceeds the margin) and verdict
        (`Equivalence.verdict`) for differences; conditions in the order of the frame.

    Raises:
        ValueError: the reference is no condition, or a condition lacks a seed or document of another.

    >>> label, wrong = ["x", "y"] * 4, ["x"] * 8
    >>> columns = {"seed": 0, "document": list("abcdefgh") * 2, "label": label * 2, "predicted": label + wrong}
    >>> found = compare(pd.DataFrame(columns).assign(model=["a"] * 8 + ["b"] * 8), "model", "a", margin=0.02)
    >>> found.loc[found["statistic"] == "difference", ["quantity", "estimate", "verdict"]].round(3).to_numpy().tolist()
    [['accuracy', 0.5, 'needed'], ['macro F1', 0.667, 'needed']]

    Reference: Agresti & Min 2005 for the half documents.
    """
    names = list(dict.fromkeys(frame[condition]))
    if reference not in names:
        raise ValueError(f"{condition} {reference!r} is not in the frame; it has {', '.join(map(repr, names))}")
    values = {name: _values(frame[frame[condition] == name], name) for name in names}
    if len({(tuple(scores.index), tuple(scores.columns)) for one in values.values() for scores in one.values()}) > 1:
        raise ValueError(f"the values of {condition} were not all run on the same seeds and documents")
    rows = []
    for name in names:
        for quantity, scores in values[name].items():
            rows.append(_row(crossed_mean(scores.to_numpy()), {condition: name, "quantity": quantity}, SCORE))
            if name != reference:
                difference = (values[reference][quantity] - scores).to_numpy()
                found = _difference(difference)
                tested = equivalence(found.estimate, found.standard_error, found.degrees, margin)
                row = _row(found, {condition: name, "quantity": quantity}, DIFFERENCE)
                p_values = {"p_equivalent": tested.p_equivalent, "p_above": tested.p_above}
                rows.append(row | p_values | {"verdict": tested.verdict(LEVEL)})
    columns = ["quantity", "statistic", "estimate", "low", "high", "sd_seeds", "seeds", "n"]
    return pd.DataFrame(rows, columns=[condition, *columns, "p_equivalent", "p_above", "verdict"])


def _values(frame: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    """Values (S, D) whose mean over documents is the accuracy, or the macro F1, of each seed."""
    correct = frame.assign(value=(frame["label"] == frame["predicted"]).astype(float))
    f1 = [own.assign(value=f1_values(own["label"], own["predicted"])) for _, own in frame.groupby(SEED)]
    found = {ACCURACY: seed_by_document(correct, "value"), MACRO_F1: seed_by_document(pd.concat(f1), "value")}
    if found[ACCURACY].isna().any(axis=None):
        raise ValueError(f"{name!r} was not run on the same documents under every seed")
    return found


def _difference(values: Floats) -> CrossedMean:
    """The mean difference, with the standard error that the two added documents give."""
    added = np.full((len(values), 2), 0.5**0.5) * [1, -1]
    found = crossed_mean(np.concatenate([values, added], axis=1))
    return CrossedMean(
        float(values.mean()), found.standard_error, found.degrees, found.sd_seeds, found.seeds, values.shape[1]
    )


def _row(found: CrossedMean, keys: dict[str, str], statistic: str) -> dict[str, object]:
    least = 0.0 if statistic == SCORE else -1.0  # few seeds give Student's interval ends that no score can have
    low, high = np.clip(found.interval(), least, 1.0)
    return {
        **keys,
        "statistic": statistic,
        "estimate": found.estimate,
        "low": low,
        "high": high,
        "sd_seeds": found.sd_seeds,
        "seeds": found.seeds,
        "n": found.documents,
        "p_equivalent": np.nan,
        "p_above": np.nan,
        "verdict": "",
    }


def f1_values(label: pd.Series, predicted: pd.Series) -> Floats:
    """(N,) values whose mean is the macro F1 (over classes that occur) and whose spread is its sampling spread.

    F + (N - 1) (mean of F_without - F_without), with F_without the macro F1 without a document: the jackknife's
    pseudo-values, moved to have F as their mean.

    >>> label, predicted = pd.Series(["a", "a", "b", "b"]), pd.Series(["a", "b", "b", "b"])
    >>> round(float(f1_values(label, predicted).mean()), 4)  # the macro F1 itself
    0.7333
    """
    codes, _ = pd.factorize(pd.concat([label, predicted], ignore_index=True))
    gold, guess = codes[: len(label)], codes[len(label) :]
    classes = int(codes.max()) + 1
    hits = np.bincount(gold[gold == guess], minlength=classes).astype(float)
    sizes = (np.bincount(gold, minlength=classes) + np.bincount(guess, minlength=classes)).astype(float)
    whole = _macro_f1(hits[None], sizes[None])[0]
    without = np.eye(classes)[gold], np.eye(classes)[guess]  # (N, C) what each document adds to its classes
    rest = _macro_f1(hits - without[0] * (gold == guess)[:, None], sizes - without[0] - without[1])
    return whole + (len(gold) - 1) * (rest.mean() - rest)


def auroc_values(label: pd.Series, probabilities: pd.DataFrame) -> Floats:
    """(N,) values whose mean is the AUROC (one class against the rest, mean over the classes) and whose spread is its
    sampling spread: the jackknife's pseudo-values, as for `f1_values`.

    All NaN where a class has no document or is the class of all; NaN for the only document of a class, since there is
    no AUROC without it.

    Args:
        label: (N,) names of the gold classes.
        probabilities: (N, C) a column for each class, under its name.

    >>> label = pd.Series(["a", "a", "b", "b"])
    >>> probabilities = pd.DataFrame({"a": [0.9, 0.4, 0.5, 0.2], "b": [0.1, 0.6, 0.5, 0.8]})
    >>> float(auroc_values(label, probabilities).mean())  # the AUROC itself
    0.75

    Reference: Hanley & Hajian-Tilaki 1997, Sampling variability of nonparametric estimates of the areas under ROC
    curves.
    """
    count = len(label)
    areas, without = [], np.zeros(count)
    for name in probabilities:
        is_class = (label == name).to_numpy()
        sizes = np.where(is_class, is_class.sum(), count - is_class.sum()).astype(float)  # of each document's side
        ranks = rankdata(probabilities[name])
        ranks_of_side = np.empty(count)
        for side in (is_class, ~is_class):
            ranks_of_side[side] = rankdata(probabilities[name].to_numpy()[side])
        below = ranks - ranks_of_side  # documents of the other side below each, ties as halves
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(is_class, below, count - sizes - below) / (count - sizes)  # in the right order with it
            area = share[is_class].mean() if is_class.any() else np.nan
            without += (sizes * area - share) / (sizes - 1)
        areas.append(area)
    whole, without = np.mean(areas), without / len(areas)
    without[~np.isfinite(without)] = np.nan
    rest = without[np.isfinite(without)]
    return np.asarray(whole + (count - 1) * ((rest.mean() if len(rest) else np.nan) - without))


def macro_f1(label: Integers, predicted: Integers, classes: int, counts: ArrayLike | None = None) -> Floats:
    """Mean over the classes that occur of F1 = 2 TP / (2 TP + FP + FN), of many resamples of the documents at once.

    A class occurs where a document of the sample has it as its label or is predicted to have it. In [0, 1]. Equal to
    `sklearn.metrics.f1_score(average="macro")` of the documents, each as often as it was drawn.

    Args:
        label, predicted: (N,) class indices.
        classes: How many classes there are.
        counts: (..., N) how often each document was drawn; (R, N) for R resamples. None: once.

    Returns:
        (...) float64.

    Raises:
        ValueError: counts of another number of documents.

    >>> round(float(macro_f1(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)), 4)  # 2/3 and 4/5
    0.7333
    """
    drawn = _drawn(label, counts)
    gold, guess = (np.eye(classes)[side] for side in (label, predicted))  # (N, C)
    return _macro_f1(drawn @ (gold * guess), drawn @ (gold + guess))


def auroc(label: Integers, scores: Floats, classes: int, counts: ArrayLike | None = None) -> Floats:
    """The area under the ROC curve, one class against the rest, mean over the classes, of many resamples at once.

    It is the chance that a document of the class scores higher than one of another, ties counting one half
    (Mann-Whitney). In [0, 1]; NaN where a class has no document or all of them, or a score is NaN. Equal to
    `sklearn.metrics.roc_auc_score(average="macro", multi_class="ovr")` of the documents, each as often as it was drawn:
    a resample has the order of its documents, so that they are sorted once.

    Args:
        label: (N,) class indices.
        scores: (N, C) the larger, the more likely the class.
        classes: C.
        counts: (..., N) how often each document was drawn; (R, N) for R resamples. None: once.

    Returns:
        (...) float64.

    Raises:
        ValueError: counts of another number of documents.

    >>> scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])
    >>> float(auroc(np.array([0, 0, 1, 1]), scores, 2))
    0.75
    >>> float(auroc(np.array([0, 0, 1, 1]), scores, 2, counts=np.array([1, 0, 2, 0])))  # .9 against twice .5
    1.0
    """
    drawn, areas = _drawn(label, counts), []
    for k in range(classes):
        order = scores[:, k].argsort(kind="stable")
        rising = scores[order, k]
        first = np.flatnonzero(np.concatenate([[True], rising[1:] != rising[:-1]]))  # of the documents of each value
        is_class, here = (label == k)[order], drawn[..., order]
        inside, outside = (np.add.reduceat(here * side, first, axis=-1) for side in (is_class, ~is_class))
        below = outside.cumsum(-1) - outside / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            area = (inside * below).sum(-1) / (inside.sum(-1) * outside.sum(-1))
        areas.append(np.full_like(area, np.nan) if np.isnan(rising).any() else area)
    return np.asarray(np.mean(areas, axis=0))


def _drawn(label: Integers, counts: ArrayLike | None) -> Floats:
    """(..., N) how often each document was drawn."""
    drawn = np.ones(len(label)) if counts is None else np.asarray(counts, dtype=np.float64)
    if drawn.shape[-1:] != label.shape:
        raise ValueError(f"counts: got shape {drawn.shape}, expected (..., {len(label)}), one for each document")
    return drawn


def _macro_f1(hits: np.ndarray, sizes: np.ndarray) -> Floats:
    """Hits and twice the sizes of classes (..., C) -> mean (...) of 2 TP / (gold + predicted) over those with any."""
    occurs = sizes > 0
    f1 = np.where(occurs, 2 * hits / np.where(occurs, sizes, 1.0), 0.0)
    return np.asarray(f1.sum(-1) / np.maximum(occurs.sum(-1), 1))

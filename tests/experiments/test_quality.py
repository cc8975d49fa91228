"""Quality is scikit-learn's, the planted evidence is found, and shuffled labels are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

PREDICTORS = ("model", "bag of words", "majority")


def estimate(result: Result, predictor: str, quantity: str) -> pd.Series:
    summary = result.summary()
    (row,) = summary[(summary["predictor"] == predictor) & (summary["quantity"] == quantity)].to_dict("records")
    return row


@pytest.fixture(scope="module")
def noisy() -> Corpus:
    """Labels drawn by chance, so that the three figures differ from each other and from 1."""
    return load("planted", documents=400, least_length=3, most_length=9, shuffled_labels=True, seed=6)


@pytest.fixture(scope="module")
def of_noise(noisy) -> Result:
    settings = ClassifierSettings(encoder="average", embedding_width=6, hidden=4, dropout=0.0)
    model = wrap(fit_classifier(noisy, settings, TrainingSettings(epochs=3), progress=False))
    return quality(read(model, noisy.test, training=noisy))


@pytest.fixture(scope="module")
def of_three(three_model, three) -> Result:
    return quality(read(three_model, three.test, training=three))


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("which", ["of_noise", "of_three"])
def test_figures_are_scikit_learns(predictor, which, request) -> None:
    result = request.getfixturevalue(which)
    frame = result.frame[result.frame["predictor"] == predictor]
    classes = result.settings["classes"]
    label, predicted = (frame[column].map(classes.index).to_numpy() for column in ("label", "predicted"))
    scores = frame[[f"probability {name}" for name in classes]].to_numpy()
    area = roc_auc_score(label, scores[:, 1]) if len(classes) == 2 else roc_auc_score(label, scores, multi_class="ovr")
    assert estimate(result, predictor, "accuracy")["estimate"] == pytest.approx(accuracy_score(label, predicted))
    f1 = f1_score(label, predicted, average="macro", zero_division=0)
    assert estimate(result, predictor, "macro F1")["estimate"] == pytest.approx(f1)
    assert estimate(result, predictor, "AUROC")["estimate"] == pytest.approx(area)


def test_planted_evidence_is_found(model, planted) -> None:
    result = quality(read(model, planted.test, training=planted))
    assert estimate(result, "model", "accuracy")["estimate"] > 0.95
    assert estimate(result, "bag of words", "accuracy")["estimate"] > 0.95
    assert estimate(result, "majority", "accuracy")["estimate"] < 0.7


def test_shuffled_labels_are_not(of_noise) -> None:
    """Chance is .5; four standard errors of 40 documents around it."""
    row = estimate(of_noise, "model", "accuracy")
    assert abs(row["estimate"] - 0.5) < 4 * np.sqrt(0.25 / row["n"])
    assert row["low"] < 0.5 + 2 * np.sqrt(0.25 / row["n"])
    assert row["low"] <= row["estimate"] <= row["high"]


def test_rows_are_predictions(of_three, three) -> None:
    frame = of_three.frame
    assert len(frame) == 3 * len(three.test)
    assert frame["document"].tolist() == 3 * [document.id for document in three.test]
    probabilities = frame[[f"probability {name}" for name in three.classes]].to_numpy()
    assert np.allclose(probabilities.sum(1), 1)
    assert (frame["correct"] == (frame["label"] == frame["predicted"])).all()
    assert [three.classes[k] for k in probabilities.argmax(1)] == frame["predicted"].tolist()


def test_one_gold_class_has_no_area(model, planted) -> None:
    """AUROC needs both classes; accuracy does not."""
    one = [document for document in planted.test if document.label == 0]
    result = quality(read(model, one, training=planted))
    row = estimate(result, "model", "AUROC")
    assert np.isnan([row["estimate"], row["low"], row["high"]]).all()
    assert estimate(result, "model", "accuracy")["estimate"] > 0.9

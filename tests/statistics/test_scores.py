"""Scores of conditions: sklearn's figures, the jackknife by hand, and verdicts with their error rates."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from attn_interp.statistics.scores import auroc, auroc_values, compare, f1_values, macro_f1
from attn_interp.statistics.two_one_sided import NEEDED, NOT_NEEDED

NORMAL = norm.ppf((np.arange(400) + 0.5) / 400)  # its quantiles


def frame_of(rng, accuracy: dict[str, float], seeds: int = 3, documents: int = 150) -> pd.DataFrame:
    """Predictions whose accuracies are these on average, some documents being hard for every model."""
    label = rng.integers(2, size=documents)
    hard = rng.normal(0, 0.5, size=documents)
    parts = []
    for condition, share in accuracy.items():
        threshold = np.quantile(np.add.outer(NORMAL, hard).ravel(), share)
        for seed in range(seeds):
            right = rng.normal(0, 1, size=documents) + hard < threshold
            predicted = np.where(right, label, 1 - label)
            columns = {"document": [f"d{i:03d}" for i in range(documents)], "seed": seed, "condition": condition}
            parts.append(pd.DataFrame({**columns, "label": label.astype(str), "predicted": predicted.astype(str)}))
    return pd.concat(parts, ignore_index=True)


def test_scores_are_sklearns() -> None:
    frame = frame_of(np.random.default_rng(1), {"a": 0.8, "b": 0.7})
    table = compare(frame, "condition", "a", 0.02).set_index(["condition", "quantity", "statistic"])["estimate"]
    for name in "ab":
        runs = [own for _, own in frame[frame["condition"] == name].groupby("seed")]
        accuracy = np.mean([accuracy_score(own["label"], own["predicted"]) for own in runs])
        f1 = np.mean([f1_score(own["label"], own["predicted"], average="macro") for own in runs])
        assert table[name, "accuracy", "score"] == pytest.approx(accuracy)
        assert table[name, "macro F1", "score"] == pytest.approx(f1, abs=1e-12)
    assert table["b", "accuracy", "difference"] == pytest.approx(
        table["a", "accuracy", "score"] - table["b", "accuracy", "score"]
    )


def test_the_values_of_f1_are_those_of_leaving_each_document_out() -> None:
    rng = np.random.default_rng(2)
    label, predicted = (pd.Series(rng.choice(list("xyz"), size=23)) for _ in range(2))
    whole = f1_score(label, predicted, average="macro")
    without = [f1_score(label.drop(index), predicted.drop(index), average="macro") for index in range(23)]
    assert f1_values(label, predicted) == pytest.approx(whole + 22 * (np.mean(without) - np.array(without)))


@pytest.mark.parametrize("classes", ["xy", "xyz"])
def test_the_values_of_the_auroc_are_those_of_leaving_each_document_out(classes) -> None:
    rng = np.random.default_rng(7)
    label = pd.Series(rng.choice(list(classes), size=31))
    scores = pd.DataFrame(rng.integers(1, 9, size=(31, len(classes))), columns=list(classes))  # with many ties

    def area(rows: np.ndarray) -> float:
        return float(np.mean([roc_auc_score(label[rows] == name, scores[name][rows]) for name in classes]))

    everything = np.arange(31)
    without = [area(everything[everything != index]) for index in range(31)]
    assert auroc_values(label, scores) == pytest.approx(area(everything) + 30 * (np.mean(without) - np.array(without)))


def test_there_is_no_auroc_without_a_class_or_without_its_only_document() -> None:
    label, scores = pd.Series(list("xxxy")), pd.DataFrame({"x": [0.9, 0.3, 0.8, 0.5], "y": [0.1, 0.7, 0.2, 0.5]})
    found = auroc_values(label, scores)
    assert np.isnan(found).tolist() == [False, False, False, True]
    assert np.nanmean(found) == pytest.approx(2 / 3)
    assert np.isnan(auroc_values(label[:3], scores[:3])).all()


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_resamples_by_counts_are_sklearns_of_their_documents(classes) -> None:
    rng = np.random.default_rng(8)
    label, predicted = rng.integers(classes, size=(2, 47))
    label[:classes] = np.arange(classes)
    scores = rng.integers(1, 9, size=(47, classes)) / 8.0
    rows = rng.integers(47, size=(5, 47))
    rows[:, :classes] = np.arange(classes)  # every class occurs
    counts = np.stack([np.bincount(row, minlength=47) for row in rows])
    f1, area = macro_f1(label, predicted, classes, counts), auroc(label, scores, classes, counts)
    for place, row in enumerate(rows):
        assert f1[place] == pytest.approx(f1_score(label[row], predicted[row], average="macro"), abs=1e-12)
        each = [roc_auc_score(label[row] == k, scores[row, k]) for k in range(classes)]
        assert area[place] == pytest.approx(np.mean(each), abs=1e-12)
        assert macro_f1(label[row], predicted[row], classes) == pytest.approx(f1[place], abs=1e-15)
        assert auroc(label[row], scores[row], classes) == pytest.approx(area[place], abs=1e-15)


def test_a_class_that_does_not_occur() -> None:
    label, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    counts = np.array([[1, 1, 1], [3, 0, 0]])
    assert macro_f1(label, predicted, 3, counts) == pytest.approx([2 / 3, 1.0])
    assert np.isnan(auroc(label, np.ones((3, 3)), 3, counts)).all()
    found = auroc(label, np.ones((3, 2)), 2, counts)
    assert found[0] == 0.5 and np.isnan(found[1])


def test_scores_that_are_no_finite_numbers() -> None:
    label, infinite = np.array([0, 0, 1, 1]), np.array([-np.inf, -np.inf, -np.inf, 1.0])
    assert auroc(label, np.stack([-infinite, infinite], 1), 2) == 0.75  # half, half, 1 and 1
    unknown = np.array([[0.1, 0.9], [np.nan, 0.2], [0.3, 0.7], [0.4, 0.6]])
    assert np.isnan(auroc(label, unknown, 2, counts=[[1, 1, 1, 1], [1, 0, 1, 1]])).all()


@pytest.mark.parametrize("score", [auroc, macro_f1])
def test_counts_of_other_documents_are_refused(score) -> None:
    label = np.array([0, 1])
    given = np.eye(2) if score is auroc else label
    with pytest.raises(ValueError, match=r"counts: got shape \(3,\), expected \(\.\.\., 2\)"):
        score(label, given, 2, [1, 1, 7])


def test_the_mean_of_the_jackknife_values_is_the_score_itself() -> None:
    rng = np.random.default_rng(9)
    label, predicted = rng.integers(3, size=(2, 40))
    scores = rng.random((40, 3))
    names = pd.Series(label.astype(str))
    assert macro_f1(label, predicted, 3) == pytest.approx(f1_values(names, pd.Series(predicted.astype(str))).mean())
    assert auroc(label, scores, 3) == pytest.approx(
        auroc_values(names, pd.DataFrame(scores, columns=list("012"))).mean()
    )


def test_verdicts_err_as_seldom_as_stated() -> None:
    """At a true difference of the margin, either verdict is wrong in at most 5 % of samples (and a little)."""
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(120):
        table = compare(frame_of(rng, {"a": 0.85, "b": 0.75}), "condition", "a", 0.1)
        verdicts.append(table.query("quantity == 'accuracy' and statistic == 'difference'")["verdict"].item())
    for verdict in (NEEDED, NOT_NEEDED):
        assert np.mean([each == verdict for each in verdicts]) < 0.05 + 3 * (0.05 * 0.95 / 120) ** 0.5


@pytest.mark.parametrize(("other", "verdict"), [(0.6, NEEDED), (0.9, NOT_NEEDED)])
def test_verdicts_have_power(other, verdict) -> None:
    rng = np.random.default_rng(4)
    found = [compare(frame_of(rng, {"a": 0.9, "b": other}, 5, 400), "condition", "a", 0.1) for _ in range(20)]
    verdicts = pd.concat(found).query("statistic == 'difference'")["verdict"]
    assert (verdicts == verdict).mean() > 0.85


def test_conditions_that_never_differ_in_a_small_sample_are_not_taken_to_be_equal() -> None:
    rng = np.random.default_rng(5)
    for documents, verdict in ((20, "undecided"), (2000, NOT_NEEDED)):
        one = frame_of(rng, {"a": 0.9}, documents=documents)
        table = compare(pd.concat([one, one.assign(condition="b")]), "condition", "a", 0.02)
        difference = table[(table["statistic"] == "difference") & (table["quantity"] == "accuracy")].iloc[0]
        assert difference["estimate"] == 0
        assert difference["low"] < 0 < difference["high"]
        assert difference["verdict"] == verdict


def test_wrong_input_is_named() -> None:
    frame = frame_of(np.random.default_rng(6), {"a": 0.9, "b": 0.8}, documents=10)
    with pytest.raises(ValueError, match="condition 'c' is not in the frame; it has 'a', 'b'"):
        compare(frame, "condition", "c", 0.02)
    with pytest.raises(ValueError, match="'b' was not run on the same documents under every seed"):
        compare(frame[:-1], "condition", "a", 0.02)
    with pytest.raises(ValueError, match="not all run on the same seeds and documents"):
        compare(frame[(frame["condition"] == "a") | (frame["seed"] > 0)], "condition", "a", 0.02)
    with pytest.raises(ValueError, match="document 'd000' has two rows of seed 0"):
        compare(pd.concat([frame, frame[:1]]), "condition", "a", 0.02)

"""Targets and their measures: views, reasons, each row against scikit-learn, no effect of what stands beside."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from attn_interp.data.document import Document
from attn_interp.experiments.people.parts import matching
from attn_interp.experiments.people.parts.matching import MEASURES, marked_words, measure, targets

DOCUMENTS = [
    Document(id="two", words=("a", "b", "c", "d"), label=0, rationales=((1, 1, 0, 0), (0, 1, 1, 0), (0, 1, 0.4, 0))),
    Document(id="none", words=("a", "b"), label=0),
    Document(id="full", words=("a", "b"), label=0, rationales=((1, 1),)),
    Document(id="empty", words=("a", "b"), label=0, rationales=((0, 0.3),)),
]


def marked(view: str, row: int = 0) -> list[list[bool]]:
    return [target.marked.tolist() for target in targets(DOCUMENTS, view) if target.row == row]


def test_views_of_three_annotators() -> None:
    assert marked("each") == [[True, True, False, False], [False, True, True, False], [False, True, False, False]]
    assert marked("consensus") == [[False, True, False, False]]
    assert marked("union") == [[True, True, True, False]]
    assert marked("mean") == [[False, True, False, False]]
    assert marked_words([0.5, 0.49]).tolist() == [True, False]


def test_what_cannot_be_compared_has_a_reason() -> None:
    found = {(DOCUMENTS[t.row].id, t.annotator): t.reason for t in targets(DOCUMENTS)}
    assert found == {
        ("two", "0"): "",
        ("two", "1"): "",
        ("two", "2"): "",
        ("none", ""): "no rationale",
        ("full", "0"): "full rationale",
        ("empty", "0"): "empty rationale",
    }


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="rationale 'all' is not known; choose from consensus, each, mean, union"):
        targets(DOCUMENTS, "all")
    with pytest.raises(ValueError, match="none of the 1 documents has a rationale"):
        targets(DOCUMENTS[1:2])


def test_every_row_is_what_scikit_learn_says_of_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "BATCH", 16)
    random = np.random.default_rng(4)
    lengths = random.integers(2, 40, 61)
    scores = [random.random(length) for length in lengths]
    marks = [random.random(length) < 0.4 for length in lengths]
    found = measure(scores, marks, [f"d{index}" for index in range(61)])
    for index, (s, m) in enumerate(zip(scores, marks)):
        row = found.iloc[index]
        if m.all() or not m.any():
            assert row.isna().all()
            continue
        assert row["auroc"] == pytest.approx(roc_auc_score(m, s))
        assert row["average_precision"] == pytest.approx(average_precision_score(m, s))
        top = np.zeros(len(s), dtype=bool)
        top[np.argsort(-s)[: m.sum()]] = True
        assert row["token_f1"] == pytest.approx(f1_score(m, top))
        assert row["all_found"] == (row["token_f1"] == 1)
        k = int(np.ceil(round(0.2 * len(s), 6)))
        assert row["precision_at_20"] == pytest.approx(m[np.argsort(-s)[:k]].mean())
        assert row["recall_at_20"] == pytest.approx(m[np.argsort(-s)[:k]].sum() / m.sum())
        both = 2 * row["precision_at_20"] * row["recall_at_20"]
        total = row["precision_at_20"] + row["recall_at_20"]
        assert row["f1_at_20"] == pytest.approx(both / total if total else 0.0)
    assert (found["auroc"].notna()).sum() > 50


def test_a_tenth_of_thirty_words_is_three() -> None:
    marks = [np.arange(30) < 3]
    row = measure([-np.arange(30.0)], marks, ["d"]).iloc[0]
    assert row["precision_at_10"] == row["recall_at_10"] == 1


def test_an_oracle_is_perfect_and_its_opposite_the_worst() -> None:
    marks = [np.array([False, True, True, False, False, True])]
    oracle = measure([marks[0].astype(float)], marks, ["d"]).iloc[0]
    assert (oracle[["auroc", "average_precision", "token_f1", "iou_precision", "iou_recall", "iou_f1"]] == 1).all()
    worst = measure([-marks[0].astype(float)], marks, ["d"]).iloc[0]
    assert worst["auroc"] == worst["token_f1"] == 0


def test_the_spans_of_tied_words_are_drawn_for_the_document() -> None:
    """Equal scores: the span measures are a draw from (seed, id), whatever stands beside; the others are no draw."""
    marks, scores = [np.arange(12) < 4] * 40, [np.ones(12)] * 40
    ids = [f"d{index}" for index in range(40)]
    found = measure(scores, marks, ids)
    assert found["iou_f1"].nunique() > 1
    assert found["token_f1"].nunique() == found["average_precision"].nunique() == 1
    turned = measure(scores[:3], marks[:3], ids[:3][::-1]).iloc[::-1].reset_index(drop=True)
    assert turned[list(MEASURES)].equals(found.iloc[:3])
    assert not measure(scores, marks, ids, seed=1)["iou_f1"].equals(found["iou_f1"])

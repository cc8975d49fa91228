"""Scores against marked words: closed forms, scikit-learn and short references, ties, chance, and what is undefined."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from attn_interp.measures.rationale_scores import (
    all_on_top,
    auroc,
    average_precision,
    curve_points,
    marked_in_top,
    precision_recall_area,
)
from attn_interp.measures.rows import Floats

MEASURES = (average_precision, precision_recall_area, auroc, all_on_top)


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def marks(*values: int) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.bool)


def everywhere(rows: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(rows, dtype=torch.bool)


def one(measure, scores: torch.Tensor, rationale: torch.Tensor) -> float:
    return float(measure(scores, rationale, everywhere(scores))[0])


@pytest.fixture(scope="module")
def many() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """101 documents of 2 to 23 words, scores with many ties, some marks everywhere or nowhere, rubbish in the pads."""
    random = np.random.default_rng(0)
    lengths = random.integers(2, 24, 101)
    is_word = np.arange(23) < lengths[:, None]
    scores = np.where(is_word, random.integers(0, 6, is_word.shape) / 5, 99.0)
    rationale = random.random(is_word.shape) < random.random((101, 1))
    return torch.from_numpy(scores), torch.from_numpy(rationale), torch.from_numpy(is_word)


def test_worked_by_hand() -> None:
    scores, rationale = row(0.9, 0.8, 0.7, 0.1), marks(1, 0, 1, 0)
    assert one(average_precision, scores, rationale) == pytest.approx((1 + 2 / 3) / 2)
    assert one(auroc, scores, rationale) == pytest.approx(3 / 4)
    assert one(precision_recall_area, scores, rationale) == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)


def test_a_perfect_and_the_worst_order() -> None:
    rationale = marks(0, 1, 1, 0, 0)
    for measure in MEASURES:
        assert one(measure, rationale.double(), rationale) == 1
    assert one(auroc, -rationale.double(), rationale) == 0
    assert one(average_precision, row(5, 1, 0, 4, 3), rationale) == pytest.approx((1 / 4 + 2 / 5) / 2)


def test_constant_scores_are_worth_their_closed_form() -> None:
    rationale = marks(0, 1, 1, 0, 0)
    assert one(auroc, torch.ones(1, 5), rationale) == 0.5
    assert one(average_precision, torch.ones(1, 5), rationale) == pytest.approx(2 / 5)
    assert one(precision_recall_area, torch.ones(1, 5), rationale) == pytest.approx((1 + 2 / 5) / 2)


def test_equal_to_scikit_learn_on_the_words_alone(many) -> None:
    scores, rationale, is_word = many
    found = [measure(scores, rationale, is_word).numpy() for measure in MEASURES[:3]]
    compared = 0
    for index in range(len(scores)):
        s, r = scores[index][is_word[index]].numpy(), rationale[index][is_word[index]].numpy()
        if r.all() or not r.any():
            assert np.isnan([values[index] for values in found]).all()
            continue
        precision, recall, _ = precision_recall_curve(r, s)
        expected = average_precision_score(r, s), auc(recall, precision), roc_auc_score(r, s)
        assert [values[index] for values in found] == pytest.approx(expected, abs=1e-12)
        compared += 1
    assert compared > 80


def naive_average_precision(scores: Floats, marked: Floats) -> float:
    """Average precision of one document, as its definition reads."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = [m for s, m in zip(scores, marked) if s >= threshold]
        total += (sum(chosen) / sum(marked) - recall) * sum(chosen) / len(chosen)
        recall = sum(chosen) / sum(marked)
    return total


def test_equal_to_the_definition(many) -> None:
    scores, rationale, is_word = many
    found = average_precision(scores, rationale, is_word)
    for index in torch.nonzero(~found.isnan()).ravel().tolist():
        words = is_word[index]
        expected = naive_average_precision(scores[index][words].numpy(), rationale[index][words].numpy())
        assert found[index] == pytest.approx(expected)


def test_random_orders_are_worth_what_chance_is_worth() -> None:
    """Over all orders of 6 words, 2 of them marked: AUROC 1/2 and the closed form of the expected average precision."""
    rationale = marks(1, 1, 0, 0, 0, 0)
    orders = torch.tensor(list(permutations(range(6))), dtype=torch.float64)
    rows = rationale.expand(len(orders), -1)
    assert auroc(orders, rows, everywhere(orders)).mean() == pytest.approx(0.5)
    words, marked = 6, 2
    expected = sum(((marked - 1) * (i - 1) / (words - 1) + 1) / i for i in range(1, words + 1)) / words
    assert average_precision(orders, rows, everywhere(orders)).mean() == pytest.approx(expected)


def test_auroc_of_negated_scores_is_the_rest(many) -> None:
    scores, rationale, is_word = many
    total = auroc(scores, rationale, is_word) + auroc(-scores, rationale, is_word)
    assert torch.allclose(total.nan_to_num(1.0), torch.ones_like(total))


def test_the_top_without_ties_is_counted() -> None:
    scores, rationale = row(5, 4, 3, 2, 1), marks(0, 1, 0, 1, 1)
    found = [float(marked_in_top(scores, rationale, everywhere(scores), torch.tensor([k]))[0]) for k in range(6)]
    assert found == [0, 0, 1, 1, 2, 3]


def test_ties_in_the_top_are_broken_in_expectation() -> None:
    """The mean over every order of the tied words."""
    scores, rationale = row(2, 1, 1, 1, 0), marks(1, 1, 0, 0, 1)
    for k in range(6):
        counts = []
        for order in permutations([0.0, 0.1, 0.2]):
            broken = scores + torch.tensor([[0, *order, 0]])
            top = broken[0].argsort(descending=True)[:k]
            counts.append(int(rationale[0, top].sum()))
        expected = np.mean(counts)
        assert float(marked_in_top(scores, rationale, everywhere(scores), torch.tensor([k]))[0]) == pytest.approx(
            expected
        )


@pytest.mark.parametrize(
    ("scores", "rationale"),
    [
        (row(3, 2, 1, 0), marks(1, 1, 0, 0)),
        (row(3, 2, 1, 0), marks(1, 0, 1, 0)),
        (row(2, 1, 1, 1), marks(1, 1, 0, 0)),
        (row(2, 1, 1, 1), marks(1, 1, 1, 0)),
        (row(1, 1, 1, 2), marks(1, 1, 0, 0)),
        (row(1, 1, 1, 1), marks(0, 1, 0, 1)),
    ],
)
def test_all_are_found_in_the_share_of_the_orders_of_tied_words_that_puts_them_first(scores, rationale) -> None:
    found = []
    for order in permutations([0.0, 0.1, 0.2, 0.3]):
        top = (scores + torch.tensor([order]))[0].argsort(descending=True)[: int(rationale.sum())]
        found.append(bool(rationale[0, top].all()))
    assert one(all_on_top, scores, rationale) == pytest.approx(np.mean(found))


def test_curves_end_at_one_and_hold_the_area() -> None:
    scores, rationale = row(0.9, 0.8, 0.8, 0.1), marks(1, 0, 1, 0)
    recall, false_positives, precision = curve_points(scores, rationale, everywhere(scores))
    assert recall[0].tolist() == [0.5, 1, 1, 1]
    assert false_positives[0].tolist() == [0, 0.5, 1, 1]
    assert precision[0].tolist() == pytest.approx([1, 2 / 3, 1 / 2, 1 / 2])
    area = np.trapezoid([0, *recall[0]], [0, *false_positives[0]])
    assert area == pytest.approx(one(auroc, scores, rationale))


def test_nothing_marked_everything_marked_and_an_undefined_score_have_no_value() -> None:
    scores = torch.tensor([[1.0, 2.0], [1.0, 2.0], [torch.nan, 2.0], [torch.nan, 2.0]])
    rationale = torch.tensor([[False, False], [True, True], [True, False], [True, False]])
    is_word = torch.tensor([[True, True], [True, True], [True, True], [False, False]])
    for measure in MEASURES:
        assert measure(scores, rationale, is_word).isnan().all()
    assert marked_in_top(scores, rationale, is_word, torch.tensor([1, 1, 1, 0])).isnan().all()
    assert curve_points(scores, rationale, is_word)[0].isnan().all()


def test_padding_changes_nothing(many) -> None:
    scores, rationale, is_word = many
    wider = [torch.nn.functional.pad(rows, (0, 5)) for rows in many]
    for measure in MEASURES:
        assert torch.equal(
            measure(*wider).nan_to_num(-1.0),
            measure(scores, rationale, is_word).nan_to_num(-1.0),
        )


def test_mistakes_are_named() -> None:
    scores, rationale = row(1, 2), marks(1, 0)
    with pytest.raises(TypeError, match="auroc: rationale must be bool"):
        auroc(scores, rationale.double(), everywhere(scores))
    with pytest.raises(ValueError, match="average_precision: x, y and is_word must all be"):
        average_precision(scores, marks(1, 0, 1), everywhere(scores))
    with pytest.raises(ValueError, match="k must lie between 0 and the words"):
        marked_in_top(scores, rationale, everywhere(scores), torch.tensor([3]))

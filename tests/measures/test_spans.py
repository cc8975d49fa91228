"""Spans that hit: worked by hand, a reference over sets of places, and the choice of the top."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.measures.spans import span_scores, top_words


def marks(text: str) -> torch.Tensor:
    return torch.tensor([[character == "x" for character in text]])


def found(predicted: str, rationale: str) -> list[float]:
    return [float(value) for value in span_scores(marks(predicted), marks(rationale))]


def test_worked_by_hand() -> None:
    assert found("xx..x.", "xx..x.") == [1, 1, 1]
    assert found("x.....", "xx..x.") == [1, 1 / 2, 2 / 3]  # IOU 1/2 is a hit
    assert found("x.....", "xxx...") == [0, 0, 0]
    assert found("xxxx..", ".xx...") == [1, 1, 1]
    assert found("x.x.x.", "....x.") == pytest.approx([1 / 3, 1, 1 / 2])


def test_nothing_predicted_or_nothing_marked_has_no_value() -> None:
    assert np.isnan(found("...", "x..")).tolist() == [True, False, True]
    assert np.isnan(found("x..", "...")).tolist() == [False, True, True]
    assert np.isnan(found("...", "...")).all()


def spans(row: np.ndarray) -> list[set[int]]:
    result: list[set[int]] = []
    for place in np.flatnonzero(row).tolist():
        if result and place - 1 in result[-1]:
            result[-1].add(place)
        else:
            result.append({place})
    return result


def test_equal_to_sets_of_places() -> None:
    """The ERASER scorer's partial match of one document: predictions whose best IOU is at least .5."""
    random = np.random.default_rng(1)
    own, human = (random.random((211, 13)) < random.random((211, 1)) for _ in range(2))
    precision, recall, _ = span_scores(torch.from_numpy(own), torch.from_numpy(human))
    for index in range(len(own)):
        predicted, true = spans(own[index]), spans(human[index])
        hits = sum(max((len(p & t) / len(p | t) for t in true), default=0.0) >= 0.5 for p in predicted)
        assert hits <= len(true)
        if predicted:
            assert precision[index] == hits / len(predicted)
        if true:
            assert recall[index] == hits / len(true)


def test_a_span_ends_with_its_document() -> None:
    """The last word of one row and the first of the next are no neighbours."""
    rows = torch.tensor([[False, True], [True, False]])
    precision, recall, _ = span_scores(rows, rows)
    assert precision.tolist() == recall.tolist() == [1, 1]


def test_the_top_breaks_ties_by_the_numbers_given() -> None:
    scores = torch.tensor([[1.0, 3.0, 1.0, torch.nan, 9.0]])
    ties = torch.tensor([[0.1, 0.5, 0.9, 0.5, 0.5]])
    is_word = torch.tensor([[True, True, True, True, False]])
    tops = [top_words(scores, is_word, torch.tensor([k]), ties)[0].nonzero().ravel().tolist() for k in range(6)]
    assert tops == [[], [1], [1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"must be \(B, T\), got \(1, 2\) and \(1, 3\)"):
        span_scores(marks("xx"), marks("xxx"))
    with pytest.raises(TypeError, match="expected bool"):
        span_scores(marks("xx").double(), marks("xx"))

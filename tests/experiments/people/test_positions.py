"""Mass along a document: closed forms, people, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.document import Document
from attn_interp.experiments.people.positions import BINS, PEOPLE, positions
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result


def found(model, documents: list[Document], scores: list[list[float]]) -> Result:
    """Positions of scores that a method of our own gives."""
    by_id = {document.id: own for document, own in zip(documents, scores)}

    def own(model, batch, classes) -> Attribution:
        values = torch.zeros(len(batch), max(map(len, batch.documents)))
        for row, document in enumerate(batch.documents):
            values[row, : len(document)] = torch.tensor(by_id[document.id])
        return Attribution(values)

    return positions(read(model, documents), methods={"own": own})


def test_two_words_by_hand(model) -> None:
    """The first word is the first five tenths; a score of 3 against -1 is three quarters."""
    document = Document(id="two", words=("a", "b"), label=0, rationales=((0.0, 1.0), (1.0, 1.0)))
    frame = found(model, [document], [[3.0, -1.0]]).frame.set_index("scorer")
    np.testing.assert_allclose(frame.loc["own", "mass"], [0.15] * 5 + [0.05] * 5)
    np.testing.assert_allclose(frame.loc["own", "centre"], 0.75 * 0.25 + 0.25 * 0.75)
    # One of two people marked the second word alone, the other both.
    np.testing.assert_allclose(frame.loc[PEOPLE, "mass"], [0.05] * 5 + [0.15] * 5)


@pytest.mark.parametrize("words", [1, 3, 10, 37])
def test_even_scores_are_even_and_masses_sum_to_one(words: int, model) -> None:
    document = Document(id="x", words=("a",) * words, label=0, rationales=((1.0,) * words,))
    scores = np.random.default_rng(words).random(words)
    frame = found(model, [document], [list(scores)]).frame
    np.testing.assert_allclose(frame.loc[frame["scorer"] == PEOPLE, "mass"], 1 / BINS)
    assert frame.loc[frame["scorer"] == "own", "mass"].sum() == pytest.approx(1)
    centre = (scores / scores.sum()) @ ((np.arange(words) + 0.5) / words)
    np.testing.assert_allclose(frame.loc[frame["scorer"] == "own", "centre"], centre)


def test_what_is_undefined_is_counted_with_its_reason(model) -> None:
    documents = [
        Document(id="none", words=("a", "b"), label=0),
        Document(id="empty", words=("a", "b"), label=0, rationales=((0.0, 0.0), (0.0, 0.0))),
        Document(id="one of two", words=("a", "b"), label=0, rationales=((0.0, 0.0), (0.0, 1.0))),
    ]
    result = found(model, documents, [[np.nan, 1.0], [0.0, 0.0], [1.0, 1.0]])
    reasons = result.frame.groupby(["document", "scorer"])["reason"].first()
    assert reasons["none", PEOPLE] == "no rationale"
    assert reasons["empty", PEOPLE] == "no word is marked"
    assert reasons["none", "own"] == reasons["empty", "own"] == "no scores"
    assert (reasons["one of two"] == "").all()
    rows = result.summary().set_index(["scorer", "quantity"])
    assert rows.loc[(PEOPLE, "centre"), ["estimate", "n", "undefined"]].tolist() == [0.75, 1, 2]


def test_saved_and_loaded(planted, reading, tmp_path) -> None:
    result = positions(reading, methods={})
    assert Result.load(result.save(tmp_path)).frame.equals(result.frame)
    assert result.frame["document"].nunique() == len(planted.test)

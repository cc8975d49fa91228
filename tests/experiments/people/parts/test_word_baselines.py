"""Scores that know no model: each by its definition, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.data.document import Document
from attn_interp.experiments.people.parts.word_baselines import (
    FROM_END,
    LEXICON,
    POSITION,
    RANDOM,
    RARITY,
    TF_IDF,
    learned_position,
    word_baselines,
)

TRAINING = [
    Document(id="a", words=("Good", "film", "the", "end"), label=1, rationales=((1, 0, 0, 0), (1, 0, 0, 1))),
    Document(id="b", words=("the", "film"), label=0),
]
DOCUMENT = Document(id="x", words=("the", "GOOD", "unseen", "the"), label=1)


def test_only_what_can_be_had_is_offered() -> None:
    assert list(word_baselines()) == [RANDOM, FROM_END]
    assert list(word_baselines([TRAINING[1]])) == [RANDOM, FROM_END, RARITY, TF_IDF]
    assert list(word_baselines(TRAINING, {})) == [RANDOM, FROM_END, POSITION, RARITY, TF_IDF, LEXICON]


def test_worked_by_hand() -> None:
    found = word_baselines(TRAINING, {"good": 1.9, "The": -2.0})
    assert found[FROM_END](DOCUMENT).tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found[RARITY](DOCUMENT), -np.log([3, 2, 1, 3]))
    idf = np.log([3 / 3, 3 / 2, 3 / 1, 3 / 3]) + 1
    np.testing.assert_allclose(found[TF_IDF](DOCUMENT), np.array([2, 1, 1, 2]) * idf)
    assert found[LEXICON](DOCUMENT).tolist() == [2.0, 1.9, 0.0, 2.0]


def test_random_scores_belong_to_the_document_and_the_seed() -> None:
    scores = word_baselines(seed=1)[RANDOM]
    assert np.array_equal(scores(DOCUMENT), word_baselines(TRAINING, seed=1)[RANDOM](DOCUMENT))
    assert not np.array_equal(scores(DOCUMENT), word_baselines(seed=2)[RANDOM](DOCUMENT))


def test_position_is_the_share_marked_there() -> None:
    """Marks at 1/8, 3/8, 5/8, 7/8 of the document: in the tenths with middles .15, .35, .65, .85."""
    scores = learned_position(TRAINING)
    place = np.array([1 / 8, 3 / 8, 5 / 8, 7 / 8])
    expected = np.interp(place, [0.15, 0.35, 0.65, 0.85], [1, 0, 0, 0.5])
    np.testing.assert_allclose(scores(DOCUMENT), expected)


def test_position_needs_rationales() -> None:
    with pytest.raises(ValueError, match="none of the 1 training documents has a rationale"):
        learned_position(TRAINING[1:])

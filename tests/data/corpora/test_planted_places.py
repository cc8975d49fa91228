"""Evidence at chosen relative positions: where it stands, what stays the same around it, and what is refused."""

from __future__ import annotations

import pytest

from attn_interp.data.corpora.planted import KEYWORDS, load_planted
from attn_interp.data.document import Document


def documents(**options) -> list[Document]:
    corpus = load_planted(documents=40, **options)
    return sorted((each for split in corpus.splits.values() for each in split), key=lambda each: each.id)


@pytest.mark.parametrize(("place", "index"), [(0.0, 0), (0.05, 1), (0.5, 10), (0.95, 19), (1.0, 20)])
def test_a_fixed_place_is_where_the_keyword_stands(place: float, index: int) -> None:
    for document in documents(least_length=21, most_length=21, place=[(place, place)]):
        assert document.rationales[0].index(1.0) == index
        assert document.words[index] in KEYWORDS.values()


def test_a_range_is_filled_evenly_and_not_left() -> None:
    found = [d.rationales[0].index(1.0) for d in documents(least_length=10, most_length=10, place=[(0.0, 1 / 3)])]
    assert set(found) == {0, 1, 2, 3}


def test_documents_that_differ_in_place_alone_have_the_same_neutral_words() -> None:
    options = {"least_length": 12, "most_length": 30, "seed": 4}
    for early, late in zip(documents(**options, place=[(0.1, 0.1)]), documents(**options, place=[(0.6, 0.9)])):
        assert len(early) == len(late)
        at = {document.rationales[0].index(1.0) for document in (early, late)}
        pairs = zip(early.words, late.words)
        assert [place for place, (one, other) in enumerate(pairs) if one != other] == sorted(at)


def test_two_keywords_have_a_place_each() -> None:
    for document in documents(rule="last", least_length=20, most_length=20, place=[(0.05, 0.05), (0.95, 0.95)]):
        other, own = KEYWORDS["positive"], KEYWORDS["negative"]
        if document.label == 1:
            other, own = own, other
        assert (document.words[1], document.words[18]) == (other, own)


def test_no_place_leaves_the_documents_as_they_always_were() -> None:
    first = documents(seed=11)[0]
    assert (first.id, len(first), first.rationales[0].index(1.0), first.words[0]) == FORMER


FORMER = ("planted-0", 15, 10, "the")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"place": [(0.5, 0.4)]}, "place: got 0.5 to 0.4, expected relative positions 0 <= low <= high <= 1"),
        ({"place": [(0.0, 1.1)]}, "place: got 0 to 1.1"),
        ({"place": [(0.0, float("nan"))]}, "place: got 0 to nan"),
        ({"place": [(0, 1)], "rule": "last"}, "document 'planted-0': place has 1 ranges for 2 pieces of evidence"),
        ({"place": [(0.5, 0.5), (0.5, 0.5)], "rule": "last"}, "each must lie after the one before"),
        ({"place": [(0, 1)], "rule": "everywhere"}, "rule 'everywhere' plants no words"),
    ],
)
def test_places_that_cannot_be_are_refused(options, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load_planted(**options)
    assert message in str(caught.value)

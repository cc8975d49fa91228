from collections import Counter

import pytest

from attn_interp.data.corpora.planted import FILLERS, KEYWORDS, load_planted


def documents(corpus):
    return [document for part in corpus.splits.values() for document in part]


def test_the_keyword_decides_the_label_and_is_the_rationale():
    corpus = load_planted(documents=120, least_length=3, most_length=7)
    assert [len(part) for part in corpus.splits.values()] == [96, 12, 12]
    for document in documents(corpus):
        assert 3 <= len(document) <= 7
        marked = [word for word, value in zip(document.words, document.rationales[0]) if value]
        assert marked == [KEYWORDS[corpus.classes[document.label]]]
        assert sum(word in FILLERS for word in document.words) == len(document) - 1
    assert Counter(document.label for document in documents(corpus)) == {0: 60, 1: 60}
    assert {len(document) for document in documents(corpus)} == {3, 4, 5, 6, 7}
    assert {document.rationales[0].index(1) for document in documents(corpus)} == set(range(7))


def test_shuffled_labels_keep_the_words_and_lose_the_evidence():
    plain = {document.id: document for document in documents(load_planted(documents=400))}
    null = documents(load_planted(documents=400, shuffled_labels=True))
    assert all(document.words == plain[document.id].words for document in null)
    agreeing = sum(document.label == plain[document.id].label for document in null)
    assert 160 < agreeing < 240  # four standard errors around half: 4 * sqrt(400) / 2


def test_a_document_depends_on_seed_and_id_alone():
    many = {document.id: document for document in documents(load_planted(documents=90, seed=3))}
    assert all(many[document.id] == document for document in documents(load_planted(documents=30, seed=3)))
    assert many["planted-7"] != {d.id: d for d in documents(load_planted(documents=90, seed=4))}["planted-7"]


def test_any_number_of_classes():
    corpus = load_planted(documents=60, fillers=["x"], keywords={"a": "apple", "b": "plum", "c": "pear"})
    assert corpus.classes == ("a", "b", "c") and {document.label for document in corpus.dev} == {0, 1, 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"least_length": 1}, "lengths are 1 to 25; expected 2 <= least_length <= most_length"),
        ({"least_length": 9, "most_length": 8}, "lengths are 9 to 8"),
        ({"fillers": []}, "0 fillers"),
        ({"keywords": {"a": "apple"}}, "one filler and two keywords are needed"),
        ({"keywords": {"a": "apple", "b": "apple"}}, "one filler and two keywords are needed"),
        ({"keywords": {"a": "apple", "b": "film"}}, "'film' is a keyword and a filler"),
        ({"documents": 2}, "split 'dev' is empty"),
    ],
)
def test_arguments_that_plant_nothing_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        load_planted(**options)
    assert message in str(caught.value)

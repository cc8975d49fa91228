from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.document import Document
from attn_interp.data.splits import complete_splits, split_documents


def documents_of(labels, copies=()):
    """One document per label; those at `copies` repeat the words of document 0."""
    return [
        Document(id=f"d{i}", words=("Word", str(0 if i in copies else i)), label=label, signals={"place": (i, i)})
        for i, label in enumerate(labels)
    ]


def sizes(splits):
    return {name: Counter(document.label for document in part) for name, part in splits.items()}


def test_every_class_is_cut_in_eight_one_and_one_tenths():
    splits = split_documents(documents_of([0] * 70 + [1] * 30 + [2] * 20), seed=5)
    assert sizes(splits) == {
        "train": Counter({0: 56, 1: 24, 2: 16}),
        "dev": Counter({0: 7, 1: 3, 2: 2}),
        "test": Counter({0: 7, 1: 3, 2: 2}),
    }


def test_a_class_of_three_texts_is_in_every_split_and_a_smaller_one_in_train():
    splits = split_documents(documents_of([0] * 3 + [1] * 2))
    assert sizes(splits) == {"train": Counter({0: 1, 1: 2}), "dev": Counter({0: 1}), "test": Counter({0: 1})}


def test_the_first_documents_of_a_split_are_as_mixed_as_all() -> None:
    """Of 30 first documents where 60 % are of a class, 18 are expected, with a standard deviation of at most 2.7."""
    for seed in range(20):
        for name, part in split_documents(documents_of([0] * 1200 + [1] * 800), seed).items():
            assert 5 <= sum(document.label for document in part[:30]) <= 22, (seed, name)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2), max_size=60), st.sets(st.integers(0, 59)), st.integers(0, 3))
def test_laws_of_a_split(labels, copies, seed):
    documents = documents_of(labels, copies)
    splits = split_documents(documents, seed)
    together = [document for part in splits.values() for document in part]
    assert sorted(document.id for document in together) == sorted(document.id for document in documents)
    where = {document.id: name for name, part in splits.items() for document in part}
    same = {where[document.id] for i, document in enumerate(documents) if i in copies or i == 0}
    assert len(same) <= 1  # copies of one text are in one split
    assert split_documents(documents[::-1], seed) == splits  # the order of the documents changes nothing


def test_spelling_in_capitals_makes_no_other_text():
    documents = documents_of([0, 1] * 20)
    shouted = [Document(id=f"s{d.id}", words=tuple(word.upper() for word in d.words), label=d.label) for d in documents]
    where = {d.id: name for name, part in split_documents(documents + shouted).items() for d in part}
    assert all(where[document.id] == where[f"s{document.id}"] for document in documents)


def test_one_more_document_moves_hardly_any():
    documents = documents_of([0, 1] * 250)
    before = {d.id: name for name, part in split_documents(documents[:-1], 1).items() for d in part}
    after = {d.id: name for name, part in split_documents(documents, 1).items() for d in part}
    assert sum(after[key] != split for key, split in before.items()) <= 2


def test_the_seed_decides():
    documents = documents_of([0, 1] * 50)
    assert split_documents(documents, 1) == split_documents(documents, 1)
    assert set(split_documents(documents, 1)["test"]) != set(split_documents(documents, 2)["test"])


def test_given_splits_stay_and_missing_ones_come_from_train():
    train, test = documents_of([0, 1] * 20), [Document(id="t", words=("held", "out"), label=1)]
    splits = complete_splits({"train": train, "test": test}, seed=3)
    assert splits["test"] == tuple(test) and sizes(splits)["dev"] == Counter({0: 2, 1: 2})
    assert {d.id for d in splits["train"] + splits["dev"]} == {d.id for d in train}
    whole = {"train": train[:30], "dev": train[30:], "test": test}
    assert complete_splits(whole) == {name: tuple(part) for name, part in whole.items()}


def test_a_text_with_many_copies_leaves_something_for_every_split():
    splits = split_documents(documents_of([0] * 40, copies=range(38)))
    assert all(splits.values())


def test_unknown_and_missing_splits_are_refused():
    with pytest.raises(ValueError, match="split 'validation' is unknown; splits are dev, test, train"):
        complete_splits({"train": [], "validation": []})
    with pytest.raises(ValueError, match="there is no split 'train'"):
        complete_splits({"test": documents_of([0])})

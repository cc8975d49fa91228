import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.batch import batch_count, batches_by_length, collate
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID, Vocabulary

WORDS = ("fine", "film", "bad", "end", "new", "old", "long")


def documents_of(lengths):
    return [
        Document(id=f"d{i}", words=tuple(WORDS[(i + position) % len(WORDS)] for position in range(length)), label=i % 3)
        for i, length in enumerate(lengths)
    ]


def test_two_documents_by_hand():
    vocabulary = Vocabulary.build([Document(id="v", words=("b", "a", "b"), label=0)])  # b: 4, a: 5
    batch = collate(
        [Document(id="x", words=("a", "zebra", "B"), label=2), Document(id="y", words=("b",), label=0)], vocabulary
    )
    assert batch.ids.tolist() == [[2, 5, 1, 4, 3], [2, 4, 3, 0, 0]]
    assert batch.is_token.tolist() == [[True] * 5, [True, True, True, False, False]]
    assert batch.is_word.tolist() == [[False, True, True, True, False], [False, True, False, False, False]]
    assert batch.labels.tolist() == [2, 0]
    assert len(batch) == 2 and batch.documents[1].id == "y"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 11), min_size=1, max_size=7))
def test_laws_of_a_batch(lengths):
    documents = documents_of(lengths)
    vocabulary = Vocabulary.build(documents[:3], least_count=2)
    batch = collate(documents, vocabulary)
    B, T = len(lengths), max(lengths) + 2
    assert batch.ids.shape == batch.is_token.shape == batch.is_word.shape == (B, T)
    assert (batch.is_word & ~batch.is_token).sum() == 0
    assert batch.is_word.sum(1).tolist() == lengths and batch.is_token.sum(1).tolist() == [n + 2 for n in lengths]
    for document, ids, is_word in zip(documents, batch.ids, batch.is_word):
        assert ids[is_word].tolist() == vocabulary.ids(document.words)
    assert (batch.ids[:, 0] == START_ID).all() and (batch.ids[~batch.is_token] == PADDING_ID).all()
    assert ((batch.ids == END_ID).sum(1) == 1).all()
    alone = collate(documents[:1], vocabulary)  # a row does not depend on its neighbours
    assert batch.ids[0, : alone.ids.shape[1]].tolist() == alone.ids[0].tolist()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 9))
def test_batches_by_length_hold_every_index_once_and_are_sorted(lengths, size):
    groups = list(batches_by_length(lengths, size))
    flat = [index for group in groups for index in group]
    assert flat == sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    assert all(len(group) == size for group in groups[:-1]) and all(1 <= len(group) <= size for group in groups)
    assert batch_count(lengths[::-1], size) == len(groups)


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 9), st.integers(1, 90))
def test_groups_of_long_documents_are_smaller(lengths, size, positions):
    groups = list(batches_by_length(lengths, size, positions))
    flat = [index for group in groups for index in group]
    assert flat == sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    for group, after in zip(groups, [*groups[1:], None]):
        held = len(group) * lengths[group[-1]]
        assert len(group) <= size and (held <= positions or len(group) == 1)
        if after is not None:  # one more would have been too many
            assert len(group) == size or (len(group) + 1) * lengths[after[0]] > positions


def test_sizes_that_make_no_batch_are_refused():
    with pytest.raises(ValueError, match="batch size must be at least 1, got 0"):
        list(batches_by_length([3, 5], 0))
    with pytest.raises(ValueError, match="a batch needs at least one document"):
        collate([], Vocabulary.build([]))


def test_moving_a_batch_moves_every_tensor_and_keeps_the_documents():
    documents = documents_of([2, 5, 3])
    batch = collate(documents, Vocabulary.build(documents)).to("meta")
    tensors = (batch.ids, batch.is_token, batch.is_word, batch.labels)
    assert {tensor.device.type for tensor in tensors} == {"meta"} and batch.documents == tuple(documents)


def test_a_batch_with_a_document_without_a_label_has_no_labels():
    vocabulary = Vocabulary.build([Document("a film")])
    batch = collate([Document("a film", 1), Document("a film", id="r2")], vocabulary)
    assert batch.labels is None and batch.rows(torch.tensor([1])).labels is None
    with pytest.raises(ValueError, match="document 'r2': has no label"):
        batch.gold_labels()
    assert collate([Document("a film", 1)], vocabulary).gold_labels().tolist() == [1]

"""The two batches of a dry run: no axis follows the number of documents and their length alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.document import Document
from attn_interp.models.checks.documents import made_up, two_sizes


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=12).filter(lambda lengths: len(set(lengths)) > 1))
def test_more_documents_are_shorter(lengths: list[int]) -> None:
    longer, shorter = two_sizes(
        [Document(id=str(i), words=("a",) * length, label=0) for i, length in enumerate(lengths)]
    )
    assert 2 <= len(longer) < len(shorter)
    assert max(map(len, longer)) == max(lengths) > max(map(len, shorter))


def test_a_length_that_grows_with_the_documents_is_no_number_of_documents(trained) -> None:
    """Seven documents of 21 positions and six of 18: three positions for each document, in both batches."""
    from attn_interp.models.wrap import wrap

    lengths = (19, 19, 16, 15, 12, 10, 10, 8)
    example = [Document(id=str(i), words=("film",) * length, label=0) for i, length in enumerate(lengths)]
    settings = {"inputs": lambda batch: (batch.ids, batch.is_token, batch.is_word), "classes": trained.classes}
    model = wrap(trained.module, vocabulary=trained.vocabulary, example=example, **settings)
    assert [site.name for site in model.sites] == ["pooling"]


def test_documents_of_one_length_are_refused() -> None:
    with pytest.raises(ValueError, match="the 2 example documents all have 1 words"):
        two_sizes([Document(id="a", words=("x",), label=0), Document(id="b", words=("y",), label=0)])
    longer, shorter = two_sizes(made_up(["a", "b"]))
    assert [len(each) for each in (*longer, *shorter)] == [7, 6, 5, 6, 5, 4, 3]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.corpus import Corpus
from attn_interp.data.describe import describe_rationales
from attn_interp.data.document import Document
from attn_interp.data.formats.annotated import Annotated, LeftOut
from attn_interp.data.rationales import VIEWS, annotated_documents, consensus, is_empty, is_full, mean, union

TWO = Document(id="d", words=("a", "b", "c"), label=0, rationales=((1, 0, 0), (1, 1, 0)))


def test_views_of_two_annotators():
    assert consensus(TWO) == (1, 0, 0) and union(TWO) == (1, 1, 0) and mean(TWO) == (1, 0.5, 0)
    assert TWO.rationales == ((1, 0, 0), (1, 1, 0))  # they stay apart


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=4))
def test_views_lie_between_each_other_and_know_no_order(rationales):
    document = Document(id="d", words=("a", "b", "c"), label=0, rationales=rationales)
    turned = Document(id="d", words=("a", "b", "c"), label=0, rationales=rationales[::-1])
    for low, middle, high in zip(consensus(document), mean(document), union(document)):
        assert low <= middle + 1e-12 and middle <= high + 1e-12
    for view in VIEWS.values():
        assert view(document) == pytest.approx(view(turned))
        assert len(rationales) > 1 or view(document) == document.rationales[0]


def test_a_document_without_a_rationale_has_no_view():
    for view in VIEWS.values():
        with pytest.raises(ValueError, match="document 'd': has no rationale; leave it out"):
            view(Document(id="d", words=("a",), label=0))


def test_what_people_marked_is_described():
    documents = (
        TWO,
        Document(id="e", words=("a", "b"), label=1, rationales=((1, 1),)),
        Document(id="f", words=("a",), label=1, rationales=((0,),)),
        Document(id="g", words=("a",), label=0),
    )
    none = (Document(id="h", words=("a",), label=0),)
    corpus = Corpus(
        "c",
        ("no", "yes"),
        {"train": documents, "dev": none, "test": (Document(id="i", words=("a",), label=0, rationales=((0.5,),)),)},
    )
    table = describe_rationales(corpus)
    assert table["split"].tolist() == ["train", "test"]  # dev has none
    first = table.iloc[0]
    assert (first["documents"], first["rationales"], first["empty"], first["full"]) == (3, 4, 1, 1)
    assert (first["least_annotators"], first["most_annotators"]) == (1, 2)
    assert first["mean_annotators"] == pytest.approx(4 / 3)
    assert first["marked"] == pytest.approx((1 / 3 + 2 / 3 + 1 + 0) / 4)
    assert [document.id for document in annotated_documents(corpus)] == ["d", "e", "f", "i"]
    assert is_empty((0, 0)) and not is_empty((0, 0.1)) and is_full((0.1, 1)) and not is_full((1, 0))


def test_what_was_left_out_is_counted_by_reason():
    items = (
        LeftOut("d", "span", "past the end", "3"),
        LeftOut("e", "span", "past the end"),
        LeftOut("f", "document", "x"),
    )
    read = Annotated((), items)
    assert read.note() == "; left out: 1 documents (x); left out: 2 spans (past the end)"
    assert read.frame()["document"].tolist() == ["d", "e", "f"] and read.frame()["detail"].tolist() == ["3", "", ""]
    assert Annotated((), ()).note() == "" and list(Annotated((), ()).frame().columns) == list(read.frame().columns)

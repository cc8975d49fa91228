from pathlib import Path

import pytest

from attn_interp.data.corpora.fair_rationales import read_fair_rationales
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.trees import load_trees
from attn_interp.data.withholding import on_words_of, texts_of, withhold

SHARED = Path(__file__).parents[3] / "shared" / "data"


def corpus(*train, dev="Nothing here .", test="Nor here ."):
    documents = tuple(Document(id=f"t{n}", words=tuple(text.split()), label=n % 2) for n, text in enumerate(train))
    rest = {
        "dev": (Document(id="d", words=tuple(dev.split()), label=0),),
        "test": (Document(id="e", words=tuple(test.split()), label=0),),
    }
    return Corpus("trees", ("no", "yes"), {"train": documents, **rest})


def test_texts_are_found_whatever_their_spelling():
    found = withhold(
        corpus(
            "It is n't `` café '' .", "kept as it is", "laugh their *** off", "kept", "kept too", test="it isn't café"
        ),
        ["It isn't “Café”!", "laugh their a** off", "absent from it"],
    )
    assert found.found == (("t0", "e"), ("t2",), ()) and found.removed == ("t0", "t2")
    assert [document.id for document in found.corpus.train] == ["t1", "t3", "t4"]
    assert [document.id for document in found.corpus.test] == ["e"]  # found there, but nobody trains on it
    assert found.note() == "2 of 3 texts found; 2 documents removed"


def test_a_sentence_cut_in_two_is_found_in_both_parts_and_a_short_one_is_no_part():
    text = "Perhaps the most annoying thing about it? is that it is made by someone."
    parts = ("Perhaps the most annoying thing about it ?", "is that it is made by someone .")
    found = withhold(corpus(*parts, "is that it", "made by"), [text])
    assert found.found == (("t0", "t1"),) and found.removed == ("t0", "t1")


def test_a_text_inside_several_documents_and_a_document_inside_several_texts_are_found_in_all():
    long = "this is a text of many letters"
    found = withhold(corpus(f"{long} once", f"twice {long}", "other", "others"), [long, "other one", "another two"])
    assert found.found == (("t0", "t1"), (), ())
    found = withhold(corpus(long, "b", "other", "others"), [f"{long} once", "b", f"twice {long}"])
    assert found.found == (("t0",), ("t1",), ("t0",))


def test_what_cannot_be_looked_for_is_refused():
    with pytest.raises(ValueError, match="text 1: '!!' has no letter or digit"):
        withhold(corpus("a", "b"), ["a", "!!"])
    with pytest.raises(ValueError, match="split 'val' is unknown; splits are dev, test, train"):
        withhold(corpus("a", "b"), ["a"], splits=["val"])


def test_rationales_come_on_the_words_of_the_other_corpus_or_are_listed():
    documents = (
        Document(id="r1", words=("It", "isn't", "good."), label=1, rationales=((0, 1, 1),)),
        Document(id="r2", words=("Not", "there"), label=0, rationales=((0, 1),)),
        Document(id="r3", words=("kept", "here"), label=0, rationales=((0, 1),)),
    )
    found, left_out = on_words_of(documents, corpus("It is n't good .", "kept here !"))
    assert [document.words for document in found] == [("It", "is", "n't", "good", ".")]
    assert found[0].rationales == ((0, 1, 1, 1, 1),) and (found[0].id, found[0].label) == ("r1", 1)
    assert [(item.document, item.reason) for item in left_out] == [
        ("r2", "its text is not in trees"),
        ("r3", "its characters differ in trees"),
    ]


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_every_sentence_with_rationales_is_found_in_the_treebank():
    sentences = [str(row.text) for row in read_fair_rationales(SHARED / "fair_rationales").rows]
    found = withhold(load_trees(SHARED / "sst_ptb"), sentences)
    assert len(sentences) == 263 and found.note() == "263 of 263 texts found; 207 documents removed"
    assert [len(part) for part in found.corpus.splits.values()] == [6920 - 181, 872 - 26, 1821]
    assert not set(found.removed) & {document.id for part in found.corpus.splits.values() for document in part}
    assert texts_of(found.corpus.train[0]) == " ".join(found.corpus.train[0].words)

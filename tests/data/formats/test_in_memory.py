from dataclasses import replace

import pandas as pd
import pytest

from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.models.language.contexts.asked_document import Asked

TEXTS = [f"a fine film {number}" for number in range(20)]
LABELS = ["good", "bad"] * 10


def test_texts_with_class_names():
    corpus = load(TEXTS, labels=LABELS, seed=3)
    assert corpus.classes == ("bad", "good") and len(corpus) == 20 and all(corpus.splits.values())
    labels = {document.text: corpus.classes[document.label] for part in corpus.splits.values() for document in part}
    assert labels == dict(zip(TEXTS, LABELS))
    assert load(TEXTS, labels=LABELS, seed=3) == corpus != load(TEXTS, labels=LABELS, seed=4)
    assert load(TEXTS, labels=LABELS, classes=["good", "bad"]).classes == ("good", "bad")


def test_documents_keep_their_labels_and_annotations():
    documents = [Document(words=("a", f"w{n}"), label=n % 2, id=f"d{n}", rationales=((0, 1),)) for n in range(10)]
    corpus = load(documents, classes=["no", "yes"], name="mine")
    assert sorted((d for part in corpus.splits.values() for d in part), key=lambda d: d.id) == documents
    assert corpus.name == "mine"


def test_copies_of_two_texts_are_in_every_split_and_the_source_says_so():
    corpus = load(["a good film", "an awful film"] * 20, labels=["pos", "neg"] * 20)
    assert len(corpus) == 40 and {len(part) for part in corpus.splits.values()} == {32, 4}
    assert "copies of one text are in several splits" in corpus.source
    assert "copies" not in load([*TEXTS, TEXTS[0]], labels=[*LABELS, "good"]).source


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (TEXTS, {}, r"give labels=\[...\], the class name of each"),
        (TEXTS, {"labels": LABELS[1:]}, "got 19 labels for 20 texts"),
        ([*TEXTS, "one"], {"labels": [*LABELS, "bad"]}, "row 20: document .* has 1 word"),
        (pd.DataFrame({"text": TEXTS}), {}, "there is no column 'label'; columns are text"),
        (pd.DataFrame({"text": [*TEXTS[1:], None], "label": LABELS}), {}, "frame, row 19: text is missing"),
        (pd.DataFrame({"text": TEXTS, "label": LABELS}), {"text": "text", "words": "text"}, "are both given"),
    ],
)
def test_what_is_wrong_is_refused_by_row(given, options, message):
    with pytest.raises(ValueError, match=message):
        load(given, **options)


def test_unknown_options_are_named():
    with pytest.raises(TypeError, match="corpus 'texts': option 'lables' is unknown; options are classes, labels"):
        load(TEXTS, lables=LABELS)


def test_a_frame_of_a_corpus_gives_the_corpus_back():
    corpus = replace(load("planted", documents=60), classes=("worse", "better"))  # not in alphabetical order
    frame = corpus.to_frame()
    assert frame.columns.tolist() == ["id", "split", "text", "label"] and len(frame) == 60
    assert frame["label"].iloc[0] == corpus.classes[corpus.train[0].label]
    again = load(frame, words="text")
    assert again.classes == corpus.classes
    assert [d.id for d in again.test] == [d.id for d in corpus.test]
    assert [(d.words, d.label) for d in again.train] == [(d.words, d.label) for d in corpus.train]
    assert load(frame).test[0].text == " ".join(corpus.test[0].words)


def test_columns_of_a_frame_are_named_by_the_options():
    frame = pd.DataFrame({"body": TEXTS, "stars": [1, 2] * 10, "key": range(100, 120)})
    corpus = load(frame, text="body", label="stars", id="key")
    assert corpus.classes == ("1", "2")
    assert {d.id for part in corpus.splits.values() for d in part} == {str(n) for n in range(100, 120)}
    assert {d.id for part in load(frame, text="body", label="stars").splits.values() for d in part} == {
        str(n) for n in range(20)
    }


def test_texts_and_frames_take_second_texts():
    second = [f"is it {number}?" for number in range(20)]
    corpus = load(["a fine film"] * 20, labels=LABELS, second=second)
    found = [document for part in corpus.splits.values() for document in part]
    assert len({document.id for document in found}) == 20  # one text, twenty questions
    assert {d.second.text: corpus.classes[d.label] for d in found} == dict(zip(second, LABELS))
    frame = pd.DataFrame({"text": TEXTS, "label": LABELS, "asked": second})
    by_column = load(frame, second="asked")
    assert {(d.text, d.second.text) for part in by_column.splits.values() for d in part} == set(zip(TEXTS, second))
    in_words = load(frame, words="text", second="asked")
    assert in_words.train[0].second.words[2].endswith("?")
    documents = [Document(text, second=other, label=n % 2) for n, (text, other) in enumerate(zip(TEXTS, second))]
    paired = load(documents, classes=["good", "bad"])
    assert paired == load(TEXTS, labels=LABELS, second=second, classes=["good", "bad"])
    stripped = load(TEXTS, labels=LABELS, second=["is<br />it"] * 20, strip_html=True)
    assert stripped.train[0].second.words == ("is", "it")


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (["a"] * 19, ValueError, "corpus 'texts': got 19 second texts for 20 texts; give one for each"),
        ("question", TypeError, r"second is 'question'; give a second text for each text, in order"),
        (7, TypeError, r"second is 7; give a second text for each text, in order"),
        (["a"] * 19 + [None], TypeError, r"row 19: its second text is None; give a text"),
        (["a"] * 19 + [" "], ValueError, r"row 19: its second text: document '\w+': has no words"),
        (["a"] * 19 + [Document("b", label=1)], ValueError, r"row 19: its second text: document: second has the label"),
    ],
)
def test_second_texts_that_are_none_are_refused_by_row(second, error, message):
    with pytest.raises(error, match=message):
        load(TEXTS, labels=LABELS, second=second)


@pytest.mark.parametrize(("cell", "message"), [(None, "asked is missing"), (7, "its second text is 7"), ("", "empty")])
def test_a_bad_second_cell_of_a_frame_is_refused_by_row(cell, message):
    frame = pd.DataFrame({"text": TEXTS, "label": LABELS, "asked": ["who?"] * 19 + [cell]}, dtype=object)
    with pytest.raises(ValueError, match=f"frame, row 19: .*{message}"):
        load(frame, second="asked")


def test_an_answer_that_a_corpus_would_lose_is_refused():
    asked = [Asked(text, "Is it good?", "yes", label=n % 2, id=f"d{n}") for n, text in enumerate(TEXTS)]
    with pytest.raises(TypeError, match="document 'd0': is an Asked, of which a corpus keeps no answer"):
        load(asked)

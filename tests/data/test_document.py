import math
import pickle

import numpy as np
import pytest

from attn_interp.data.document import Document, gold_labels
from attn_interp.data.sequences.given import documents_of


def document(**changes):
    given = {"id": "r17", "words": ("a", "fine", "film"), "label": 1}
    return Document(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "document '': its id is empty"),
        ({"words": ()}, "document 'r17': has no words; remove it or give it at least one word"),
        ({"words": ("a", " ", "film")}, "document 'r17': word 1 is empty; remove it"),
        ({"words": ("a", "\ud83d", "film")}, "document 'r17': holds half a character"),
        ({"label": -2}, "document 'r17': label -2 is negative"),
        ({"rationales": ((0, 1, 0), (1, 1))}, "document 'r17': rationale 1 has 2 values for 3 words"),
        ({"rationales": ((0, 1.5, 0),)}, "document 'r17': rationale 0 has a value outside [0, 1]"),
        ({"rationales": ((0, math.nan, 0),)}, "document 'r17': rationale 0 has a value outside [0, 1]"),
        ({"signals": {"frequency": (1, 2)}}, "document 'r17': signal 'frequency' has 2 values for 3 words"),
        ({"signals": {"frequency": (1, 2, math.inf)}}, "document 'r17': signal 'frequency' has an infinite value"),
        ({"text": "a fine film"}, "document 'r17': text and spans go together"),
        ({"spans": ((0, 1), (2, 6), (7, 11))}, "document 'r17': text and spans go together"),
        ({"text": "a fine film", "spans": ((0, 1),)}, "document 'r17': 1 spans for 3 words"),
        (
            {"text": "a fine film", "spans": ((0, 1), (2, 6), (7, 12))},
            "document 'r17': word 2 has span (7, 12) in a text of 11 characters",
        ),
        ({"text": "a fine film", "spans": ((0, 1), (6, 6), (7, 11))}, "document 'r17': word 1 has span (6, 6)"),
        ({"text": "a fine film", "spans": ((0, 1), (2, 10**9), (7, 11))}, "document 'r17': word 1 has span (2, 10000"),
        (
            {"text": "a fine film", "spans": ((0, 1), (3, 7), (7, 11))},
            "document 'r17': word 1 has span (3, 7), where 'ine ' stands and not 'fine'; give the words of the text",
        ),
        (
            {"text": "fine a fine film", "spans": ((5, 6), (0, 4), (12, 16))},
            "document 'r17': word 1 has span (0, 4), and the word before it ends at 6; give words from left to right",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes, message):
    with pytest.raises(ValueError) as caught:
        document(**changes)
    assert message in str(caught.value)


def test_a_string_for_words_is_not_taken_for_its_letters():
    with pytest.raises(TypeError, match=r"document 'r17': words is one string; cut it with `tokenise`"):
        document(words="film")


@pytest.mark.parametrize("name", ["rationales", "signals"])
def test_none_is_no_list_of_numbers(name):
    with pytest.raises(TypeError, match=f"document 'r17': {name} is None; give lists of numbers, one number for each"):
        document(**{name: None})


def test_a_label_is_a_whole_number():
    with pytest.raises(TypeError):
        document(label=1.0)


def test_equal_contents_are_equal_whatever_types_they_came_in():
    spans = [[0, 1], [2, 6], [7, 11]]
    plain = document(rationales=((0.0, 1.0, 0.0),), signals={"s": (1.0, 2.0, 3.0)}, text="a fine film", spans=spans)
    mixed = document(
        words=["a", "fine", "film"],
        label=np.int64(1),
        rationales=[np.array([0, 1, 0])],
        signals={"s": [1, 2, 3]},
        text="a fine film",
        spans=[(np.int64(start), end) for start, end in spans],
    )
    assert mixed == plain and repr(mixed) == repr(plain) and hash(mixed) == hash(plain)


def test_words_stand_in_their_text_but_for_case_and_unicode_form():
    one = document(words=("CAFE\u0301", "a"), text="Caf\u00e9 a", spans=((0, 4), (5, 6)))
    assert one.words == ("CAFE\u0301", "a")


def test_a_document_has_the_length_of_its_words_and_survives_pickling():
    one = document(signals={"s": (1, 2, 3)})
    assert len(one) == 3
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_word_may_have_no_signal():
    assert math.isnan(document(signals={"s": (1, math.nan, 3)}).signals["s"][1])


def test_a_text_alone_is_cut_into_words():
    one = Document("A good film.", 1)
    assert one.words == ("A", "good", "film", ".") and one.label == 1
    assert [one.text[start:end] for start, end in one.spans] == list(one.words)
    assert Document("A good film.").id == one.id != Document("A good film").id
    assert Document("A good film.").label is None


def test_words_alone_have_no_text():
    one = Document(words=("a", "film"))
    assert (one.text, one.spans, one.label) == (None, None, None)
    assert one.id == Document(words=["a", "film"], label=1).id != Document(words=("a film",)).id


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, ValueError, "document: has neither text nor words"),
        ({"text": " "}, ValueError, "has no words"),
        ({"text": ("a", "film")}, TypeError, r"document: text is \('a', 'film'\); give a string, or words="),
        ({"text": "a film", "label": "good", "id": "r1"}, TypeError, "document 'r1': label is 'good'; give the index"),
        ({"text": "a film", "label": np.array([0, 1])}, TypeError, "label is array.*give the index"),
        ({"text": "a film", "id": 7}, TypeError, "its id is no string"),
        ({"words": ("a", None)}, TypeError, "word 1 is None; give a string"),
        ({"words": ("a", "film"), "rationales": (0, 1)}, TypeError, "rationales is .0, 1.; give lists of numbers"),
        ({"words": ("a",), "rationales": ((10**400,),)}, TypeError, "rationales is .*; give lists of numbers"),
        ({"words": ("a",), "rationales": (("x",),)}, TypeError, "rationales is .*; give lists of numbers"),
        ({"words": ("a",), "signals": [1.0]}, TypeError, "signals is .1.0.; give lists of numbers"),
        (
            {"words": ("a",), "text": "a", "spans": ((0.0, 1.0),)},
            TypeError,
            r"spans is .*; give \(start, end\) in whole",
        ),
        ({"words": ("a",), "text": "a", "spans": (0, 1)}, TypeError, r"spans is .*; give \(start, end\) in whole"),
    ],
)
def test_what_cannot_be_a_document_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        Document(**given)


def test_the_representation_stays_short():
    signals = {f"signal {number}": (0.0,) * 10_000 for number in range(100)}
    long = Document(words=("\U0001f1e6" * 9,) * 10_000, id="d" * 500, rationales=((0.0,) * 10_000,), signals=signals)
    assert len(repr(long)) <= 600
    assert repr(Document("a good film", 1, id="r1")) == "<Document 'a good film', label=1, id='r1', 3 words>"


def test_texts_become_documents_where_documents_are_taken():
    given = document()
    made = documents_of(["a good film", given, "a good film", "a good film"])
    assert made[1] is given
    assert [each.text for each in made] == ["a good film", None, "a good film", "a good film"]
    name = Document("a good film").id
    assert [each.id for each in made] == [name, "r17", f"{name}#2", f"{name}#3"]
    assert documents_of("a good film") == made[:1] and documents_of(given) == (given,)


def test_what_is_no_document_is_refused_by_row():
    with pytest.raises(ValueError, match="document 'r17': the id stands in row 0 and again in row 2"):
        documents_of([document(), "a film", document(words=("other",))])
    with pytest.raises(TypeError, match="row 1: is 3; give a text"):
        documents_of(["a film", 3])
    with pytest.raises(ValueError, match="got none"):
        documents_of([])


def test_who_needs_labels_names_the_document_without_one():
    labelled = [document(), document(id="r18", label=0)]
    assert gold_labels(labelled) == [1, 0]
    with pytest.raises(ValueError, match="document 'r19': has no label"):
        gold_labels([*labelled, Document("a film", id="r19")])


def test_documents_share_their_words():
    documents = [Document("a film"), Document("such a film"), Document(words=["a", np.str_("film")])]
    first, second, third = [document.words for document in documents]
    assert first == third == second[1:]
    assert all(one is two is three for one, two, three in zip(first, second[1:], third))

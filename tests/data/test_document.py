import math
import pickle

import numpy as np
import pytest

from attn_interp.data.document import Document


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
    ],
)
def test_what_is_wrong_is_refused_by_name(changes, message):
    with pytest.raises(ValueError) as caught:
        document(**changes)
    assert message in str(caught.value)


def test_a_string_for_words_is_not_taken_for_its_letters():
    with pytest.raises(TypeError, match=r"document 'r17': words is one string; cut it with `tokenise`"):
        document(words="film")


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


def test_a_document_has_the_length_of_its_words_and_survives_pickling():
    one = document(signals={"s": (1, 2, 3)})
    assert len(one) == 3
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_word_may_have_no_signal():
    assert math.isnan(document(signals={"s": (1, math.nan, 3)}).signals["s"][1])

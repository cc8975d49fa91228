import pytest

from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, UNKNOWN_ID, Vocabulary

DOCUMENTS = [
    Document(id="a", words=("The", "film", "the", "end"), label=0),
    Document(id="b", words=("Film", "bad", "the"), label=1),
]


def test_words_are_counted_in_lower_case_and_ordered_by_count_then_alphabet():
    assert Vocabulary.build(DOCUMENTS).words == (*SPECIALS, "the", "film", "bad", "end")
    assert Vocabulary.build(DOCUMENTS, least_count=2).words == (*SPECIALS, "the", "film")


def test_looking_up_ids_inverts_the_list_and_sends_the_rest_to_unknown():
    vocabulary = Vocabulary.build(DOCUMENTS)
    assert vocabulary.ids(vocabulary.words) == list(range(len(vocabulary)))
    assert vocabulary.ids(["THE", "nowhere"]) == [4, UNKNOWN_ID]


def test_a_word_spelled_as_a_special_token_does_not_become_a_second_one():
    vocabulary = Vocabulary.build([Document(id="a", words=("<pad>", "film", "</S>"), label=0)])
    assert vocabulary.words == (*SPECIALS, "film")


def test_a_list_without_the_specials_or_with_repetitions_is_refused():
    with pytest.raises(ValueError, match="the first words must be"):
        Vocabulary(("film", *SPECIALS))
    with pytest.raises(ValueError, match="words repeat"):
        Vocabulary((*SPECIALS, "film", "film"))

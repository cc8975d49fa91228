import pytest

from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, replace_words, with_words

DOCUMENT = Document(
    id="r17",
    words=("a", "fine", "old", "film"),
    label=1,
    rationales=((0, 1, 0, 0),),
    signals={"s": (1, 2, 3, 4)},
    text="a fine old film",
    spans=((0, 1), (2, 6), (7, 10), (11, 15)),
)


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ((), ("a", "fine", "old", "film")),
        ((1,), ("a", "old", "film")),
        ({3, 0, 1}, ("old",)),
        ([2, 2], ("a", "fine", "film")),
    ],
)
def test_what_is_left_keeps_its_order_id_and_label(positions, words):
    assert delete_words(DOCUMENT, positions) == Document(id="r17", words=words, label=1)


def test_positions_outside_and_everything_are_refused():
    with pytest.raises(ValueError, match=r"document 'r17': positions \[1, 4\] for 4 words"):
        delete_words(DOCUMENT, (4, 1))
    with pytest.raises(ValueError, match=r"document 'r17': positions \[-1\] for 4 words"):
        delete_words(DOCUMENT, (-1,))
    with pytest.raises(ValueError, match="deleting all 4 words leaves nothing to classify"):
        delete_words(DOCUMENT, range(4))


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ((), ("a", "fine", "old", "film")),
        ([2, 2], ("a", "fine", "<unk>", "film")),
        (range(4), ("<unk>",) * 4),
    ],
)
def test_replaced_words_keep_length_id_and_label(positions, words):
    assert replace_words(DOCUMENT, positions, "<unk>") == Document(id="r17", words=words, label=1)


def test_replacing_outside_or_by_nothing_is_refused():
    with pytest.raises(ValueError, match=r"document 'r17': positions \[4\] for 4 words"):
        replace_words(DOCUMENT, (4,), "<unk>")
    with pytest.raises(ValueError, match="document 'r17': word 1 is empty"):
        replace_words(DOCUMENT, (1,), " ")


def test_the_answers_that_a_question_allows_stay() -> None:
    document = Document("Ann saw Ben .", second="Who ?", answers=(2, 5), rationales=[(0, 0, 1, 0)])
    for edited in (delete_words(document, {0}), replace_words(document, {0}, "x"), with_words(document, ["b"])):
        assert edited.answers == (2, 5) and edited.second == document.second
        assert edited.text is None and edited.rationales == ()

from pathlib import Path

import pytest

from attn_interp.data.corpora.pairs.babi import load_babi
from attn_interp.data.corpora.pairs.story import story

SHARED = Path(__file__).parents[5] / "shared" / "data" / "babi"
STORY = """1 Ann sat in the den.
2 Bo ran to the {room}.
3 Where is Ann? \tden\t1
4 Ann ran to the {room}.
5 Where is Ann?\t{room}\t4 1
"""


def folder(path, train=None, test=None):
    stories = "".join(STORY.format(room=("hall", "yard")[n % 2]) for n in range(40))
    (path / "qa1_sitting_train.txt").write_text(stories if train is None else train)
    (path / "qa1_sitting_test.txt").write_text(STORY.format(room="shed") if test is None else test)
    return path


def test_a_question_is_a_document_with_the_story_so_far(tmp_path):
    corpus = load_babi(folder(tmp_path))
    assert corpus.name == "babi-1" and corpus.classes == ("den", "hall", "shed", "yard")
    first, last = corpus.test
    assert first.id == "test-3" and first.text == "Ann sat in the den . Bo ran to the shed"
    assert first.second.words == ("Where", "is", "Ann", "?") and corpus.classes[first.label] == "den"
    assert first.rationales == ((1.0,) * 5 + (0.0,) * 6,)
    assert last.text == "Ann sat in the den . Bo ran to the shed . Ann ran to the shed"
    assert last.rationales == ((1.0,) * 5 + (0.0,) * 7 + (1.0,) * 5,) and corpus.classes[last.label] == "shed"


def test_dev_has_whole_stories_that_the_seed_draws(tmp_path):
    path = folder(tmp_path)
    one, again, other = load_babi(path, seed=1), load_babi(path, seed=1), load_babi(path, seed=2)
    assert one == again and {d.id for d in one.dev} != {d.id for d in other.dev}
    assert len(one.dev) == 2 * 6 and len(one.train) == 2 * 34
    stories = [{(int(d.id.removeprefix("train-")) - 1) // 5 for d in part} for part in (one.train, one.dev)]
    assert not stories[0] & stories[1] and len(stories[1]) == 6


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("1 Ann sat.\n2 Where is Ann?\tden\t3\n", "row 2: its fact 3 is no sentence before the question"),
        ("1 Ann sat.\n2 Is it?\tno\t1\n3 Is it?\tno\t2\n", "row 3: its fact 2 is no sentence before the question"),
        ("1 Ann sat.\n3 Bo sat.\n", "row 2: has the number 3 after 1; a story counts from 1"),
        ("2 Ann sat.\n", "row 1: has the number 2 after 0"),
        ("1 Where is Ann?\tden\t\n", "row 1: asks before the first sentence"),
        ("1 Ann sat.\nBo sat.\n", "row 2: 'Bo sat.' is neither a number and a sentence nor"),
        ("1 Ann sat.\n2 Where is Ann?\tden\n", "row 2: .* is neither a number and a sentence nor"),
        ("1 Ann sat.\n2 Where is Ann?\tden\tone\n", "row 2: .* is neither a number and a sentence nor"),
        ("1 Ann sat.\n2 Where is Ann?\t\t1\n", "row 2: it has no label, got ''"),
        ("1 Ann sat.\n", r"qa1_sitting_train.txt: asks nothing; expected a question below each story"),
    ],
)
def test_bad_rows_are_named(tmp_path, train, message):
    with pytest.raises(ValueError, match=message):
        load_babi(folder(tmp_path, train))


def test_a_task_has_one_file_for_each_part(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected one file qa2_\.\.\._train\.txt of task 2, found none"):
        load_babi(folder(tmp_path), task=2)
    (tmp_path / "qa1_again_test.txt").write_text("")
    with pytest.raises(FileNotFoundError, match=r"found qa1_again_test\.txt, qa1_sitting_test\.txt"):
        load_babi(tmp_path)


def test_a_story_marks_words_and_no_full_stops():
    told = story(["Ann sat .", " Bo ran", "Bo hid."], [0, 2])
    assert told["text"] == "Ann sat . Bo ran . Bo hid" and told["words"][2] == "."
    assert told["rationales"] == ((1, 1, 0, 0, 0, 0, 1, 1),) and story(["Ann sat."], [])["rationales"] == ()


@pytest.mark.skipif(not SHARED.exists(), reason="bAbI is not at hand")
def test_the_published_questions_are_answered_by_their_facts():
    corpus = load_babi(SHARED, task=1)
    assert {split: len(part) for split, part in corpus.splits.items()} == {"train": 8500, "dev": 1500, "test": 1000}
    assert len(corpus.classes) == 6
    for document in corpus.test:
        (marks,) = document.rationales
        marked = [word for word, mark in zip(document.words, marks) if mark]
        assert marked[-1] == corpus.classes[document.label]  # ... went to the kitchen
        assert marked[0] == document.second.words[2]  # Where is Mary?
        assert "." not in marked

from collections import Counter
from pathlib import Path

import pytest

from attn_interp.data.formats.trees import BINARY, FINE, load_trees

TREEBANK = Path(__file__).parents[4] / "shared" / "data" / "sst_ptb"
TRAIN = [
    "(4 (2 A) (4 (4 fine) (2 film)))",
    "(0 (2 -LRB-) (0 (1 (0 awful) (2 1\\/2)) (2 -RRB-)))",
    "(2 (2 It) (2 (2 is) (2 here)))",
    "(3 (3 good) (2 5\xa0\\*))",
    "(1 (2 not)\t(3 good) )",
]


def folder(path, **changes):
    for split, lines in ({"train": TRAIN, "dev": TRAIN[:2], "test": TRAIN[1:4]} | changes).items():
        (path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return path


def test_the_five_classes(tmp_path):
    corpus = load_trees(folder(tmp_path), task="fine")
    assert corpus.classes == FINE and [document.label for document in corpus.train] == [4, 0, 2, 3, 1]
    assert [len(part) for part in corpus.splits.values()] == [5, 2, 3]
    assert corpus.train[1].words == ("(", "awful", "1/2", ")")
    assert corpus.train[1].signals == {"word label": (2, 0, 2, 2)}
    assert corpus.train[3].words == ("good", "5\xa0*") and corpus.train[4].words == ("not", "good")


def test_two_classes_leave_out_the_neutral_and_say_so(tmp_path):
    corpus = load_trees(folder(tmp_path))
    assert corpus.classes == BINARY
    assert [(document.id, document.label) for document in corpus.train] == [
        ("train-1", 1),
        ("train-2", 0),
        ("train-4", 1),
        ("train-5", 0),
    ]
    assert corpus.source.endswith("; 2 trees with a neutral root left out")


@pytest.mark.parametrize(
    "line",
    [
        "(3 (2 a) (4 joy)",
        "(3 (2 a) (4 joy)))",
        "(2 a) (4 joy)",
        "(5 (2 a) (4 joy))",
        "(3 (2 a) joy)",
        "(3 (2 a) (joy))",
        "(3 (2 a b) (4 joy))",
        "(3 )",
        "a joy",
        ")3 (2 a(",
    ],
)
def test_a_line_that_is_no_tree_is_named(tmp_path, line):
    with pytest.raises(ValueError, match=r"dev\.txt, row 2: is not a tree in brackets with labels 0 to 4"):
        load_trees(folder(tmp_path, dev=[TRAIN[0], line]))


def test_short_documents_missing_files_and_unknown_tasks_are_named(tmp_path):
    one_word = folder(tmp_path, test=["(4 joy)"])
    with pytest.raises(ValueError, match=r"test\.txt, row 1: document 'test-1' has 1 word\(s\), .*pass least_words=1"):
        load_trees(one_word)
    assert load_trees(one_word, least_words=1).test[0].words == ("joy",)
    with pytest.raises(ValueError, match=r"test\.txt: split 'test' is empty; expected trees of the task 'binary'"):
        load_trees(folder(tmp_path, test=["(2 (2 so) (2 so))"]))
    with pytest.raises(ValueError, match="task 'ternary' is unknown; options are binary, fine"):
        load_trees(one_word, task="ternary")
    (tmp_path / "dev.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"dev\.txt: is missing; a folder of trees holds train\.txt, dev\.txt"):
        load_trees(tmp_path)


@pytest.mark.skipif(not TREEBANK.exists(), reason="shared data is absent")
def test_the_real_treebank_has_its_published_sizes():
    # Socher et al. 2013, section 5: 8,544 / 1,101 / 2,210 sentences; without the neutral 6,920 / 872 / 1,821.
    fine, binary = load_trees(TREEBANK, task="fine"), load_trees(TREEBANK)
    assert [len(part) for part in fine.splits.values()] == [8544, 1101, 2210]
    assert [len(part) for part in binary.splits.values()] == [6920, 872, 1821]
    assert Counter(document.label for document in binary.test) == {0: 912, 1: 909}
    words = {word for part in fine.splits.values() for document in part for word in document.words}
    assert not any("-LRB-" in word or "\\" in word for word in words)

from dataclasses import replace

import pytest

from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows

ROWS = [Row(f"a.csv, row {i + 2}", f"r{i}", label=("no", "yes")[i % 2], text=f"A fine film {i}") for i in range(12)]


def corpus(*rows, **options):
    return corpus_of_rows([*ROWS, *rows], "trial", **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": " \t"}, "a.csv, row 99: document 'x' is empty, it has no words; remove the row"),
        ({"text": None}, "a.csv, row 99: has neither words nor text; give it one of them"),
        ({"text": None, "words": []}, "a.csv, row 99: document 'x' is empty"),
        (
            {"text": "Fine"},
            "document 'x' has 1 word(s), at least 2 are asked for; remove the row, or pass least_words=1",
        ),
        ({"id": "r3"}, "a.csv, row 99: id 'r3' stands already at a.csv, row 5; ids must be unique"),
        ({"split": "dev"}, "a.csv, row 99: split is 'dev'; every row must state one of dev, test, train, or none any"),
        ({"rationales": [[0, 1]]}, "a.csv, row 99: document 'x': rationale 0 has 2 values for 3 words"),
        ({"signals": {"s": [1, 2, 3, 4]}}, "a.csv, row 99: document 'x': signal 's' has 4 values for 3 words"),
    ],
)
def test_a_bad_row_is_named(changes, message):
    with pytest.raises(ValueError) as caught:
        corpus(replace(Row("a.csv, row 99", "x", "yes", text="Not so good"), **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize("label", ["maybe", 2, -1, "1", ""])
def test_a_label_outside_the_classes_is_named(label):
    with pytest.raises(ValueError, match=rf"row 99: label {label!r} is not in the list of classes: yes, no"):
        corpus(Row("a.csv, row 99", "x", label, text="Not so good"), classes=("yes", "no"))


def test_labels_are_names_or_with_classes_indices():
    last = Row("a.csv, row 99", "x", 0, text="Not so good")
    made = corpus(last, classes=("yes", "no"))
    labels = {document.id: document.label for part in made.splits.values() for document in part}
    assert made.classes == ("yes", "no") and (labels["x"], labels["r0"], labels["r1"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "B"], ("B", "a", "b")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([10, 9, 2], ("2", "9", "10")),
        (["4.5", "10", "4"], ("4", "4.5", "10")),
        (["10", "9", "ten"], ("10", "9", "ten")),  # not all are numbers
    ],
)
def test_collected_classes_are_sorted_numbers_by_value(labels, classes):
    rows = [replace(row, label=labels[i % len(labels)]) for i, row in enumerate(ROWS)]
    made = corpus_of_rows(rows, "trial")
    assert made.classes == classes
    for document in made.train:
        assert classes[document.label] == str(labels[int(document.id[1:]) % len(labels)])


def test_one_word_documents_come_in_when_asked_for():
    made = corpus(Row("a.csv, row 99", "x", "yes", text="Fine"), least_words=1)
    assert sum(len(document) == 1 for part in made.splits.values() for document in part) == 1
    with pytest.raises(ValueError, match="least_words must be at least 1, got 0"):
        corpus(least_words=0)


def test_words_are_taken_as_they_are_and_texts_are_cut():
    made = corpus(Row("a.csv, row 99", "x", "yes", words=["Fine.", "New York"]))
    found = {document.id: document for part in made.splits.values() for document in part}
    assert found["x"].words == ("Fine.", "New York") and found["x"].text is None
    assert found["r1"].words == ("A", "fine", "film", "1") and found["r1"].spans[1] == (2, 6)


def test_stated_splits_are_kept():
    splits = ["train"] * 8 + ["dev"] * 1 + ["test"] * 3
    made = corpus_of_rows([replace(row, split=split) for row, split in zip(ROWS, splits)], "trial")
    assert [document.id for document in made.test] == ["r9", "r10", "r11"]
    assert [len(part) for part in made.splits.values()] == [8, 1, 3]
    with pytest.raises(ValueError, match="split is None; every row must state one"):
        corpus_of_rows([replace(ROWS[0], split="train"), ROWS[1]], "trial")


def test_no_documents_and_one_class_are_refused():
    with pytest.raises(ValueError, match=r"corpus 'trial': a\.csv holds no documents"):
        corpus_of_rows([], "trial", source="a.csv")
    with pytest.raises(ValueError, match=r"corpus 'trial': has 1 class\(es\); a classifier needs two or more"):
        corpus_of_rows(ROWS[::2], "trial")

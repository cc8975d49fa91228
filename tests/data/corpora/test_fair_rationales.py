import csv
from pathlib import Path

import pytest

from attn_interp.data.corpora.fair_rationales import FILE, load_fair_rationales, read_fair_rationales

SHARED = Path(__file__).parents[4] / "shared" / "data" / "fair_rationales"
HEADER = ["", "text_id", "sentence", "original_label", "label", "rationale_binary"]


def table(path, *records, header=HEADER):
    with (path / FILE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *([str(n), *record] for n, record in enumerate(records))])
    return path


def test_annotators_stay_apart_and_a_wrong_length_is_counted(tmp_path):
    sentence = "Isn't it שלום, café?"
    records = [
        ["7", sentence, "positive", "positive", "[1, 0, 0, 1]"],
        ["8", "So bad", "negative", "negative", "[1, 1]"],
        ["7", sentence, "positive", "no sentiment", "[0, 0, 0, 0]"],
        ["7", sentence, "positive", "positive", "[1, 0, 0]"],
        ["7", sentence, "positive", "positive", "[1, 0, 0, 2]"],
    ]
    read = read_fair_rationales(table(tmp_path, *records))
    assert [(row.id, row.label) for row in read.rows] == [("7", "positive"), ("8", "negative")]
    assert read.rows[0].words == ("Isn't", "it", "שלום,", "café?")
    assert read.rows[0].rationales == [(1, 0, 0, 1), (0, 0, 0, 0)] and read.rows[1].rationales == [(1, 1)]
    assert [(item.document, item.detail) for item in read.left_out] == [
        ("7", "3 values for 4 words"),
        ("7", "[1, 0, 0, 2] is not a list of 0 and 1"),
    ]
    read = read_fair_rationales(tmp_path / FILE, cut="tokenised", annotators="agreeing")
    assert read.rows[0].words == ("Isn't", "it", "שלום", ",", "café", "?")
    assert read.rows[0].rationales == [(1, 0, 0, 0, 1, 1)]
    assert read.left_out[0].detail == "no sentiment"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (["7", "So bad", "negative", "negative", "[1, 1"], "row 3: rationale_binary of document '7' is no list"),
        (["7", "So sad", "negative", "negative", "[1, 1]"], "row 3: document '7' has another sentence than at"),
        (["7", "So bad", "positive", "negative", "[1, 1]"], "row 3: document '7' has another original_label"),
        (["8", "So bad", "neutral", "negative", "[1, 1]"], "row 3: label 'neutral' is not in the list of classes"),
        (["8", "", "positive", "negative", "[]"], "row 3: document '8' is empty"),
    ],
)
def test_bad_rows_are_named(tmp_path, record, message):
    table(tmp_path, ["7", "So bad", "negative", "negative", "[1, 1]"], record)
    with pytest.raises(ValueError) as caught:
        load_fair_rationales(tmp_path)
    assert message in str(caught.value)


def test_missing_files_and_columns_are_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_fair_rationales(tmp_path)
    with pytest.raises(ValueError, match="there is no column 'rationale_binary'"):
        load_fair_rationales(table(tmp_path, header=HEADER[:-1]))


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_the_real_sentences_have_six_annotators_each():
    corpus = load_fair_rationales(SHARED)
    documents = [document for part in corpus.splits.values() for document in part]
    assert len(documents) == 263 and {len(document.rationales) for document in documents} == {6}
    agreeing = read_fair_rationales(SHARED, annotators="agreeing")
    assert len(agreeing.left_out) == 1578 - 744 - 657

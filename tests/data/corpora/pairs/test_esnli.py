import csv

import pytest

from attn_interp.data.corpora.pairs.esnli import load_esnli, read_esnli

NUMBERS = (1, 2)
HEADER = ["pairID", "gold_label", "WorkerId", "Sentence1", "Sentence2"] + [
    f"Sentence{s}_{kind}_{n}" for n in NUMBERS for kind in ("marked", "Highlighted") for s in (1, 2)
]
PAIR = {"pairID": "p1", "gold_label": "neutral", "WorkerId": "W", "Sentence1": "A man, asleep.", "Sentence2": "He naps"}


def table(path, *records, name="esnli_train_1.csv"):
    with (path / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, restval="")
        writer.writeheader()
        writer.writerows(records)
    return path


def marks(first, second, number=1, kind="marked"):
    return {f"Sentence1_{kind}_{number}": first, f"Sentence2_{kind}_{number}": second}


def only(path, record):
    read = read_esnli(table(path, PAIR | record))
    return read.rows[0], [item.reason for item in read.left_out]


def test_a_pair_is_two_texts_and_asterisks_mark_words_of_both(tmp_path):
    row, left_out = only(tmp_path, marks("A *man,* asleep.", "He *naps*") | marks("A man, asleep.", "*He* naps", 2))
    assert left_out == [] and row.words == ("A", "man", ",", "asleep", ".")
    assert [row.text[start:end] for start, end in row.spans] == list(row.words) and row.text == PAIR["Sentence1"]
    assert row.rationales == [(0, 1, 1, 0, 0), (0, 0, 0, 0, 0)]
    assert row.second.text == "He naps" and row.second.words == ("He", "naps") and row.second.label is None
    assert row.second.rationales == ((0, 1), (1, 0))


@pytest.mark.parametrize(
    ("record", "rationale", "reason"),
    [
        (marks("{}", "1", kind="Highlighted"), ((0, 0, 0, 0, 0), (0, 1)), None),
        (marks("1,2", "0", kind="Highlighted"), ((0, 1, 1, 1, 1), (1, 0)), None),
        (marks("A *man, asleep*.", "*He naps*"), ((0, 1, 1, 1, 0), (1, 1)), None),
        (marks(" A  man, asleep. ", "He naps"), ((0,) * 5, (0,) * 2), None),
        (marks("*A man, asleep.*", "**He** naps"), ((1, 1, 1, 1, 1), (0, 0)), None),  # empty marks hold nothing
        (marks("A *man,* awake.", "He naps"), None, "marked sentence is not the sentence"),
        (marks("A *man, asleep.", "He naps"), None, "marked sentence is not the sentence"),
        (marks("A man, asleep.", ""), None, "a sentence has no marks"),
        (marks("{}", "2", kind="Highlighted"), None, "highlighted word is past the end"),
        (marks("{}", "-1", kind="Highlighted"), None, "highlighted words are no numbers"),
        (marks("{}", "1;", kind="Highlighted"), None, "highlighted words are no numbers"),
    ],
)
def test_marks_fit_or_are_counted(tmp_path, record, rationale, reason):
    row, left_out = only(tmp_path, record)
    marked = list(zip(row.rationales, row.second.rationales, strict=True))
    assert marked == ([] if rationale is None else [rationale])
    assert left_out == ([] if reason is None else [reason])


def test_quotes_emoji_and_other_scripts(tmp_path):
    pair = {"Sentence1": 'He said "שלום" 👍🏽', "Sentence2": "cafe\u0301 naps"}
    row, left_out = only(tmp_path, pair | marks("He said *'שלום'* *👍🏽*", "*cafe\u0301* naps"))
    assert left_out == [] and row.words == ("He", "said", '"', "שלום", '"', "👍🏽")
    assert row.rationales == [(0, 0, 1, 1, 1, 1)]
    assert row.second.words == ("cafe\u0301", "naps") and row.second.rationales == ((1, 0),)


def test_files_are_splits_and_odd_pairs_are_counted(tmp_path):
    good = [
        PAIR | {"pairID": f"{n}", "gold_label": ("neutral", "entailment")[n % 2], "Sentence2": f"He naps {n}"}
        for n in range(6)
    ]
    table(tmp_path, *good[:3], good[0], good[1] | {"pairID": "x", "Sentence2": " "})
    table(tmp_path, good[3], name="esnli_train_2.csv")
    table(tmp_path, good[4], name="esnli_dev.csv")
    table(tmp_path, good[5], name="esnli_test.csv")
    corpus = load_esnli(tmp_path)
    assert corpus.classes == ("entailment", "neutral", "contradiction")
    assert [[document.id for document in part] for part in corpus.splits.values()] == [
        ["0", "1", "2", "3"],
        ["4"],
        ["5"],
    ]
    assert corpus.source.endswith(
        "; left out: 1 documents (a sentence is missing); left out: 1 documents (id has come before)"
    )
    assert all(document.rationales == () for document in corpus.train)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no esnli_train\.csv or esnli_train_1\.csv"):
        load_esnli(tmp_path)
    with pytest.raises(ValueError, match="row 2: label '-' is not in the list of classes"):
        load_esnli(table(tmp_path, PAIR | {"gold_label": "-"}))
    (tmp_path / "esnli_train_1.csv").write_text("pairID,gold_label,Sentence1\n")
    with pytest.raises(ValueError, match="there is no column 'Sentence2'"):
        load_esnli(tmp_path)

import csv
from pathlib import Path

import numpy as np
import pytest

from attn_interp.data.corpora.yelp_hat import PARTS, _by_review, load_yelp_hat, read_yelp_hat

SHARED = Path(__file__).parents[4] / "shared" / "data" / "yelp_hat"
HEADER = ["Input.label", "Input.text", "Answer.Q1Answer", "Answer.html_output"]
TEXT = "Great food & café 👍🏽!\nGo."


def html(text, *marked):
    words = [word.replace("&", "&amp;") for word in text.split()]
    return " ".join(f'<span class="{"active" if n in marked else ""}">{w}</span>' for n, w in enumerate(words))


def folder(path, *records, part="50", encoding="utf-8"):
    with (path / PARTS[part]).open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([HEADER, *records])
    return path


def test_each_annotator_is_a_rationale_of_the_words_that_were_clicked(tmp_path):
    records = [
        ["1", TEXT, "yes", html(TEXT, 0, 4)],
        ["0", "Not so good", "no", html("Not so good", 0, 1, 2)],
        ["1", TEXT, "idk", html(TEXT)],
        ["1", TEXT.replace("\n", " "), "yes", html(TEXT, 1).replace(">food<", "><i>food</i><")],
    ]
    rows = read_yelp_hat(folder(tmp_path, *records), "50").rows
    assert [(row.id, row.label) for row in rows] == [("50-1", "positive"), ("50-2", "negative")]
    assert rows[0].words == ("Great", "food", "&", "café", "👍🏽!", "Go.")
    assert rows[0].rationales == [(1, 0, 0, 0, 1, 0), (0,) * 6, (0, 1, 0, 0, 0, 0)]
    assert rows[1].rationales == [(1, 1, 1)]
    read = read_yelp_hat(tmp_path, "50", cut="tokenised", annotators="agreeing")
    assert read.rows[0].words == ("Great", "food", "&", "café", "👍🏽", "!", "Go", ".")
    assert read.rows[0].rationales == [(1, 0, 0, 0, 1, 1, 0, 0), (0, 1, 0, 0, 0, 0, 0, 0)]
    assert [(item.document, item.detail) for item in read.left_out] == [("50-1", "idk")]


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (html("Another review"), "text of the map is not the review"),
        (html("So good") + "<span class='active'> past the end</span>", "text of the map is not the review"),
        ("<span class='active'>So</span> <span>good", "tags of the map do not match"),
        ("", "text of the map is not the review"),
    ],
)
def test_a_map_of_something_else_is_left_out_and_counted(tmp_path, shown, reason):
    records = [["1", "So good", "yes", shown], ["1", "So good", "yes", html("So good", 1)]]
    read = read_yelp_hat(folder(tmp_path, *records), "50")
    assert read.rows[0].rationales == [(0, 1)]
    assert [(item.document, item.part, item.reason) for item in read.left_out] == [("50-1", "rationale", reason)]


def test_a_corpus_of_one_part_says_what_was_left_out(tmp_path):
    reviews = [(str(n % 2), f"Review {n} is here") for n in range(12)]
    records = [[label, text, ("no", "yes")[n == 3], html(text, 1)] for n, (label, text) in enumerate(reviews)]
    folder(tmp_path, *records, part="200", encoding="utf-8-sig")
    corpus = load_yelp_hat(tmp_path, 200, annotators="agreeing")  # a number, as the command line reads it
    assert corpus.name == "yelp-hat-200" and corpus.classes == ("negative", "positive")
    assert sorted(len(part) for part in corpus.splits.values()) == [2, 2, 8]
    assert corpus.source.endswith("; left out: 5 rationales (annotator gave another label)")
    assert {document.words[1]: len(document.rationales) for document in corpus.train}.get("3", 1) == 1


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"ham_part1_50words_\.csv: is missing; it holds part '50'"):
        load_yelp_hat(tmp_path)
    with pytest.raises(ValueError, match="part: got '75', expected one of 100, 200, 50, all, mixed"):
        load_yelp_hat(tmp_path, 75)
    with pytest.raises(ValueError, match="annotators: got 'some', expected one of agreeing, all"):
        load_yelp_hat(tmp_path, annotators="some")
    folder(tmp_path, ["1", "So good", "yes", html("So good")], ["0", "So  good", "yes", html("So good")])
    with pytest.raises(ValueError, match=r"row 3: label '0' of a review that has label '1' at .*row 2"):
        load_yelp_hat(tmp_path, "50")
    with pytest.raises(ValueError, match=r"cut: got 'stemmed', expected one of annotated, tokenised"):
        read_yelp_hat(folder(tmp_path, ["1", "So good", "yes", html("So good")]), "50", cut="stemmed")
    with pytest.raises(ValueError, match=r"row 2: document '50-1' has label '2', expected 0"):
        load_yelp_hat(folder(tmp_path, ["2", "So good", "yes", html("So good")]), "50")
    (tmp_path / PARTS["50"]).write_text("Input.label,Input.text\n1,a\n")
    with pytest.raises(ValueError, match=r"there is no column 'Answer.Q1Answer'; columns are Input.label, Input.text"):
        load_yelp_hat(tmp_path, "50")
    (tmp_path / PARTS["50"]).write_text("")
    with pytest.raises(ValueError, match=r"ham_part1_50words_\.csv: is empty"):
        load_yelp_hat(tmp_path, "50")


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_the_real_reviews_have_their_sizes_and_their_human_ceiling():
    assert [len(_by_review(SHARED / file)) for file in PARTS.values()] == [300, 439, 625, 181]
    read = read_yelp_hat(SHARED, "50")
    assert len(read.rows) == 300 and read.left_out == () and {len(row.rationales) for row in read.rows} == {3}
    areas = []
    for row in read.rows:
        maps = np.array(row.rationales)
        for a, b in [(a, b) for a in range(3) for b in range(3) if a != b]:
            hits, misses = maps[a][maps[b] == 1].mean(), maps[a][maps[b] == 0]
            areas.append((1 + hits - misses.mean()) / 2 if len(misses) else np.nan)  # the AUC of a binary score
    assert np.nanmean(areas) == pytest.approx(0.744, abs=5e-4)

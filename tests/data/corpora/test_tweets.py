import csv
from pathlib import Path

import pytest

from attn_interp.data.corpora.tweets import load_tweets, read_tweets

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tweet_sentiment_extraction"
HEADER = ["textID", "text", "selected_text", "sentiment"]


def table(path, *records, newline="\r\n"):
    with (path / "train.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, lineterminator=newline).writerows([HEADER, *records])
    return path


@pytest.mark.parametrize(
    ("text", "part", "rationale", "reason"),
    [
        (" I love  it so ", "love  it", (0, 1, 1, 0), None),
        ("I love it", " love ", (0, 1, 0), None),
        ("I love it", "ove i", (0, 1, 1), None),  # a word in part is a word
        ("I love it", "I love it", (1, 1, 1), None),
        ("like alike", "like", (1, 0), None),  # once as a word of its own
        ("lovely lovers", "love", None, "the part stands several times"),
        ("yum yum", "yum", None, "the part stands several times"),
        ("I love it", "hate", None, "the part is not in the text"),
        ("I love it", " ", None, "nothing is selected"),
        ("so cafe\u0301 👍🏽👍🏽 yes", "👍🏽👍🏽", (0, 0, 1, 1, 0), None),
        ("טוב מאוד היום", "מאוד", (0, 1, 0), None),
        ("good :) day", ":)", (0, 1, 1, 0), None),
    ],
)
def test_the_part_marks_words_by_its_place(tmp_path, text, part, rationale, reason):
    read = read_tweets(table(tmp_path, ["a1", text, part, "positive"]))
    assert read.rows[0].rationales == (() if rationale is None else (rationale,))
    assert [(item.document, item.part, item.reason) for item in read.left_out] == (
        [] if reason is None else [("a1", "rationale", reason)]
    )


def test_neutral_and_empty_tweets_are_counted_and_the_rest_is_a_corpus(tmp_path):
    records = [[f"t{n}", f"day {n} is fine", "fine", ("negative", "positive")[n % 2]] for n in range(12)]
    records += [["n", "day", "day", "neutral"], ["e", " ", "", "positive"], ["o", "fun", "fun", "positive"]]
    corpus = load_tweets(table(tmp_path, *records))
    assert sum(len(part) for part in corpus.splits.values()) == 13  # one word is enough
    assert corpus.source.endswith("; left out: 1 documents (neutral); left out: 1 documents (no words)")
    assert load_tweets(tmp_path / "train.csv") == corpus
    with pytest.raises(ValueError, match=r"row 16: document 'o' has 1 word\(s\), at least 2 are asked for"):
        load_tweets(tmp_path, least_words=2)
    with pytest.raises(ValueError, match=r"row 2: label 'angry' is not in the list of classes: negative, positive"):
        load_tweets(table(tmp_path, ["a", "so", "so", "angry"]))
    with pytest.raises(FileNotFoundError):
        load_tweets(tmp_path / "absent.csv")


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_the_real_tweets_with_a_sentiment_are_16363():
    read = read_tweets(SHARED)
    assert len(read.rows) == 16_363
    assert read.note() == (
        "; left out: 11,118 documents (neutral); left out: 106 rationales (the part stands several times)"
    )

"""Tweets with the part that carries their sentiment (Kaggle 2020, Tweet Sentiment Extraction)."""

from __future__ import annotations

import re
from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.annotated import Annotated, LeftOut
from attn_interp.data.formats.csv_files import read_records
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.spans import values_of_spans
from attn_interp.data.tokenise import Span, tokenise

FILE = "train.csv"  # test.csv has no parts
COLUMNS = ("textID", "text", "selected_text", "sentiment")
CLASSES = ("negative", "positive")
NEUTRAL = "neutral"
LICENCE = "CC BY 4.0, as Kaggle states it"
SOURCE = "Tweet Sentiment Extraction, Kaggle 2020, after Figure Eight"


def load_tweets(path: Path | str, least_words: int = 1, seed: int = 0) -> Corpus:
    """Positive and negative tweets, each with the one rationale of its annotator: the words of the selected part.

    The part is found in the tweet character by character. A part that begins or ends within a word marks the whole
    word. Where it stands several times, the place at which it begins and ends with a word is taken if there is just
    one; otherwise nobody knows which was meant: the tweet stays without a rationale, and is counted. Neutral tweets,
    whose part is nearly always everything, are left out and counted. Splits are drawn by the seed.

    Args:
        path: The CSV file, or the folder with train.csv.
        least_words: Tweets with fewer words are refused; there are a few of one word, so that 2 refuses the corpus.
        seed: Draws the splits.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file or row that is wrong, by name.
    """
    read = read_tweets(path)
    return corpus_of_rows(read.rows, "tweets", CLASSES, least_words, seed, LICENCE, SOURCE + read.note())


def read_tweets(path: Path | str) -> Annotated:
    """Rows in the order of the file, and what was left out. Argument and errors as in `load_tweets`."""
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for place, record in read_records(file, COLUMNS):
        name, text, part = record["textID"], record["text"], record["selected_text"].strip()
        if record["sentiment"] == NEUTRAL:
            left_out.append(LeftOut(name, "document", "neutral"))
            continue
        words, spans = tokenise(text)
        if not words:
            left_out.append(LeftOut(name, "document", "no words"))
            continue
        found, fault = _place(part, text)
        rationales = () if found is None else (values_of_spans(spans, [found]),)
        if fault is not None:
            left_out.append(LeftOut(name, "rationale", fault, part[:80]))
        rows.append(Row(place, name, record["sentiment"], words=words, text=text, spans=spans, rationales=rationales))
    return Annotated(tuple(rows), tuple(left_out))


def _place(part: str, text: str) -> tuple[Span | None, str | None]:
    """Where the part stands, or why that is not known."""
    if not part:
        return None, "nothing is selected"
    starts = [match.start() for match in re.finditer(f"(?={re.escape(part)})", text)]
    if not starts:
        return None, "the part is not in the text"
    if len(starts) > 1:
        starts = [start for start in starts if _whole(start, start + len(part), text)]
    if len(starts) != 1:
        return None, "the part stands several times"
    return (starts[0], starts[0] + len(part)), None


def _whole(start: int, end: int, text: str) -> bool:
    """Whether no word goes on beyond either end."""
    return not any(0 < edge < len(text) and text[edge - 1 : edge + 1].isalnum() for edge in (start, end))


SOURCES = (Source("tweets", "tweets with the part that carries their sentiment", LICENCE, load_tweets),)

"""The embedded corpus: movie-review snippets with human ratings (Hutto & Gilbert 2014), fetched once with pip."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from attn_interp.data.corpora.package import Package
from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.text_lines import decode_lines
from attn_interp.data.splits import split_documents
from attn_interp.data.tokenise import tokenise

ARCHIVE = Package(
    "vaderSentiment==3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    "corpus 'movies'",
)
RATINGS = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
SNIPPETS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
LEXICON = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt"
LEAST_RATING = 0.5  # ratings run from -4 to 4; nearer to 0 people do not agree on the side
CLASSES = ("negative", "positive")
FINE_CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")
FINE_BOUNDS = (-2.0, -LEAST_RATING, LEAST_RATING, 2.0)  # a rating on a bound belongs to the side away from 0
LICENCE = "MIT"
SOURCE = "Hutto & Gilbert 2014, VADER, ICWSM: Rotten Tomatoes snippets, mean of about 20 ratings each"


def load_movies(seed: int = 0) -> Corpus:
    """10,072 snippets whose mean rating is at least 0.5 away from 0; the class is its sign. About 20 words each.

    Splits are drawn by `split_documents` from the seed; two snippets that stand twice are in one split each. The
    shortest have two words.

    Raises:
        FileNotFoundError: the archive is not in the cache and cannot be downloaded.
        ValueError: the archive is damaged.
    """
    rated = [
        (number, int(rating > 0), text) for number, rating, text in _rated_snippets() if abs(rating) >= LEAST_RATING
    ]
    return _corpus("movies", CLASSES, rated, seed)


def load_movies_fine(seed: int = 0) -> Corpus:
    """All 10,605 snippets in five classes by mean rating: to -2, to -0.5, between, from 0.5, from 2.

    Splits and errors as in `load_movies`.
    """
    rated = [(number, _fine_class(rating), text) for number, rating, text in _rated_snippets()]
    return _corpus("movies-fine", FINE_CLASSES, rated, seed)


def _fine_class(rating: float) -> int:
    low, middle_low, middle_high, high = FINE_BOUNDS
    return (rating > low) + (rating > middle_low) + (rating >= middle_high) + (rating >= high)


def _rated_snippets() -> Iterator[tuple[str, float, str]]:
    """Number, mean rating and text of every snippet."""
    content = io.BytesIO(read_member(ARCHIVE.fetched(), RATINGS, SNIPPETS))
    for _, line in decode_lines(content, SNIPPETS):
        number, rating, text = line.split("\t")
        yield number, float(rating), text


def _corpus(name: str, classes: tuple[str, ...], rated: Iterable[tuple[str, int, str]], seed: int) -> Corpus:
    documents = []
    for number, label, text in rated:
        words, spans = tokenise(text)
        documents.append(Document(id=number, words=words, label=label, text=text, spans=spans))
    return Corpus(name, classes, split_documents(documents, seed), LICENCE, SOURCE)


def lexicon() -> dict[str, float]:
    """Word -> mean of ten human ratings from -4 (most negative) to 4 (most positive), of the same authors."""
    content = io.BytesIO(read_member(ARCHIVE.fetched(), LEXICON))
    rows = [line.split("\t") for _, line in decode_lines(content, LEXICON)]
    return {row[0]: float(row[1]) for row in rows}


def read_member(archive: Path, *members: str) -> bytes:
    """The content of a file in a tar archive; further names reach into archives that lie inside the archive."""
    content = archive.read_bytes()
    for member in members:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as opened:
                file = opened.extractfile(member)
                content = file.read() if file is not None else b""
        except (tarfile.TarError, EOFError, zlib.error, KeyError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{archive}: cannot read {member}: {reason}; delete it to download it anew") from error
    return content


SOURCES = (
    Source("movies", "movie-review snippets with human ratings, two classes", LICENCE, load_movies, needs_path=False),
    Source("movies-fine", "the same snippets, five classes by rating", LICENCE, load_movies_fine, needs_path=False),
)

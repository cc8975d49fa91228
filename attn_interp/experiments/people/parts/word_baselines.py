"""Scores of words that know nothing of any model: what a comparison with people has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.statistics.bootstrap import Floats

Baseline = Callable[[Document], Floats]
"""Document of T words -> (T,) scores, the larger the more important."""

RANDOM, FROM_END, POSITION = "random", "later in the text", "position (learned)"
RARITY, TF_IDF, LEXICON = "rarity", "tf-idf", "lexicon strength"
BINS = 10  # of relative position


def word_baselines(
    training: Sequence[Document] = (), lexicon: Mapping[str, float] | None = None, seed: int = 0
) -> dict[str, Baseline]:
    """The baselines that can be had, by name. Words are counted and looked up in lower case.

    - random: uniform, drawn from (seed, document id).
    - later in the text: the place of the word.
    - position (learned): share of words that people marked at that relative position in training documents with
      rationales, in tenths of the document and linear between their middles.
    - rarity: minus the logarithm of 1 + the word's count in the training documents.
    - tf-idf: the word's count in the document times ln((1 + N) / (1 + n)) + 1, n of the N training documents having it.
    - lexicon strength: absolute value of the word's rating, 0 for a word without one. It knows no context.

    Args:
        training: Documents that are not compared; none: without the baselines learned from them.
        lexicon: Word -> rating; None: without that baseline.
        seed: Of the random scores.
    """
    found: dict[str, Baseline] = {
        RANDOM: lambda document: generator(seed, f"random scores {document.id}").random(len(document)),
        FROM_END: lambda document: np.arange(len(document), dtype=np.float64),
    }
    if any(document.rationales for document in training):
        found[POSITION] = learned_position(training)
    if training:
        found[RARITY] = rarity(training)
        found[TF_IDF] = tf_idf(training)
    if lexicon is not None:
        found[LEXICON] = lexicon_strength(lexicon)
    return found


def learned_position(training: Sequence[Document]) -> Baseline:
    """Mean mark by relative position, over the annotators and words of the training documents.

    Raises:
        ValueError: none of them has a rationale.
    """
    places: list[Floats] = []
    marks: list[Floats] = []
    for document in training:
        for rationale in document.rationales:
            places.append(_relative(document))
            marks.append(np.asarray(rationale))
    if not places:
        raise ValueError(f"learned position: none of the {len(training)} training documents has a rationale")
    place, mark = np.concatenate(places), np.concatenate(marks)
    tenth = np.minimum((place * BINS).astype(int), BINS - 1)
    words = np.bincount(tenth, minlength=BINS)
    held = words > 0
    middles = (np.arange(BINS)[held] + 0.5) / BINS
    shares = np.bincount(tenth, mark, minlength=BINS)[held] / words[held]
    return lambda document: np.interp(_relative(document), middles, shares)


def rarity(training: Sequence[Document]) -> Baseline:
    counts = Counter(word.lower() for document in training for word in document.all_words)
    return lambda document: -np.log1p([counts[word.lower()] for word in document.words])


def tf_idf(training: Sequence[Document]) -> Baseline:
    having = Counter(word for document in training for word in {word.lower() for word in document.all_words})

    def score(document: Document) -> Floats:
        words = [word.lower() for word in document.words]
        here = Counter(words)
        return np.array([here[word] * (np.log((1 + len(training)) / (1 + having[word])) + 1) for word in words])

    return score


def lexicon_strength(lexicon: Mapping[str, float]) -> Baseline:
    strength = {word.lower(): abs(rating) for word, rating in lexicon.items()}
    return lambda document: np.array([strength.get(word.lower(), 0.0) for word in document.words])


def _relative(document: Document) -> Floats:
    """(T,) middle of each word as a share of the document."""
    return (np.arange(len(document)) + 0.5) / len(document)

"""The documents that the cells of a seed share: planted ones at known places, and real ones; each made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from attn_interp.data.batch import Batch, collate
from attn_interp.data.corpora.planted import load_planted
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import shuffled
from attn_interp.data.splits import HELD_OUT
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.experiments.recency.parts.padding import neutral_words
from attn_interp.experiments.recency.recency import EARLY, EVERYWHERE, LATE
from attn_interp.studies.cell import load_once

PLACES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {EVERYWHERE: (0.0, 1.0), EARLY: (0.0, 1 / 3), LATE: (2 / 3, 1.0)}
)
LEAST = 20  # planted documents that make three splits
OTHER_DOCUMENTS = 1_000_003  # added to the seed of documents that no model was trained on


@lru_cache(maxsize=8)
def planted_corpus(seed: int, train: int, length: int, place: str) -> Corpus:
    """`train` planted documents to train on, and others to choose the epoch; the keyword stands in one of `PLACES`."""
    return load_planted(round(train / (1 - 2 * HELD_OUT)), length, length, seed=seed, place=[PLACES[place]])


@lru_cache(maxsize=128)  # those of one seed
def planted_documents(
    seed: int, count: int, length: int, place: tuple[tuple[float, float], ...], rule: str = "keyword"
) -> tuple[Document, ...]:
    """Documents that are trained on nowhere; those that differ in `place` alone have the same neutral words."""
    corpus = load_planted(max(count, LEAST), length, length, seed=seed + OTHER_DOCUMENTS, rule=rule, place=place)
    made = [document for split in corpus.splits.values() for document in split]
    return tuple(sorted(made, key=lambda document: (len(document.id), document.id))[:count])


@lru_cache(maxsize=256)  # of one seed, with the vocabularies of three trainings: all its models share them
def collated(
    vocabulary: Vocabulary, seed: int, count: int, length: int, place: tuple[tuple[float, float], ...], rule: str
) -> Batch:
    return collate(planted_documents(seed, count, length, place, rule), vocabulary)


@lru_cache(maxsize=2)
def real_corpus(name: str, options: str, count: int, seed: int) -> tuple[Corpus, tuple[str, ...]]:
    """At most `count` documents of each split, drawn by the seed, and the neutral words among those to train on."""
    whole = load_once(name, options)
    corpus = replace(whole, splits={split: shuffled(own, seed)[:count] for split, own in whole.splits.items()})
    return corpus, neutral_words(corpus.train)

"""The Stanford Sentiment Treebank, from a folder of trees."""

from __future__ import annotations

from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.trees import LICENCE, load_trees


def load_sst(path: Path | str, least_words: int = 2) -> Corpus:
    """The two-class task of a treebank, without the neutral trees: `load_trees`."""
    return load_trees(path, "binary", least_words)


def load_sst_fine(path: Path | str, least_words: int = 2) -> Corpus:
    """The five-class task of a treebank: `load_trees`."""
    return load_trees(path, "fine", least_words)


SOURCES = (
    Source("sst", "Stanford Sentiment Treebank, two classes, with word labels", LICENCE, load_sst),
    Source("sst-fine", "Stanford Sentiment Treebank, five classes, with word labels", LICENCE, load_sst_fine),
)

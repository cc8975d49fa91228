"""Logistic regression on word counts: the baseline that knows which words stand in a document, and not where."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from attn_interp.data.document import Document, gold_labels
from attn_interp.data.sequences.split import is_on_disk
from attn_interp.statistics.bootstrap import Floats

PART = 10_000  # documents that are counted at a time


def bag_of_words(train: Sequence[Document], test: Sequence[Document], classes: int) -> Floats:
    """(N, C) probabilities of the classes of N documents by scikit-learn's logistic regression (C = 1) on lower-cased
    word counts of the training documents; a class without training documents gets 0."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    if is_on_disk(train):
        words = sorted({word for document in train for word in _counted(document)})
        counter = CountVectorizer(analyzer=_counted, vocabulary=words)
        counts = _on_disk(counter, train)
    else:
        counter = CountVectorizer(analyzer=_counted)
        counts = counter.fit_transform(train)
    regression = LogisticRegression(max_iter=2000).fit(counts, gold_labels(train))
    result = np.zeros((len(test), classes))
    for part in _parts(test):
        result[part, regression.classes_] = regression.predict_proba(counter.transform(test[part]))
    return result


def _counted(document: Document) -> list[str]:
    """The words, in lower case; those of a second text are counted apart from the same words of the first."""
    second = document.second.words if document.second else ()
    first = " ".join(document.words).lower().split()  # units of several words too
    return [*first, *(f"{word.lower()} (second text)" for word in second)]


def _on_disk(counter: Any, documents: Sequence[Document]) -> csr_matrix:
    """The counts (N, V), which take 12 bytes for each word of a document that differs from its others, in a file."""
    ends = array("q", [0])
    with TemporaryFile() as values, TemporaryFile() as columns:
        for part in _parts(documents):
            own = counter.transform(documents[part])
            own.data.astype(np.float64).tofile(values)
            own.indices.astype(np.int32).tofile(columns)
            ends.extend((own.indptr[1:] + ends[-1]).tolist())
        numbers, places = np.memmap(values, np.float64, "r"), np.memmap(columns, np.int32, "r")
    return csr_matrix((numbers, places, np.array(ends)), shape=(len(documents), len(counter.vocabulary)))


def _parts(documents: Sequence[Document]) -> Iterator[slice]:
    return (slice(start, start + PART) for start in range(0, len(documents), PART))

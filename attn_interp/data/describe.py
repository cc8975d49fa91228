"""Tables that say what a corpus holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.load import corpora
from attn_interp.data.rationales import is_empty, is_full


def describe(corpus: Corpus) -> pd.DataFrame:
    """One row per split.

    Columns: corpus, split, documents, classes (C), largest_class (share of the most frequent class, in [0, 1]),
    mean_words, least_words, most_words (lengths in words), rationales (documents that have at least one), licence.
    """
    return pd.DataFrame([_row(corpus, split, documents) for split, documents in corpus.splits.items()])


def _row(corpus: Corpus, split: str, documents: Sequence[Document]) -> dict[str, object]:
    lengths = np.array([len(document) for document in documents])
    labels = Counter(document.label for document in documents)
    return {
        "corpus": corpus.name,
        "split": split,
        "documents": len(documents),
        "classes": len(corpus.classes),
        "largest_class": max(labels.values()) / len(documents),
        "mean_words": float(lengths.mean()),
        "least_words": int(lengths.min()),
        "most_words": int(lengths.max()),
        "rationales": sum(bool(document.rationales) for document in documents),
        "licence": corpus.licence,
    }


def describe_rationales(corpus: Corpus) -> pd.DataFrame:
    """One row per split that has rationales: what people marked.

    Columns: corpus, split, documents (those with a rationale), rationales (one per document and annotator),
    least_annotators, mean_annotators, most_annotators (per such document), marked (mean over rationales of the share of
    words marked, the mean value where marks are graded, in [0, 1]), empty and full (rationales that mark no word, every
    word).
    """
    columns = ["corpus", "split", "documents", "rationales", "least_annotators", "mean_annotators", "most_annotators"]
    columns += ["marked", "empty", "full"]
    parts = [(split, [d for d in documents if d.rationales]) for split, documents in corpus.splits.items()]
    return pd.DataFrame(
        [_rationale_row(corpus, split, documents) for split, documents in parts if documents], columns=columns
    )


def _rationale_row(corpus: Corpus, split: str, documents: Sequence[Document]) -> dict[str, object]:
    counts = np.array([len(document.rationales) for document in documents])
    rationales = [rationale for document in documents for rationale in document.rationales]
    return {
        "corpus": corpus.name,
        "split": split,
        "documents": len(documents),
        "rationales": len(rationales),
        "least_annotators": int(counts.min()),
        "mean_annotators": float(counts.mean()),
        "most_annotators": int(counts.max()),
        "marked": float(np.mean([np.mean(rationale) for rationale in rationales])),
        "empty": sum(map(is_empty, rationales)),
        "full": sum(map(is_full, rationales)),
    }


def list_corpora() -> pd.DataFrame:
    """One row per corpus that has a name: corpus, about, licence, files ("built in" or "your own: path=...")."""
    return pd.DataFrame(
        {
            "corpus": source.name,
            "about": source.about,
            "licence": source.licence,
            "files": "your own: path=..." if source.needs_path else "built in",
        }
        for source in corpora()
    )

"""What neutral words after the end of a document do to its decision, which should not know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.data.document import Document, gold_labels
from attn_interp.data.draws import generator
from attn_interp.data.edit import with_words
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict_logits

FREQUENT, NEUTRAL = 200, 20


def neutral_words(documents: Sequence[Document], frequent: int = FREQUENT, count: int = NEUTRAL) -> tuple[str, ...]:
    """Of the words in most documents, those whose documents' labels are nearest to those of all documents.

    Nearness is the total variation distance between the shares of the labels. Words are in lower case.

    Args:
        documents: Labelled ones, of the training split.
        frequent: How many of the most frequent words are considered.
        count: How many are returned, the most neutral first; fewer where there are fewer words.

    Raises:
        ValueError: there are no documents.
    """
    if not documents:
        raise ValueError("neutral words: got no documents, expected at least one")
    gold = gold_labels(documents)
    of_all = np.bincount(gold) / len(documents)
    labels: dict[str, Counter[int]] = {}
    for document, label in zip(documents, gold):
        for word in sorted({word.lower() for word in document.words}):
            labels.setdefault(word, Counter())[label] += 1
    often = sorted(labels, key=lambda word: (-labels[word].total(), word))[:frequent]

    def distance(word: str) -> float:
        found = labels[word]
        return 0.5 * sum(abs(found[label] / found.total() - share) for label, share in enumerate(of_all))

    return tuple(sorted(often, key=lambda word: (distance(word), word))[:count])


def padded(document: Document, words: Sequence[str], count: int, seed: int = 0) -> Document:
    """The document with `count` words drawn from `words` after its end; fewer are the beginning of more."""
    drawn = generator(seed, document.id).integers(len(words), size=count)
    longer = (*document.words, *(words[index] for index in drawn))
    return with_words(document, longer)


def flips_under_padding(
    trained: Trained, documents: Sequence[Document], words: Sequence[str], counts: Sequence[int], seed: int = 0
) -> pd.DataFrame:
    """Whether the predicted class changes when neutral words are appended.

    Returns:
        One row per document and number of words: document, count and flipped (0 or 1; 0 for no words).

    Raises:
        ValueError: there are no documents or words, or a count below 0.
    """
    if not words:
        raise ValueError("padding: got no words to append, expected at least one")
    if wrong := [count for count in counts if count < 0]:
        raise ValueError(f"padding: got {wrong[0]} words to append, expected 0 or more")
    before = predict_logits(trained.module, trained.vocabulary, documents).argmax(-1)
    frames = []
    for count in counts:
        longer = [padded(document, words, count, seed) for document in documents]
        after = predict_logits(trained.module, trained.vocabulary, longer, 256).argmax(-1)
        flipped = (after != before).double().numpy()
        names = [document.id for document in documents]
        frames.append(pd.DataFrame({"document": names, "count": count, "flipped": flipped}))
    return pd.concat(frames, ignore_index=True)

"""The view in which the units of attention are sentences: documents whose words are sentences, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from attn_interp.data.batch import Batch, collate
from attn_interp.data.document import Document
from attn_interp.data.edit import with_words
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.hierarchical import ended_before, last_of_sentences, sentence_end_ids, words_among


def collate_sentences(documents: Sequence[Document], vocabulary: Vocabulary) -> Batch:
    """A batch whose documents have their S sentences as words, each spelled with blanks between its words.

    `ids` are those of the words, as ever; `is_word` is true at the last word of each sentence. Documents may come in
    words or in sentences: either is cut at blanks first, so a word that holds a blank becomes several. Annotations and
    texts of words are left out, as they do not belong to sentences.
    """
    in_words = [with_words(each, [part for word in each.words for part in word.split()]) for each in documents]
    batch = collate(in_words, vocabulary)
    is_last = last_of_sentences(batch.ids, batch.is_word, sentence_end_ids(vocabulary))
    in_sentences = [
        replace(document, words=_joined(document.words, last[words].tolist()))
        for document, last, words in zip(in_words, is_last, batch.is_word)
    ]
    return replace(batch, documents=tuple(in_sentences), is_word=is_last)


def collate_one_sentence(documents: Sequence[Document], vocabulary: Vocabulary) -> Batch:
    """A batch for the view of a hierarchical classifier over words, where every document is one sentence.

    Raises:
        ValueError: naming a document of several sentences, whose attention over words is one distribution for each.
    """
    for document in documents:
        if (count := sentence_count(document, vocabulary)) > 1:
            raise ValueError(
                f"document {document.id!r}: has {count} sentences, and attention over words is one distribution for "
                "each; give documents of one sentence, or take the view over sentences (site 'pooling')"
            )
    return collate(documents, vocabulary)


def sentence_count(document: Document, vocabulary: Vocabulary) -> int:
    """How many sentences a hierarchical classifier with this vocabulary sees in the document."""
    batch = collate([document], vocabulary)
    return int(last_of_sentences(batch.ids, batch.is_word, sentence_end_ids(vocabulary)).sum())


def last_word(batch: Batch) -> torch.Tensor:
    """(B,) position of the last word of each document, where the weights of its only sentence stand."""
    return batch.is_word.cumsum(1).argmax(1)


def sentence_of(batch: Batch) -> torch.Tensor:
    """(B, T) index of the sentence that each position of such a batch belongs to, -1 at special tokens and padding."""
    return ended_before(batch.is_word).masked_fill(~words_among(batch.ids, batch.is_token), -1)


def _joined(words: Sequence[str], is_last: Sequence[bool]) -> tuple[str, ...]:
    sentences: list[str] = []
    start = 0
    for position, last in enumerate(is_last):
        if last:
            sentences.append(" ".join(words[start : position + 1]))
            start = position + 1
    return tuple(sentences)

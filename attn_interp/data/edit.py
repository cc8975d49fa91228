"""Edited documents: words taken out, with another word in their place, or the two texts exchanged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from attn_interp.data.document import Document


def with_words(document: Document, words: Sequence[str]) -> Document:
    """The document with other words; its text, spans and annotations, which belong to its own, are left out."""
    return replace(document, words=tuple(words), text=None, spans=None, rationales=(), signals={})


def delete_words(document: Document, positions: Collection[int]) -> Document:
    """The document without the words at `positions`; its label, second text and answers stay, its text, spans and
    annotations are left out.

    Raises:
        ValueError: a position outside the document, or no word would be left.
    """
    gone = _checked(document, positions)
    words = tuple(word for position, word in enumerate(document.words) if position not in gone)
    if not words:
        raise ValueError(f"document {document.id!r}: deleting all {len(document)} words leaves nothing to classify")
    return with_words(document, words)


def replace_words(document: Document, positions: Collection[int], word: str) -> Document:
    """The document with `word` at each of `positions`, as often as a unit of several words has words; its label,
    second text and answers stay, its text, spans and annotations are left out.

    Raises:
        ValueError: a position outside the document, or a blank word.
    """
    gone = _checked(document, positions)
    words = tuple(
        " ".join([word] * len(own.split())) if position in gone else own for position, own in enumerate(document.words)
    )
    return with_words(document, words)


def exchanged(document: Document) -> Document:
    """The pair with its second text first and its first second, under the same id and label; each text keeps its spans
    and annotations.

    Raises:
        ValueError: it has no second text.

    >>> exchanged(Document("Ann is here.", second="Where is Ann?", id="1")).words
    ('Where', 'is', 'Ann', '?')
    """
    if not isinstance(document, Document):
        raise TypeError(f"exchanged: got a {type(document).__name__}, expected a Document with a second text")
    if document.second is None:
        raise ValueError(f"document {document.id!r}: has no second text, nothing can be exchanged")
    return replace(
        document.second, id=document.id, label=document.label, second=replace(document, label=None, second=None)
    )


def _checked(document: Document, positions: Collection[int]) -> set[int]:
    gone = set(positions)
    if any(not 0 <= position < len(document) for position in gone):
        raise ValueError(f"document {document.id!r}: positions {sorted(gone)} for {len(document)} words")
    return gone

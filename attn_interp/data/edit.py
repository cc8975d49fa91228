"""Edited documents: the same text with words taken out, or with another word in their place."""

from __future__ import annotations

from collections.abc import Collection

from attn_interp.data.document import Document


def delete_words(document: Document, positions: Collection[int]) -> Document:
    """The document without the words at `positions`; its label and second text stay, its text, spans and
    annotations are left out.

    Raises:
        ValueError: a position outside the document, or no word would be left.
    """
    gone = _checked(document, positions)
    words = tuple(word for position, word in enumerate(document.words) if position not in gone)
    if not words:
        raise ValueError(f"document {document.id!r}: deleting all {len(document)} words leaves nothing to classify")
    return Document(id=document.id, words=words, label=document.label, second=document.second)


def replace_words(document: Document, positions: Collection[int], word: str) -> Document:
    """The document with `word` at each of `positions`; its label and second text stay, its text, spans and
    annotations are left out.

    Raises:
        ValueError: a position outside the document, or a blank word.
    """
    gone = _checked(document, positions)
    words = tuple(word if position in gone else own for position, own in enumerate(document.words))
    return Document(id=document.id, words=words, label=document.label, second=document.second)


def _checked(document: Document, positions: Collection[int]) -> set[int]:
    gone = set(positions)
    if any(not 0 <= position < len(document) for position in gone):
        raise ValueError(f"document {document.id!r}: positions {sorted(gone)} for {len(document)} words")
    return gone

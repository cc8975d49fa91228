"""Edited documents: the same text with words taken out."""

from __future__ import annotations

from collections.abc import Collection

from attn_interp.data.document import Document


def delete_words(document: Document, positions: Collection[int]) -> Document:
    """The document without the words at `positions`; its label stays, its text, spans and annotations are left out.

    Raises:
        ValueError: a position outside the document, or no word would be left.
    """
    gone = set(positions)
    if any(not 0 <= position < len(document) for position in gone):
        raise ValueError(f"document {document.id!r}: positions {sorted(gone)} for {len(document)} words")
    words = tuple(word for position, word in enumerate(document.words) if position not in gone)
    if not words:
        raise ValueError(f"document {document.id!r}: deleting all {len(document)} words leaves nothing to classify")
    return Document(id=document.id, words=words, label=document.label)

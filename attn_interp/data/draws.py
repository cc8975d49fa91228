"""What is drawn for a document depends on the seed and on its id alone: not on its place, batch or corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from attn_interp.data.document import Document


def digest(seed: int, document_id: str) -> bytes:
    """32 bytes that look random: the order of documents by them is a shuffle that no other document disturbs."""
    return hashlib.sha256(f"{seed}\0{document_id}".encode()).digest()


def generator(seed: int, document_id: str) -> np.random.Generator:
    """A random generator of the document's own."""
    return np.random.default_rng(np.frombuffer(digest(seed, document_id), dtype=np.uint32))


def shuffled(documents: Sequence[Document], seed: int) -> tuple[Document, ...]:
    """The documents in an order that looks random, and is another one than that of the splits."""
    return tuple(sorted(documents, key=lambda document: digest(seed, f"drawn {document.id}")))


def drawn(documents: Sequence[Document], count: int | None, seed: int) -> tuple[Document, ...]:
    """At most `count` of the documents, in their own order; all where it is None. A larger count has those of a smaller
    one among them. The first documents of a corpus are no sample: many a corpus is sorted by class."""
    ids = {document.id for document in shuffled(documents, seed)[:count]}
    return tuple(document for document in documents if document.id in ids)

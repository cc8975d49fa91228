"""What is drawn for a document depends on the seed and on its id alone: not on its place, batch or corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np

from attn_interp.data.document import Document, shortened
from attn_interp.data.sequences.given import require_documents
from attn_interp.data.sequences.on_disk import Places, chosen


def require_seed(seed: int) -> None:
    """Raise TypeError unless it is a whole number: anything else would draw, and draw something else another day."""
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise TypeError(f"seed: got {shortened(repr(seed), 60)}, expected a whole number")


def digest(seed: int, document_id: str) -> bytes:
    """32 bytes that look random: the order of documents by them is a shuffle that no other document disturbs."""
    require_seed(seed)
    return hashlib.sha256(f"{seed}\0{document_id}".encode()).digest()


def generator(seed: int, document_id: str) -> np.random.Generator:
    """A random generator of the document's own."""
    return np.random.default_rng(np.frombuffer(digest(seed, document_id), dtype=np.uint32))


def in_order_drawn(documents: Iterable[Document], seed: int, said: str = "") -> Places:
    """(N,) the places of the documents in an order that looks random: that of the first eight bytes of the digest of
    each; `said` before the ids makes it another one."""
    digests = (digest(seed, f"{said}{document.id}") for document in documents)
    return np.argsort(np.fromiter((int.from_bytes(each[:8]) for each in digests), np.uint64), kind="stable")


def shuffled(documents: Sequence[Document], seed: int) -> Sequence[Document]:
    """The documents in an order that looks random, and is another one than that of the splits."""
    return chosen(documents, in_order_drawn(documents, seed, "drawn "))


def sample(documents: Sequence[Document], count: int | None, seed: int = 0) -> Sequence[Document]:
    """A few of the documents, by chance, in their own order.

    The first documents of a corpus are no sample: many a corpus is sorted by class. Whether a document is among them
    depends on the seed and the ids alone, and a larger sample has every smaller one among it.

    Args:
        documents: The N documents.
        count: How many; all N where it is larger, or None.
        seed: Decides which.

    Raises:
        TypeError: the count is no whole number, or something is no document; names its row.
        ValueError: the count is negative.

    >>> [document.text for document in sample([Document("a film"), Document("a story")], 1)]
    ['a story']
    """
    if not isinstance(count, Integral | None):
        raise TypeError(f"sample: count is {shortened(repr(count), 60)}, expected a whole number")
    if count is not None and count < 0:
        raise ValueError(f"sample: count is {count}, expected at least 0")
    given = require_documents(documents, "sample")
    return given if count is None else chosen(given, np.sort(in_order_drawn(given, seed, "drawn ")[:count]))

"""What is drawn for a document depends on the seed and on its id alone: not on its place, batch or corpus."""

from __future__ import annotations

import hashlib

import numpy as np


def digest(seed: int, document_id: str) -> bytes:
    """32 bytes that look random: the order of documents by them is a shuffle that no other document disturbs."""
    return hashlib.sha256(f"{seed}\0{document_id}".encode()).digest()


def generator(seed: int, document_id: str) -> np.random.Generator:
    """A random generator of the document's own."""
    return np.random.default_rng(np.frombuffer(digest(seed, document_id), dtype=np.uint32))

"""Several annotators as one: views of a document's rationales, which themselves stay apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document

Rationale = tuple[float, ...]


def consensus(document: Document) -> Rationale:
    """Per word the smallest value of the annotators, in [0, 1]: 1 where every one marked it (AND).

    May be empty (all 0) where annotators agree on no word. With one annotator it is that annotator's.

    Raises:
        ValueError: the document has no rationale.

    Reference: Sen et al. 2020, Human attention maps for text classification: consensus attention map.
    """
    return tuple(min(values) for values in _by_word(document))


def union(document: Document) -> Rationale:
    """Per word the largest value of the annotators, in [0, 1]: 1 where any of them marked it (OR).

    Raises:
        ValueError: the document has no rationale.

    Reference: Sen et al. 2020: super attention map.
    """
    return tuple(max(values) for values in _by_word(document))


def mean(document: Document) -> Rationale:
    """Per word the mean over annotators, in [0, 1]: the share that marked it, where marks are 0 and 1.

    Raises:
        ValueError: the document has no rationale.
    """
    return tuple(sum(values) / len(values) for values in _by_word(document))


VIEWS: Mapping[str, Callable[[Document], Rationale]] = MappingProxyType(
    {"consensus": consensus, "mean": mean, "union": union}
)


def is_empty(rationale: Iterable[float]) -> bool:
    """Whether no word is marked."""
    return not any(rationale)


def is_full(rationale: Iterable[float]) -> bool:
    """Whether every word is marked, entirely or in part."""
    return all(value > 0 for value in rationale)


def annotated_documents(corpus: Corpus) -> tuple[Document, ...]:
    """The documents of all splits that have at least one rationale, in the order of the splits."""
    return tuple(document for part in corpus.splits.values() for document in part if document.rationales)


def _by_word(document: Document) -> list[tuple[float, ...]]:
    if not document.rationales:
        raise ValueError(f"document {document.id!r}: has no rationale; leave it out, or give it at least one annotator")
    return list(zip(*document.rationales))

"""The documents of a split of a corpus, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import eq, index
from typing import SupportsIndex, overload

from attn_interp.data.document import Document, shortened, word_count
from attn_interp.data.sequences.on_disk import OnDisk, Places, chosen, gathered


class Split(Sequence[Document]):
    """Documents of a corpus, which know the classes that their labels count; a part of them does too.

    Equal to the tuple of its documents. Those that memory should not hold are on disk (`sequences.on_disk`) and read
    when they are asked for.
    """

    def __init__(self, documents: Iterable[Document], classes: tuple[str, ...] = ()) -> None:
        inside = documents.documents if isinstance(documents, Split) else documents
        self.documents: Sequence[Document] = inside if isinstance(inside, OnDisk) else tuple(inside)
        self.classes = classes

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    @overload
    def __getitem__(self, place: SupportsIndex) -> Document: ...
    @overload
    def __getitem__(self, place: slice) -> Split: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Document | Split:
        if isinstance(place, slice):
            return Split(self.documents[place], self.classes)
        return self.documents[index(place)]

    def chosen(self, places: Sequence[int] | Places) -> Split:
        """The documents at these places, in this order."""
        return Split(chosen(self.documents, places), self.classes)

    def __add__(self, others: Iterable[Document]) -> Split:
        return Split(gathered(chain(self, others), word_count), self.classes)

    def __radd__(self, others: Iterable[Document]) -> Split:
        return Split(gathered(chain(others, self), word_count), self.classes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Split | tuple):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<Split: {len(self):,} documents, classes {shortened(', '.join(self.classes), 200)}>"


def is_on_disk(documents: Sequence[Document]) -> bool:
    """Whether the documents are in a file, each read anew whenever it is asked for."""
    return isinstance(documents.documents if isinstance(documents, Split) else documents, OnDisk)

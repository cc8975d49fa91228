"""Batches of documents that memory does not hold: each is read anew whenever it is asked for, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import SupportsIndex, overload

from attn_interp.data.document import Document
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.models.attention_model import AttentionModel


class BatchesOnDisk(Sequence[ReadBatch]):
    """The batches of documents on disk, in the same groups as those of documents in memory.

    Attributes:
        sizes: Of each batch its words, padding among them.
    """

    def __init__(self, model: AttentionModel, documents: Sequence[Document], check: Callable[[], None]) -> None:
        self._model, self._documents, self._check = model, documents, check
        self._groups, self.sizes = [], []
        for rows, longest in model.groups(documents):
            self._groups.append(rows)
            self.sizes.append(len(rows) * longest)

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, place: SupportsIndex) -> ReadBatch: ...
    @overload
    def __getitem__(self, place: slice) -> list[ReadBatch]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> ReadBatch | list[ReadBatch]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        rows = self._groups[index(place)]
        batch = self._model.batch([self._documents[row] for row in rows])
        return ReadBatch(self._model, rows, batch, self._check)

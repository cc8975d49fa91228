"""Batches of documents that memory does not hold: each is read anew whenever it is asked for, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attn_interp.data.document import Document
from attn_interp.data.sequences.on_demand import OnDemand
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.models.attention_model import AttentionModel


class BatchesOnDisk(OnDemand[ReadBatch]):
    """The batches of documents on disk, in the same groups as those of documents in memory.

    Attributes:
        sizes: Of each batch its words, padding among them.
    """

    def __init__(self, model: AttentionModel, documents: Sequence[Document], check: Callable[[], None]) -> None:
        groups = list(model.groups(documents))
        self.sizes = [len(rows) * longest for rows, longest in groups]

        def make(place: int) -> ReadBatch:
            rows = groups[place][0]
            return ReadBatch(model, rows, model.batch([documents[row] for row in rows]), check)

        super().__init__(len(groups), make)

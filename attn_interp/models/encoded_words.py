"""Documents as the ids that a reader's own function gives their words."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch

from attn_interp.data.batch import Batch, labels_of
from attn_interp.data.corpus import seconds_of
from attn_interp.data.document import Document

Encode = Callable[[list[str]], Sequence[int]]
"""The T words of a document -> T ids."""

EXAMPLE_WORDS = ("the", "film", "is", "good", "and", "a", "story", "of", "two", "people")
"""What documents for a dry run are made of."""


@dataclass(frozen=True)
class EncodedWords:
    """Documents -> a batch of ids, padded on the right; every position is a word, and there are no special tokens.

    Attributes:
        encode: The words of a document -> one id for each.
        padding_id: The id after the last word.
    """

    encode: Encode
    padding_id: int = 0

    def __post_init__(self) -> None:
        if not callable(self.encode):
            raise TypeError(f"wrap: encode is {self.encode!r}, expected a function of the words of a document")
        if not isinstance(self.padding_id, Integral) or not 0 <= self.padding_id < 2**63:
            raise ValueError(f"wrap: padding_id is {self.padding_id!r}, expected a whole number of at least 0")

    def __call__(self, documents: Sequence[Document]) -> Batch:
        rows = [self._ids(document) for document in documents]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.padding_id)  # (B, T)
        lengths = torch.tensor([len(row) for row in rows])
        is_word = torch.arange(ids.shape[1]) < lengths[:, None]
        seconds = seconds_of(documents)
        second = self(seconds) if seconds else None
        return Batch(tuple(documents), ids, is_word, is_word, labels_of(documents), second=second)

    def _ids(self, document: Document) -> torch.Tensor:
        try:
            ids = [operator.index(value) for value in self.encode(list(document.words))]
        except KeyError as error:
            raise ValueError(
                f"document {document.id!r}: encode has no id for {error}; let it give unknown words one of their own, "
                "or wrap the module with example=, documents of two lengths whose words it knows"
            ) from error
        except TypeError as error:
            raise TypeError(
                f"document {document.id!r}: encode has to give a whole number for each word; {error}"
            ) from error
        if len(ids) != len(document):
            raise ValueError(
                f"document {document.id!r}: encode gave {len(ids)} ids for {len(document)} words; it has to give one "
                "for each; a module that reads pieces of words needs collate_documents=, or vocabulary= for ids of ours"
            )
        return torch.tensor(ids)


def ids_alone(batch: Batch) -> tuple[torch.Tensor, ...]:
    """(ids,): what a module that reads nothing else takes."""
    return (batch.ids,)

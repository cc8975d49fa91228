"""A batch: documents as tensors, and the order in which a corpus is cut into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from attn_interp.data.corpus import seconds_of
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.sequences.on_demand import OnDemand
from attn_interp.data.sequences.split import is_on_disk
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID, Vocabulary

POSITIONS = 1 << 15
"""Of one pass of a model, which holds the more the more it is given: 64 documents of 512 words, or 16 of 2,048."""


@dataclass(frozen=True)
class Batch:
    """B documents in T positions. A position is a word, a special token (start, end) or padding.

    Attributes:
        documents: The B documents, in the order of the rows.
        ids: (B, T) token ids.
        is_token: (B, T) true on words and special tokens, false on padding.
        is_word: (B, T) true on real words; the t-th true position of a row is the t-th word of its document. Of a word
            in pieces it is true on the first alone.
        labels: (B,) class indices; None where a document has no label.
        piece_of: (B, T) index of the word that each position is a piece of, -1 at special tokens and padding; None
            where every word is one position.
        second: The batch of the second texts, row by row, whose own positions are as many as they need; None where the
            documents have none, or where both stand in one row.
        answers: (B, A) indices of the classes that may answer the question which each document is, filled up with -1
            (-2: all of them); None where all may everywhere.
        kinds: (B, T) the type of each position, where a tokenizer tells two texts in a row, or special tokens, by one;
            0 at padding.
    """

    documents: tuple[Document, ...]
    ids: torch.Tensor  # (B, T)
    is_token: torch.Tensor  # (B, T)
    is_word: torch.Tensor  # (B, T)
    labels: torch.Tensor | None  # (B,)
    piece_of: torch.Tensor | None = None  # (B, T)
    second: Batch | None = None
    kinds: torch.Tensor | None = None  # (B, T)
    answers: torch.Tensor | None = None  # (B, A)

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What our own classifiers take: ids, is_token and is_word, and the same of the second texts, and the answers
        that these allow."""
        own = (self.ids, self.is_token, self.is_word) + (() if self.answers is None else (self.answers,))
        return own if self.second is None else own + self.second.inputs

    def to(self, device: torch.device | str) -> Batch:
        return self._with(lambda values: values.to(device))

    def rows(self, rows: torch.Tensor) -> Batch:
        """The documents `rows` (N,), any of them any number of times, at the width of this batch."""
        chosen = tuple(self.documents[row] for row in rows.tolist())
        second = None if self.second is None else self.second.rows(rows)
        return replace(self._with(lambda values: values[rows]), documents=chosen, second=second)

    def gold_labels(self) -> torch.Tensor:
        """(B,) the labels, where they are needed.

        Raises:
            ValueError: naming a document without one.
        """
        return torch.tensor(gold_labels(self.documents)) if self.labels is None else self.labels

    def _with(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """The batch with every tensor changed."""
        return Batch(
            self.documents,
            change(self.ids),
            change(self.is_token),
            change(self.is_word),
            None if self.labels is None else change(self.labels),
            None if self.piece_of is None else change(self.piece_of),
            None if self.second is None else self.second._with(change),
            None if self.kinds is None else change(self.kinds),
            None if self.answers is None else change(self.answers),
        )


def collate(documents: Sequence[Document], vocabulary: Vocabulary) -> Batch:
    """Documents between a start and an end token, padded on the right to the longest; their second texts alike.

    Start and end are tokens and no words: attention and every statistic leave them out (Jain & Wallace 2019, code).
    """
    return padded(documents, token_ids(documents, vocabulary))


def token_ids(documents: Sequence[Document], vocabulary: Vocabulary) -> Sequence[TokenIds]:
    """Of each document the ids of its start token, its words and its end token, and those of its second text; looked up
    whenever they are asked for where the documents are on disk."""
    if is_on_disk(documents):
        return OnDemand(len(documents), lambda place: _ids(documents[place], vocabulary))
    return [_ids(document, vocabulary) for document in documents]


def _ids(document: Document, vocabulary: Vocabulary) -> TokenIds:
    def between(words: Sequence[str]) -> list[int]:
        return [START_ID, *vocabulary.ids(words), END_ID]

    return between(document.words), between(document.second.words) if document.second else []


def padded(documents: Sequence[Document], rows: Sequence[TokenIds]) -> Batch:
    """Documents and their `token_ids`, padded on the right to the longest.

    Raises:
        ValueError: there are no documents, or some have a second text and others have none; names one.
    """
    if not documents:
        raise ValueError("a batch needs at least one document, got none")
    seconds = seconds_of(documents)
    batch = _padded(documents, [own for own, _ in rows])
    return replace(batch, second=_padded(seconds, [second for _, second in rows])) if seconds else batch


def _padded(documents: Sequence[Document], rows: Sequence[Sequence[int]]) -> Batch:
    lengths = torch.tensor([len(row) for row in rows])
    width = int(lengths.max())
    position = torch.arange(width)  # (T,)
    is_token = position < lengths[:, None]  # (B, T)
    ids = torch.full((len(rows), width), PADDING_ID)  # (B, T)
    ids[is_token] = torch.tensor([index for row in rows for index in row])
    return Batch(
        documents=tuple(documents),
        ids=ids,
        is_token=is_token,
        is_word=(position >= 1) & (position < lengths[:, None] - 1),
        labels=labels_of(documents),
        answers=_answers_of(documents),
    )


def _answers_of(documents: Sequence[Document]) -> torch.Tensor | None:
    if all(document.answers is None for document in documents):
        return None
    rows = [torch.tensor([-2] if each.answers is None else each.answers) for each in documents]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)


def labels_of(documents: Sequence[Document]) -> torch.Tensor | None:
    """(B,) the labels of the documents; None where one of them has none."""
    if any(document.label is None for document in documents):
        return None
    return torch.tensor([document.label for document in documents])


def batches_by_length(lengths: Sequence[int], size: int, positions: int = POSITIONS) -> Iterator[list[int]]:
    """Indices of documents in groups of at most `size`, similar lengths together, so that little is padding. A group is
    padded to no more than `positions` in all, or is one document: fewer of long ones stand together.

    Every index comes once. Ties keep their order, so the groups depend on the lengths alone.
    """
    if size < 1:
        raise ValueError(f"batch size must be at least 1, got {size}")
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) == size or (len(group) + 1) * lengths[index] > positions):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def batch_count(lengths: Sequence[int], size: int) -> int:
    """How many groups `batches_by_length` makes; the order of the documents does not change it."""
    return sum(1 for _ in batches_by_length(lengths, size))


TokenIds = tuple[list[int], list[int]]
"""The ids of a document's own text, and of its second text where it has one."""

Collate = Callable[[Sequence[Document]], Batch]

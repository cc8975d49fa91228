"""Documents in words -> batches in the pieces of a subword tokenizer, each piece knowing its word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch

from attn_interp.data.batch import Batch, labels_of
from attn_interp.data.document import Document, word_count
from attn_interp.data.sequences.on_disk import gathered

REMEDY = "cut the documents first: ai.cut_to_fit(model, documents) says which words are lost"


@dataclass(frozen=True)
class Pieces:
    """A document as a tokenizer spells it: T ids, and for each the index of its word, -1 at special tokens and in a
    second text; and its type, where the tokenizer tells texts or special tokens by a type."""

    ids: tuple[int, ...]
    word: tuple[int, ...]
    kind: tuple[int, ...] | None = None


@runtime_checkable
class InPieces(Protocol):
    """Documents -> Batch, in the pieces of a tokenizer.

    Attributes:
        room: Positions that a document may have; None: any number.
    """

    @property
    def room(self) -> int | None: ...

    def pieces(self, document: Document) -> Pieces: ...


def pieces_of(document: Document, tokenizer: Any, exchanged: bool = False) -> Pieces:
    """The document's words, with a blank between any two, cut by the tokenizer, with its special tokens; and behind
    them those of its second text, where it has one, as the tokenizer joins a pair of texts; before them of pairs that
    are `exchanged`.

    A piece belongs to the word in which its last character stands. Where a tokenizer does not say where its pieces
    stand, those of a word are the ones that it adds to the words before.

    Raises:
        ValueError: naming a word of which the tokenizer leaves no piece, or that it spells otherwise when more follows;
            or a second text that a tokenizer joins which does not say where its pieces stand.
    """
    if document.second is not None and not tokenizer.is_fast:
        raise ValueError(
            f"document {document.id!r}: has a second text, and {type(tokenizer).__name__} does not say where its "
            "pieces stand; give a fast tokenizer (AutoTokenizer.from_pretrained)"
        )
    if exchanged and document.second is None:
        raise ValueError(f"document {document.id!r}: has no second text, and the model reads pairs that are exchanged")
    found = _by_offsets(document, tokenizer, exchanged) if tokenizer.is_fast else _by_growing(document, tokenizer)
    missing = set(range(len(document))) - set(found.word)
    if missing:
        first = min(missing)
        raise ValueError(
            f"document {document.id!r}: of word {first}, {document.words[first]!r}, the tokenizer leaves no piece; "
            "remove or replace the word"
        )
    return found


def _by_offsets(document: Document, tokenizer: Any, exchanged: bool) -> Pieces:
    text = " ".join(document.words)
    word_at: list[int] = []  # of each character; a blank goes with the word that follows
    for index, letters in enumerate(document.words):
        word_at += [index] * (len(letters) + (index > 0))
    second = None if document.second is None else " ".join(document.second.words)
    pair = (second, text) if exchanged else (text, second)
    encoded = tokenizer(*pair, return_offsets_mapping=True, truncation=False, verbose=False)
    parts = encoded.encodings[0].sequence_ids  # 0 in the first text, 1 in the second, None at special tokens
    word = [
        word_at[max(start, end - 1)] if part == int(exchanged) else -1
        for (start, end), part in zip(encoded["offset_mapping"], parts)
    ]
    return Pieces(tuple(encoded["input_ids"]), tuple(word), _kinds(encoded))


def _kinds(encoded: Any) -> tuple[int, ...] | None:
    return tuple(encoded["token_type_ids"]) if "token_type_ids" in encoded else None


def _by_growing(document: Document, tokenizer: Any) -> Pieces:
    """The pieces of the whole text: words alone where that is the same, else the text grows word by word."""

    def ids_of(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    text = " ".join(document.words)
    ids, alone = ids_of(text), [ids_of(word) for word in document.words]
    word = [index for index, pieces in enumerate(alone) for _ in pieces]
    if [piece for pieces in alone for piece in pieces] != ids:
        word = []
        for index in range(len(document)):
            before = ids_of(" ".join(document.words[: index + 1]))
            if ids[: len(before)] != before:
                raise ValueError(
                    f"document {document.id!r}: the tokenizer spells word {index}, {document.words[index]!r}, "
                    "otherwise when more words follow, and does not say where its pieces stand; give a fast tokenizer "
                    "(AutoTokenizer.from_pretrained)"
                )
            word += [index] * (len(before) - len(word))
    encoded = tokenizer(text, add_special_tokens=True, truncation=False, verbose=False)
    whole = tuple(encoded["input_ids"])
    start = next((s for s in range(len(whole) - len(ids) + 1) if list(whole[s : s + len(ids)]) == ids), 0)
    return Pieces(whole, (-1,) * start + tuple(word) + (-1,) * (len(whole) - start - len(ids)), _kinds(encoded))


def collate_pieces(
    documents: Sequence[Document], tokenizer: Any, longest: int | None, exchanged: bool = False
) -> Batch:
    """A batch in pieces, padded on the side and with the id that the tokenizer pads with.

    Args:
        longest: Positions that the model has; None: any number.
        exchanged: As for `pieces_of`.

    Raises:
        ValueError: naming a document of more positions than the model has, or there are no documents.
    """
    if not documents:
        raise ValueError("a batch needs at least one document, got none")
    rows = [pieces_of(document, tokenizer, exchanged) for document in documents]
    for document, row in zip(documents, rows):
        if longest is not None and len(row.ids) > longest:
            raise ValueError(
                f"document {document.id!r}: {len(document)} words are {len(row.ids)} positions, and the model has "
                f"{longest}; {REMEDY}"
            )
    return padded_pieces(documents, rows, tokenizer.pad_token_id, tokenizer.padding_side)


def first_pieces(word: torch.Tensor) -> torch.Tensor:
    """(B, T) true on the first position of each word, of the index of the word at each (B, T), -1 for none."""
    return word > torch.nn.functional.pad(word.cummax(-1).values, (1, -1), value=-1)


def padded_pieces(documents: Sequence[Document], rows: Sequence[Pieces], padding: int, side: str) -> Batch:
    """The batch of documents in their pieces, filled up with the id of padding on the "left" or "right"."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), padding)
    word = torch.full((len(rows), width), -1)
    is_token = torch.zeros(len(rows), width, dtype=torch.bool)
    kinds = torch.zeros_like(ids) if all(row.kind is not None for row in rows) else None
    for index, row in enumerate(rows):
        start = width - len(row.ids) if side == "left" else 0
        place = slice(start, start + len(row.ids))
        ids[index, place], word[index, place] = torch.tensor(row.ids), torch.tensor(row.word)
        is_token[index, place] = True
        if kinds is not None and row.kind is not None:
            kinds[index, place] = torch.tensor(row.kind)
    return Batch(
        documents=tuple(documents),
        ids=ids,
        is_token=is_token,
        is_word=first_pieces(word),
        labels=labels_of(documents),
        piece_of=word,
        kinds=kinds,
    )


@dataclass(frozen=True)
class Cut:
    """Documents that fit a model.

    Attributes:
        documents: All documents, in their order, the long ones without their last words.
        lost: Id of each document that was cut -> how many of its words are gone.
    """

    documents: Sequence[Document]
    lost: dict[str, int]

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} of {len(self.documents)} documents were cut to the length of the model; "
            f"{sum(self.lost.values())} words at their ends are lost"
        )


def cut_to_length(documents: Sequence[Document], collate: InPieces) -> Cut:
    """The documents without the words, at the end of the long ones, for which the model has no positions.

    Rationales, signals and spans of the words that stay are kept.

    Raises:
        ValueError: naming a document of which no word fits.
    """
    lost: dict[str, int] = {}

    def cut() -> Iterator[Document]:
        for document in documents:
            words = _fitting(document, collate)
            if words < len(document):
                lost[document.id] = len(document) - words
                document = _first_words(document, words)
            yield document

    return Cut(gathered(cut(), word_count), lost)


def _fitting(document: Document, collate: InPieces) -> int:
    pieces = collate.pieces(document)
    over = len(pieces.ids) - collate.room if collate.room is not None else 0
    if over <= 0:
        return len(document)
    inside = [word for word in pieces.word if word >= 0]
    words = inside[-over] if over <= len(inside) else 0  # the first word that loses a piece
    if words < 1:
        raise ValueError(
            f"document {document.id!r}: not even its first word fits; the model has {collate.room} positions, of which "
            f"what stands around the words takes {len(pieces.ids) - len(inside)}"
        )
    return words


def _first_words(document: Document, count: int) -> Document:
    return replace(
        document,
        words=document.words[:count],
        rationales=tuple(values[:count] for values in document.rationales),
        signals={name: values[:count] for name, values in document.signals.items()},
        spans=None if document.spans is None else document.spans[:count],
    )

"""Rows of a file -> a corpus: what every file format has in common once its cells are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document
from attn_interp.data.splits import complete_splits
from attn_interp.data.tokenise import Span, tokenise

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True)
class Row:
    """One document as a file states it.

    Attributes:
        place: File and row, for errors: "reviews.csv, row 3".
        id: Name of the document.
        label: Name of its class, or (an int) the index of its class.
        words, text, spans: Its words; or a text to be cut into words; or words, text and where they stand in it.
        split: "train", "dev" or "test", or None where the file states no splits.
        rationales, signals: As in `Document`.
    """

    place: str
    id: str
    label: str | int
    words: Sequence[str] | None = None
    text: str | None = None
    spans: Sequence[Span] | None = None
    split: str | None = None
    rationales: Sequence[Sequence[float]] = ()
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict)


def corpus_of_rows(
    rows: Sequence[Row],
    name: str,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    licence: str = "unstated",
    source: str = "unstated",
) -> Corpus:
    """The corpus of these rows; dev and test are cut from the training rows where no row names them.

    Args:
        rows: The documents, in order.
        name: Name of the corpus.
        classes: Class names in order, or None to collect them from the labels: in numeric order where all are numbers,
            else in alphabetical order. Collected labels are names, also those written as numbers.
        least_words: Documents with fewer words are refused. Attention on a single word is always 1 and says nothing, so
            one-word documents have to be asked for with 1.
        seed: Draws the splits that the rows do not state (`complete_splits`).
        licence, source: As in `Corpus`.

    Raises:
        ValueError: naming file and row: too few words, a label outside the classes, an id that repeats, an unknown
            split, or anything that `Document` refuses; or what `Corpus` refuses.
    """
    if least_words < 1:
        raise ValueError(f"least_words must be at least 1, got {least_words}")
    if not rows:
        raise ValueError(f"corpus {name!r}: {source} holds no documents")
    names = tuple(classes) if classes is not None else _collected(row.label for row in rows)
    place_of: dict[str, str] = {}
    parts: dict[str, list[Document]] = {}
    for row in rows:
        if row.id in place_of:
            raise ValueError(f"{row.place}: id {row.id!r} stands already at {place_of[row.id]}; ids must be unique")
        place_of[row.id] = row.place
        label = row.label if isinstance(row.label, int) and classes is not None else str(row.label)
        document = _document(row, _index(label, names, row.place), least_words)
        parts.setdefault(_split(row, stated=rows[0].split is not None), []).append(document)
    return Corpus(name, names, complete_splits(parts, seed), licence, source)


def _index(label: str | int, names: Sequence[str], place: str) -> int:
    if isinstance(label, int) and 0 <= label < len(names):
        return label
    if label in names:
        return names.index(str(label))
    raise ValueError(f"{place}: label {label!r} is not in the list of classes: {', '.join(names)}")


def _split(row: Row, stated: bool) -> str:
    if not stated and row.split is None:
        return "train"
    if not stated or row.split not in SPLITS:
        options = ", ".join(sorted(SPLITS))
        raise ValueError(f"{row.place}: split is {row.split!r}; every row must state one of {options}, or none any")
    return row.split


def _document(row: Row, label: int, least_words: int) -> Document:
    words, spans = row.words, row.spans
    if words is None:
        if row.text is None:
            raise ValueError(f"{row.place}: has neither words nor text; give it one of them")
        words, spans = tokenise(row.text)
    if not words:
        raise ValueError(f"{row.place}: document {row.id!r} is empty, it has no words; remove the row")
    if len(words) < least_words:
        raise ValueError(
            f"{row.place}: document {row.id!r} has {len(words)} word(s), at least {least_words} are asked for; "
            f"remove the row, or pass least_words={len(words)}"
        )
    try:
        return Document(
            id=row.id,
            words=tuple(words),
            label=label,
            rationales=tuple(tuple(rationale) for rationale in row.rationales),
            signals={name: tuple(values) for name, values in row.signals.items()},
            text=row.text,
            spans=None if spans is None else tuple(spans),
        )
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}") from error


def _collected(labels: Iterable[str | int]) -> tuple[str, ...]:
    names = {str(label) for label in labels}
    if all(NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))

"""A document: the words of one text, its label, and what people said about its words."""

from __future__ import annotations

import hashlib
import math
import operator
import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from sys import intern
from typing import Any, SupportsIndex

from attn_interp.data.tokenise import Span, Spans, tokenise

CLASS = "the index of the class, a whole number, or None"
NUMBERS = "lists of numbers, one number for each word"
OFFSETS = "(start, end) in whole numbers for each word"
ID_DIGITS = 12  # of an id that is a hash


@dataclass(frozen=True, init=False, repr=False)
class Document:
    """One text, cut into words.

    Args:
        text: The text that the words stand in. Alone it is cut with `tokenise`; None where there are words alone.
        label: Index into the class names, 0 <= label < C; None where nobody has said it.
        id: Name of the document, not empty, unique within its corpus; None makes it a hash of the text, or of the
            words. Everything random that concerns a document is drawn from (seed, id).
        words: The T words in order, at least one, none blank.
        rationales: Zero or more human annotators; each gives one value in [0, 1] per word (1: the word supports the
            label, 0: it does not).
        signals: Named external data, one number per word, as its label in a sentiment treebank; NaN where it has none.
        spans: For each word its half-open (start, end) character offsets in `text`; needed where both are given.
        second: Another text that is read beside this one and not attended, as the question to a story: a string, or a
            document without a label and without a second of its own.
        answers: Of a question, which is a second text, the indices of the classes that may answer it; None: all.

    Raises:
        TypeError: the text is not a string, words is one, the label is not a whole number, or second is no text.
        ValueError: naming the document, what is wrong with it and what to do.

    >>> Document("A good film.", label=1).words
    ('A', 'good', 'film', '.')
    >>> Document("Ann is in the garden.", second="Where is Ann?").second.words
    ('Where', 'is', 'Ann', '?')
    """

    text: str | None
    label: int | None
    id: str
    words: tuple[str, ...]
    rationales: tuple[tuple[float, ...], ...]
    signals: Mapping[str, tuple[float, ...]] = field(hash=False)
    spans: Spans | None
    second: Document | None
    answers: tuple[int, ...] | None

    def __init__(
        self,
        text: str | None = None,
        label: SupportsIndex | None = None,
        *,
        id: str | None = None,
        words: Sequence[str] | None = None,
        rationales: Sequence[Sequence[float]] = (),
        signals: Mapping[str, Sequence[float]] = {},
        spans: Sequence[Sequence[int]] | None = None,
        second: str | Document | None = None,
        answers: Sequence[int] | None = None,
    ) -> None:
        name = "" if id is None else f" {shortened(repr(id), 60)}"
        if text is not None and not isinstance(text, str):
            raise TypeError(f"document{name}: text is {shortened(repr(text), 60)}; give a string, or words=(...)")
        if isinstance(words, str):
            raise TypeError(f"document{name}: words is one string; cut it with `tokenise` or give a tuple of words")
        if id is not None and not isinstance(id, str):
            raise TypeError(f"document{name}: its id is no string; give str({shortened(repr(id), 60)})")
        if words is None:
            if text is None:
                raise ValueError(f"document{name}: has neither text nor words; give one of them")
            words, found = tokenise(text)
            spans = found if spans is None else spans
        # One spelling of equal contents, whatever types they came in: saved and loaded ones have one fingerprint.
        words = _plain(name, "words", words, tuple, "a tuple of words")
        for position, word in enumerate(words) if set(map(type, words)) - {str} else ():
            if not isinstance(word, str):
                raise TypeError(f"document{name}: word {position} is {shortened(repr(word), 60)}; give a string")
        words = tuple(map(intern, map(str, words)))  # a corpus says the same words again and again: kept once
        second = _second(name, second)
        vars(self).update(
            text=text,
            label=None if label is None else _plain(name, "label", label, operator.index, CLASS),
            id=hashed_id(text, words, second) if id is None else id,
            words=words,
            rationales=_plain(name, "rationales", rationales, lambda all: tuple(map(_numbers, all)), NUMBERS),
            signals=_plain(name, "signals", signals, _named_numbers, NUMBERS),
            spans=None if spans is None else _plain(name, "spans", spans, _offsets, OFFSETS),
            second=second,
            answers=None if answers is None else _plain(name, "answers", answers, _indices, "indices of classes"),
        )
        if not self.id:
            raise ValueError("document '': its id is empty; give it a name that no other document has")
        self._check_words()
        self._check_values()
        self._check_spans()

    def __setstate__(self, state: dict[str, Any]) -> None:
        signals = {name: _one_nan(values) for name, values in state["signals"].items()}
        vars(self).update(state, words=tuple(map(intern, state["words"])), signals=signals)

    def __repr__(self) -> str:
        parts = [shortened(repr(self.text or " ".join(self.words)), 200), f"label={self.label}"]
        parts += [f"id={shortened(repr(self.id), 100)}", f"{len(self.words)} words"]
        parts += [f"{len(self.rationales)} rationales"] if self.rationales else []
        parts += [f"signals {shortened(', '.join(self.signals), 100)}"] if self.signals else []
        parts += [] if self.second is None else [f"second={self.second!r}"]
        return f"<Document {', '.join(parts)}>"

    def __len__(self) -> int:
        return len(self.words)

    @property
    def all_words(self) -> tuple[str, ...]:
        """The words of both texts, the second after the first; of a document without a second its own."""
        return self.words if self.second is None else self.words + self.second.words

    def _check_words(self) -> None:
        if not self.words:
            raise ValueError(f"document {self.id!r}: has no words; remove it or give it at least one word")
        if not all(map(str.strip, self.words)):
            position = next(position for position, word in enumerate(self.words) if not word.strip())
            raise ValueError(f"document {self.id!r}: word {position} is empty; remove it")
        try:
            " ".join((self.id, *self.words, self.text or "")).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"document {self.id!r}: holds half a character ({error.object[error.start]!r}), which no file can "
                "store; remove it"
            ) from error
        if self.label is not None and self.label < 0:
            raise ValueError(f"document {self.id!r}: label {self.label} is negative; labels count from 0")

    def _check_values(self) -> None:
        count = len(self.words)
        for annotator, rationale in enumerate(self.rationales):
            if len(rationale) != count:
                raise ValueError(
                    f"document {self.id!r}: rationale {annotator} has {len(rationale)} values for {count} words"
                )
            if any(not 0.0 <= value <= 1.0 for value in rationale):
                raise ValueError(f"document {self.id!r}: rationale {annotator} has a value outside [0, 1]")
        for name, values in self.signals.items():
            if len(values) != count:
                raise ValueError(f"document {self.id!r}: signal {name!r} has {len(values)} values for {count} words")
            if any(math.isinf(value) for value in values):
                raise ValueError(f"document {self.id!r}: signal {name!r} has an infinite value; use NaN for none")

    def _check_spans(self) -> None:
        if (self.spans is None) != (self.text is None):
            raise ValueError(f"document {self.id!r}: text and spans go together; give both or neither")
        if self.spans is None or self.text is None:
            return
        if len(self.spans) != len(self.words):
            raise ValueError(f"document {self.id!r}: {len(self.spans)} spans for {len(self.words)} words")
        if self.spans.cut(self.text) == self.words:
            return
        before = 0
        for position, ((start, end), word) in enumerate(zip(self.spans, self.words)):
            place = f"document {self.id!r}: word {position} has span ({start}, {end})"
            if not 0 <= start < end <= len(self.text):
                raise ValueError(f"{place} in a text of {len(self.text)} characters")
            if start < before:
                raise ValueError(f"{place}, and the word before it ends at {before}; give words from left to right")
            if self.text[start:end] != word and _folded(self.text[start:end]) != _folded(word):
                raise ValueError(
                    f"{place}, where {shortened(self.text[start:end], 60)!r} stands and not {shortened(word, 60)!r}; "
                    "give the words of the text, or leave text and spans out"
                )
            before = end


def gold_labels(documents: Sequence[Document]) -> list[int]:
    """The label of each document.

    Raises:
        ValueError: naming the first document without one.
    """
    labels = []
    for document in documents:
        if document.label is None:
            raise ValueError(f"document {document.id!r}: has no label; give each document its class, as label=")
        labels.append(document.label)
    return labels


def word_count(document: Document) -> int:
    """How many words a document has, those of its second text among them."""
    return len(document) + (0 if document.second is None else len(document.second))


def text_of(document: Document) -> str:
    """The text of a document, or its words with spaces between; of its own text alone where it has a second."""
    return " ".join(document.words) if document.text is None else document.text


def _plain(document: str, name: str, given: Any, plain: Callable[[Any], Any], expected: str) -> Any:
    try:
        return plain(given)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise TypeError(f"document{document}: {name} is {shortened(repr(given), 60)}; give {expected}") from error


def _numbers(given: Sequence[float]) -> tuple[float, ...]:
    values = tuple(given)
    if isinstance(given, bytes | Mapping | Set) or any(isinstance(each, str | bytes) for each in values):
        raise TypeError("these are no numbers in order")
    return _one_nan(tuple(map(float, values)))


def _one_nan(values: tuple[float, ...]) -> tuple[float, ...]:
    """The values with `math.nan` for every NaN: Python compares tuples by identity first, so that equal documents are
    equal."""
    return tuple([math.nan if value != value else value for value in values])


def _named_numbers(given: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    if not all(isinstance(key, str) for key in given):
        raise TypeError("a signal is named by a text")
    return {key: _numbers(each) for key, each in given.items()}


def _indices(given: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted({operator.index(each) for each in given}))


def _offsets(given: Sequence[Span]) -> Spans:
    return Spans((start, end) for start, end in given)


def _folded(text: str) -> str:
    """Without what no cut of a text into words is held to: blanks, what cannot be seen, case and Unicode form."""
    return "".join(x for x in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(x)[0] not in "CZ")


def _second(name: str, given: str | Document | None) -> Document | None:
    if given is not None and not isinstance(given, str | Document):
        raise TypeError(f"document{name}: second is {shortened(repr(given), 60)}; give a text (a string) or a Document")
    try:
        second = Document(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ValueError(f"document{name}: second: {error}") from error
    if second is not None and second.label is not None:
        raise ValueError(f"document{name}: second has the label {second.label}; leave it out, the pair has one label")
    if second is not None and second.second is not None:
        raise ValueError(f"document{name}: second has a second of its own; a document has two texts at most")
    return second


def hashed_id(text: str | None, words: Sequence[str], second: Document | None) -> str:
    """The id of a document that was given none."""
    content = "\0".join(words) if text is None else text
    if second is not None:
        content += "\0\0" + text_of(second)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:ID_DIGITS]


def shortened(shown: str, length: int) -> str:
    """On one line, its first characters with an ellipsis where there are more than `length`."""
    shown = " ".join(shown.split()) if "\n" in shown else shown
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"

"""Rows of a file -> a corpus: what every file format has in common once its cells are read."""

from __future__ import annotations

import re
import unicodedata
import warnings
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document, shortened, word_count
from attn_interp.data.formats.html_words import html_in
from attn_interp.data.formats.html_words import strip_html as without_html
from attn_interp.data.sequences.on_disk import OnDisk, chosen, gathered
from attn_interp.data.sequences.repeated import repeated
from attn_interp.data.splits import complete_splits
from attn_interp.data.tokenise import Span, tokenise

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
MISSING = ("", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null")
"""What pandas, R, databases and spreadsheets write where there is no value."""

SEVERAL = re.compile(r"""\[(['"\d].*)?\]""")  # a list as Python writes it
HIDDEN = "-1"
"""What many a data set writes for labels that it keeps to itself."""


@dataclass(frozen=True)
class Row:
    """One document as a file states it.

    Attributes:
        place: File and row, for errors: "reviews.csv, row 3".
        id: Name of the document.
        label: Name of its class, or (a whole number) the index of its class; what is missing or several is refused.
        words, text, spans: Its words; or a text to be cut into words; or words, text and where they stand in it.
        split: "train", "dev" or "test", or None where the file states no splits.
        rationales, signals: As in `Document`.
        second: Its second text, to be cut into words; or the words of that, or a document; None where it has none.
        answers: Names or indices of the classes that the second text, which is a question, allows; None: all.
    """

    place: str
    id: str
    label: Any
    words: Sequence[str] | None = None
    text: Any = None
    spans: Sequence[Span] | None = None
    split: str | None = None
    rationales: Sequence[Sequence[float]] = ()
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    second: Any = None
    answers: Sequence[str | int] | None = None


def corpus_of_rows(
    rows: Iterable[Row],
    name: str,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    licence: str = "unstated",
    source: str = "unstated",
    strip_html: bool = False,
) -> Corpus:
    """The corpus of these rows; dev and test are cut from the training rows where no row names them.

    Args:
        rows: The documents, in order; they are asked for once. What memory should not hold goes to disk
            (`sequences.on_disk`).
        name: Name of the corpus.
        classes: Class names in order, or None to collect them from the labels: in numeric order where all are numbers
            (1.0 is then 1), else in alphabetical order. Collected labels are names, also those written as numbers. A
            class may be called NA or None where it is named here.
        least_words: Documents with fewer words are refused. Attention on a single word is always 1 and says nothing, so
            one-word documents have to be asked for with 1.
        seed: Draws the splits that the rows do not state (`complete_splits`).
        licence, source: As in `Corpus`.
        strip_html: Whether tags and entities of HTML are taken out of texts, the second ones too. Where they are left
            in, a warning says how many texts have some.

    Raises:
        ValueError: naming file and row: too few words, a label that is missing, hidden, a list, outside the classes,
            or differs from another in blanks or Unicode form alone; an id that repeats, an unknown split, or anything
            that `Document` refuses; or what `Corpus` refuses.
    """
    if least_words < 1:
        raise ValueError(f"least_words must be at least 1, got {least_words}")
    rows = rows_of(rows)
    if not rows:
        raise ValueError(f"corpus {name!r}: {source} holds no documents")
    labels, places = _surveyed(rows, classes)
    names = tuple(classes) if classes is not None else _collected(rows, labels)
    documents = gathered(_documents(rows, labels, names, least_words, strip_html), word_count)
    if twice := repeated(lambda: (row.id for row in rows)):
        before, again = (rows[place] for place in twice)
        raise ValueError(f"{again.place}: id {again.id!r} stands already at {before.place}; ids must be unique")
    parts = {split: chosen(documents, own) for split, own in places.items()}
    corpus = Corpus(name, names, complete_splits(parts, seed), licence, source)
    if not strip_html:
        _warn_of_html(rows, name)
    return corpus


def rows_of(rows: Iterable[Row]) -> Sequence[Row]:
    """The rows, which may be gone through again: on disk where memory should not hold them."""

    def words(row: Row) -> int:
        cells = (row.words or row.text, row.second)  # of a cell that is no text there is nothing to hold
        return sum(
            len(each.split()) if isinstance(each, str) else len(each) for each in cells if isinstance(each, Sized)
        )

    return rows if isinstance(rows, OnDisk) else gathered(map(_plain, rows), words)


def _plain(row: Row) -> Row:
    """The row, which can be written to a file.

    Raises:
        ValueError: its text, words or second text are something else.
    """
    for name, given, kind in (("text", row.text, str), ("words", row.words, Sequence)):
        if given is not None and (not isinstance(given, kind) or (kind is Sequence and isinstance(given, str))):
            expected = "a text" if kind is str else "a list of words"
            raise ValueError(f"{row.place}: {name} is {shortened(repr(given), 60)}, expected {expected}")
    if row.second is not None and (not isinstance(row.second, Sequence | Document) or isinstance(row.second, bytes)):
        raise ValueError(
            f"{row.place}: its second text is {shortened(repr(row.second), 60)}, expected a text; name another column"
        )
    return row if row.text is None or type(row.text) is str else replace(row, text=str(row.text))


def _documents(
    rows: Iterable[Row], labels: Iterable[str | int], names: Sequence[str], least_words: int, strip_html: bool
) -> Iterator[Document]:
    for row, label in zip(rows, labels):
        plain = _without_html(row) if strip_html else row
        yield _document(plain, names, _index(label, names, row.place), least_words)


def _warn_of_html(rows: Iterable[Row], name: str) -> None:
    texts, tagged, example = 0, 0, ""
    for row in rows:
        for text in _cut(row).values():
            texts += 1
            if tag := html_in(text):
                tagged, example = tagged + 1, example or f"{tag!r} in {row.place}"
    if tagged:
        warnings.warn(
            f"corpus {name!r}: {tagged:,} of {texts:,} texts hold HTML, such as {example}, whose parts are words like "
            "others; strip_html=True takes it out",
            stacklevel=4,
        )


def _cut(row: Row) -> dict[str, str]:
    """The texts of a row that are cut into words, by name."""
    texts = {"text": row.text if row.words is None else None, "second": row.second}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _without_html(row: Row) -> Row:
    plain = {name: without_html(text) for name, text in _cut(row).items()}
    return replace(row, text=plain.get("text", row.text), second=plain.get("second", row.second))


def _surveyed(rows: Sequence[Row], classes: Sequence[str] | None) -> tuple[list[str | int], dict[str, array[int]]]:
    """The label of each row, and where the rows of each split are; all have second texts, or none has."""
    spelled: dict[str | int, str | int] = {}  # one object for each label
    labels: list[str | int] = []
    places: dict[str, array[int]] = {}
    second: dict[bool, str] = {}
    stated = rows[0].split is not None
    for place, row in enumerate(rows):
        label = checked_label(row.label, row.place, classes)
        labels.append(spelled.setdefault(label, label))
        places.setdefault(_split(row, stated), array("q")).append(place)
        second.setdefault(row.second is None, row.place)
    if len(second) == 2:
        raise ValueError(f"{second[True]}: has no second text, and {second[False]} has one; give each row one, or none")
    return labels, places


def checked_label(given: Any, place: str, classes: Sequence[str] | None) -> str | int:
    """The name of a class, or with given classes its index where a whole number is given."""
    if isinstance(given, Integral):
        return int(given) if classes is not None else str(given)
    if not isinstance(given, str | Real) and (given is None or hasattr(given, "__len__")):
        why = "it has no label" if given is None else f"its label is {shortened(repr(given), 60)}, a document has one"
        raise ValueError(f"{place}: {why}; give it the name of a class, or remove the row")
    name = str(given)
    if classes is None and name.strip() in MISSING:
        raise ValueError(
            f"{place}: it has no label, got {name!r}; remove the row, or name the classes (classes=) if one is called "
            "so"
        )
    if classes is None and SEVERAL.fullmatch(name):
        raise ValueError(f"{place}: its label is {shortened(name, 60)}, a document has one; choose one of them")
    return name


def _index(label: str | int, names: Sequence[str], place: str) -> int:
    if isinstance(label, int) and 0 <= label < len(names):
        return label
    for spelled in (label, _number(label)) if isinstance(label, str) else ():
        if spelled in names:
            return names.index(spelled)
    raise ValueError(f"{place}: label {label!r} is not in the list of classes: {', '.join(names)}")


def _split(row: Row, stated: bool) -> str:
    if not stated and row.split is None:
        return "train"
    if not stated or row.split not in SPLITS:
        options = ", ".join(sorted(SPLITS))
        found = shortened(repr(row.split), 60)
        raise ValueError(f"{row.place}: split is {found}; every row must state one of {options}, or none any")
    return row.split


def _document(row: Row, classes: Sequence[str], label: int, least_words: int) -> Document:
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
            spans=spans,
            second=_second(row, classes),
        )
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}") from error


def _second(row: Row, classes: Sequence[str]) -> Document | None:
    given = row.second
    if row.answers is not None:
        if given is None:
            raise ValueError(f"{row.place}: has answers and no second text; give the question as its second text")
        answers = sorted({_index(checked_label(each, row.place, classes), classes, row.place) for each in row.answers})
        return replace(_document_of(given, row.place), answers=tuple(answers))
    return None if given is None else _document_of(given, row.place)


def _document_of(given: Any, place: str) -> Document:
    """A second text as a document."""
    if isinstance(given, Document):
        return given
    if not (tokenise(given)[0] if isinstance(given, str) else given):
        raise ValueError(f"{place}: its second text is empty, it has no words; fill it or remove the row")
    return Document(given) if isinstance(given, str) else Document(words=given)


def _collected(rows: Iterable[Row], labels: Sequence[str | int]) -> tuple[str, ...]:
    """The names among the labels, sorted; numbers by value."""
    place_of: dict[str, str] = {}
    for row, label in zip(rows, labels):
        place_of.setdefault(str(label), row.place)
    numeric = all(NUMBER.fullmatch(name) for name in place_of)
    hidden = HIDDEN in place_of and not any(
        str(label) == HIDDEN and row.split in (None, SPLITS[0]) for row, label in zip(rows, labels)
    )
    if hidden:
        raise ValueError(
            f"{place_of[HIDDEN]}: its label is hidden ({HIDDEN}), no training document has it; leave the split out"
        )
    twins: dict[object, str] = {}
    for name, place in place_of.items():
        plain = " ".join(unicodedata.normalize("NFKC", name).split())
        other = twins.setdefault(Decimal(plain) if NUMBER.fullmatch(plain) else plain, name)
        if name != other and not (numeric and _number(name) == _number(other)):
            raise ValueError(
                f"{place}: label {name!r} differs from {other!r} ({place_of[other]}) in its spelling alone; write both "
                "alike, or name the classes (classes=)"
            )
    if numeric:
        return tuple(sorted({_number(name) for name in place_of}, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(place_of))


def _number(name: str) -> str:
    """1.0 as 1; anything else as it is."""
    return re.sub(r"\.0+$", "", name) if NUMBER.fullmatch(name) else name

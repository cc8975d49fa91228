"""A corpus: documents in splits, with the names of their classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType

import pandas as pd

from attn_interp.data.document import Document, gold_labels, shortened, text_of
from attn_interp.data.sequences.given import require_documents
from attn_interp.data.sequences.repeated import repeated
from attn_interp.data.sequences.split import Split

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, repr=False)
class Corpus:
    """Labelled documents in three splits. Checks itself on entry.

    Attributes:
        name: Short name, used for folders and captions.
        classes: The C class names, at least two; a document's label is an index into them.
        splits: Documents of "train", "dev" and "test", in this order; none is empty, and the training split has
            documents of at least two classes. Each document has a second text, or none has.
        licence: Licence of the texts, as their source states it.
        source: Where the texts come from: a citation or a path.

    Raises:
        TypeError: a name that is no text, or something in a split that is no document.
        ValueError: naming the split or document, what is wrong with it and what to do.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Sequence[Document]]
    licence: str = "unstated"
    source: str = "unstated"

    def __post_init__(self) -> None:
        named = f"corpus {shortened(repr(self.name), 60)}"
        if isinstance(self.classes, str | Set | Mapping) or not isinstance(self.classes, Iterable):
            raise TypeError(f"{named}: classes are {shortened(repr(self.classes), 60)}, expected their names in order")
        object.__setattr__(self, "classes", tuple(self.classes))
        for text in (self.name, self.licence, self.source, *self.classes):
            if not isinstance(text, str):
                raise TypeError(
                    f"{named}: name, licence, source and classes are texts, got {shortened(repr(text), 60)}"
                )
        if len(self.classes) < 2:
            raise ValueError(f"corpus {self.name!r}: has {len(self.classes)} class(es); a classifier needs two or more")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"corpus {self.name!r}: class names repeat: {', '.join(self.classes)}")
        try:
            "".join((self.name, self.licence, self.source, *self.classes)).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"corpus {self.name!r}: name or class cannot be written to a file: {error}") from error
        if not isinstance(self.splits, Mapping) or set(self.splits) != set(SPLITS):
            found = sorted(map(str, self.splits)) if isinstance(self.splits, Mapping) else type(self.splits).__name__
            raise ValueError(f"corpus {self.name!r}: splits are {found}, expected {sorted(SPLITS)}")
        parts = {name: require_documents(self.splits[name], f"{named}: split {name!r}") for name in SPLITS}
        splits = {name: Split(documents, self.classes) for name, documents in parts.items()}
        object.__setattr__(self, "splits", MappingProxyType(splits))
        for split, documents in self.splits.items():
            if not documents:
                raise ValueError(f"corpus {self.name!r}: split {split!r} is empty; give it documents or split anew")
            for document in documents:
                self._check(document)
        if places := repeated(lambda: (document.id for document in self._all())):
            before, again = (self._at(place) for place in places)
            raise ValueError(
                f"document {again[1].id!r}: the id stands in split {before[0]!r} and again in {again[0]!r}; ids must "
                "be unique"
            )
        check_seconds(self._all())
        present = set(gold_labels(self.splits["train"]))
        if len(present) < 2:
            raise ValueError(
                f"corpus {self.name!r}: every training document has the class {self.classes[min(present)]!r}; "
                "a classifier needs documents of at least two classes"
            )

    def _all(self) -> Iterator[Document]:
        return chain.from_iterable(self.splits.values())

    def _at(self, place: int) -> tuple[str, Document]:
        """A document by its place among all, and the split that it is in."""
        for split, documents in self.splits.items():
            if place < len(documents):
                return split, documents[place]
            place -= len(documents)
        raise IndexError(place)

    def _check(self, document: Document) -> None:
        if document.label is None:
            raise ValueError(f"document {document.id!r}: has no label; give each document of a corpus its class")
        if document.label >= len(self.classes):
            raise ValueError(
                f"document {document.id!r}: label {document.label} is not in the list of classes "
                f"0..{len(self.classes) - 1} ({', '.join(self.classes)})"
            )
        if document.answers is not None:
            raise ValueError(f"document {document.id!r}: has answers; they belong to its question, second=")
        answers = None if document.second is None else document.second.answers
        if answers is not None and not {document.label} <= set(answers) <= set(range(len(self.classes))):
            raise ValueError(
                f"document {document.id!r}: its question may be answered by the classes {answers}, expected "
                f"some of 0..{len(self.classes) - 1} and its label {document.label} among them"
            )

    def __reduce__(self) -> tuple[object, ...]:  # a mapping proxy does not pickle; worker processes need it to
        return Corpus, (self.name, self.classes, dict(self.splits), self.licence, self.source)

    def __len__(self) -> int:
        return sum(map(len, self.splits.values()))

    def __repr__(self) -> str:
        classes = shortened(", ".join(self.classes), 200)
        sizes = ", ".join(f"{split} {len(documents):,}" for split, documents in self.splits.items())
        return f"<Corpus {shortened(repr(self.name), 100)}: {len(self.classes)} classes ({classes}); {sizes}>"

    def to_frame(self) -> pd.DataFrame:
        """One row per document: id, split, text (its words parted by blanks where it has none), label (the class name;
        a categorical column, whose categories are the classes in order), and second where documents have one. `load`
        takes the frame."""
        rows = [
            (document.id, split, text_of(document), document.label, document.second and text_of(document.second))
            for split, documents in self.splits.items()
            for document in documents
        ]
        frame = pd.DataFrame(rows, columns=["id", "split", "text", "label", "second"])
        frame["label"] = pd.Categorical.from_codes(frame["label"], categories=pd.Index(self.classes))
        return frame.drop(columns="second") if frame["second"].isna().all() else frame

    @property
    def of_pairs(self) -> bool:
        """Whether each document has a second text."""
        return self.train[0].second is not None

    @property
    def train(self) -> Split:
        """The documents to learn from."""
        return self.splits["train"]  # type: ignore[return-value]

    @property
    def dev(self) -> Split:
        """The documents that decide when training stops."""
        return self.splits["dev"]  # type: ignore[return-value]

    @property
    def test(self) -> Split:
        """The documents that no model has seen."""
        return self.splits["test"]  # type: ignore[return-value]

    def first(self, count: int) -> Corpus:
        """The same corpus with at most `count` documents in each split, the first ones: for a quick trial.

        Raises:
            ValueError: if too few are left: a split is empty or the training documents have one class.
        """
        if count < 1:
            raise ValueError(f"corpus {self.name!r}: the first {count} documents are none; ask for at least 1")
        return replace(self, splits={name: documents[:count] for name, documents in self.splits.items()})

    def fingerprint(self) -> str:
        """SHA-256 over classes and all documents in order; equal exactly when the corpora hold the same data."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps(self.classes).encode())
        for split, documents in self.splits.items():
            for d in documents:
                row: list[object] = [split, d.id, d.words, d.label, *_contents(d)]
                if d.second is not None:  # a corpus of single texts has the fingerprint that it always had
                    row.append([d.second.id, d.second.words, *_contents(d.second)])
                digest.update(json.dumps(row).encode())
        return digest.hexdigest()


def _contents(document: Document) -> list[object]:
    spans = None if document.spans is None else list(document.spans)
    return [document.rationales, sorted(document.signals.items()), document.text, spans]


def seconds_of(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The second text of each document; none where no document has one.

    Raises:
        ValueError: as `check_seconds`.
    """
    check_seconds(documents)
    return tuple(document.second for document in documents if document.second is not None)


def check_seconds(documents: Iterable[Document]) -> None:
    """Every document has a second text, or none has.

    Raises:
        ValueError: some have one and others do not; names the first of each.
    """
    first: dict[bool, str] = {}
    for document in documents:
        first.setdefault(document.second is None, document.id)
    if len(first) == 2:
        raise ValueError(
            f"document {first[True]!r}: has no second text, and document {first[False]!r} has one; give each of them "
            "one, or none"
        )


def label_name(document: Document, classes: Sequence[str]) -> str | None:
    """The name of the document's class; None where it has no label."""
    return None if document.label is None else classes[document.label]

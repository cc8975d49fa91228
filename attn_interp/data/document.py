"""A document: the words of one text, its label, and what people said about its words."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Document:
    """One labelled text, cut into words.

    Attributes:
        id: Name of the document, not empty, unique within its corpus. Everything random that concerns a document is
            drawn from (seed, id).
        words: The T words in order, at least one, none blank.
        label: Index into the class names of the corpus, 0 <= label < C.
        rationales: Zero or more human annotators; each gives one value in [0, 1] per word (1: the word supports the
            label, 0: it does not).
        signals: Named external data, one number per word (for example the label of each word in a sentiment treebank);
            NaN where a word has none.
        text: The text the words were cut from, or None where the corpus came in words.
        spans: For each word its half-open (start, end) character offsets in `text`, or None without a text.

    Raises:
        TypeError: words is a single string, or the label is not a whole number.
        ValueError: naming the document, what is wrong with it and what to do.
    """

    id: str
    words: tuple[str, ...]
    label: int
    rationales: tuple[tuple[float, ...], ...] = ()
    signals: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("document '': its id is empty; give it a name that no other document has")
        if isinstance(self.words, str):
            raise TypeError(
                f"document {self.id!r}: words is one string; cut it with `tokenise` or give a tuple of words"
            )
        # One spelling of equal contents, whatever sequences and number types they came in: saved and loaded documents
        # are equal and have the same fingerprint.
        signals = {name: tuple(map(float, values)) for name, values in self.signals.items()}
        object.__setattr__(self, "words", tuple(self.words))
        object.__setattr__(self, "label", operator.index(self.label))
        object.__setattr__(self, "rationales", tuple(tuple(map(float, values)) for values in self.rationales))
        object.__setattr__(self, "signals", signals)
        if self.spans is not None:
            object.__setattr__(self, "spans", tuple((int(start), int(end)) for start, end in self.spans))
        self._check_words()
        self._check_values()
        self._check_spans()

    def __len__(self) -> int:
        return len(self.words)

    def _check_words(self) -> None:
        if not self.words:
            raise ValueError(f"document {self.id!r}: has no words; remove it or give it at least one word")
        for position, word in enumerate(self.words):
            if not word.strip():
                raise ValueError(f"document {self.id!r}: word {position} is empty; remove it")
        try:
            " ".join((self.id, *self.words, self.text or "")).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"document {self.id!r}: holds half a character ({error.object[error.start]!r}), which no file can "
                "store; remove it"
            ) from error
        if self.label < 0:
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
        for position, (start, end) in enumerate(self.spans):
            if not 0 <= start < end <= len(self.text):
                raise ValueError(
                    f"document {self.id!r}: word {position} has span ({start}, {end}) in a text of "
                    f"{len(self.text)} characters"
                )

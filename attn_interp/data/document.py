"""A document: the words of one text, its label, and what people said about its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Document:
    """One labelled text, cut into words.

    Attributes:
        id: Name of the document, unique within its corpus. Everything random that concerns a document is drawn
            from (seed, id).
        words: The T words in order, at least one, none empty.
        label: Index into the class names of the corpus, 0 <= label < C.
        rationales: Zero or more human annotators; each gives one value in [0, 1] per word (1: the word supports the
            label, 0: it does not).
        signals: Named external data, one number per word (for example the label of each word in a sentiment treebank);
            NaN where a word has none.
        text: The text the words were cut from, or None where the corpus came in words.
        spans: For each word its half-open (start, end) character offsets in `text`, or None without a text.
    """

    id: str
    words: tuple[str, ...]
    label: int
    rationales: tuple[tuple[float, ...], ...] = ()
    signals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    text: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.words)
        if count == 0:
            raise ValueError(f"document {self.id!r}: has no words; remove it or give it at least one word")
        for position, word in enumerate(self.words):
            if not word:
                raise ValueError(f"document {self.id!r}: word {position} is empty; remove it")
        if self.label < 0:
            raise ValueError(f"document {self.id!r}: label {self.label} is negative; labels count from 0")
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
        if (self.spans is None) != (self.text is None):
            raise ValueError(f"document {self.id!r}: text and spans go together; give both or neither")
        if self.spans is not None and self.text is not None:
            if len(self.spans) != count:
                raise ValueError(f"document {self.id!r}: {len(self.spans)} spans for {count} words")
            for position, (start, end) in enumerate(self.spans):
                if not 0 <= start < end <= len(self.text):
                    raise ValueError(
                        f"document {self.id!r}: word {position} has span ({start}, {end}) in a text of "
                        f"{len(self.text)} characters"
                    )

    def __len__(self) -> int:
        return len(self.words)

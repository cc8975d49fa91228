"""A vocabulary: words of the training documents <-> ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from attn_interp.data.document import Document

PADDING, UNKNOWN, START, END = "<pad>", "<unk>", "<s>", "</s>"
SPECIALS = (PADDING, UNKNOWN, START, END)
PADDING_ID, UNKNOWN_ID, START_ID, END_ID = range(len(SPECIALS))


@dataclass(frozen=True)
class Vocabulary:
    """Ids 0..3 are padding, unknown word, start and end of the document; the words follow.

    Words are looked up in lower case, so `Good` and `good` share an id; the document keeps its own spelling.
    """

    words: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.words[: len(SPECIALS)] != SPECIALS:
            raise ValueError(f"vocabulary: the first words must be {SPECIALS}, got {self.words[: len(SPECIALS)]}")
        object.__setattr__(self, "_index", {word: index for index, word in enumerate(self.words)})
        if len(self._index) != len(self.words):
            raise ValueError("vocabulary: words repeat; each word has one id")

    @classmethod
    def build(cls, documents: Iterable[Document], least_count: int = 1) -> Vocabulary:
        """The words that occur at least `least_count` times, most frequent first, ties in alphabetical order; those of
        second texts are counted with the others."""
        counts = Counter(word.lower() for document in documents for word in document.all_words)
        for special in SPECIALS:
            counts.pop(special, None)
        kept = sorted((word for word, n in counts.items() if n >= least_count), key=lambda word: (-counts[word], word))
        return cls(SPECIALS + tuple(kept))

    def __len__(self) -> int:
        return len(self.words)

    def ids(self, words: Sequence[str]) -> list[int]:
        """The id of each word; a word outside the vocabulary has the id of `<unk>`."""
        return [self._index.get(word.lower(), UNKNOWN_ID) for word in words]

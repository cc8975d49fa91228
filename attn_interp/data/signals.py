"""Signals: numbers for the words of a document that come from outside the model, such as ratings, frequency, position.

A word-level table has one value for a word wherever it stands: "not good" and "good" are rated alike. Such a signal is
a context-free proxy for what a word does in its sentence, and its title says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from attn_interp.data.corpora.movies import lexicon
from attn_interp.data.document import Document
from attn_interp.data.formats.csv_files import read_records

PROXY = "context-free proxy"


@dataclass(frozen=True)
class Signal:
    """One number for each word of any document, NaN where a word has none.

    Attributes:
        name: What it is, in a few words; unique among the signals that are used together.
        about: Where the values come from and what they mean.
        values: Document -> one number per word.
        context_free: Whether a word has the same value in every sentence: the title then ends in "(context-free
            proxy)".
        control: Whether the partial correlations of other signals are given this one: for position and frequency.
        absent: What a word without a value counts as; NaN leaves it out. It does not count as covered either way.
    """

    name: str
    about: str
    values: Callable[[Document], Sequence[float]]
    context_free: bool = False
    control: bool = False
    absent: float = math.nan

    @property
    def title(self) -> str:
        """The name as every output shows it, with what absent words count as and whether it is a proxy."""
        absent = "" if math.isnan(self.absent) else f", {self.absent:g} where absent"
        return self.name + absent + (f" ({PROXY})" if self.context_free else "")

    def of(self, document: Document) -> tuple[float, ...]:
        """The values of the document's words, NaN where there is none, whatever `absent` is.

        Raises:
            ValueError: naming the document, where the number of values is not that of its words, or one is infinite.
        """
        values = tuple(map(float, self.values(document)))
        if len(values) != len(document):
            raise ValueError(
                f"document {document.id!r}: signal {self.name!r} has {len(values)} values for {len(document)} words"
            )
        if any(map(math.isinf, values)):
            raise ValueError(f"document {document.id!r}: signal {self.name!r} has an infinite value; use NaN for none")
        return values


def joined(documents: Iterable[Document], signals: Sequence[Signal]) -> tuple[Document, ...]:
    """The documents with the values of the signals among their `Document.signals`, by name; `stored` reads them back.

    Raises:
        ValueError: naming the document, where it has a signal of that name already.
    """
    together = []
    for document in documents:
        added: dict[str, tuple[float, ...]] = {}
        for signal in signals:
            if signal.name in document.signals or signal.name in added:
                raise ValueError(
                    f"document {document.id!r}: has a signal {signal.name!r} already; give the new one another name"
                )
            added[signal.name] = signal.of(document)
        together.append(replace(document, signals={**document.signals, **added}))
    return tuple(together)


def stored(name: str, about: str, context_free: bool) -> Signal:
    """The values that the documents themselves carry under this name in `Document.signals`.

    Args:
        name: For example "word label", under which a sentiment treebank has the label of each single word.
        about: What the values mean.
        context_free: Whether each word was rated alone, as the words of the Stanford Sentiment Treebank were.

    Raises (when the values are asked for):
        ValueError: naming a document that has no signal of this name, and those it has.
    """

    def values(document: Document) -> tuple[float, ...]:
        if name not in document.signals:
            known = ", ".join(map(repr, sorted(document.signals))) or "none"
            raise ValueError(f"document {document.id!r}: has no signal {name!r}; its signals are: {known}")
        return document.signals[name]

    return Signal(name, about, values, context_free)


def word_values(name: str, values: Mapping[str, float], about: str) -> Signal:
    """The value that a table has for the word; NaN for words that the table lacks.

    A word is looked up as it is spelled and, where the table lacks that spelling, in lower case: "Good" finds an entry
    "good", and "good" does not find an entry "Good". Entries of several words are never found.

    Raises:
        ValueError: the table is empty or has a value that is not finite.
    """
    if not values:
        raise ValueError(f"signal {name!r}: the table has no words; give it at least one")
    for word, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"signal {name!r}: the value of {word!r} is {value}; leave the word out of the table")

    def look_up(document: Document) -> list[float]:
        return [values.get(word, values.get(word.lower(), math.nan)) for word in document.words]

    return Signal(name, about, look_up, context_free=True)


def read_word_values(path: Path | str, word: str = "word", value: str = "value") -> dict[str, float]:
    """The table in a CSV or TSV file with a column of words and a column of numbers; other columns are not read.

    Spellings are kept: "Good" and "good" are two words, the same spelling twice is an error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: naming file and row: no such column, an empty word, a value that is no finite number, a word that
            stands twice; or a file without rows.
    """
    values: dict[str, float] = {}
    place_of: dict[str, str] = {}
    for place, cell in read_records(Path(path), (word, value)):
        spelled = cell[word].strip()
        if not spelled:
            raise ValueError(f"{place}: column {word!r} is empty; write a word or remove the row")
        if spelled in place_of:
            raise ValueError(f"{place}: word {spelled!r} stands already at {place_of[spelled]}; keep one of the rows")
        try:
            number = math.nan if "_" in cell[value] else float(cell[value])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(
                f"{place}: {value} of {spelled!r} is {cell[value]!r}, expected a finite number such as -1.5; remove "
                "the row where the word has none"
            )
        values[spelled], place_of[spelled] = number, place
    if not values:
        raise ValueError(f"{path}: has no rows under its columns; give it at least one word")
    return values


def strength_of(signal: Signal, name: str, neutral: float = 0.0) -> Signal:
    """How far the value of a signal is from its neutral value: |value - neutral|, for signals that have two sides."""
    return replace(
        signal,
        name=name,
        about=f"distance from {neutral:g} of: {signal.about}",
        values=lambda document: [abs(value - neutral) for value in signal.of(document)],
    )


def lexicon_strength() -> Signal:
    """How strong the word's sentiment is in the lexicon that comes with the embedded corpus: |mean rating|, 0 to 4.

    The lexicon holds about a tenth of the running words of the movie snippets, so that most documents have few words
    to compare. `dataclasses.replace(lexicon_strength(), absent=0.0)` counts the others as neutral.

    Raises:
        FileNotFoundError, ValueError: as `load_movies`.

    Reference: Hutto & Gilbert 2014, VADER: a parsimonious rule-based model for sentiment analysis of social media text.
    """
    about = "mean of ten human ratings of the word alone, -4 to 4 (Hutto & Gilbert 2014)"
    return strength_of(word_values("lexicon rating", lexicon(), about), "lexicon strength")


def log_frequency(documents: Iterable[Document]) -> Signal:
    """ln(1 + count), count being how often the word, in lower case, occurs in the documents; 0 where it never does.

    Give the training documents: what the model has seen of a word. A control.
    """
    counts = Counter(word.lower() for document in documents for word in document.all_words)
    return Signal(
        "log frequency",
        "ln(1 + count of the word, in lower case, in the training documents)",
        lambda document: [math.log1p(counts[word.lower()]) for word in document.words],
        control=True,
    )


def position_from_start() -> Signal:
    """1 for the first word, T for the last. A control. All three positions rank the words of a document alike or in
    reverse, so one of them is enough within documents."""
    about = "place of the word in its document, the first being 1"
    return Signal("position", about, lambda document: range(1, len(document) + 1), control=True)


def position_from_end() -> Signal:
    """1 for the last word, T for the first. A control."""
    about = "place of the word in its document, the last being 1"
    return Signal("position from the end", about, lambda document: range(len(document), 0, -1), control=True)


def relative_position() -> Signal:
    """0 for the first word, 1 for the last, evenly in between; 0 in a document of one word. A control."""
    return Signal(
        "relative position",
        "place of the word in its document, from 0 for the first to 1 for the last",
        lambda document: [place / max(1, len(document) - 1) for place in range(len(document))],
        control=True,
    )

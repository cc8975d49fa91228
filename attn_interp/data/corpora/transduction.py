"""Made-up tasks that turn one text into another, in which it is known which words belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from attn_interp.data.draws import generator
from attn_interp.data.vocabulary import SPECIALS, Vocabulary

SYMBOLS = tuple("abcdefghijkl")
MOST_COPIES = 3
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
YEARS = range(1950, 2000)


@dataclass(frozen=True)
class Transduction:
    """A text and the text that it is turned into.

    Attributes:
        id: Name of the pair, not empty. Everything random that concerns it is drawn from (seed, id).
        source: The K words that are read, at least one.
        target: The Q words that are written, at least one.
        alignment: Links (target position, source position), each once; a word may have several or none.

    Raises:
        ValueError: naming the pair: a text without words, or a link that is outside the texts or there twice.
    """

    id: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    alignment: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for name, words in (("source", self.source), ("target", self.target)):
            if not words:
                raise ValueError(f"pair {self.id!r}: its {name} has no words; remove the pair")
        for link in self.alignment:
            if not (0 <= link[0] < len(self.target) and 0 <= link[1] < len(self.source)):
                raise ValueError(
                    f"pair {self.id!r}: link {link} is outside {len(self.target)} target and {len(self.source)} source "
                    "words; a link is (target position, source position), counted from 0"
                )
        if len(set(self.alignment)) < len(self.alignment):
            raise ValueError(f"pair {self.id!r}: a link is there twice; give each one once")


Task = Callable[[str, int, np.random.Generator], Transduction]
"""(id, number of source words, draw) -> pair."""


def reversal(name: str, length: int, draw: np.random.Generator) -> Transduction:
    """The symbols from the last to the first; none comes twice, so that the target leaves no doubt about its origin."""
    source = tuple(SYMBOLS[index] for index in draw.permutation(len(SYMBOLS))[:length])
    return Transduction(name, source, source[::-1], tuple((place, length - 1 - place) for place in range(length)))


def fertility(name: str, length: int, draw: np.random.Generator) -> Transduction:
    """Every symbol copied once, twice or three times; how often depends on the symbol: a once, b twice, c three times,
    d once and so on. None comes twice in the source."""
    indices = draw.permutation(len(SYMBOLS))[:length]
    origins = [place for place, index in enumerate(indices) for _ in range(1 + index % MOST_COPIES)]
    source = tuple(SYMBOLS[index] for index in indices)
    return Transduction(name, source, tuple(source[place] for place in origins), tuple(enumerate(origins)))


def dates(name: str, length: int, draw: np.random.Generator) -> Transduction:
    """A date as `7 march 1987`, `march 7 , 1987` or `1987 , the 7 of march` -> `1987 03 07`. It ignores the length."""
    ranges = ((1, 29), (0, 12), (YEARS.start, YEARS.stop))
    day, month, year = (int(draw.integers(first, end)) for first, end in ranges)
    words = {"day": str(day), "month": MONTHS[month], "year": str(year)}
    forms = (("day", "month", "year"), ("month", "day", ",", "year"), ("year", ",", "the", "day", "of", "month"))
    form = forms[draw.integers(len(forms))]
    target = (str(year), f"{month + 1:02d}", f"{day:02d}")
    links = tuple((place, form.index(part)) for place, part in enumerate(("year", "month", "day")))
    return Transduction(name, tuple(words.get(part, part) for part in form), target, links)


TASKS: Mapping[str, Task] = MappingProxyType({"dates": dates, "fertility": fertility, "reversal": reversal})


def transductions(
    task: str, pairs: int, least_length: int = 3, most_length: int = 9, seed: int = 0
) -> tuple[Transduction, ...]:
    """Pairs of a task, each drawn from (seed, id): the first of many pairs are the same as of few.

    Args:
        task: "reversal", "fertility" (copying) or "dates".
        pairs: How many.
        least_length, most_length: Source words, each number as likely as any other, at most 12; dates have their own.
        seed: Draws the pairs.

    Raises:
        ValueError: an unknown task, pairs below 1, or lengths out of order.
    """
    if task not in TASKS:
        raise ValueError(f"task: got {task!r}, expected one of {', '.join(map(repr, sorted(TASKS)))}")
    if pairs < 1:
        raise ValueError(f"pairs: got {pairs}, expected at least 1")
    if not 1 <= least_length <= most_length <= len(SYMBOLS):
        raise ValueError(
            f"lengths are {least_length} to {most_length}; expected 1 <= least_length <= most_length <= {len(SYMBOLS)}"
        )
    made = []
    for number in range(pairs):
        name = f"{task}-{number}"
        draw = generator(seed, name)
        made.append(TASKS[task](name, int(draw.integers(least_length, most_length + 1)), draw))
    return tuple(made)


def vocabulary_of(task: str) -> Vocabulary:
    """The words of a task, of both its sides, in one vocabulary.

    Raises:
        ValueError: an unknown task.
    """
    if task not in TASKS:
        raise ValueError(f"task: got {task!r}, expected one of {', '.join(map(repr, sorted(TASKS)))}")
    words: tuple[str, ...] = SYMBOLS
    if task == "dates":
        numbers = [f"{number:02d}" for number in range(1, 29)] + [str(number) for number in range(1, 29)]
        words = (*MONTHS, ",", "the", "of", *dict.fromkeys(numbers), *map(str, YEARS))
    return Vocabulary(SPECIALS + words)

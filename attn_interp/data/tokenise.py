"""Words of running text, each with the place where it stands."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from operator import le
from typing import SupportsIndex, overload

Span = tuple[int, int]
SKIN_TONES = range(0x1F3FB, 0x1F400)
TAGS = range(0xE0020, 0xE0080)  # spell the region of a flag such as that of Scotland
JOINERS = (0x00AD, 0x200C, 0x200D)  # soft hyphen, zero-width non-joiner and joiner: they stand inside words
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
PLANES_WITH_MARKS = (range(0x20000), range(0xE0000, 0xE0200))  # no other plane holds marks or format characters


class Spans(Sequence[Span]):
    """The (start, end) of T words in eight bytes each, where pairs take over a hundred. Equal to the tuple of pairs.

    Raises:
        OverflowError: a number is too large for 32 bits.

    >>> Spans([(0, 1), (2, 6)])[1]
    (2, 6)
    """

    def __init__(self, pairs: Iterable[Span]) -> None:
        self._numbers = array("i", chain.from_iterable(pairs))

    def __len__(self) -> int:
        return len(self._numbers) // 2

    def __iter__(self) -> Iterator[Span]:
        numbers = iter(self._numbers)
        return zip(numbers, numbers)

    @overload
    def __getitem__(self, place: SupportsIndex) -> Span: ...
    @overload
    def __getitem__(self, place: slice) -> Spans: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Span | Spans:
        chosen = range(len(self))[place]  # raises IndexError past the last
        if isinstance(chosen, range):
            return Spans(self[each] for each in chosen)
        return self._numbers[2 * chosen], self._numbers[2 * chosen + 1]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, Spans) else other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def cut(self, text: str) -> tuple[str, ...] | None:
        """What stands there in a text; None where they do not stand in it from left to right."""
        places = [0, *self._numbers, len(text)]
        return tuple([text[start:end] for start, end in self]) if all(map(le, places, places[1:])) else None


def tokenise(text: str) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """The words of a text and the half-open character offsets of each: `text[start:end] == word`, left to right.

    A word is a run of letters, digits and underscores, with the apostrophes and hyphens inside it (don't, well-made)
    and the points and commas between two digits (3.5, 1,000); every other visible character is a word of its own, each
    punctuation mark too. Combining marks stay with their letter, and a flag or an emoji that is made of several
    characters is one word. White space and characters that cannot be seen (controls, byte order marks) part words and
    belong to none. What is written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is cut into the words
    that the dictionaries of ICU find, as UAX #29 of Unicode asks.

    >>> tokenise("An excellent film, 非常好看")[0]
    ('An', 'excellent', 'film', ',', '非常', '好看')
    """
    found = _word().finditer(text)
    spans = tuple(span for match in found for span in _cut(match)) if UNSPACED.search(text) else _places(found)
    return tuple([text[start:end] for start, end in spans]), spans


def _places(found: Iterable[re.Match[str]]) -> tuple[Span, ...]:
    return tuple([match.span() for match in found])


def _cut(match: re.Match[str]) -> Iterator[Span]:
    """The words of a run of letters: itself, or those of a script without spaces."""
    run, start = match.group(), match.start()
    if len(run) == 1 or not UNSPACED.search(run):
        yield match.span()
        return
    from icu4py.breakers import WordBreaker

    ends = accumulate(map(len, WordBreaker(run, "en")), initial=start)
    yield from pairwise(ends)


@cache
def _word() -> re.Pattern[str]:
    marks, invisible = _characters({"Mn", "Mc", "Me"}), _characters({"Cf", "Cc"})
    attached = "[" + _ranges(sorted({*marks, *SKIN_TONES, *TAGS, *JOINERS})) + "]*"
    letters = rf"(?:\w{attached})+"
    joined = rf"{letters}(?:(?:(?<=\d)[.,](?=\d)|['’\-‐‑]){letters})*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    visible = rf"[^\s\w{_ranges(invisible)}]"
    symbol = rf"(?:{flag}|{visible}){attached}(?:(?<=\u200d){visible}{attached})*"
    return re.compile(f"{joined}|{symbol}")


def _characters(categories: set[str]) -> list[int]:
    return [code for plane in PLANES_WITH_MARKS for code in plane if unicodedata.category(chr(code)) in categories]


def _ranges(codes: Iterable[int]) -> str:
    """The inside of a character class that holds exactly these code points, given in rising order."""
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in _runs(codes))


def _runs(codes: Iterable[int]) -> Iterator[Span]:
    first = last = None
    for code in codes:
        if first is not None and last is not None and code == last + 1:
            last = code
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = code
    if first is not None and last is not None:
        yield first, last

"""Marks on characters or word pieces -> values of words, by offsets alone; what does not align is never shifted."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal, get_args

from attn_interp.data.document import Document
from attn_interp.data.tokenise import Span, tokenise

Cut = Literal["annotated", "tokenised"]
QUOTES = {"``": '"', "''": '"', "`": "'", "“": '"', "”": '"', "‘": "'", "’": "'"}


def values_of_spans(words: Sequence[Span], marked: Sequence[Span]) -> tuple[float, ...]:
    """1 for each word of which at least one character is marked, else 0: a word marked in part counts as marked.

    This is the one rule for partly covered words, for every corpus.

    Args:
        words: The T words' half-open character offsets.
        marked: Half-open offsets of the marks in the same text, in any order; they may overlap.
    """
    return tuple(float(any(a < b and a < end and start < b for a, b in marked)) for start, end in words)


def span_fault(start: object, end: object, length: int) -> str | None:
    """What is wrong with half-open offsets into `length` characters or words, or None: 0 <= start < end <= length."""
    if type(start) is not int or type(end) is not int:
        return f"offsets ({start!r}, {end!r}) are not whole numbers"
    if not 0 <= start < end <= length:
        return f"offsets ({start}, {end}) do not lie within 0 to {length}"
    return None


def cut_text(text: str, cut: Cut) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """Words and their offsets: "annotated" parts at white space, as annotators saw them; "tokenised" as `tokenise`.

    Raises:
        ValueError: another cut.
    """
    if cut not in get_args(Cut):
        raise ValueError(f"cut: got {cut!r}, expected one of {', '.join(get_args(Cut))}")
    if cut == "tokenised":
        return tokenise(text)
    matches = list(re.finditer(r"\S+", text))
    return tuple(match.group() for match in matches), tuple(match.span() for match in matches)


def carry_spans(spans: Sequence[Span], source: str, target: str) -> tuple[Span, ...] | None:
    """The same stretches of characters in a text that differs in white space only; None where it differs otherwise.

    Spans that hold white space alone, or nothing, vanish.
    """
    places, goals = _visible(source), _visible(target)
    if [source[place] for place in places] != [target[goal] for goal in goals]:
        return None
    ranks = [(bisect_left(places, start), bisect_left(places, end)) for start, end in spans]
    return tuple((goals[first], goals[last - 1] + 1) for first, last in ranks if first < last)


def _visible(text: str) -> list[int]:
    return [place for place, character in enumerate(text) if not character.isspace()]


def recut(document: Document, words: Sequence[str]) -> Document:
    """The same document in other words of the same characters, its rationales carried over by offsets.

    White space, case and the style of quotation marks (`` '' ` and curly ones) are no difference. A new word has the
    largest value among the old words with which it shares a character. Text, spans and signals are left out.

    Raises:
        ValueError: the characters differ; the message names the document and the first place where they do.
    """
    old, new = [_plain(word) for word in document.words], [_plain(word) for word in words]
    if not all(new):
        raise ValueError(f"document {document.id!r}: given word {new.index('')} is empty; remove it")
    had, given = "".join(old), "".join(new)
    if had != given:
        place = next((n for n, (a, b) in enumerate(zip(had, given)) if a != b), min(len(had), len(given)))
        raise ValueError(
            f"document {document.id!r}: its characters differ from those of the given words from character {place} "
            f"({had[place : place + 12]!r} against {given[place : place + 12]!r}); give words of the same text"
        )
    before, after = _joined(old), _joined(new)
    rationales = tuple(
        tuple(
            max(value for value, (begin, stop) in zip(rationale, before) if start < stop and begin < end)
            for start, end in after
        )
        for rationale in document.rationales
    )
    return Document(
        id=document.id, words=tuple(words), label=document.label, rationales=rationales, second=document.second
    )


def _plain(word: str) -> str:
    for styled, plain in QUOTES.items():
        word = word.replace(styled, plain)
    return "".join(word.split()).lower()


def _joined(words: Sequence[str]) -> list[Span]:
    """Offsets of the words in their concatenation."""
    ends = accumulate(map(len, words), initial=0)
    return list(pairwise(ends))

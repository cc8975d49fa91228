"""The rules that decide the label of a planted document, each as the evidence that makes it so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

NOT = "not"

Block = tuple[tuple[str, bool], ...]
"""Words that stay together, in order, each with whether it is part of the rationale."""

Rule = Callable[[int, Sequence[str], int, np.random.Generator], Sequence[Block]]
"""(label, keyword of each class, copies, draw) -> the evidence of one document, in the order in which it stands."""


def keyword(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """The keyword of the class."""
    return copies * [((keywords[label], True),)]


def conjunction(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """Class 1 has both words; class 0 has one of them alone, twice as often, so that their number says nothing."""
    both = list(keywords) if label == 1 else 2 * [keywords[int(draw.integers(2))]]
    return _in_any_order([((word, True),) for word in copies * both], draw)


def negation(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """In every other document, by chance, the keyword of the other class behind "not"."""
    if draw.integers(2):
        return copies * [((NOT, True), (keywords[1 - label], True))]
    return copies * [((keywords[label], True),)]


def counting(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """The keyword of the class twice as often as that of one other class; those of the class are enough."""
    rival = _rival(label, keywords, draw)
    return _in_any_order(2 * copies * [((keywords[label], True),)] + copies * [((rival, False),)], draw)


def first(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """The keyword of the class, and after it that of another class."""
    return copies * [((keywords[label], True),)] + copies * [((_rival(label, keywords, draw), False),)]


def last(label: int, keywords: Sequence[str], copies: int, draw: np.random.Generator) -> Sequence[Block]:
    """The keyword of another class, and after it that of the class."""
    return first(label, keywords, copies, draw)[::-1]


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "conjunction": conjunction,
        "counting": counting,
        "first": first,
        "keyword": keyword,
        "last": last,
        "negation": negation,
    }
)
"""By name; "everywhere" is not among them, since it plants no words."""

EVERYWHERE = "everywhere"
TWO_CLASSES = ("conjunction", "negation")
MOST_WORDS: Mapping[str, int] = MappingProxyType(
    {"conjunction": 2, "counting": 3, "everywhere": 1, "first": 2, "keyword": 1, "last": 2, "negation": 2}
)
"""Most words of evidence that a rule puts into a document, for each copy."""


def _rival(label: int, keywords: Sequence[str], draw: np.random.Generator) -> str:
    others = [word for index, word in enumerate(keywords) if index != label]
    return others[int(draw.integers(len(others)))]


def _in_any_order(blocks: Sequence[Block], draw: np.random.Generator) -> Sequence[Block]:
    return [blocks[index] for index in draw.permutation(len(blocks))]

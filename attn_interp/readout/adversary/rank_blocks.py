"""Orders of the weights of one document, and the reversal by rank brought back to the output of the model.

In long documents words of neighbouring ranks take the weights of each other, which costs little where these are nearly
alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from attn_interp.measures.divergence import LN2
from attn_interp.readout.adversary.slab import Slab

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]


def overlap(one: Floats, other: Floats) -> Floats:
    """What words of weight `one` add to the overlap of two attentions of which the second gives them `other`."""
    found: Floats = special.entr(one) + special.entr(other) - special.entr(one + other)
    return found


class Ranked:
    """Weights alpha (T,), scores s (T,) and the slab of one document, the words by rising weight: so assigned they take
    half the time. An order says whose weight each word gets."""

    def __init__(self, alpha: Floats, s: Floats, bounds: Slab) -> None:
        self.alpha, self.s = alpha, s
        self.lower, self.upper = float(bounds.lower), float(bounds.upper)
        self.words = np.arange(len(alpha))
        self.falling = self.words[::-1]

    def jsd(self, order: Integers) -> float:
        return LN2 - float(overlap(self.alpha, self.alpha[order]).sum()) / 2

    def excess(self, value: float) -> float:
        """How far a decision value lies above (positive) or below (negative) the slab; 0 inside."""
        return max(value - self.upper, 0.0) + min(value - self.lower, 0.0)

    def value(self, order: Integers) -> float:
        return float(self.s @ self.alpha[order])


class Deal(NamedTuple):
    """Some words, whose weights they get, how far that moves the value, and what it costs in overlap for each unit."""

    price: float
    moved: float
    words: Integers
    given: Integers


def in_blocks(one: Ranked) -> tuple[Integers, float, float]:
    """The reversal, with the weights within blocks of neighbouring ranks dealt out by score until the value is in
    the slab: blocks as small as can move it so far, then smaller ones for what is left. The upper bound is the
    divergence of the reversal."""
    order = one.falling.copy()
    upper, value, size = one.jsd(order), one.value(order), 1
    reached = one.excess(value) == 0
    while not reached and size < len(one.words):
        size *= 2
        moved = sum(deal.moved for deal in _dealt(one, size, order, value))
        reached = one.excess(value + moved) * one.excess(value) <= 0
    while size > 1:
        for deal in sorted(_dealt(one, size, order, value), key=lambda deal: deal.price):
            excess, after = one.excess(value), one.excess(value + deal.moved)
            if excess != 0 and 0 <= after / excess < 1:  # nearer to the slab, and not beyond it
                order[deal.words], value = deal.given, value + deal.moved
        size //= 2
    if one.excess(one.value(order)) != 0:
        order = one.words
    return order, one.jsd(order), upper


def _dealt(one: Ranked, size: int, order: Integers, value: float) -> list[Deal]:
    """The weights that an order gives the words of each block of ranks, dealt out anew so that they move the value
    furthest towards the slab."""
    found = []
    for words in np.split(one.falling, range(size, len(one.words), size)):
        given = order[words]
        rising = given[one.alpha[given].argsort(kind="stable")]
        anew = np.empty_like(given)
        anew[(-one.excess(value) * one.s[words]).argsort(kind="stable")] = rising
        own, before, after = one.alpha[words], one.alpha[given], one.alpha[anew]
        moved = float(one.s[words] @ (after - before))
        cost = float((overlap(own, after) - overlap(own, before)).sum())
        found.append(Deal(cost / max(abs(moved), np.finfo(float).tiny), moved, words, anew))
    return found

"""The best vertex of one long document without trying every pair of words: bound groups of pairs, visit the most
promising first.

The weight lam of the lower word rises with the scores of both words, D(alpha, .) is concave in lam and D rises with
alpha. So no pair of two groups overlaps less than the groups' smallest alphas do at one of the two extreme lam.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

GROUP = 16  # words: smaller bounds better and costs more bounds
VISIT = 64  # pairs of groups evaluated together


class Vertex(NamedTuple):
    """Overlap sum_t D(alpha_t, q_t), the two words and the weight of the first."""

    overlap: float
    first: int
    second: int
    weight: float


def best_vertex(alpha: Floats, s: Floats, lower: float, upper: float) -> Vertex | None:
    """The vertex of {q in the simplex, lower <= s.q <= upper} with the least overlap with alpha; exact.

    Args:
        alpha, s: (T,) attention and scores of the words of one document.
        lower, upper: The faces of the slab, possibly infinite.

    Returns:
        None where the slab has no vertex.
    """
    best: Vertex | None = None
    alone = np.flatnonzero((s >= lower) & (s <= upper))
    if len(alone):
        overlaps = shared(alpha[alone], np.ones(len(alone)))
        word = int(alone[overlaps.argmin()])
        best = Vertex(float(overlaps.min()), word, word, 1.0)
    for face in (lower, upper):
        below, above = np.flatnonzero(s < face), np.flatnonzero(s > face)
        if len(below) and len(above):
            best = _best_pair(alpha, s, face, _groups(alpha, s, below), _groups(alpha, s, above), best)
    return best


def shared(a: Floats, q: Floats) -> Floats:
    """D(a, q) as in `adversary.shared`, on arrays."""
    total: Floats = a + q
    return -(_xlogx(a) + _xlogx(q) - _xlogx(total))


def _xlogx(x: Floats) -> Floats:
    # an exact 0 becomes 0 times the log of the smallest number; scipy's xlogy costs three times as much
    return x * np.log(np.maximum(x, 5e-324))


def _groups(alpha: Floats, s: Floats, words: Integers) -> Integers:
    """(G, GROUP) words of one side, alike in s and then in alpha; a group that is not full repeats its last word."""
    strips = np.array_split(words[s[words].argsort()], max(1, round(math.sqrt(len(words) / GROUP))))
    groups = []
    for strip in strips:
        ordered = strip[alpha[strip].argsort()]
        for start in range(0, len(ordered), GROUP):
            group = ordered[start : start + GROUP]
            groups.append(np.pad(group, (0, GROUP - len(group)), mode="edge"))
    return np.stack(groups)


def _best_pair(
    alpha: Floats, s: Floats, face: float, below: Integers, above: Integers, best: Vertex | None
) -> Vertex | None:
    least_below, least_above = alpha[below].min(1)[:, None], alpha[above].min(1)[None, :]
    ends = []
    for pick in (np.min, np.max):
        gap_below, gap_above = face - pick(s[below], axis=1)[:, None], pick(s[above], axis=1)[None, :] - face
        lam = gap_above / (gap_above + gap_below)
        ends.append(shared(least_below, lam) + shared(least_above, gap_below / (gap_above + gap_below)))
    bound = np.minimum(*ends).ravel()  # (groups below x groups above,)
    visits = bound.argsort()
    for start in range(0, len(visits), VISIT):
        pairs = visits[start : start + VISIT]
        if best is not None and bound[pairs[0]] >= best.overlap:
            break
        i, j = below[pairs // len(above)][:, :, None], above[pairs % len(above)][:, None, :]
        gap_below, gap_above = face - s[i], s[j] - face
        lam = gap_above / (gap_above + gap_below)
        overlap = shared(alpha[i], lam) + shared(alpha[j], gap_below / (gap_above + gap_below))
        place = np.unravel_index(overlap.argmin(), overlap.shape)
        if best is None or overlap[place] < best.overlap:
            row, left, right = place
            best = Vertex(float(overlap[place]), int(i[row, left, 0]), int(j[row, 0, right]), float(lam[place]))
    return best

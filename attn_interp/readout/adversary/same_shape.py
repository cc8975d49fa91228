"""The most different attention of the same shape, as an interval: permutations of the weights, for two classes.

Entropy and largest weight stay what they are, so that neither can be what makes the difference. The reversal by rank
is the most different permutation of all; where it moves the output too far, Lagrange relaxation bounds the optimum
from above and permutations repaired by exchanges of two words attain nearly that. Where the two are still apart, the
permutations are parted by the word that gets the largest weight, then by that of the second largest, and so on, each
part with its own bound (branch and bound); where words are many, by groups of words of similar score first.

The relaxation is an assignment of T weights to T words, whose memory goes with T squared and its time with its cube. So
operations are counted, and the answer is what is proved when they reach their limit. In long documents the reversal is
also brought back to the output in blocks of ranks.
"""

from __future__ import annotations

import itertools
import math
from functools import cache, cached_property
from heapq import heapify
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from attn_interp.measures.divergence import LN2
from attn_interp.readout.adversary.rank_blocks import Floats, Integers, Ranked, in_blocks, overlap
from attn_interp.readout.adversary.slab import Slab, slab, two_class_scores, two_class_tvd
from attn_interp.readout.entry import Array, entered

ENUMERATED_UP_TO = 7  # words: 5,040 permutations
RELAXED_UP_TO = 1000  # words
OPERATIONS = 2e9  # of a document, a second or two; half of them at most until it is parted, or two assignments
EXCHANGE = 20  # operations over T squared; those of an assignment are T cubed
PRECISION = 1e-4  # of the multiplier; the bound is flat around its optimum
TRIALS = 80  # of multipliers
STARTS = 200  # over the number of words: orders to repair
EXCHANGES = 10  # per word, at most
WIDEST = 0.001  # nats: an interval that is wider is parted further
PARTS = 300  # at most; each is parted by the word that gets the next largest weight
SINGLY = 64  # words; of more, a part is parted into groups first
GROUPS = 8


class PermutationAdversary(NamedTuple):
    """Per document: an interval [jsd, jsd_upper] (B,) in nats that holds the largest divergence.

    jsd is attained by weights (B, T), a permutation of the model's, whose output moves by tvd (B,), at most eps up to
    rounding. The two ends are equal where the optimum is known.
    """

    jsd: torch.Tensor
    jsd_upper: torch.Tensor
    weights: torch.Tensor
    tvd: torch.Tensor


def permutation_adversary(
    weights: Array, votes: Array, is_word: Array | None = None, eps: float = 0.01
) -> PermutationAdversary:
    """Largest JSD(q, alpha) over the permutations q of alpha whose output is within eps in total variation.

    Exact up to 7 words and wherever the reversal by rank is feasible; elsewhere a certified interval, which is at most
    .001 nats wide unless 300 parts of the permutations, or 2e9 operations, did not suffice: 16,000 assignments of 50
    words, 250 of 200, two of 1,000. The upper end never exceeds the divergence of the reversal; above 1,000 words it is
    that, the lower end is attained near the reversal, and the interval may be wide.

    Args:
        weights: (B, T) attention of the model.
        votes: (B, T, 2).
        is_word: (B, T) bool; None: every position is a word.
        eps: Largest total variation distance allowed, in [0, 1).

    Returns:
        jsd and jsd_upper (B,) in nats; weights (B, T) that attain jsd; tvd (B,) of their output.

    Raises:
        ValueError, TypeError: as `entered`, for several heads, other than two classes, or eps outside [0, 1).

    >>> found = permutation_adversary([[0.9, 0.1]], [[[3.0, 0.0], [3.0, 0.0]]])
    >>> found.weights.tolist(), bool(found.jsd == found.jsd_upper)
    ([[0.1, 0.9]], True)
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    scores = two_class_scores(weights, votes)
    value = (weights * scores).sum(-1)
    bounds = slab(value, eps)
    found = weights.clone()
    ends = torch.zeros(len(weights), 2, dtype=torch.float64, device=weights.device)
    for row, words in enumerate(is_word):
        alpha, s = weights[row, words].cpu().numpy(), scores[row, words].cpu().numpy()
        rising = alpha.argsort(kind="stable")
        one = _Document(alpha[rising], s[rising], Slab(bounds.lower[row].cpu(), bounds.upper[row].cpu()))
        if len(alpha) <= ENUMERATED_UP_TO:
            order, lower, upper = one.enumerate()
        else:
            order, lower, upper = one.interval() if len(alpha) <= RELAXED_UP_TO else in_blocks(one)
        given = np.empty_like(alpha)
        given[rising] = one.alpha[order]
        found[row, words] = torch.from_numpy(given).to(found.device)
        ends[row] = torch.tensor([lower, upper], dtype=torch.float64)
    ends = ends.clamp(0.0, LN2)
    return PermutationAdversary(ends[:, 0], ends[:, 1], found, two_class_tvd(value, (found * scores).sum(-1)))


class Part(NamedTuple):
    """The orders in which the words `given` have the largest weights, in this turn, and one of `among` the next (any
    other word where it is empty)."""

    given: tuple[int, ...] = ()
    among: tuple[int, ...] = ()


@cache
def _permutations(words: int) -> Integers:
    return np.array(list(itertools.permutations(range(words))), dtype=np.int64)


class _Document(Ranked):
    """The words of one document, with what an assignment of their weights costs."""

    operations = 0.0  # so far

    @cached_property
    def cost(self) -> Floats:
        """(T, T) at [t, j] what word t adds to the overlap with alpha when it gets the weight of word j."""
        return overlap(self.alpha[:, None], self.alpha)

    @cached_property
    def moved(self) -> Floats:
        """(T, T) at [t, j] what word t adds to the decision value when it gets the weight of word j."""
        return np.outer(self.s, self.alpha)

    def enumerate(self) -> tuple[Integers, float, float]:
        orders = _permutations(len(self.alpha))
        values = self.alpha[orders] @ self.s
        overlaps = self.cost[self.words, orders].sum(1)
        feasible = (values >= self.lower) & (values <= self.upper)
        feasible[0] = True  # the model's own attention, which rounding may put outside
        best = np.where(feasible, overlaps, np.inf).argmin()
        jsd = LN2 - float(overlaps[best]) / 2
        return orders[best], jsd, jsd

    def interval(self) -> tuple[Integers, float, float]:
        """The best feasible order found, its divergence, and an upper bound."""
        bound, met = self.relaxation(Part(), -math.inf, OPERATIONS / 2)
        if self.excess(self.value(met[0])) == 0:
            return met[0], bound, bound
        ended = self.operations >= OPERATIONS / 2
        starts = [*self.nearest(met), self.words]
        tried = [self.repaired(order, OPERATIONS / 2 / len(starts)) for order in starts]
        repaired = [order for order in tried if order is not None]
        best = max([*repaired, self.words, *([in_blocks(self)[0]] if ended else [])], key=self.jsd)
        return self.parted(best, bound)

    def relaxation(self, part: Part, enough: float, limit: float) -> tuple[float, list[Integers]]:
        """An upper bound over the orders of a part, and the orders met on the way, the first of them the best without
        regard to the slab. It ends early at `enough`, or when the operations reach their limit."""
        barred = self.barred(part)
        # the relaxed problem at multiplier 0: any excess tells in which direction to push
        order, value, bound = self.relaxed(0.0, barred)
        met, excess = [order], self.excess(value)
        low, high = 0.0, 1.0 / max(float(np.ptp(self.s)), 1e-12)
        bracketed = False
        for _ in range(TRIALS if excess else 0):
            multiplier = (low + high) / 2 if bracketed else high
            order, value, relaxed = self.relaxed(math.copysign(multiplier, excess), barred)
            bound = min(bound, relaxed)
            met.append(order)
            if self.excess(value) * excess > 0:
                low = multiplier
                high = high if bracketed else 2 * high
            else:
                high, bracketed = multiplier, True
            if bound <= enough or self.operations >= limit or (bracketed and high - low <= PRECISION * high):
                break
        return bound, met

    def parted(self, best: Integers, bound: float) -> tuple[Integers, float, float]:
        """Parts the orders by who gets the largest weights until the bound is close to the best order."""
        lower, parts = self.jsd(best), [(-bound, Part())]
        for _ in range(PARTS):
            if not parts or -parts[0][0] - lower <= WIDEST:
                break
            (outer, whole), smaller = parts[0], []
            for part in self.split(whole):
                if self.operations >= OPERATIONS:  # the whole stays, with its bound
                    return best, lower, max(lower, -outer)
                inner, met = self.relaxation(part, lower, OPERATIONS)
                feasible = [order for order in met if self.excess(self.value(order)) == 0]
                best = max([best, *feasible], key=self.jsd)
                lower = self.jsd(best)
                if min(inner, -outer) > lower:
                    smaller.append((max(-inner, outer), part))
            parts = [*parts[1:], *smaller]
            heapify(parts)
        return best, lower, max(lower, -parts[0][0] if parts else lower)

    def split(self, part: Part) -> list[Part]:
        """By who gets the next largest weight: each word, or of many words a group of similar score."""
        words = part.among or tuple(set(range(len(self.alpha))) - set(part.given))
        if len(words) <= SINGLY:
            return [Part((*part.given, word)) for word in words]
        groups = np.array_split(np.array(words)[self.s[list(words)].argsort(kind="stable")], GROUPS)
        return [Part(part.given, tuple(group.tolist())) for group in groups]

    def barred(self, part: Part) -> Floats:
        """(T, T) infinite where a word would get a weight that it has in no order of the part, else 0."""
        given = list(part.given)
        largest, barred = self.falling[: len(given)], np.zeros_like(self.cost)
        barred[given] = np.inf
        barred[:, largest] = np.inf
        barred[given, largest] = 0.0
        if part.among:
            barred[np.setdiff1d(self.words, part.among), self.falling[len(given)]] = np.inf
        return barred

    def relaxed(self, multiplier: float, barred: Floats) -> tuple[Integers, float, float]:
        """The order of the largest -overlap/2 minus multiplier times (value - face), its value, and that optimum, which
        bounds that of the feasible orders."""
        face = self.upper if multiplier > 0 else self.lower
        self.operations += len(self.words) ** 3
        _, order = linear_sum_assignment(self.cost / 2 + multiplier * self.moved + barred)
        value = self.value(order)
        beyond = multiplier * (value - face) if multiplier else 0.0  # a face may be infinite
        return order, value, self.jsd(order) - beyond

    def nearest(self, orders: list[Integers]) -> list[Integers]:
        """The orders closest to the slab: more of them for short documents, where the relaxation is loose."""
        apart = {order.tobytes(): order for order in orders}.values()
        return sorted(apart, key=lambda order: abs(self.excess(self.value(order))))[: max(3, STARTS // len(self.s))]

    def repaired(self, order: Integers, share: float) -> Integers | None:
        """Exchanges two words at a time: into the slab at the least loss, then inside it while the divergence rises, or
        until it has taken its share of the operations."""
        order, operations = order.copy(), EXCHANGE * len(order) ** 2
        for _ in range(int(min(EXCHANGES * len(order), share / operations))):
            self.operations += operations
            value, given = self.value(order), self.alpha[order]
            mixed = self.cost[:, order]  # [t, u]: cost of word t with the weight of u
            own = mixed.diagonal()
            loss = (mixed + mixed.T - own[:, None] - own[None, :]) / 2
            after = value - (self.s[:, None] - self.s[None, :]) * (given[:, None] - given[None, :])
            outside = np.maximum(after - self.upper, 0) + np.maximum(self.lower - after, 0)
            now = abs(self.excess(value))
            if now > 0:
                gain = now - outside
                per_unit = np.where(gain > 0, loss / np.where(gain > 0, gain, 1.0), np.inf)
                price = np.where(gain > 1e-12 * now, np.where(outside == 0, loss / now, per_unit), np.inf)
            else:
                price = np.where((outside == 0) & (loss < -1e-12), loss, np.inf)
            t, u = np.unravel_index(price.argmin(), price.shape)
            if not np.isfinite(price[t, u]):
                break
            order[[t, u]] = order[[u, t]]
        return order if self.excess(self.value(order)) == 0 else None

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
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from attn_interp.measures.divergence import LN2
from attn_interp.readout.adversary.rank_blocks import Floats, Integers, Ranked, in_blocks, overlap
from attn_interp.readout.adversary.slab import Slab, slab, two_class_scores, two_class_tvd
from attn_interp.readout.entry import Array, check_eps, entered

ENUMERATED_UP_TO = 7  # words: 5,040 permutations
RELAXED_UP_TO = 1000  # words
OPERATIONS = 2e9  # of a document, a second or two; half of them at most until it is parted, or two assignments
EXCHANGE = 20  # operations over T squared; those of an assignment are T cubed
ROUNDING = 1e-13  # of the output: permutations that do not move it differ in the last digits
PRECISION = 1e-9  # nats, of the least bound
TRIALS = 80  # of multipliers
BOUND = itemgetter(0)
CELLS = 100_000  # of the tables of words by words that are held at a time, if one table is smaller
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
    check_eps(eps)
    bounds = slab(value, max(eps, ROUNDING))
    found = weights.clone()
    ends = torch.zeros(len(weights), 2, dtype=torch.float64, device=weights.device)
    for row, words in enumerate(is_word):
        alpha, s = weights[row, words].cpu().numpy(), scores[row, words].cpu().numpy()
        rising = alpha.argsort(kind="stable")
        document = alpha[rising], s[rising], Slab(bounds.lower[row].cpu(), bounds.upper[row].cpu())
        if len(alpha) <= ENUMERATED_UP_TO:
            order, lower, upper = _Document(*document).enumerate()
        elif len(alpha) <= RELAXED_UP_TO:
            order, lower, upper = _Document(*document).interval()
        else:
            order, lower, upper = in_blocks(Ranked(*document))
        given = np.empty_like(alpha)
        given[rising] = alpha[rising][order]
        found[row, words] = torch.from_numpy(given).to(found.device)
        ends[row] = torch.tensor([lower, upper], dtype=torch.float64)
    ends = ends.clamp(0.0, LN2)
    return PermutationAdversary(ends[:, 0], ends[:, 1], found, two_class_tvd(value, (found * scores).sum(-1)))


class Part(NamedTuple):
    """The orders in which the words `given` have the largest weights, in this turn, and one of `among` the next (any
    other word where it is empty)."""

    given: tuple[int, ...] = ()
    among: tuple[int, ...] = ()


class Relaxed(NamedTuple):
    """A relaxed problem: the bound that its optimum is, the multiplier, and the value, divergence and order of that
    optimum."""

    bound: float
    multiplier: float
    value: float
    jsd: float
    order: Integers


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

    @cached_property
    def half(self) -> Floats:
        """(T, T) half of `cost`, which an assignment makes least."""
        return self.cost / 2

    def jsd(self, order: Integers) -> float:
        return LN2 - float(self.cost[self.words, order].sum()) / 2

    @cached_property
    def apart(self) -> Floats:
        """(T, T) at [t, u] by how much the score of word t is above that of u."""
        return self.s[:, None] - self.s

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
        met = self.relaxation(Part(), -math.inf, OPERATIONS / 2)
        if self.excess(met[0].value) == 0:
            return met[0].order, met[0].bound, met[0].bound
        ended = self.operations >= OPERATIONS / 2
        starts = np.stack([*self.nearest(met), self.words])
        parts = np.array_split(starts, min(len(starts), 1 + starts.size * len(self.words) // CELLS))
        repaired = [each for part in parts for each in self.repaired(part, OPERATIONS / 2 / len(starts))]
        best = max([*repaired, self.words, *([in_blocks(self)[0]] if ended else [])], key=self.jsd)
        return self.parted(best, min(met, key=BOUND))

    def relaxation(self, part: Part, enough: float, limit: float, first: float = 0.0) -> list[Relaxed]:
        """The relaxed problems of a part that were solved on the way to the least upper bound over its orders, the
        unconstrained one in front. It ends early where a bound is at most `enough`, which that at the multiplier
        `first` often is, or where the operations reach their limit.

        Each order is a line over the multipliers, and the bound at a multiplier is that of the highest line. So nothing
        is below the crossing of a line that falls and one that rises: there the next problem is, until it is met.
        """
        costs = self.half + self.barred(part)
        tried = self.relaxed(first, costs) if first else None
        if tried and tried.bound <= enough:
            return [tried]
        free = self.relaxed(0.0, costs)
        met, excess = [free] if tried is None else [free, tried], self.excess(free.value)
        if excess == 0:
            return met
        face = self.upper if excess > 0 else self.lower
        falling, rising = free, None
        found = tried
        if found is None or first * excess < 0:
            found = self.relaxed(math.copysign(1.0 / max(float(np.ptp(self.s)), 1e-12), excess), costs)
            met.append(found)
        for _ in range(TRIALS):
            falling, rising = (found, rising) if self.excess(found.value) * excess > 0 else (falling, found)
            multiplier, least = 2 * found.multiplier, -math.inf
            if rising is not None:
                multiplier = (falling.jsd - rising.jsd) / (falling.value - rising.value)
                least = falling.jsd - multiplier * (falling.value - face)
            bound = min(each.bound for each in met)
            if bound <= max(enough, least + PRECISION) or self.operations >= limit:
                break
            found = self.relaxed(multiplier, costs)
            met.append(found)
        return met

    def parted(self, best: Integers, whole: Relaxed) -> tuple[Integers, float, float]:
        """Parts the orders by who gets the largest weights until the bound is close to the best order."""
        lower, parts = self.jsd(best), [(-whole.bound, Part(), whole.multiplier)]
        for _ in range(PARTS):
            if not parts or -parts[0][0] - lower <= WIDEST:
                break
            (outer, larger, multiplier), smaller = parts[0], []
            for part in self.split(larger):
                if self.operations >= OPERATIONS:  # the larger one stays, with its bound
                    return best, lower, max(lower, -outer)
                met = self.relaxation(part, lower, OPERATIONS, multiplier)
                inner = min(met, key=BOUND)
                if inner.bound <= lower:
                    continue  # none of its orders is better
                best = max([best, *(each.order for each in met if self.excess(each.value) == 0)], key=self.jsd)
                lower = self.jsd(best)
                if min(inner.bound, -outer) > lower:
                    smaller.append((max(-inner.bound, outer), part, inner.multiplier))
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

    def relaxed(self, multiplier: float, costs: Floats) -> Relaxed:
        """The relaxed problem of a part with these costs: the order of the largest -overlap/2 minus multiplier times
        (value - face), and that optimum, which bounds that of the feasible orders."""
        self.operations += len(self.words) ** 3
        _, order = linear_sum_assignment(costs + multiplier * self.moved)
        value, jsd = self.value(order), self.jsd(order)
        face = self.upper if multiplier > 0 else self.lower
        beyond = multiplier * (value - face) if multiplier else 0.0  # a face may be infinite
        return Relaxed(jsd - beyond, multiplier, value, jsd, order)

    def nearest(self, met: list[Relaxed]) -> list[Integers]:
        """The orders closest to the slab: more of them for short documents, where the relaxation is loose."""
        apart = {each.order.tobytes(): each.order for each in met}.values()
        return sorted(apart, key=lambda order: abs(self.excess(self.value(order))))[: max(3, STARTS // len(self.s))]

    def repaired(self, orders: Integers, share: float) -> list[Integers]:
        """Of orders (S, T) those that exchanges of two words at a time bring into the slab, at the least loss, and then
        further while the divergence rises, or until they have taken their share of the operations."""
        orders, left = orders.copy(), np.arange(len(orders))
        operations = EXCHANGE * orders.shape[1] ** 2
        for _ in range(int(min(EXCHANGES * orders.shape[1], share / operations))):
            self.operations += operations * len(left)
            price = self.prices(orders[left]).reshape(len(left), -1)
            exchanged = price.argmin(1)
            worth = np.isfinite(price[np.arange(len(left)), exchanged])
            left, exchanged = left[worth], exchanged[worth]
            if not len(left):
                break
            t, u = np.divmod(exchanged, orders.shape[1])
            orders[left, t], orders[left, u] = orders[left, u], orders[left, t]
        return [order for order in orders if self.excess(self.value(order)) == 0]

    def prices(self, orders: Integers) -> Floats:
        """(S, T, T) of orders (S, T) what it costs to exchange the weights of two words: outside the slab for each unit
        nearer to it, inside it as it is, and infinite where that gains nothing."""
        given = self.alpha[orders]
        value = (given @ self.s)[:, None, None]
        mixed = self.cost[orders]  # [:, u, t]: cost of word t with the weight of u
        own = self.cost[self.words, orders]
        loss = (mixed + mixed.swapaxes(1, 2) - own[:, :, None] - own[:, None, :]) / 2
        after = value - self.apart * (given[:, :, None] - given[:, None, :])
        outside, now = (np.abs(each - each.clip(self.lower, self.upper)) for each in (after, value))
        gain = now - outside
        nearer = np.where(now > 0, gain > 1e-12 * now, (outside == 0) & (loss < -1e-12))
        found: Floats = np.full_like(loss, np.inf)
        return np.divide(loss, np.where(now > 0, gain, 1.0), out=found, where=nearer)

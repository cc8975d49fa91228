"""The best words to erase, or to keep, of a given number: what no ranking of words can beat."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.affine import advantages
from attn_interp.readout.entry import Array, as_tensor, entered_decision, entered_one_head

ITERATIONS = 50  # a handful are needed; each raises the value, and there are finitely many sets


class BestSubset(NamedTuple):
    """Per document the set of words to keep, the probability of the decision with it, and what no set can pass.

    kept (B, T) bool; probability (B,) float64, NaN where no set of that size has attention left; bound (B,): equal to
    the probability for two classes, beyond it or equal for more.
    """

    kept: torch.Tensor
    probability: torch.Tensor
    bound: torch.Tensor


def best_subset(
    weights: Array, votes: Array, is_word: Array | None, decision: Array, count: Array, highest: bool
) -> BestSubset:
    """The `count` words to keep, all others erased and the attention renormalised, such that the probability of the
    decision is highest (or lowest).

    With a set S kept, the lead over a rival is m(S) = sum_S alpha d / sum_S alpha, d being the advantages of the
    decision in the votes. A mean over chosen words with given weights is not maximised by sorting d: a word with little
    attention counts little. But m(S) > c exactly if sum_S alpha (d - c) > 0, and that sum is maximised by sorting; with
    c the best mean so far, this is repeated until nothing improves (Dinkelbach's method). Exact for one rival.

    With several rivals each is treated alone first; the most extreme leads together bound the probability, as no set
    can do better against any of them. The sets found are then improved along the gradient of the probability: a
    search, whose value is attained.

    Args:
        weights: (B, T).
        votes: (B, T, C).
        is_word: (B, T) bool; None: every position is a word.
        decision: (B,) the class whose probability is meant.
        count: (B,) how many words to keep; fewer than one or more than there are: undefined.
        highest: whether the probability of the decision is to be highest.

    Returns:
        kept (B, T) bool; probability (B,) of the decision with it; bound (B,) that no set of that size can pass.

    Raises:
        ValueError, TypeError: as `entered`, and for several heads.

    >>> votes = [[[3.0, 0.0], [2.0, 0.0], [0.0, 9.0]]]
    >>> best_subset([[0.1, 0.5, 0.4]], votes, None, [0], [1], highest=True).kept.tolist()
    [[True, False, False]]

    Reference: Dinkelbach 1967, On nonlinear fractional programming.
    """
    weights, votes, is_word = entered_one_head("the best subset is", weights, votes, is_word)
    decision, count = entered_decision(decision, votes), as_tensor(count, "count")
    classes = votes.shape[-1]
    lead = advantages(votes, decision)
    rivals = torch.arange(classes) != decision[:, None]  # (B, C)
    lead = lead[rivals[:, None].expand_as(lead)].reshape(*lead.shape[:2], classes - 1)  # (B, T, C - 1)
    sign = 1.0 if highest else -1.0
    alone, extremes = [], []
    for rival in range(classes - 1):
        kept, means = _climb(weights, lead[..., rival : rival + 1], is_word, count, sign, weights)
        alone.append(kept)
        extremes.append(means[:, 0])
    bound = _probability(torch.stack(extremes, -1))
    best, value = alone[0], bound
    if classes > 2:
        value = torch.full_like(bound, -torch.inf * sign)
        for start in alone:
            kept, means = _climb(weights, lead, is_word, count, sign, start.double())
            found = _probability(means)
            better = sign * found > sign * value
            best = torch.where(better[:, None], kept, best)
            value = torch.where(better, found, value)
    count_allowed = (count >= 1) & (count <= is_word.sum(-1))
    defined = count_allowed & ((weights * best).sum(-1) > 0)
    return BestSubset(
        best & defined[:, None], torch.where(defined, value, torch.nan), torch.where(defined, bound, torch.nan)
    )


def _climb(
    weights: torch.Tensor,
    lead: torch.Tensor,
    is_word: torch.Tensor,
    count: torch.Tensor,
    sign: float,
    start: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The set kept (B, T) and its mean leads (B, R), from the words of largest `start` (B, T) on."""
    kept = _top(start, is_word, count)
    means = _means(weights, lead, kept)
    for _ in range(ITERATIONS):
        share = torch.softmax(-means, -1)  # of each rival in the derivative of the decision's probability
        gain = sign * weights * ((lead - means[:, None]) * share[:, None]).sum(-1)
        candidate = _top(gain, is_word, count)
        found = _means(weights, lead, candidate)
        better = sign * _log_odds(found) > sign * _log_odds(means)
        if not better.any():
            break
        kept = torch.where(better[:, None], candidate, kept)
        means = torch.where(better[:, None], found, means)
    return kept, means


def _top(values: torch.Tensor, is_word: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    order = values.masked_fill(~is_word, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    return (order.argsort(-1) < count[:, None]) & is_word


def _means(weights: torch.Tensor, lead: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """(B, R) mean leads over the kept words, weighted by attention; NaN where they have none."""
    own = weights * kept
    return (own[..., None] * lead).sum(1) / own.sum(-1, keepdim=True)


def _log_odds(means: torch.Tensor) -> torch.Tensor:
    """(B,) log odds of the decision, which tell sets apart where probabilities are all 1."""
    return -torch.logsumexp(-means, -1)


def _probability(means: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(_log_odds(means))

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from attn_interp.measures import jsd, tvd
from attn_interp.readout.adversary.same_shape import Part, _Document, permutation_adversary
from attn_interp.readout.adversary.slab import Slab, slab, two_class_scores
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.readout.affine import logits_of

LN2 = math.log(2.0)
MODULE = "attn_interp.readout.adversary.same_shape"


def by_enumeration(alpha: torch.Tensor, votes: torch.Tensor, eps: float) -> float:
    q = torch.stack([alpha[list(order)] for order in itertools.permutations(range(len(alpha)))])
    moved = tvd((q @ votes).softmax(-1), (alpha @ votes).softmax(-1))
    moved[0] = 0
    return jsd(q[moved <= eps], alpha).max().item()


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.1])
def test_short_documents_are_exact(draw, eps: float) -> None:
    documents = draw(0, count=20, positions=7)
    found = permutation_adversary(*documents, eps=eps)
    expected = [by_enumeration(*documents.one(row), eps) for row in range(20)]
    torch.testing.assert_close(found.jsd, torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=0)
    assert torch.equal(found.jsd, found.jsd_upper)


@pytest.mark.parametrize("parts", [0, 300])
@pytest.mark.parametrize("sharpness", [1.0, 4.0])
@pytest.mark.parametrize("eps", [0.0, 0.01, 0.1])
def test_interval_holds_the_enumerated_optimum(monkeypatch, eps: float, sharpness: float, parts: int) -> None:
    weights, votes = drawn(20 if eps else 3, 8, sharpness)
    monkeypatch.setattr(f"{MODULE}.ENUMERATED_UP_TO", 8)
    exact = permutation_adversary(weights, votes, eps=eps).jsd
    monkeypatch.setattr(f"{MODULE}.ENUMERATED_UP_TO", 0)
    monkeypatch.setattr(f"{MODULE}.PARTS", parts)
    found = permutation_adversary(weights, votes, eps=eps)
    assert (found.jsd <= exact + 1e-12).all() and (exact <= found.jsd_upper + 1e-12).all()
    if parts and eps > 0:  # at eps 0 hardly any permutation is feasible, and 300 parts do not prove it
        assert (found.jsd_upper - found.jsd).max() <= 0.001


@pytest.mark.parametrize("positions", [7, 21, 51])
def test_permutation_of_the_weights_that_is_feasible(draw, positions: int) -> None:
    weights, votes, is_word = draw(2, positions=positions)
    found = permutation_adversary(weights, votes, is_word)
    torch.testing.assert_close(found.weights.sort(-1).values, weights.sort(-1).values, rtol=0, atol=1e-15)
    assert (found.weights[~is_word] == 0).all()
    moved = tvd(logits_of(found.weights, votes).softmax(-1), logits_of(weights, votes).softmax(-1))
    assert (moved <= 0.01 + 1e-12).all()
    torch.testing.assert_close(found.tvd, moved, atol=1e-12, rtol=0)
    torch.testing.assert_close(jsd(found.weights, weights), found.jsd, atol=1e-12, rtol=0)
    assert (found.jsd <= found.jsd_upper).all()
    # a permutation is an attention, so the free adversary is at least as far
    assert (found.jsd <= exact_adversary(weights, votes, is_word).jsd + 1e-12).all()


@pytest.mark.parametrize("positions", [8, 9, 11, 15, 50])
@pytest.mark.parametrize("sharpness", [1.0, 2.5, 5.0])
def test_interval_is_narrow_whatever_the_length_and_the_sharpness(positions: int, sharpness: float) -> None:
    """By relaxation alone the interval of a sharp attention over 8 to 15 words can be nearly [0, ln 2]."""
    found = permutation_adversary(*drawn(12, positions, sharpness))
    assert (found.jsd_upper - found.jsd).max() <= 0.001


def drawn(count: int, positions: int, sharpness: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(positions)
    scores = torch.randn(count, positions, generator=generator, dtype=torch.float64)
    votes = torch.randn(count, positions, 2, generator=generator, dtype=torch.float64)
    return (sharpness * scores).softmax(-1), 2 * votes


@pytest.mark.parametrize("operations", [0, 8**3 * 30, 8**3 * 100, math.inf])
@pytest.mark.parametrize("singly", [2, 64])
def test_interval_of_whatever_was_proved_holds_the_enumerated_optimum(monkeypatch, operations, singly) -> None:
    """Wherever the operations end, in the relaxation, the exchanges or the parts, and in whatever groups of words."""
    weights, votes = drawn(20, 8, 4.0)
    monkeypatch.setattr(f"{MODULE}.ENUMERATED_UP_TO", 8)
    exact = permutation_adversary(weights, votes).jsd
    monkeypatch.setattr(f"{MODULE}.ENUMERATED_UP_TO", 0)
    monkeypatch.setattr(f"{MODULE}.OPERATIONS", operations)
    monkeypatch.setattr(f"{MODULE}.SINGLY", singly)
    monkeypatch.setattr(f"{MODULE}.GROUPS", 3)
    found = permutation_adversary(weights, votes)
    assert (found.tvd <= 0.01 + 1e-12).all()
    assert (found.jsd <= exact + 1e-12).all() and (exact <= found.jsd_upper + 1e-12).all()
    widest = (found.jsd_upper - found.jsd).max()
    assert widest <= 0.001 if operations == math.inf else widest > 0.01


@pytest.mark.parametrize("limit", [0, 10, 30, 400])
def test_operations_of_a_document_are_bounded(monkeypatch, limit: int) -> None:
    """Of this one the interval closes after 1,262 assignments. The last relaxation may pass the limit, by two."""
    weights, votes = (each[2:3] for each in drawn(30, 20, 6.0))
    assignments = spied(monkeypatch, "linear_sum_assignment")
    long = permutation_adversary(weights, votes)
    assert len(assignments) > 1000 and long.jsd_upper - long.jsd <= 0.001
    assignments.clear()
    monkeypatch.setattr(f"{MODULE}.OPERATIONS", limit * 20**3)
    found = permutation_adversary(weights, votes)
    assert max(2, limit / 2) <= len(assignments) <= limit + 2
    assert found.jsd <= long.jsd_upper and long.jsd <= found.jsd_upper
    assert found.jsd_upper - found.jsd > 0.01


@pytest.mark.parametrize("row", range(6))
def test_the_bound_of_a_relaxation_is_the_least_over_all_multipliers(row: int) -> None:
    """The least height over which all lines jsd - multiplier (value - face) cross, by a linear program."""
    weights, votes = (each[row : row + 1] for each in drawn(6, 7, 3.0))
    scores = two_class_scores(weights, votes)
    bounds = slab((weights * scores).sum(-1), 0.01)
    rising = weights[0].argsort()
    document = weights[0, rising].numpy(), scores[0, rising].numpy(), Slab(bounds.lower[0], bounds.upper[0])
    one = _Document(*document)
    excess = one.excess(one.relaxed(0.0, one.half).value)
    orders = np.array(list(itertools.permutations(range(7))))
    side, face = (1.0, one.upper) if excess > 0 else (-1.0, one.lower)
    slope = -side * (one.alpha[orders] @ one.s - face)
    height = LN2 - one.cost[one.words, orders].sum(1) / 2
    least = linprog([1, 0], A_ub=np.stack([-np.ones(5040), slope], 1), b_ub=-height, bounds=[(None, None), (0, None)])
    for first in (0.0, 0.3, -0.3, 40.0):
        again = _Document(*document)
        met = again.relaxation(Part(), -math.inf, math.inf, first)
        assert min(each.bound for each in met) == pytest.approx(least.fun, abs=1e-8)
        assert again.operations <= 15 * 7**3


def test_documents_of_fifty_words_do_not_reach_the_limit(monkeypatch) -> None:
    found = {}
    for operations in (2e9, math.inf):
        monkeypatch.setattr(f"{MODULE}.OPERATIONS", operations)
        found[operations] = permutation_adversary(*drawn(8, 50, 5.0))
    for one, other in zip(*found.values(), strict=True):
        assert torch.equal(one, other)


def spied(monkeypatch, name: str) -> list[None]:
    """One entry for each call of a function of the module."""
    module = sys.modules[MODULE]
    plain, calls = getattr(module, name), []

    def spy(*args):
        calls.append(None)
        return plain(*args)

    monkeypatch.setattr(module, name, spy)
    return calls


def test_reversal_is_the_answer_where_the_output_does_not_care() -> None:
    weights = torch.tensor([[0.05, 0.3, 0.02, 0.13, 0.1, 0.04, 0.16, 0.17, 0.03]], dtype=torch.float64)
    votes = torch.tensor([0.5, 1.0]).expand(1, 9, 2)
    found = permutation_adversary(weights, votes, torch.ones(1, 9, dtype=torch.bool))
    ranks = weights[0].argsort().argsort()
    torch.testing.assert_close(found.weights[0], weights[0].sort(descending=True).values[ranks])
    assert torch.equal(found.jsd, found.jsd_upper)


@pytest.mark.parametrize("words", [4, 7, 9, 12])
def test_without_tolerance_what_moves_nothing_is_allowed(words: int) -> None:
    """Equal votes: every permutation gives the same output, but for its last digits."""
    weights, _ = drawn(40, words, 1.0)
    votes = torch.tensor([0.1, 0.4], dtype=torch.float64).expand(40, words, 2)
    found = permutation_adversary(weights, votes, eps=0.0)
    reversal = weights.sort(descending=True).values.gather(1, weights.argsort().argsort())
    torch.testing.assert_close(found.jsd, jsd(reversal, weights), atol=1e-12, rtol=0)
    assert torch.equal(found.jsd, found.jsd_upper) and found.tvd.max() < 1e-12


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = permutation_adversary(weights, votes, is_word)
    assert (found.jsd >= 0).all() and (found.jsd_upper <= LN2).all() and (found.tvd <= 0.01 + 1e-12).all()
    flat = is_word.sum(-1) == 1
    assert (found.jsd_upper[flat] < 1e-15).all()


@pytest.mark.parametrize("sharpness", [0.5, 2.0])
@pytest.mark.parametrize("eps", [0.01, 0.1])
def test_long_documents_get_an_interval_without_a_table_of_words_by_words(monkeypatch, eps, sharpness) -> None:
    weights, votes = drawn(6, 41, sharpness)
    short = permutation_adversary(weights, votes, eps=eps)
    monkeypatch.setattr(f"{MODULE}.RELAXED_UP_TO", 0)
    monkeypatch.setattr(f"{MODULE}._Document.cost", None)
    found = permutation_adversary(weights, votes, eps=eps)
    torch.testing.assert_close(found.weights.sort(-1).values, weights.sort(-1).values, rtol=0, atol=1e-15)
    moved = tvd(logits_of(found.weights, votes).softmax(-1), logits_of(weights, votes).softmax(-1))
    assert (moved <= eps + 1e-12).all()
    torch.testing.assert_close(jsd(found.weights, weights), found.jsd, atol=1e-12, rtol=0)
    assert (found.jsd <= short.jsd_upper + 1e-12).all() and (short.jsd <= found.jsd_upper + 1e-12).all()
    reversal = weights.sort(descending=True).values.gather(1, weights.argsort().argsort())
    torch.testing.assert_close(found.jsd_upper, jsd(reversal, weights), atol=1e-12, rtol=0)


def test_the_interval_of_a_long_document_is_near_the_reversal() -> None:
    found = permutation_adversary(*drawn(2, 1500, 1.0))
    assert (found.tvd <= 0.01 + 1e-12).all()
    assert (found.jsd > 0.75 * found.jsd_upper).all()

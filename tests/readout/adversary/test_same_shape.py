import itertools
import math

import pytest
import torch

from attn_interp.measures import jsd, tvd
from attn_interp.readout.adversary.same_shape import permutation_adversary
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.readout.affine import logits_of

LN2 = math.log(2.0)


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


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.1])
def test_relaxed_interval_holds_the_enumerated_optimum(draw, monkeypatch: pytest.MonkeyPatch, eps: float) -> None:
    documents = draw(1, count=30, positions=8)
    exact = permutation_adversary(*documents, eps=eps).jsd
    monkeypatch.setattr("attn_interp.readout.adversary.same_shape.ENUMERATED_UP_TO", 0)
    found = permutation_adversary(*documents, eps=eps)
    assert (found.jsd <= exact + 1e-12).all() and (exact <= found.jsd_upper + 1e-12).all()
    assert (exact - found.jsd).mean() < 0.05


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


def test_interval_closes_with_length() -> None:
    # at T = 20 about .014, at 50 about .001
    gaps = []
    for positions in (20, 50):
        generator = torch.Generator().manual_seed(positions)
        weights = torch.randn(12, positions, generator=generator, dtype=torch.float64).softmax(-1)
        votes = torch.randn(12, positions, 2, generator=generator, dtype=torch.float64) * 2
        found = permutation_adversary(weights, votes, torch.ones(12, positions, dtype=torch.bool))
        assert (found.jsd > 0.1).all()
        gaps.append(float((found.jsd_upper - found.jsd).mean()))
    assert gaps[0] < 0.014 and gaps[1] < 0.001


def test_reversal_is_the_answer_where_the_output_does_not_care() -> None:
    weights = torch.tensor([[0.05, 0.3, 0.02, 0.13, 0.1, 0.04, 0.16, 0.17, 0.03]], dtype=torch.float64)
    votes = torch.tensor([0.5, 1.0]).expand(1, 9, 2)
    found = permutation_adversary(weights, votes, torch.ones(1, 9, dtype=torch.bool))
    ranks = weights[0].argsort().argsort()
    torch.testing.assert_close(found.weights[0], weights[0].sort(descending=True).values[ranks])
    assert torch.equal(found.jsd, found.jsd_upper)


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = permutation_adversary(weights, votes, is_word)
    assert (found.jsd >= 0).all() and (found.jsd_upper <= LN2).all() and (found.tvd <= 0.01 + 1e-12).all()
    flat = is_word.sum(-1) == 1
    assert (found.jsd_upper[flat] < 1e-15).all()

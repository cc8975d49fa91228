import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.measures import jsd
from attn_interp.readout.adversary.two_classes import exact_adversary, exact_adversary_curve
from attn_interp.readout.affine import logits_of

LN2 = math.log(2.0)


def movement(q: torch.Tensor, alpha: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
    """How far attentions q (N, T) move the output of one document, from the probabilities themselves."""
    return ((q @ votes).softmax(-1) - (alpha @ votes).softmax(-1)).abs().sum(-1) / 2


def grid_of_pairs(alpha: torch.Tensor, steps: int = 201) -> torch.Tensor:
    """Attentions (N, T) on two words, in fine steps."""
    words = len(alpha)
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    grid = torch.zeros(words, words, steps, words, dtype=torch.float64)
    for i in range(words):
        for j in range(words):
            grid[i, j, :, i] += share
            grid[i, j, :, j] += 1 - share
    return grid.flatten(0, 2)


def random_feasible(alpha: torch.Tensor, votes: torch.Tensor, eps: float, count: int) -> torch.Tensor:
    """Random attentions, sparse and dense, each moved towards alpha until its output is within eps."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.rand(count, 1, generator=generator, dtype=torch.float64) * 12
    q = (torch.randn(count, len(alpha), generator=generator, dtype=torch.float64) * spread).softmax(-1)
    low, high = torch.zeros(count, 1).double(), torch.ones(count, 1).double()
    for _ in range(30):
        middle = (low + high) / 2
        fine = (movement(alpha + middle * (q - alpha), alpha, votes) <= eps)[:, None]
        low, high = torch.where(fine, middle, low), torch.where(fine, high, middle)
    return alpha + low * (q - alpha)


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.2])
def test_no_grid_and_no_random_attention_exceeds_it(draw, eps: float) -> None:
    documents = draw(0, count=12, positions=8)
    found = exact_adversary(*documents, eps=eps)
    for row in range(12):
        alpha, votes = documents.one(row)
        q = torch.cat([grid_of_pairs(alpha), random_feasible(alpha, votes, eps, 10_000)])
        feasible = movement(q, alpha, votes) <= eps
        assert jsd(q[feasible], alpha).max() <= found.jsd[row] + 1e-12
    # and it is not merely an upper bound: the attention returned attains it
    torch.testing.assert_close(jsd(found.weights, documents.weights), found.jsd, atol=1e-14, rtol=0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-6, 0.01, 0.3, 0.9]))
def test_feasible_and_in_range(seed: int, eps: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    positions = int(torch.randint(1, 12, (1,), generator=generator))
    weights = (torch.randn(5, positions, generator=generator) * 3).softmax(-1)
    votes = torch.randn(5, positions, 2, generator=generator) * 4
    found = exact_adversary(weights, votes, torch.ones(5, positions, dtype=torch.bool), eps=eps)
    assert (found.tvd <= eps + 1e-12).all()
    assert (found.jsd >= 0).all() and (found.jsd <= LN2).all()
    assert (found.weights >= 0).all() and ((found.weights > 0).sum(-1) <= positions).all()
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(5, dtype=torch.float64))
    alpha = weights.double() / weights.double().sum(-1, keepdim=True)
    moved = (logits_of(found.weights, votes.double()).softmax(-1) - logits_of(alpha, votes.double()).softmax(-1)).abs()
    torch.testing.assert_close(moved.sum(-1) / 2, found.tvd, atol=1e-12, rtol=0)


def test_two_words_by_hand() -> None:
    # s = (-1, 1), uniform attention: p = 1/2; at eps the weight moves by logit(1/2 + eps) / 2
    votes, words = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.ones(1, 2, dtype=torch.bool)
    found = exact_adversary(torch.tensor([[0.5, 0.5]]), votes, words, eps=0.1)
    shift = math.log(0.6 / 0.4) / 2
    q = torch.tensor([0.5 + shift, 0.5 - shift], dtype=torch.float64)
    torch.testing.assert_close(found.weights.sort(descending=True).values[0], q)
    assert found.tvd.item() == pytest.approx(0.1)


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = exact_adversary(weights, votes, is_word)
    assert (found.jsd >= 0).all() and (found.jsd <= LN2).all() and (found.tvd <= 0.01 + 1e-12).all()
    assert (found.weights[~is_word] == 0).all()
    single = is_word.sum(-1) == 1
    assert (found.jsd[single] < 1e-15).all()
    for row in range(len(weights)):
        alpha, own = weights[row, is_word[row]], votes[row, is_word[row]]
        q = torch.eye(len(alpha), dtype=torch.float64)
        best = jsd(q[movement(q, alpha, own) <= 0.01], alpha)
        assert (best <= found.jsd[row] + 1e-12).all()


def test_equal_votes_allow_the_least_likely_word() -> None:
    weights, words = torch.tensor([[0.7, 0.2, 0.1]]), torch.ones(1, 3, dtype=torch.bool)
    for eps in (0.0, 0.01):
        found = exact_adversary(weights, torch.tensor([0.3, 1.1]).expand(1, 3, 2), words, eps=eps)
        torch.testing.assert_close(found.weights, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64))


def test_curve_never_falls(draw) -> None:
    tolerances = [0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.99]
    curve = exact_adversary_curve(*draw(1), eps=tolerances)
    assert curve.jsd.shape == curve.tvd.shape == (13, 7)
    assert (curve.jsd.diff(dim=-1) >= -1e-14).all()
    assert (curve.tvd <= torch.tensor(tolerances, dtype=torch.float64) + 1e-12).all()
    torch.testing.assert_close(curve.jsd[:, 2], exact_adversary(*draw(1), eps=0.01).jsd)


def test_batch_padding_and_order_change_nothing(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attn_interp.readout.adversary.two_classes.PAIRS_UP_TO", 9)  # some documents on either way
    weights, votes, is_word = draw(4, positions=14)
    uniform = is_word.double() / is_word.sum(-1, keepdim=True)
    weights[::2] = uniform[::2]  # ties
    whole = exact_adversary(weights, votes, is_word)
    pad = torch.nn.functional.pad
    for row in range(13):
        alone = exact_adversary(
            pad(weights[row : row + 1], (3, 8)),
            pad(votes[row : row + 1], (0, 0, 3, 8)),
            pad(is_word[row : row + 1], (3, 8)),
        )
        torch.testing.assert_close(alone.weights[:, 3:-8], whole.weights[row : row + 1])
        torch.testing.assert_close(alone.jsd, whole.jsd[row : row + 1])
    monkeypatch.setattr("attn_interp.readout.adversary.two_classes.CELLS", 1)
    torch.testing.assert_close(exact_adversary(weights, votes, is_word).jsd, whole.jsd)


def test_class_order_does_not_matter(draw) -> None:
    weights, votes, is_word = draw(5)
    torch.testing.assert_close(
        exact_adversary(weights, votes.flip(-1), is_word).jsd,
        exact_adversary(weights, votes, is_word).jsd,
        atol=1e-12,
        rtol=0,
    )

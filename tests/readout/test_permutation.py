import itertools

import pytest
import torch

from attn_interp.readout.affine import advantages, decisions
from attn_interp.readout.permutation import permuted_logits


@pytest.mark.parametrize("classes", [2, 3])
def test_moments_and_range_are_those_of_all_permutations(draw, classes: int) -> None:
    documents = draw(0, count=17, positions=8, classes=classes)
    found = permuted_logits(*documents)
    for row in range(17):
        alpha, votes = documents.one(row)
        every = torch.stack([alpha[list(order)] @ votes for order in itertools.permutations(range(len(alpha)))])
        torch.testing.assert_close(found.mean[row], every.mean(0))
        torch.testing.assert_close(found.sd[row], every.std(0, correction=0), atol=1e-9, rtol=1e-7)
        torch.testing.assert_close(found.least[row], every.amin(0))
        torch.testing.assert_close(found.most[row], every.amax(0))


def test_differences_are_logits_like_any_other(draw) -> None:
    weights, votes, is_word = draw(1, classes=3)
    decision = decisions(weights, votes)
    margins = permuted_logits(weights, advantages(votes, decision), is_word)
    logits = permuted_logits(weights, votes, is_word)
    own = logits.mean.gather(1, decision[:, None])
    torch.testing.assert_close(margins.mean, own - logits.mean)
    assert (margins.sd.gather(1, decision[:, None]) == 0).all()


def test_heads_are_permuted_independently(draw) -> None:
    first, second = draw(2, count=3, positions=5, classes=2), draw(3, count=3, positions=5, classes=2)
    votes = torch.stack([first.votes, second.votes * first.is_word[..., None]], 1)
    weights = torch.stack([first.weights, first.weights.square() / first.weights.square().sum(-1, keepdim=True)], 1)
    found = permuted_logits(weights, votes, first.is_word)
    for row in range(3):
        inside = first.is_word[row]
        orders = list(itertools.permutations(range(int(inside.sum()))))
        heads = [
            torch.stack([weights[row, h, inside][list(o)] @ votes[row, h, inside] for o in orders]) for h in (0, 1)
        ]
        every = (heads[0][:, None] + heads[1][None]).flatten(0, 1)
        torch.testing.assert_close(found.mean[row], every.mean(0))
        torch.testing.assert_close(found.sd[row], every.std(0, correction=0), atol=1e-9, rtol=1e-7)
        torch.testing.assert_close(found.least[row], every.amin(0))
        torch.testing.assert_close(found.most[row], every.amax(0))


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = permuted_logits(weights, votes, is_word)
    logits = (weights[..., None] * votes).sum(1)
    scale = votes.abs().max()
    for values in found:
        assert values.isfinite().all()
    assert (found.least <= logits + 1e-12 * scale).all() and (logits <= found.most + 1e-12 * scale).all()
    assert (found.least <= found.mean + 1e-12 * scale).all() and (found.mean <= found.most + 1e-12 * scale).all()
    still = torch.isclose(found.least, found.most, atol=1e-12 * scale.item(), rtol=0)
    assert (found.sd[still] <= 1e-6 * scale).all() and (found.sd[~still] > 0).all()

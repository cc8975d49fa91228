import torch

from attn_interp.readout.affine import logits_of
from attn_interp.readout.derivative import pooling_and_selection, score_derivative


def test_derivative_is_that_of_the_softmax(draw) -> None:
    weights, votes, is_word = draw(0, classes=3)
    found = score_derivative(weights, votes, is_word)
    scores = weights.log().requires_grad_()
    logits = logits_of(scores.softmax(-1), votes)
    for k in range(3):
        (expected,) = torch.autograd.grad(logits[:, k].sum(), scores, retain_graph=True)
        attended = weights > 0
        torch.testing.assert_close(found[..., k][attended], expected[attended])
    assert (found[~is_word] == 0).all()
    torch.testing.assert_close(found.sum(1), torch.zeros(13, 3, dtype=torch.float64))


def test_derivative_of_each_head(draw) -> None:
    first, second = draw(1), draw(2)
    uniform = first.is_word.double() / first.is_word.sum(-1, keepdim=True)
    weights = torch.stack([first.weights, uniform], 1)
    votes = torch.stack([first.votes, second.votes * first.is_word[..., None]], 1)
    found = score_derivative(weights, votes, first.is_word)
    for head in range(2):
        alone = score_derivative(weights[:, head], votes[:, head], first.is_word)
        torch.testing.assert_close(found[:, head], alone)


def test_pooling_and_selection(draw, degenerate) -> None:
    for weights, votes, is_word in (draw(3, classes=3), degenerate):
        parts = pooling_and_selection(weights, votes, is_word)
        torch.testing.assert_close(parts.pooling + parts.selection, logits_of(weights, votes))
        for row in range(len(weights)):
            alpha, own = weights[row, is_word[row]], votes[row, is_word[row]]
            torch.testing.assert_close(parts.pooling[row], own.mean(0))
            covariance = ((alpha - alpha.mean())[:, None] * (own - own.mean(0))).mean(0)
            torch.testing.assert_close(parts.selection[row], len(alpha) * covariance)

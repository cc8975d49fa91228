import itertools
import math

import pytest
import torch

from attn_interp.measures.divergence import jsd, tvd
from attn_interp.readout.adversary.several_heads import head_adversary
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.readout.affine import logits_of

EPS = 0.02


def drawn(seed: int, heads: int, count: int, words: int, scale: float = 1.0):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(count, heads, words, generator=generator, dtype=torch.float64).softmax(-1)
    votes = scale * torch.randn(count, heads, words, 2, generator=generator, dtype=torch.float64)
    return weights, votes, torch.ones(count, words, dtype=torch.bool)


def best_vertex(weights: torch.Tensor, votes: torch.Tensor, eps: float) -> float:
    """Largest mean divergence over the vertices of one document, each tried: one word in every head but one, and there
    a word, or two words balanced on a face of what the output allows."""
    heads, words = weights.shape
    s = votes[..., 1] - votes[..., 0]
    p = torch.sigmoid((weights * s).sum())
    faces = [float(torch.logit(p + sign * eps)) for sign in (-1, 1) if 0 < p + sign * eps < 1]
    low, high = (float(torch.logit((p + sign * eps).clamp(0, 1))) for sign in (-1, 1))
    word, found = torch.eye(words, dtype=torch.float64), 0.0
    for free in range(heads):
        others = [head for head in range(heads) if head != free]
        for choice in itertools.product(range(words), repeat=heads - 1):
            held = float(sum(s[h, t] for h, t in zip(others, choice)))
            q = torch.zeros_like(weights)
            q[others, list(choice)] = 1
            for i in range(words):
                if low <= held + float(s[free, i]) <= high:
                    q[free] = word[i]
                    found = max(found, float(jsd(q, weights).mean()))
            for (i, j), face in itertools.product(itertools.combinations(range(words), 2), faces):
                part = (face - held - float(s[free, j])) / float(s[free, i] - s[free, j])
                if 0 <= part <= 1:
                    q[free] = part * word[i] + (1 - part) * word[j]
                    found = max(found, float(jsd(q, weights).mean()))
    return found


@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_two_heads_are_exact(scale: float) -> None:
    weights, votes, words = drawn(0, heads=2, count=6, words=4, scale=scale)
    found = head_adversary(weights, votes, words, EPS)
    assert torch.equal(found.jsd, found.jsd_upper)
    for row in range(6):
        assert found.jsd[row].item() == pytest.approx(best_vertex(weights[row], votes[row], EPS), abs=1e-9)


def test_three_heads_are_within_their_bounds() -> None:
    weights, votes, words = drawn(1, heads=3, count=6, words=3)
    found = head_adversary(weights, votes, words, EPS)
    for row in range(6):
        best = best_vertex(weights[row], votes[row], EPS)
        assert found.jsd[row] <= best + 1e-9
        assert best <= found.jsd_upper[row] + 1e-9
        assert best - found.jsd[row] < 0.01
    assert (found.jsd_upper - found.jsd < 0.08).all()
    assert (found.jsd_upper > found.jsd).any()


def test_the_attention_is_attention_of_the_divergence_and_movement_that_are_said() -> None:
    weights, votes, words = drawn(2, heads=3, count=9, words=5)
    found = head_adversary(weights, votes, words, EPS)
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(9, 3, dtype=torch.float64))
    assert (found.weights >= 0).all()
    torch.testing.assert_close(jsd(found.weights, weights).mean(-1), found.jsd)
    output, own = (logits_of(each, votes).softmax(-1) for each in (found.weights, weights))
    torch.testing.assert_close(tvd(output, own), found.tvd, atol=1e-9, rtol=0)
    assert (found.tvd <= EPS + 1e-9).all()


def test_no_random_attention_is_better() -> None:
    weights, votes, words = drawn(3, heads=3, count=1, words=4)
    found = head_adversary(weights, votes, words, 0.2)
    generator = torch.Generator().manual_seed(0)
    tried = (6 * torch.randn(20_000, 3, 4, generator=generator, dtype=torch.float64)).softmax(-1)
    output = (tried[..., None] * votes).sum((1, 2)).softmax(-1)
    held = tvd(output, logits_of(weights, votes).softmax(-1)) <= 0.2
    assert held.sum() > 100
    assert jsd(tried[held], weights).mean(-1).max() <= found.jsd_upper


def test_one_head_is_the_adversary_of_one_head() -> None:
    weights, votes, words = drawn(4, heads=1, count=8, words=6)
    found, expected = (
        head_adversary(weights, votes, words, EPS),
        exact_adversary(weights[:, 0], votes[:, 0], words, EPS),
    )
    torch.testing.assert_close(found.jsd, expected.jsd)
    torch.testing.assert_close(found.jsd_upper, expected.jsd)


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = head_adversary(torch.stack([weights] * 2, 1), torch.stack([votes, 0.5 * votes], 1), is_word, EPS)
    assert found.jsd.isfinite().all() and (found.jsd <= math.log(2)).all() and (found.tvd <= EPS + 1e-9).all()
    assert (found.weights[~is_word[:, None].expand_as(found.weights)] == 0).all()
    single = is_word.sum(-1) == 1
    assert (found.jsd[single] < 1e-12).all()


def test_what_it_cannot_do_is_refused() -> None:
    weights, votes, words = drawn(5, heads=2, count=1, words=3)
    with pytest.raises(ValueError, match=r"several heads and two classes, votes \(B, H, T, 2\), got \(1, 3, 2\)"):
        head_adversary(weights[:, 0], votes[:, 0], words)
    with pytest.raises(ValueError, match="there is none for several heads and more classes"):
        head_adversary(weights, torch.cat([votes, votes], -1), words)
    for eps in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"eps must lie in \(0, 1\)"):
            head_adversary(weights, votes, words, eps)

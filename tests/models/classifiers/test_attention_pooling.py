"""Attention pooling against hand calculation and a loop over documents, heads and words."""

import math
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from attn_interp.models.classifiers.attention_pooling import (
    AttentionPooling,
    BilinearScores,
    DotScores,
    build_attention,
)
from attn_interp.models.classifiers.pooling import MeanPooling

B, T, D = 5, 7, 12
COMPATIBILITIES = ("additive", "bilinear", "dot", "scaled_dot")


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States (B, T, D), is_token, is_word with documents of 1 to 5 words between two special tokens."""
    states = torch.randn(B, T, D, generator=torch.Generator().manual_seed(1))
    words = torch.tensor([1, 5, 2, 4, 3])[:, None]
    position = torch.arange(T)
    return states, position < words + 2, (position >= 1) & (position <= words)


def pooling(compatibility: str, heads: int, seed: int = 2) -> AttentionPooling:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        attention = build_attention(D, compatibility, heads)
        if isinstance(attention.scores, BilinearScores):  # its matrix starts as the identity
            torch.nn.init.normal_(attention.scores.matrix)
        return attention


def by_loop(attention: AttentionPooling, compatibility: str, states: torch.Tensor, words: list[int]) -> torch.Tensor:
    """The context of one document (T, D), head by head and word by word."""
    scores_of = attention.scores
    heads, width = scores_of.query.shape
    context = []
    for head in range(heads):
        query = scores_of.query[head]
        scores = []
        for t in words:
            if compatibility == "additive":
                key = torch.tanh(scores_of.keys.weight @ states[t] + scores_of.keys.bias)[head * width :][:width]
                scores.append(math.exp(float(query @ key)))
            elif compatibility == "bilinear":
                matrix = scores_of.matrix[head]
                state = states[t, head * width :][:width]
                terms = [state[i] * matrix[i, j] * query[j] for i in range(width) for j in range(width)]
                scores.append(math.exp(float(sum(terms))))
            else:
                root = math.sqrt(width) if compatibility == "scaled_dot" else 1.0
                scores.append(math.exp(float(query @ states[t, head * width :][:width]) / root))
        columns = slice(head * D // heads, (head + 1) * D // heads)
        context.append(sum(score / sum(scores) * states[t, columns] for score, t in zip(scores, words)))
    return torch.cat(context)


class Softmaxes(TorchFunctionMode):
    """Notes every torch.softmax, and can put something else in the place of what it gives."""

    def __init__(self, change: Any = lambda weights: weights) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []
        self.change = change

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is not torch.softmax:
            return result
        self.seen.append(result.detach())
        return self.change(result)


def test_two_words_by_hand() -> None:
    scores = DotScores(2, heads=1, scaled=False)
    with torch.no_grad():
        scores.query.copy_(torch.tensor([[math.log(3.0), 0.0]]))
    states = torch.tensor([[[9.0, 9.0], [1.0, 4.0], [0.0, 8.0], [9.0, 9.0]]])  # start, two words, end
    is_word = torch.tensor([[False, True, True, False]])
    context = AttentionPooling(scores)(states, torch.ones_like(is_word), is_word)
    assert context.tolist()[0] == pytest.approx([0.75, 5.0])  # weights 3/4 and 1/4


def test_a_bilinear_score_by_hand() -> None:
    scores = BilinearScores(2, heads=1)
    with torch.no_grad():
        scores.query.copy_(torch.tensor([[2.0, 3.0]]))
        scores.matrix.copy_(torch.tensor([[[1.0, -1.0], [4.0, 0.0]]]))  # W v = (-1, 8)
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [5.0, 0.5]]])
    assert scores(states).tolist() == [[[-1.0, 8.0, -1.0]]]


@pytest.mark.parametrize("heads", [1, 3])
def test_bilinear_attention_with_one_query_starts_as_the_dot_product_and_learns_otherwise(heads: int) -> None:
    states, is_token, is_word = example()
    steps = {}
    for compatibility in ("dot", "bilinear"):
        with torch.random.fork_rng():
            torch.manual_seed(5)
            attention = build_attention(D, compatibility, heads)
        context = attention(states, is_token, is_word)
        context.square().sum().backward()
        torch.optim.SGD(attention.parameters(), lr=0.1).step()
        steps[compatibility] = (context.detach(), attention(states, is_token, is_word).detach(), attention.scores)
    torch.testing.assert_close(steps["bilinear"][0], steps["dot"][0], atol=1e-6, rtol=0)
    assert (steps["bilinear"][1] - steps["dot"][1]).abs().max() > 1e-3
    same, learned = steps["dot"][2], steps["bilinear"][2]  # what it learned, a dot product can have too
    with torch.no_grad():
        same.query.copy_(learned.vector())
        torch.testing.assert_close(same(states), learned(states), atol=1e-6, rtol=0)


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("compatibility", COMPATIBILITIES)
def test_equals_a_loop(compatibility: str, heads: int) -> None:
    states, is_token, is_word = example()
    attention = pooling(compatibility, heads)
    with torch.no_grad():
        contexts = attention(states, is_token, is_word)
        for row in range(B):
            words = is_word[row].nonzero().flatten().tolist()
            torch.testing.assert_close(contexts[row], by_loop(attention, compatibility, states[row], words))


@pytest.mark.parametrize("compatibility", COMPATIBILITIES)
def test_equal_scores_give_the_mean_of_the_words(compatibility: str) -> None:
    states, is_token, is_word = example()
    attention = pooling(compatibility, heads=2)
    with torch.no_grad():
        attention.scores.query.zero_()
        torch.testing.assert_close(
            attention(states, is_token, is_word), MeanPooling()(states, is_token, is_word), atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("compatibility", COMPATIBILITIES)
def test_one_word_gives_its_own_state(compatibility: str) -> None:
    states, is_token, is_word = example()
    assert is_word[0].sum() == 1
    context = pooling(compatibility, heads=3)(states, is_token, is_word)
    assert torch.equal(context[0], states[0, 1])


def test_states_outside_the_words_do_not_matter() -> None:
    states, is_token, is_word = example()
    attention = pooling("additive", heads=2)
    other = torch.where(is_word[..., None], states, states + 100.0)
    assert torch.equal(attention(states, is_token, is_word), attention(other, is_token, is_word))


def test_a_row_without_words_is_zero_and_has_a_gradient() -> None:
    states, is_token, is_word = example()
    states.requires_grad_()
    is_word[3] = False
    context = pooling("additive", heads=1)(states, is_token, is_word)
    assert torch.equal(context[3], torch.zeros(D))
    context.sum().backward()
    assert states.grad is not None
    assert bool(torch.isfinite(states.grad).all())
    assert not states.grad[3].any()


@pytest.mark.parametrize("heads", [1, 3])
def test_is_one_softmax_over_positions_that_can_be_replaced(heads: int) -> None:
    states, is_token, is_word = example()
    attention = pooling("additive", heads)
    with Softmaxes() as softmaxes:
        own = attention(states, is_token, is_word)
    (weights,) = softmaxes.seen
    assert weights.shape == (B, heads, 1, T)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, heads, 1))
    assert not weights[~is_word[:, None, None].expand_as(weights)].any()
    uniform = is_word[:, None, None] / is_word.sum(1)[:, None, None, None]
    with Softmaxes(lambda weights: uniform.expand_as(weights)):
        replaced = attention(states, is_token, is_word)
    torch.testing.assert_close(replaced, MeanPooling()(states, is_token, is_word))
    assert (replaced - own)[1:].abs().amax(1).min() > 1e-3

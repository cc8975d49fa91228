"""Rollout, flow, relevance and effective attention against hand-worked cases, naive references and laws."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from attn_interp.attribution.effective import effective_attention
from attn_interp.attribution.flow.network import attention_flow
from attn_interp.attribution.flow.rollout import gradient_relevance, rollout, with_residual

B, H, T = 2, 3, 5


def attention(*shape: int, seed: int = 0) -> torch.Tensor:
    scores = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * scores).softmax(-1)


def stack(depth: int, length: int = T) -> list[torch.Tensor]:
    return [attention(B, H, length, length, seed=layer) for layer in range(depth)]


def one_hot(queries: int, query: int) -> torch.Tensor:
    return torch.eye(queries)[query].expand(B, queries)


def positions(length: int = T) -> torch.Tensor:
    return torch.arange(length).expand(B, length)


def test_rollout_of_two_words_by_hand():
    # .5 A + .5 I: [[.6, .4], [.1, .9]] below, [[.9, .1], [.5, .5]] above.
    below = torch.tensor([[0.2, 0.8], [0.2, 0.8]])[None, None]
    above = torch.tensor([[0.8, 0.2], [1.0, 0.0]])[None, None]
    by_hand = torch.tensor([[[0.9 * 0.6 + 0.1 * 0.1, 0.9 * 0.4 + 0.1 * 0.9], [0.35, 0.65]]], dtype=torch.float64)
    assert torch.allclose(rollout([below, above]), by_hand, atol=1e-7)


def test_rollout_sums_over_every_path():
    layers = stack(3)
    joined = [(0.5 * layer.mean(1) + 0.5 * torch.eye(T)).numpy() for layer in layers]
    expected = np.zeros((B, T, T))
    for b, i, j, k, m in product(range(B), *[range(T)] * 4):
        expected[b, i, m] += joined[2][b, i, j] * joined[1][b, j, k] * joined[0][b, k, m]
    assert np.allclose(rollout(layers).numpy(), expected, atol=1e-12)
    assert torch.allclose(rollout(layers).sum(-1), torch.ones(B, T, dtype=torch.float64))


def test_a_pooling_has_no_residual_connection():
    pool = attention(B, 1, 1, T, seed=9)
    assert torch.allclose(rollout([pool]), pool[:, 0])
    below = stack(2)
    assert torch.allclose(rollout([*below, pool]), pool[:, 0] @ rollout(below))
    moved = gradient_relevance([*below, pool], [torch.ones_like(x) for x in [*below, pool]])
    inner = gradient_relevance(below, [torch.ones_like(x) for x in below])
    assert torch.allclose(moved, pool[:, 0] @ inner)


def test_masked_keys_get_nothing_and_dead_rows_and_sinks_are_shared_out():
    layers = stack(2)
    for layer in layers:
        layer[..., 3:] = 0
        layer /= layer.sum(-1, keepdim=True)
    assert rollout(layers)[:, :3, 3:].eq(0).all()
    dead = torch.zeros(1, 1, 2, 2)
    assert torch.equal(with_residual(dead), torch.eye(2, dtype=torch.float64)[None])
    with_sink = torch.tensor([[0.25, 0.25], [0.0, 0.5]])[None, None]  # the sink takes .5
    assert torch.allclose(with_residual(with_sink)[0, 0], torch.tensor([5 / 6, 1 / 6], dtype=torch.float64))


def test_relevance_by_hand_and_against_the_recursion():
    weights = torch.tensor([[[[0.5, 0.5], [0.25, 0.75]], [[1.0, 0.0], [0.5, 0.5]]]])
    gradient = torch.tensor([[[[2.0, -4.0], [4.0, 4.0]], [[1.0, 5.0], [-2.0, 2.0]]]])
    # relu(gradient * weights): [[1, 0], [1, 3]] and [[1, 0], [0, 1]], their mean [[1, 0], [.5, 2]]; plus the identity.
    assert gradient_relevance([weights], [gradient]).tolist() == [[[2.0, 0.0], [0.5, 3.0]]]
    layers = stack(3)
    gradients = [torch.randn(x.shape, generator=torch.Generator().manual_seed(7)).double() for x in layers]
    expected = torch.eye(T, dtype=torch.float64).expand(B, T, T)
    for layer, slope in zip(layers, gradients):
        expected = expected + (layer * slope).clamp(min=0).mean(1) @ expected
    assert torch.allclose(gradient_relevance(layers, gradients), expected)
    nothing = gradient_relevance(layers, [-torch.ones_like(x) for x in layers])
    assert torch.equal(nothing, torch.eye(T, dtype=torch.float64).expand(B, T, T))


def least_cut(joined: list[np.ndarray], query: int, word: set[int]) -> float:
    """The smallest cut between a state of the last layer and a word, over all ways to split the states between."""
    length, depth = joined[0].shape[0], len(joined)
    best = np.inf
    for sides in product([False, True], repeat=(depth - 1) * length):
        upper = np.zeros((depth + 1, length), dtype=bool)
        upper[1:depth] = np.reshape(sides, (depth - 1, length))
        upper[depth, query] = True
        upper[0] = [position not in word for position in range(length)]  # others need no cut
        best = min(best, sum(joined[d][upper[d + 1]][:, ~upper[d]].sum() for d in range(depth)))
    return best


def test_flow_by_hand():
    # Down to word 0 from state 0: straight on min(.9, .6), over state 1 min(.1, .1), together .7.
    below = torch.tensor([[0.2, 0.8], [0.2, 0.8]])[None, None]
    above = torch.tensor([[0.8, 0.2], [1.0, 0.0]])[None, None]
    flow = attention_flow([below, above], torch.tensor([[1.0, 0.0]]), torch.tensor([[0, 1]]))
    assert torch.allclose(flow, torch.tensor([[0.6 + 0.1, 0.4 + 0.1]], dtype=torch.float64), atol=1e-7)


@pytest.mark.parametrize("depth, length", [(1, 5), (2, 5), (3, 4), (4, 3)])
def test_flow_is_the_least_cut(depth, length):
    layers = stack(depth, length)
    joined = [with_residual(layer).numpy() for layer in layers]
    unit = torch.tensor([0, 1, 1, 2, -1])[:length].expand(B, length)  # a word of two positions, and a special token
    flow = attention_flow(layers, one_hot(length, 1), unit)
    for b in range(B):
        for word in range(int(unit.max()) + 1):
            places = {int(place) for place in (unit[b] == word).nonzero()}
            assert flow[b, word].item() == pytest.approx(least_cut([x[b] for x in joined], 1, places), abs=1e-8)


def test_flow_of_two_layers_is_a_sum_of_least_capacities():
    layers = stack(2, 11)
    below, above = (with_residual(layer) for layer in layers)
    expected = torch.minimum(above[:, 3, :, None], below).sum(1)
    assert torch.allclose(attention_flow(layers, one_hot(11, 3), positions(11)), expected, atol=1e-8)


def test_rollout_is_one_of_the_flows():
    layers = [*stack(3, 7), attention(B, 1, 1, 7, seed=8)]
    flow = attention_flow(layers, torch.ones(B, 1), positions(7))
    rolled = rollout(layers)[:, 0]
    assert (flow >= rolled - 1e-8).all() and (flow <= 1 + 1e-8).all()
    assert (flow > rolled + 0.01).any()
    mean = attention_flow(layers[:3], torch.full((B, 7), 1 / 7, dtype=torch.float64), positions(7))
    assert (mean >= rollout(layers[:3]).mean(1) - 1e-8).all() and (mean <= 1 + 1e-8).all()


def test_layers_must_lie_on_one_another():
    with pytest.raises(ValueError, match="self-attention of 5 queries over 5 keys in all of 2 documents"):
        rollout([*stack(1), *stack(1, 4)])
    with pytest.raises(ValueError, match="only the last layer may have other queries"):
        attention_flow([attention(B, 1, 1, T), *stack(1)], one_hot(T, 0), positions())
    with pytest.raises(ValueError, match="at least one"):
        rollout([])
    with pytest.raises(ValueError, match="one for each layer"):
        gradient_relevance(stack(2), stack(1))


def test_effective_attention_loses_what_the_values_cancel():
    weights, values = attention(B, H, 4, 7), attention(B, H, 7, 3, seed=5).log()
    effective, free = effective_attention(weights, values)
    assert free.tolist() == [[4] * H] * B
    assert torch.allclose(effective @ values, weights @ values)
    for b, h in product(range(B), range(H)):
        projector = values[b, h] @ torch.linalg.pinv(values[b, h])
        assert torch.allclose(effective[b, h], weights[b, h] @ projector)
    lost = weights - effective
    assert lost.norm() > 0.1
    assert torch.allclose((lost * effective).sum(-1), torch.zeros(B, H, 4, dtype=torch.float64), atol=1e-12)


def test_effective_attention_is_attention_where_positions_are_few():
    weights, values = attention(B, H, 4, 4), attention(B, H, 4, 6, seed=5).log()
    effective, free = effective_attention(weights, values)
    assert torch.allclose(effective, weights) and not free.any()
    same = values[:, :, :1].expand(values.shape)  # one and the same value: only the sum of the weights acts
    effective, free = effective_attention(weights, same)
    assert torch.allclose(effective, torch.full_like(effective, 1 / 4)) and free.eq(3).all()


def test_effective_attention_after_projection_and_with_padding():
    weights, values = attention(B, H, 6, 6), attention(B, H, 6, 3, seed=5).log()
    projected = values @ torch.randn(3, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one, two = effective_attention(weights, values), effective_attention(weights, projected)
    assert torch.allclose(one.weights, two.weights) and torch.equal(one.free, two.free)
    rounded = effective_attention(weights, projected.float())
    assert torch.equal(rounded.free, one.free)
    padded = torch.nn.functional.pad(weights, (0, 2)), torch.nn.functional.pad(values, (0, 0, 0, 2), value=3.0)
    is_key = (torch.arange(8) < 6).expand(B, 8)
    again, free = effective_attention(*padded, is_key)
    assert torch.allclose(again[..., :6], one.weights) and again[..., 6:].eq(0).all()
    assert torch.equal(free, one.free)
    with pytest.raises(ValueError, match="no key"):
        effective_attention(weights, values, torch.arange(6).expand(B, 6) < 5)
    with pytest.raises(ValueError, match="6 keys as the weights have them"):
        effective_attention(weights, values[:, :, :4])

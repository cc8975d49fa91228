"""Conicity against a sum by hand, and its laws."""

from __future__ import annotations

import pytest
import torch

from attn_interp.measures.states import conicity


def by_hand(states: list[list[float]]) -> float:
    mean = [sum(column) / len(states) for column in zip(*states)]

    def length(vector: list[float]) -> float:
        return sum(x * x for x in vector) ** 0.5

    return sum(sum(a * b for a, b in zip(h, mean)) / length(h) / length(mean) for h in states) / len(states)


def test_by_hand_whatever_stands_in_the_padding() -> None:
    states = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    is_word = torch.tensor([[True] * 5, [True, False, True, True, False], [False, True] + [False] * 3])
    found = conicity(states.masked_fill(~is_word[..., None], torch.nan), is_word)
    assert found.tolist() == pytest.approx([by_hand(own[words].tolist()) for own, words in zip(states, is_word)])
    assert float(found[2]) == pytest.approx(1)  # one word


def test_equal_states_are_a_line_and_opposite_ones_have_no_direction() -> None:
    is_word = torch.ones(1, 4, dtype=torch.bool)
    state = torch.tensor([1.0, -2.0, 0.5])
    scaled = state * torch.tensor([1.0, 2.0, 3.0, 0.1])[:, None]
    assert float(conicity(scaled[None], is_word)) == pytest.approx(1)
    assert float(conicity(torch.stack([state, -state, state, -state])[None], is_word)) == 0
    assert float(conicity(state.expand(1, 4, 3), ~is_word)) == 0  # no word


def test_turning_and_scaling_all_states_changes_nothing() -> None:
    draw = torch.Generator().manual_seed(1)
    states = torch.randn(2, 7, 3, generator=draw, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=draw, dtype=torch.float64)).Q
    is_word = torch.ones(2, 7, dtype=torch.bool)
    assert torch.allclose(conicity(states, is_word), conicity(4 * states @ turn, is_word))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 3\)"):
        conicity(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"true on real words, got torch\.float32"):
        conicity(torch.ones(2, 3, 4), torch.ones(2, 3))

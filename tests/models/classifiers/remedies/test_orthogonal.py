"""The orthogonal LSTM against its equations, word by word, and what they promise."""

from __future__ import annotations

import pytest
import torch

from attn_interp.models.classifiers.remedies.orthogonal import OrthogonalLstmEncoder


@pytest.fixture(scope="module")
def encoder() -> OrthogonalLstmEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return OrthogonalLstmEncoder(3, 4, bidirectional=True).double()


def by_hand(cell, words: torch.Tensor) -> torch.Tensor:
    """(T, E) -> (T, H), from the equations of an LSTM."""
    h = c = total = torch.zeros(4, dtype=torch.float64)
    states = []
    for x in words:
        gates = cell.weight_ih @ x + cell.bias_ih + cell.weight_hh @ h + cell.bias_hh
        i, f, g, o = gates.chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        if states:
            h = h - (h @ total) / (total @ total) * total
        total = total + h
        states.append(h)
    return torch.stack(states)


@torch.no_grad()
def test_states_are_those_of_the_equations_in_both_directions(encoder) -> None:
    words = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = encoder(words[None], torch.ones(1, 5, dtype=torch.bool))[0]
    torch.testing.assert_close(found[:, :4], by_hand(encoder.onward, words))
    torch.testing.assert_close(found[:, 4:], by_hand(encoder.back, words.flip(0)).flip(0))
    for t in range(1, 5):
        assert abs(float(found[t, :4] @ found[:t, :4].sum(0))) < 1e-12


@torch.no_grad()
def test_padding_changes_nothing_and_has_no_state(encoder) -> None:
    words = torch.randn(2, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    is_token = torch.arange(6) < torch.tensor([[6], [4]])
    found = encoder(words, is_token)
    torch.testing.assert_close(found[1, :4], encoder(words[1:, :4], is_token[1:, :4])[0])
    assert (found[1, 4:] == 0).all()
    with pytest.raises(ValueError, match="an orthogonal LSTM reads documents padded on the right"):
        encoder(words, is_token.flip(1))

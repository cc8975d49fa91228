"""Several rows of attention under a weighting of their mean: worked by hand."""

import torch

from attn_interp.models.rows_of_attention import Rows

TWO_HEADS = Rows(
    weights=torch.tensor([[[0.8, 0.2], [0.4, 0.6]]]),
    counted=torch.ones(1, 2, dtype=torch.bool),
    word=torch.tensor([[0, 1]]),
    whole=torch.ones(1, 2, 1),
)


def test_two_heads_hand_over_what_their_mean_loses():
    changed = TWO_HEADS.under(torch.tensor([[0.3, 0.7]]))
    assert torch.allclose(changed, torch.tensor([[[0.4, 0.6], [0.2, 0.8]]]))
    assert torch.allclose(TWO_HEADS.under(torch.tensor([[0.6, 0.4]])), TWO_HEADS.weights)
    assert torch.allclose(TWO_HEADS.under(torch.tensor([[0.0, 1.0]])), torch.tensor([0.0, 1.0]).expand(1, 2, 2))


def test_the_derivative_by_a_weight_of_the_mean():
    gradient = torch.tensor([[[1.0, 0.0], [4.0, 5.0]]])
    derivative = TWO_HEADS.by_weight_of_words(gradient)
    assert torch.allclose(derivative, torch.tensor([[(0.8 * 1 + 0.4 * 4) / 0.6, 0.6 * 5 / 0.4]]))

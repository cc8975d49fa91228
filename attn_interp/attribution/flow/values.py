"""Weights times what they weigh: the vectors that each position adds to the output of an attention block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch


@dataclass(frozen=True)
class Norm:
    """A layer normalisation: (y - mean(y)) / sqrt(var(y) + epsilon) * scale + shift, over the D numbers of a state.

    Attributes:
        scale, shift: (D,).
    """

    scale: torch.Tensor
    shift: torch.Tensor
    epsilon: float


@dataclass(frozen=True)
class Block:
    """Self-attention with what surrounds it, up to the feed-forward network: norm(residual + attention + bias).

    Attributes:
        weights: (B, H, T, T).
        values: (B, H, T, D) f(x): the value of each position and head, its bias included, after the head's part of the
            output projection.
        bias: (D,) of the output projection.
        residual: (B, T, D) what the residual connection adds.
        norm: the layer normalisation after the sum, None where there is none (it comes before the attention, or not).
    """

    weights: torch.Tensor
    values: torch.Tensor
    bias: torch.Tensor
    residual: torch.Tensor
    norm: Norm | None


def head_value_norms(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(B, H, Q, K) float64: ||alpha f(x)|| of each head, from weights (B, H, Q, K) and values (B, H, K, D).

    A large weight on a small vector is a small effect. Never negative; rows do not sum to 1.

    >>> weights, values = torch.tensor([[[[0.5, 0.5]]]]), torch.tensor([[[[3.0, 4.0], [0.0, 1.0]]]])
    >>> head_value_norms(weights, values).tolist()
    [[[[2.5, 0.5]]]]

    Reference: Kobayashi et al. 2020, section 3.
    """
    return weights.double().abs() * values.double().norm(dim=-1)[:, :, None]


def value_norms(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(B, Q, K) float64: ||sum over heads of alpha f(x)||, at most the sum of `head_value_norms` over the heads.

    Takes B Q K D numbers of memory.

    >>> weights, values = torch.tensor([[[[0.5, 0.5]]]]), torch.tensor([[[[3.0, 4.0], [0.0, 1.0]]]])
    >>> value_norms(weights, values).tolist()
    [[[2.5, 0.5]]]

    Reference: Kobayashi et al. 2020, section 3.
    """
    return _added(weights, values).norm(dim=-1)


class Parts(NamedTuple):
    """The output of a block as a sum: `by_position` summed over j, plus `rest`.

    Attributes:
        by_position: (B, T, T, D) float64 at [b, i, j]: what position j adds to the output at i.
        rest: (B, T, D) float64: what the biases of output projection and normalisation add, which is no position's.
    """

    by_position: torch.Tensor
    rest: torch.Tensor


def parts(block: Block) -> Parts:
    """What each position adds to the output of the block at each position.

    The residual connection adds to [i, i]. The normalisation is linear once its deviation is known, and that is the
    deviation of the whole sum at i: every part is centred, divided by it and scaled. Takes B T T D numbers of memory.

    Reference: Kobayashi et al. 2021, section 3.
    """
    by_position = _added(block.weights, block.values)
    by_position.diagonal(dim1=1, dim2=2).add_(block.residual.double().transpose(1, 2))
    bias = block.bias.double().expand(block.residual.shape)
    norm = block.norm
    if norm is None:
        return Parts(by_position, bias)
    whole = by_position.sum(2) + bias
    deviation = (whole.var(-1, unbiased=False, keepdim=True) + norm.epsilon).sqrt()  # (B, T, 1)

    def normed(vectors: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        return (vectors - vectors.mean(-1, keepdim=True)) / deviation * norm.scale.double()

    return Parts(normed(by_position, deviation[:, :, None]), normed(bias, deviation) + norm.shift.double())


def block_norms(block: Block) -> torch.Tensor:
    """(B, T, T) float64: the norms of `parts`, of attention with its residual connection and layer normalisation.

    Reference: Kobayashi et al. 2021, section 3.
    """
    return parts(block).by_position.norm(dim=-1)


def mixing_ratio(block: Block) -> torch.Tensor:
    """(B, T) in [0, 1]: m / (m + p), m the norm of all that the other positions add to a state, p of what its own adds.

    0: the state keeps to itself. NaN where both are 0.

    Reference: Kobayashi et al. 2021, section 4.
    """
    by_position = parts(block).by_position
    own = by_position.diagonal(dim1=1, dim2=2).transpose(1, 2)  # (B, T, D)
    others = (by_position.sum(2) - own).norm(dim=-1)
    return others / (others + own.norm(dim=-1))


def _added(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(B, Q, K, D): sum over heads of alpha f(x)."""
    if weights.shape[:2] + weights.shape[3:] != values.shape[:3]:
        raise ValueError(
            f"values: got shape {tuple(values.shape)}, expected (batch, heads, keys, width) with "
            f"{tuple(weights.shape[:2])} and {weights.shape[3]} keys as the weights have them"
        )
    return torch.einsum("bhqk,bhkd->bqkd", weights.double(), values.double())

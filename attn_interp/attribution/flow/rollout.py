"""Attention multiplied through the layers: rollout, and its variant that weighs heads by gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def rollout(layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """How much of each input position a state of the last layer is made of, if values only mix as attention says.

    A layer is the mean over its heads, half of it and half the identity for the residual connection. The product of
    the layers follows every path through them. Rows sum to 1, and a padded key gets 0.

    Args:
        layers: weights (B, H, T, T), first layer first. The last may be a pooling, with weights (B, H, Q, T) of
            queries that are no positions (Q != T) and so have no residual connection.

    Returns:
        (B, Q, T) float64.

    Raises:
        ValueError: no layer, or layers that do not lie on top of one another.

    >>> layer = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]]])  # one head, two positions
    >>> rollout([layer, layer])[0].tolist()
    [[0.5625, 0.4375], [0.0, 1.0]]

    Reference: Abnar & Zuidema 2020, section 3, equation 1.
    """
    check_layers(layers)
    product = with_residual(layers[0])
    for weights in layers[1:]:
        product = with_residual(weights) @ product
    return product


def gradient_relevance(layers: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    """Relevance of each input position: attention where more of it would raise the output, through the layers.

    With A = mean over heads of relu(gradient * weights), R starts as the identity and each layer adds A R to it. A
    pooling has no residual connection and gives A R. R is never negative, and rows do not sum to 1: gradients have the
    unit of the output.

    Args:
        layers: weights as in `rollout`.
        gradients: of the output that is explained, at these weights.

    Returns:
        (B, Q, T) float64.

    Raises:
        ValueError: as `rollout`, and where gradients and weights differ in number or shape.

    >>> layer = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]]])
    >>> gradient_relevance([layer], [torch.tensor([[[[1.0, -1.0], [0.0, 0.0]]]])])[0].tolist()
    [[1.5, 0.0], [0.0, 1.0]]

    Reference: Chefer, Gur & Wolf 2021 (generic attention-model explainability), section 3.1, equations 5 and 6.
    """
    check_layers(layers)
    shapes, got = ([tuple(x.shape) for x in tensors] for tensors in (layers, gradients))
    if shapes != got:
        raise ValueError(f"gradients: got shapes {got}, expected one for each layer, of the shapes {shapes}")
    length = layers[0].shape[-1]
    relevance = torch.eye(length, dtype=torch.float64, device=layers[0].device).expand(len(layers[0]), -1, -1)
    for weights, gradient in zip(layers, gradients):
        weighed = (gradient.double() * weights.double()).relu().mean(1)  # (B, Q, T)
        added = weighed @ relevance
        relevance = relevance + added if weights.shape[-2] == length else added
    return relevance


def with_residual(weights: torch.Tensor) -> torch.Tensor:
    """(B, H, Q, T) -> (B, Q, T) float64, rows summing to 1: the mean over heads, in equal parts with the identity.

    Queries that are no positions (Q != T) have no residual connection. What a sink takes is shared out over the row; a
    position whose keys are all masked is all residual.
    """
    mean = weights.double().mean(1)
    if mean.shape[-2] == mean.shape[-1]:
        mean = 0.5 * mean + 0.5 * torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
    return mean / mean.sum(-1, keepdim=True)


def check_layers(layers: Sequence[torch.Tensor]) -> None:
    """Raises ValueError unless all are (B, H, T, T), but for the queries of the last."""
    shapes = [tuple(weights.shape) for weights in layers]
    if not shapes or any(len(shape) != 4 for shape in shapes):
        raise ValueError(f"layers: got weights of shapes {shapes}, expected at least one (batch, heads, queries, keys)")
    documents, _, _, length = shapes[0]
    below = all(shape[0] == documents and shape[2:] == (length, length) for shape in shapes[:-1])
    if not below or (shapes[-1][0], shapes[-1][3]) != (documents, length):
        raise ValueError(
            f"layers: got weights of shapes {shapes}, expected self-attention of {length} queries over {length} keys "
            f"in all of {documents} documents; only the last layer may have other queries"
        )

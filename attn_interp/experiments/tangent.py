"""The affine readout that touches a model's own readout at its own attention; where the model is affine, its votes."""

from __future__ import annotations

import torch

from attn_interp.models.alternatives import Under
from attn_interp.readout.affine_check import Affinity, largest_that_moves


def tangent_votes(under: Under, weights: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Votes whose readout has the model's logits and their derivatives at the weights.

    v_t = z + dz/dalpha_t - sum_u alpha_u dz/dalpha_u; with H heads, each by its own weights, and z shared among them as
    z / H. One derivative for each class, however many words and heads there are.

    Args:
        under: Weightings (B, K, ...) of the shape of weights -> logits (B, K, C).
        weights: (B, W), or (B, H, W) of every head.
        is_word: (B, W).

    Returns:
        (B, W, C) or (B, H, W, C).

    Raises:
        RuntimeError: no gradient passes from the logits to the attention.
    """
    with torch.enable_grad():  # whatever mode the votes are first asked for in
        own = weights.detach().clone().requires_grad_()
        logits = under(own[:, None])[:, 0]  # (B, C)
        columns = [torch.autograd.grad(logits[:, k].sum(), own, retain_graph=True)[0] for k in range(logits.shape[1])]
    slope = torch.stack(columns, -1)  # (B, ..., W, C)
    heads = weights[0, ..., 0].numel()
    share = logits.detach().reshape(len(weights), *(1,) * (slope.ndim - 2), -1) / heads
    centred = slope - (weights[..., None] * slope).sum(-2, keepdim=True)
    return (share + centred) * _words_of(weights, is_word)[..., None]


def checked_votes(under: Under, weights: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor | None:
    """The tangent votes where they are votes: their sum the logits with all attention, in every head, on one word.

    A readout can be affine around the model's own weights and bend before the corners, as a ReLU does, so the words of
    largest and smallest vote are asked of the model itself, for each document and class. None: they differ there, or no
    gradient passes. Arguments and shapes are those of `tangent_votes`.
    """
    try:
        votes = tangent_votes(under, weights, is_word)
    except RuntimeError:  # detached or quantised: autograd's own words
        return None
    outside = ~_words_of(weights, is_word)[..., None]
    most, least = votes.masked_fill(outside, -torch.inf), votes.masked_fill(outside, torch.inf)
    chosen = torch.cat([most.argmax(-2), least.argmin(-2)], -1).movedim(-1, 1)  # (B, 2C) or (B, 2C, H)
    corners = torch.nn.functional.one_hot(chosen, votes.shape[-2]).double()
    flat = votes.reshape(len(votes), -1, votes.shape[-1])
    asked, said = under(corners), corners.flatten(2) @ flat  # (B, 2C, C)
    spread = (most.amax(-2) - least.amin(-2)).max()
    found = Affinity(float((asked - said).abs().max()), float(spread), largest_that_moves(asked), len(votes))
    return votes if found.affine else None


def _words_of(weights: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """`is_word` (B, W) in the shape of the weights."""
    return is_word if weights.ndim == 2 else is_word[:, None].expand_as(weights)

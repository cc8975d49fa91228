"""The affine readout that touches a model's own readout at its own attention; where the model is affine, its votes."""

from __future__ import annotations

import torch

from attn_interp.models.alternatives import Under
from attn_interp.readout.affine_check import Affinity


def tangent_votes(under: Under, weights: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """(B, W, C) votes whose readout has the model's logits and their derivatives at the weights (B, W).

    v_t = z + dz/dalpha_t - sum_u alpha_u dz/dalpha_u. One derivative for each class, however many words there are.

    Raises:
        RuntimeError: no gradient passes from the logits to the attention.
    """
    with torch.enable_grad():  # whatever mode the votes are first asked for in
        own = weights.detach().clone().requires_grad_()
        logits = under(own[:, None])[:, 0]  # (B, C)
        columns = [torch.autograd.grad(logits[:, k].sum(), own, retain_graph=True)[0] for k in range(logits.shape[1])]
    slope = torch.stack(columns, -1)  # (B, W, C)
    centred = slope - (weights[..., None] * slope).sum(1, keepdim=True)
    return (logits.detach()[:, None] + centred) * is_word[..., None]


def checked_votes(under: Under, weights: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor | None:
    """The tangent votes (B, W, C) where they are votes: the logits with all attention on one word.

    A readout can be affine around the model's own weights and bend before the corners, as a ReLU does, so the words of
    largest and smallest vote are asked of the model itself, for each document and class. None: they differ there, or no
    gradient passes.
    """
    try:
        votes = tangent_votes(under, weights, is_word)
    except RuntimeError:  # detached or quantised: autograd's own words
        return None
    outside = ~is_word[..., None]
    most, least = (votes.masked_fill(outside, -torch.inf).argmax(1), votes.masked_fill(outside, torch.inf).argmin(1))
    corners = torch.nn.functional.one_hot(torch.cat([most, least], 1), votes.shape[1]).double()  # (B, 2C, W)
    asked, said = under(corners), corners @ votes  # (B, 2C, C)
    spread = (votes.masked_fill(outside, -torch.inf).amax(1) - votes.masked_fill(outside, torch.inf).amin(1)).max()
    found = Affinity(float((asked - said).abs().max()), float(spread), float(asked.abs().max()), len(votes))
    return votes if found.affine else None

"""Attention over the words of a document: scores -> softmax -> weighted sum of the states."""

from __future__ import annotations

import math

import torch
from torch import nn

from attn_interp.recording import mark


class AdditiveScores(nn.Module):
    """score_t = v . tanh(W h_t + b), with W of width d/2 and v without bias; several heads share the width out.

    Reference: Bahdanau et al. 2015, as `tanh` attention in Jain & Wallace 2019.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.keys = nn.Linear(width, width // 2)
        self.query = nn.Parameter(_fresh_query(heads, width // 2 // heads))  # (H, d/2/H)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """states (B, T, D) -> scores (B, H, T), any real number."""
        return self.of_keys(torch.tanh(self.keys(states)))

    def of_keys(self, keys: torch.Tensor) -> torch.Tensor:
        """tanh(W h + b) (B, T, d/2) -> scores (B, H, T)."""
        return torch.einsum("bthw,hw->bht", keys.unflatten(-1, self.query.shape), self.query)


class DotScores(nn.Module):
    """score_t = v . h_t, divided by sqrt(d) if `scaled`; a head sees its own d/H columns of h_t, and d is then d/H.

    Reference: the scaled form is `dot` attention in Jain & Wallace 2019.
    """

    def __init__(self, width: int, heads: int, scaled: bool) -> None:
        super().__init__()
        self.query = nn.Parameter(_fresh_query(heads, width // heads))  # (H, d/H)
        self.scale = 1 / math.sqrt(width // heads) if scaled else 1.0

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """states (B, T, D) -> scores (B, H, T), any real number."""
        keys = states.unflatten(-1, self.query.shape)  # (B, T, H, d/H)
        return torch.einsum("bthw,hw->bht", keys, self.vector()) * self.scale

    def vector(self) -> torch.Tensor:
        """(H, d/H) what each head multiplies its columns of a state with."""
        return self.query


class BilinearScores(DotScores):
    """score_t = h_t . (W v), with W square and v the learned query, one of each for every head; not scaled.

    With one learned query W v is itself one learned vector: these are the attentions that `DotScores` can have, and no
    others. What differs is how they are learned, for a step on W and v is another step of W v than one on it alone. W
    starts as the identity, so that the attention starts as that of the dot product. With a query for each document, as
    in a decoder, W is more than that: it says which part of the states the query is compared with.

    Reference: `general` in Luong, Pham & Manning 2015, section 3.1.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, scaled=False)
        self.matrix = nn.Parameter(torch.eye(width // heads).repeat(heads, 1, 1))  # (H, d/H, d/H)

    def vector(self) -> torch.Tensor:
        """(H, d/H) W v."""
        return (self.matrix @ self.query[..., None])[..., 0]


class UniformScores(nn.Module):
    """score_t = 0 for every word: attention frozen to uniform weights, the mean of the states."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """states (B, T, D) -> scores (B, 1, T), all 0."""
        return states.new_zeros(states.shape[:2])[:, None]


Scores = AdditiveScores | DotScores | UniformScores


def _fresh_query(heads: int, width: int) -> torch.Tensor:
    """(H, width), uniform in +-1/sqrt(width): what nn.Linear draws for a layer with one output."""
    bound = 1 / math.sqrt(width)
    return torch.empty(heads, width).uniform_(-bound, bound)


class AttentionPooling(nn.Module):
    """context = sum_t alpha_t h_t with alpha = softmax (or the normaliser named) of the scores over the words of the
    document.

    Start, end and padding have weight 0. Each head weighs its own d/H columns of the states, so the contexts of the
    heads side by side have the width of one state, and one head is attention as in Jain & Wallace 2019.
    The context of a row without a word is 0 (its softmax is uniform over all positions, and not used).
    """

    def __init__(self, scores: Scores, normaliser: str = "softmax") -> None:
        super().__init__()
        self.scores, self.normaliser = scores, normaliser

    def forward(self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T), is_word (B, T) -> context (B, D)."""
        return pooled(states, self.scores(states), is_word, self.normaliser)


def normalised(scores: torch.Tensor, normaliser: str = "softmax") -> torch.Tensor:
    """Scores (..., T), -inf where no word is -> weights that sum to 1, seen by whoever records attention.

    Reference: sparsemax, Martins & Astudillo 2016; entmax with alpha 1.5, Peters, Niculae & Martins 2019.
    """
    if normaliser == "softmax":
        return torch.softmax(scores, dim=-1)
    import entmax  # after its first use: it comes with much of torch

    return mark((entmax.sparsemax if normaliser == "sparsemax" else entmax.entmax15)(scores, dim=-1))


def pooled(
    states: torch.Tensor, scores: torch.Tensor, is_word: torch.Tensor, normaliser: str = "softmax"
) -> torch.Tensor:
    """states (B, T, D), scores (B, H, T), is_word (B, T) -> context (B, D)."""
    scores = scores[:, :, None]  # (B, H, 1, T)
    has_word = is_word.any(1)  # (B,)
    # A row masked everywhere would make the softmax NaN.
    masked = ~is_word & has_word[:, None]  # (B, T)
    weights = normalised(scores.masked_fill(masked[:, None, None], -math.inf), normaliser)  # (B, H, 1, T)
    values = states.unflatten(-1, (scores.shape[1], -1)).transpose(1, 2)  # (B, H, T, D/H)
    return (weights @ values).flatten(1) * has_word[:, None]


def build_attention(width: int, compatibility: str, heads: int, normaliser: str = "softmax") -> AttentionPooling:
    """Attention pooling over states of this width with the compatibility function named, freshly initialised."""
    return AttentionPooling(_build_scores(width, compatibility, heads), normaliser)


def _build_scores(width: int, compatibility: str, heads: int) -> Scores:
    if compatibility == "uniform":
        return UniformScores()
    if compatibility == "additive":
        return AdditiveScores(width, heads)
    if compatibility == "bilinear":
        return BilinearScores(width, heads)
    return DotScores(width, heads, scaled=compatibility == "scaled_dot")

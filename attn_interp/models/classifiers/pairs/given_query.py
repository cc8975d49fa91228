"""Attention over the words of one text with the query of another: scores of each word given that query."""

from __future__ import annotations

import math

import torch
from torch import nn

from attn_interp.models.classifiers.attention_pooling import pooled


class AdditiveGiven(nn.Module):
    """score_t = v . tanh(W1 h_t + W2 q), with W1 and W2 of width d/2 and v without bias.

    Reference: `tanh` attention of the tasks on two texts in Jain & Wallace 2019 (their code).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.keys = nn.Linear(width, width // 2)
        self.query = nn.Linear(width, width // 2)
        self.score = nn.Linear(width // 2, 1, bias=False)

    def forward(self, states: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), query (B, D) -> scores (B, 1, T), any real number."""
        return self.score(torch.tanh(self.keys(states) + self.query(query)[:, None])).transpose(1, 2)


class DotGiven(nn.Module):
    """score_t = h_t . q, divided by sqrt(d) if `scaled`.

    Reference: the scaled form is `dot` attention in Jain & Wallace 2019.
    """

    def __init__(self, width: int, scaled: bool) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(width) if scaled else 1.0

    def forward(self, states: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), query (B, D) -> scores (B, 1, T), any real number."""
        return (states @ query[..., None]).transpose(1, 2) * self.scale


class BilinearGiven(nn.Module):
    """score_t = h_t . (W q), with W square, which starts as torch draws it.

    Reference: `general` in Luong, Pham & Manning 2015, section 3.1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.matrix = nn.Linear(width, width, bias=False)

    def forward(self, states: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), query (B, D) -> scores (B, 1, T), any real number."""
        return (states @ self.matrix(query)[..., None]).transpose(1, 2)


class UniformGiven(nn.Module):
    """score_t = 0 for every word: the mean of the states, whatever the query."""

    def forward(self, states: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), query (B, D) -> scores (B, 1, T), all 0."""
        return states.new_zeros(states.shape[:2])[:, None]


Scores = AdditiveGiven | BilinearGiven | DotGiven | UniformGiven


class GivenPooling(nn.Module):
    """context = sum_t alpha_t h_t over the words of one text, with alpha = softmax of their scores given a query."""

    normaliser = "softmax"

    def __init__(self, scores: Scores) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, states: torch.Tensor, query: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), query (B, D), is_word (B, T) -> context (B, D)."""
        return pooled(states, self.scores(states, query), is_word)


def build_given(width: int, compatibility: str) -> GivenPooling:
    """Attention over states of this width given a query of this width, freshly initialised."""
    if compatibility == "uniform":
        return GivenPooling(UniformGiven())
    if compatibility == "additive":
        return GivenPooling(AdditiveGiven(width))
    if compatibility == "bilinear":
        return GivenPooling(BilinearGiven(width))
    return GivenPooling(DotGiven(width, scaled=compatibility == "scaled_dot"))

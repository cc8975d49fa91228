"""Random documents of unequal length, with the awkward ones among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch


class Documents(NamedTuple):
    weights: torch.Tensor  # (B, T)
    votes: torch.Tensor  # (B, T, C)
    is_word: torch.Tensor  # (B, T)

    def one(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights (T,) and votes (T, C) of one document without padding."""
        return self.weights[row, self.is_word[row]], self.votes[row, self.is_word[row]]


Draw = Callable[..., Documents]


@pytest.fixture
def draw() -> Draw:
    def documents(seed: int, count: int = 13, positions: int = 7, classes: int = 2, lean: float = 0.0) -> Documents:
        """Words start at position 1 and every length occurs; some weights are exactly 0. `lean` favours class 0."""
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.randint(1, positions, (count, 1), generator=generator)
        lengths[0] = positions - 1
        place = torch.arange(positions)
        is_word = (place >= 1) & (place <= lengths)
        weights = torch.rand(count, positions, generator=generator, dtype=torch.float64) ** 3
        weights[torch.rand(count, positions, generator=generator) < 0.1] = 0
        weights[:, 1] += 0.01
        weights = torch.where(is_word, weights, 0.0)
        votes = torch.randn(count, positions, classes, generator=generator, dtype=torch.float64) * 2
        votes[..., 0] += lean
        return Documents(weights / weights.sum(-1, keepdim=True), votes * is_word[..., None], is_word)

    return documents


@pytest.fixture(
    params=["one word", "two words", "uniform", "one-hot", "equal votes", "huge votes", "p close to 1", "p close to 0"]
)
def degenerate(request: pytest.FixtureRequest, draw: Draw) -> Documents:
    """Two-class documents at the edges of the definitions."""
    weights, votes, is_word = draw(99, count=5, positions=6)
    name = request.param
    if name in ("one word", "two words"):
        is_word = torch.arange(6) < (1 if name == "one word" else 2)
        is_word = is_word.expand(5, 6)
        weights = torch.where(is_word, weights + 0.1, 0.0)
        weights = weights / weights.sum(-1, keepdim=True)
        votes = torch.where(is_word[..., None], torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(1)), 0.0)
    elif name == "uniform":
        weights = is_word.double() / is_word.sum(-1, keepdim=True)
    elif name == "one-hot":
        weights = torch.zeros(5, 6)
        weights[:, 1] = 1
    elif name == "equal votes":
        votes = torch.where(is_word[..., None], torch.tensor([0.3, 1.1]), 0.0)
    elif name == "huge votes":
        votes = votes * 1e4
    else:
        shift = 6.0 if name == "p close to 1" else -6.0  # 1 - p = .0025 < eps = .01
        votes = votes * 0.3 + torch.tensor([0.0, shift]) * is_word[..., None]
    return Documents(weights.double(), votes.double(), is_word)

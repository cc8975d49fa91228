"""A small transformer encoder, trained from the start like the other encoders."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from attn_interp.models.classifiers.encoders import Encoder, StateEncoder
from attn_interp.models.classifiers.settings import ClassifierSettings

# Size of the numbers that tell positions: that of word vectors before training, so that neither drowns the other.
PLACE_SPREAD = 0.1
LONGEST_WAVE = 10_000.0
FEED_FORWARD = 4  # width inside the feed-forward layers, in widths of a state


class TransformerEncoder(StateEncoder):
    """Layers of self-attention over all tokens of the document, start and end included; padding is masked.

    A word vector is projected to the width of the states, and sines of its position are added, so that documents may
    have any length. Each layer normalises its input first and adds what attention and a feed-forward network (GELU,
    four times as wide) make of it. No dropout inside; `hidden` must be a multiple of the heads.

    Reference: Vaswani et al. 2017, section 3; the order of the normalisation is that of Xiong et al. 2020.
    """

    def __init__(self, embedding_width: int, hidden: int, layers: int, heads: int) -> None:
        super().__init__()
        self.width = hidden
        self.projection = nn.Linear(embedding_width, hidden)
        self.layers = nn.ModuleList(TransformerLayer(hidden, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D)."""
        states = self.projection(embedded)
        states = states + PLACE_SPREAD * sines(states.shape[1], self.width).to(states)
        for layer in self.layers:
            states = layer(states, is_token)
        return self.norm(states)


class TransformerLayer(nn.Module):
    """Self-attention, then a feed-forward network of each state alone, each added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads)
        self.before_attention = nn.LayerNorm(width)
        self.before_network = nn.LayerNorm(width)
        self.network = nn.Sequential(
            nn.Linear(width, FEED_FORWARD * width), nn.GELU(), nn.Linear(FEED_FORWARD * width, width)
        )

    def forward(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T) -> states (B, T, D)."""
        states = states + self.attention(self.before_attention(states), is_token)
        return states + self.network(self.before_network(states))


class SelfAttention(nn.Module):
    """Every position attends to every token; each head has its own D / H columns of queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(width, 3 * width)  # queries, keys and values
        self.write = nn.Linear(width, width)

    def forward(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T) -> (B, T, D)."""
        query, key, value = (
            self.read(states).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (B, H, T, D/H)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_token[:, None, None])
        return self.write(mixed.transpose(1, 2).flatten(2))


def sines(length: int, width: int) -> torch.Tensor:
    """(T, D) sines in even and cosines in odd columns of t / w, the waves w from 1 to `LONGEST_WAVE`, in [-1, 1]."""
    column = torch.arange(width)
    wave = LONGEST_WAVE ** ((column - column % 2) / width)
    angle = torch.arange(length)[:, None] / wave
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def _check_width(settings: ClassifierSettings) -> None:
    if settings.hidden % settings.encoder_heads:
        raise ValueError(
            f"hidden: got {settings.hidden}, expected a multiple of the {settings.encoder_heads} heads of the "
            "transformer"
        )


TRANSFORMER = Encoder(
    "transformer",
    lambda settings: TransformerEncoder(
        settings.embedding_width, settings.hidden, settings.layers, settings.encoder_heads
    ),
    fields=("layers", "encoder_heads"),
    attends=True,
    check=_check_width,
)

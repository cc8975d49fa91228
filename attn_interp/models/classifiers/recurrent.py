"""Recurrent encoders: a layer of LSTM or GRU cells, left to right or in both directions."""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.models.classifiers.encoders import Encoder, StateEncoder


class RecurrentEncoder(StateEncoder):
    """One recurrent layer, left to right or in both directions: h_t = (forward state, backward state) at token t.

    The backward direction reads each document turned around within its own length, so it starts at the last token and
    neither direction meets padding before it is through. Padding must be on the right. States at padding are 0.

    Packed sequences would say the same, but leave the CPU's fused kernel and take more than twice the time.
    """

    layer: type[nn.LSTM] | type[nn.GRU]

    def __init__(self, embedding_width: int, hidden: int, bidirectional: bool) -> None:
        super().__init__()
        self.width = 2 * hidden if bidirectional else hidden
        self.onward = self.layer(embedding_width, hidden, batch_first=True)
        self.back = self.layer(embedding_width, hidden, batch_first=True) if bidirectional else None

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D).

        Raises:
            ValueError: padding stands before a token.
        """
        check_padding(is_token, f"an {self.layer.__name__}")
        states = self.onward(embedded)[0]
        if self.back is not None:
            around = turned(is_token)
            backward = self.back(reordered(embedded, around))[0]
            states = torch.cat([states, reordered(backward, around)], dim=-1)
        return states * is_token[..., None]


class LstmEncoder(RecurrentEncoder):
    """A `RecurrentEncoder` of LSTM cells (Hochreiter & Schmidhuber 1997).

    Args:
        forget_bias: Added to the forget gates' biases as torch draws them, which is about 0.
    """

    layer = nn.LSTM
    onward: nn.LSTM
    back: nn.LSTM | None

    def __init__(self, embedding_width: int, hidden: int, bidirectional: bool, forget_bias: float = 0.0) -> None:
        super().__init__(embedding_width, hidden, bidirectional)
        for lstm in (self.onward, self.back):
            if lstm is not None:
                # torch keeps two biases for each gate and adds them; the gates are input, forget, cell, output
                with torch.no_grad():
                    lstm.get_parameter("bias_hh_l0")[hidden : 2 * hidden] += forget_bias


class GruEncoder(RecurrentEncoder):
    """A `RecurrentEncoder` of gated recurrent units (Cho et al. 2014)."""

    layer = nn.GRU


def check_padding(is_token: torch.Tensor, reader: str) -> None:
    """Raises ValueError where padding stands before a token (B, T)."""
    if bool((is_token[:, 1:] & ~is_token[:, :-1]).any()):
        raise ValueError(f"is_token: padding stands before a token; {reader} reads documents padded on the right")


def turned(is_token: torch.Tensor) -> torch.Tensor:
    """(B, T) positions that turn each row's tokens around and leave its padding in place; its own inverse."""
    position = torch.arange(is_token.shape[1], device=is_token.device)  # (T,)
    return torch.where(is_token, is_token.sum(1, keepdim=True) - 1 - position, position)


def reordered(values: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """values (B, T, W), position (B, T) -> values[b, position[b, t]] (B, T, W), whole rows at a time."""
    first = values.shape[1] * torch.arange(len(values), device=position.device)  # (B,)
    return values.flatten(0, 1).index_select(0, (first[:, None] + position).flatten()).view_as(values)


LSTM = Encoder(
    "lstm",
    lambda settings: LstmEncoder(
        settings.embedding_width, settings.hidden, settings.bidirectional, settings.forget_bias
    ),
    fields=("bidirectional", "forget_bias"),
    sums_up=True,
)
GRU = Encoder(
    "gru",
    lambda settings: GruEncoder(settings.embedding_width, settings.hidden, settings.bidirectional),
    fields=("bidirectional",),
    sums_up=True,
)

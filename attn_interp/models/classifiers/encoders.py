"""Encoders: embedded tokens (B, T, E) -> one state per token (B, T, D).

None of them lets padding reach a token: a document has the same states alone and in a padded batch.
"""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.models.classifiers.lstmn import LstmnEncoder
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.classifiers.transformer import TransformerEncoder


class AverageEncoder(nn.Module):
    """h_t = tanh(W e_t + b): every state knows its own word alone, so attention on it is attention on the word.

    Reference: the `average` encoder of Jain & Wallace 2019.
    """

    def __init__(self, embedding_width: int, hidden: int) -> None:
        super().__init__()
        self.width = hidden
        self.projection = nn.Linear(embedding_width, hidden)

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D)."""
        return torch.tanh(self.projection(embedded))


class CnnEncoder(nn.Module):
    """Convolutions of several odd widths, ReLU, side by side: h_t sees (widest - 1) / 2 tokens on each side.

    Each kernel has hidden / len(kernels) channels, so that the state has `hidden` values in all.
    Reference: the `cnn` encoder of Jain & Wallace 2019.
    """

    def __init__(self, embedding_width: int, hidden: int, kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.width = hidden
        channels = hidden // len(kernels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_width, channels, kernel, padding=kernel // 2) for kernel in kernels
        )

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D)."""
        # Zeros at padding are what a convolution sees past the end of a document that stands alone.
        signal = (embedded * is_token[..., None]).transpose(1, 2)  # (B, E, T)
        return torch.relu(torch.cat([convolution(signal) for convolution in self.convolutions], 1)).transpose(1, 2)


class RecurrentEncoder(nn.Module):
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
        if bool((is_token[:, 1:] & ~is_token[:, :-1]).any()):
            name = self.layer.__name__
            raise ValueError(f"is_token: padding stands before a token; an {name} reads documents padded on the right")
        states = self.onward(embedded)[0]
        if self.back is not None:
            turned = _turned(is_token)
            backward = self.back(_reordered(embedded, turned))[0]
            states = torch.cat([states, _reordered(backward, turned)], dim=-1)
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


def _turned(is_token: torch.Tensor) -> torch.Tensor:
    """(B, T) positions that turn each row's tokens around and leave its padding in place; its own inverse."""
    position = torch.arange(is_token.shape[1], device=is_token.device)  # (T,)
    return torch.where(is_token, is_token.sum(1, keepdim=True) - 1 - position, position)


def _reordered(values: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """values (B, T, W), position (B, T) -> values[b, position[b, t]] (B, T, W)."""
    return values.gather(1, position[..., None].expand(-1, -1, values.shape[-1]))


Encoder = AverageEncoder | CnnEncoder | LstmnEncoder | RecurrentEncoder | TransformerEncoder


def build_encoder(settings: ClassifierSettings) -> Encoder:
    """The encoder of words that the settings name, freshly initialised."""
    if settings.encoder == "average":
        return AverageEncoder(settings.embedding_width, settings.hidden)
    if settings.encoder == "cnn":
        return CnnEncoder(settings.embedding_width, settings.hidden, settings.kernels)
    if settings.encoder == "transformer":
        return TransformerEncoder(settings.embedding_width, settings.hidden, settings.layers, settings.encoder_heads)
    if settings.encoder == "lstmn":
        return LstmnEncoder(settings.embedding_width, settings.hidden)
    if settings.encoder == "gru":
        return GruEncoder(settings.embedding_width, settings.hidden, settings.bidirectional)
    return LstmEncoder(settings.embedding_width, settings.hidden, settings.bidirectional, settings.forget_bias)

"""Encoders whose states see a word, or a window of words, without memory."""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.models.classifiers.encoders import Encoder, StateEncoder
from attn_interp.models.classifiers.settings import ClassifierSettings


class AverageEncoder(StateEncoder):
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


class CnnEncoder(StateEncoder):
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


def _check_kernels(settings: ClassifierSettings) -> None:
    kernels = settings.kernels
    if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
        raise ValueError(f"kernels: got {kernels}, expected odd widths of at least 1")
    if settings.hidden % len(kernels):
        raise ValueError(f"hidden: got {settings.hidden}, expected a multiple of the {len(kernels)} kernels")


AVERAGE = Encoder("average", lambda settings: AverageEncoder(settings.embedding_width, settings.hidden))
CNN = Encoder(
    "cnn",
    lambda settings: CnnEncoder(settings.embedding_width, settings.hidden, settings.kernels),
    fields=("kernels",),
    check=_check_kernels,
)

"""Poolings without attention: states (B, T, D) -> one vector per document (B, D)."""

from __future__ import annotations

import math

import torch
from torch import nn

from attn_interp.models.classifiers.attention_pooling import AttentionPooling, build_attention
from attn_interp.models.classifiers.settings import ClassifierSettings


class MeanPooling(nn.Module):
    """The mean of the states of the words; 0 without a word."""

    def forward(self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T), is_word (B, T) -> (B, D)."""
        return (states * is_word[..., None]).sum(1) / is_word.sum(1, keepdim=True).clamp(min=1)


class MaxPooling(nn.Module):
    """The largest value of each column over the words; 0 without a word."""

    def forward(self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T), is_word (B, T) -> (B, D)."""
        largest = states.masked_fill(~is_word[..., None], -math.inf).amax(1)
        return largest.masked_fill(~is_word.any(1, keepdim=True), 0.0)


class LastPooling(nn.Module):
    """What each direction of an LSTM or GRU knows at its end: forward at the last token, backward at the first.

    The start and end tokens are read like words. 0 without a word.
    """

    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        self.bidirectional = bidirectional

    def forward(self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_token (B, T), is_word (B, T) -> (B, D)."""
        last = (is_token.sum(1) - 1).clamp(min=0)  # (B,)
        final = states[torch.arange(len(states), device=states.device), last]  # (B, D)
        if self.bidirectional:
            half = states.shape[-1] // 2
            final = torch.cat([final[:, :half], states[:, 0, half:]], dim=1)
        return final * is_word.any(1, keepdim=True)


Pooling = AttentionPooling | MeanPooling | MaxPooling | LastPooling


def build_pooling(settings: ClassifierSettings) -> Pooling:
    """The pooling that the settings name, freshly initialised."""
    if settings.pooling == "attention":
        return build_attention(settings.state_width, settings.attention, settings.heads, settings.normaliser)
    if settings.pooling == "mean":
        return MeanPooling()
    if settings.pooling == "max":
        return MaxPooling()
    return LastPooling(settings.both_directions)

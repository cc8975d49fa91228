"""The classifier: embedding -> encoder -> pooling -> affine head, a plain torch module."""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.models.encoders import build_encoder
from attn_interp.models.pooling import build_pooling
from attn_interp.models.settings import ClassifierSettings


class Classifier(nn.Module):
    """Token ids -> logits of C classes; softmax of the logits gives the class probabilities, for two classes too.

    With attention pooling the logits are affine in the attention weights. The module has no hook for recording: its
    attention is one call of torch.softmax over the positions, in the submodule `pooling`.

    Args:
        settings: What it is made of.
        vocabulary_size: V, number of ids; id 0 is padding, and its word vector is 0.
        class_count: C, at least 2.
        embeddings: Pretrained word vectors (V, E) to start from, in the order of the ids; fine-tuned in training.

    Raises:
        ValueError: naming the argument, what it is and what is allowed.
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        class_count: int,
        embeddings: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        if class_count < 2:
            raise ValueError(f"class_count: got {class_count}, expected at least 2")
        self.settings = settings
        self.embedding = nn.Embedding(vocabulary_size, settings.embedding_width, padding_idx=0)
        if embeddings is not None:
            self._start_from(embeddings)
        self.encoder = build_encoder(settings)
        self.pooling = build_pooling(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.state_width, class_count)

    def _start_from(self, embeddings: torch.Tensor) -> None:
        expected = tuple(self.embedding.weight.shape)
        if tuple(embeddings.shape) != expected:
            raise ValueError(
                f"embeddings: got shape {tuple(embeddings.shape)}, expected {expected} "
                "(vocabulary size, embedding_width of the settings)"
            )
        if not bool(torch.isfinite(embeddings).all()):
            raise ValueError("embeddings: some values are not finite; remove or replace these vectors")
        with torch.no_grad():
            self.embedding.weight.copy_(embeddings)
            self.embedding.weight[0] = 0.0

    def forward(self, ids: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """ids (B, T), is_token (B, T), is_word (B, T), padded on the right -> logits (B, C)."""
        embedded = self.dropout(self.embedding(ids))  # (B, T, E)
        states = self.encoder(embedded, is_token)  # (B, T, D)
        return self.head(self.dropout(self.pooling(states, is_token, is_word)))

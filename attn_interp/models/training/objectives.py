"""What training makes small, and which of its epochs is the best."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch.nn import functional

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.attention_pooling import normalised
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.frozen_attention import Attention, attending, attention_pooling, reading_scores
from attn_interp.models.classifiers.settings import TrainingSettings
from attn_interp.models.classifiers.trained import Epoch
from attn_interp.models.predicting import predict_logits
from attn_interp.models.training.remedies import PENALTIES, Seen, with_hidden_words


class Objective(Protocol):
    """What `fit` asks of an objective."""

    def loss(self, module: Classifier, batch: Batch) -> torch.Tensor:
        """The loss of a batch of training documents, a scalar with gradients."""
        ...

    def judge(self, module: Classifier, vocabulary: Vocabulary, documents: Sequence[Document]) -> tuple[float, float]:
        """Loss and accuracy on the dev split, in evaluation mode."""
        ...

    def merit(self, epoch: Epoch) -> tuple[float, ...]:
        """What the best epoch has most of, in the order in which it counts."""
        ...


@dataclass(frozen=True)
class Classification:
    """Cross-entropy (nats) with the gold classes, and what a remedy adds; the best epoch has the highest dev accuracy.

    Attributes:
        weights: (C,) weight of each class in the loss.
        attention: What the attention is frozen to; None: the classifier's own.
        settings: Which name the remedy.
    """

    weights: torch.Tensor  # (C,)
    attention: Attention | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    def loss(self, module: Classifier, batch: Batch) -> torch.Tensor:
        if self.settings.remedy in PENALTIES:
            logits, penalty = self._with_penalty(module, batch)
            return self._error(logits, batch) + penalty
        given = with_hidden_words(batch) if self.settings.remedy == "masked" else batch
        with nullcontext() if self.attention is None else attending(module, self.attention(batch)):
            return self._error(module(*given.inputs), batch)

    def _error(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return functional.cross_entropy(logits, batch.gold_labels(), self.weights.to(logits.device))

    def _with_penalty(self, module: Classifier, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits (B, C), and what the remedy adds to the loss."""
        embedded = module.embedding(batch.ids)
        states = module.encoder(module.dropout(embedded), batch.is_token)
        with reading_scores(module) as scores:
            logits = module.of_states(states, *batch.inputs[1:])
        masked = scores[0][:, 0].masked_fill(~batch.is_word, -torch.inf)
        seen = Seen(batch, embedded, states, normalised(masked, attention_pooling(module).normaliser))
        return logits, self.settings.strength * PENALTIES[self.settings.remedy](seen, self.settings).mean()

    def judge(self, module: Classifier, vocabulary: Vocabulary, documents: Sequence[Document]) -> tuple[float, float]:
        logits = predict_logits(module, vocabulary, documents, attention=self.attention)  # (N, C)
        labels = torch.tensor(gold_labels(documents))  # (N,)
        loss = functional.cross_entropy(logits.double(), labels, self.weights.double())
        return float(loss), float((logits.argmax(1) == labels).double().mean())

    def merit(self, epoch: Epoch) -> tuple[float, float, int]:
        """Higher is better: dev accuracy, then a low dev loss, then an early epoch."""
        return epoch.dev_accuracy, -epoch.dev_loss, -epoch.epoch

"""A trained classifier with everything needed to say where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from attn_interp.data.document import Document, shortened
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.frozen_attention import Attention
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.predicting import as_documents, predict_logits, predictions_frame


@dataclass(frozen=True)
class Epoch:
    """What was measured in one pass over the training documents.

    Attributes:
        epoch: Its number, from 1.
        train_loss: Mean cross-entropy (nats) over the epoch's batches, with dropout, while the weights moved.
        dev_loss: Mean cross-entropy (nats) on the dev split after the epoch, with the same class weights.
        dev_accuracy: Share of dev documents classified right after the epoch, in [0, 1].
    """

    epoch: int
    train_loss: float
    dev_loss: float
    dev_accuracy: float


@dataclass(frozen=True, repr=False)
class Trained:
    """A classifier with the weights of its best epoch, in evaluation mode.

    Attributes:
        module: The classifier.
        settings: What it is made of.
        training: How it was trained.
        vocabulary: Word <-> id, built from the training documents.
        classes: The C class names; column c of the logits belongs to classes[c].
        seed: Decided the initial weights, the order of the documents and the dropout.
        history: One row per epoch that was run.
        best_epoch: Number of the epoch that the dev split chose, from 1.
    """

    module: Classifier
    settings: ClassifierSettings
    training: TrainingSettings
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    seed: int
    history: tuple[Epoch, ...]
    best_epoch: int

    def __repr__(self) -> str:
        classes = shortened(", ".join(self.classes), 200)
        return (
            f"<Trained {self.settings.encoder}, pooling {self.settings.pooling!r}: {len(self.classes)} classes "
            f"({classes}); seed {self.seed}, epoch {self.best_epoch} of {len(self.history)}>"
        )

    def logits(self, documents: str | Document | Sequence[str | Document]) -> torch.Tensor:
        """The logits (N, C), float32 on the CPU, of N documents or texts, in their order."""
        return predict_logits(self.module, self.vocabulary, as_documents(documents))

    def predict(self, texts: str | Document | Sequence[str | Document]) -> pd.DataFrame:
        """One row per text or document: document, predicted, and for each class "probability <class>"."""
        documents = documents_of(texts)
        logits = self.logits(documents)
        return predictions_frame(documents, self.classes, logits, logits.argmax(-1))


@dataclass(frozen=True)
class UnderAttention:
    """A classifier under an attention that it was given in training, and without which it means nothing.

    Attributes:
        trained: The classifier.
        attention: Batch -> the attention (B, T) that every document gets; None: the classifier's own.
    """

    trained: Trained
    attention: Attention | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.trained.classes

    @property
    def seed(self) -> int:
        return self.trained.seed

    def logits(self, documents: str | Document | Sequence[str | Document]) -> torch.Tensor:
        """The logits (N, C), float32 on the CPU, of N documents or texts under that attention, in their order."""
        trained = self.trained
        return predict_logits(trained.module, trained.vocabulary, as_documents(documents), attention=self.attention)

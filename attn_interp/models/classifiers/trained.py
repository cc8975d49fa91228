"""A trained classifier with everything needed to say where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings


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


@dataclass(frozen=True)
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

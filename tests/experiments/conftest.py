"""More to ask the experiments: three classes, the shortest documents, and a readout that is not affine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.experiments.reading import Reading, read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.readout.affine_check import Affinity

THREE = {"negative": "awful", "neutral": "average", "positive": "wonderful"}
SETTINGS = ClassifierSettings(encoder="average", embedding_width=10, hidden=6, dropout=0.0)
TRAINING = TrainingSettings(epochs=12, patience=12, learning_rate=1e-2)


class HiddenLayer(nn.Module):
    """A classifier with a tanh after pooling: not affine in the attention."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 6)
        self.score = nn.Linear(6, 1)
        self.hidden = nn.Linear(6, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, ids, is_word):
        states = self.embed(ids)
        weights = torch.softmax(self.score(states).squeeze(-1).masked_fill(~is_word, -torch.inf), -1)
        return self.out(torch.tanh(3 * self.hidden(torch.einsum("bt,btd->bd", weights, states))))


@pytest.fixture(scope="session")
def not_affine(trained: Trained) -> AttentionModel:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module = HiddenLayer(len(trained.vocabulary))
    return wrap(
        module,
        inputs=lambda batch: (batch.ids, batch.is_word),
        classes=("a", "b"),
        vocabulary=trained.vocabulary,
    )


@pytest.fixture(scope="session")
def three() -> Corpus:
    return load("planted", documents=300, least_length=3, most_length=11, keywords=THREE, seed=2)


@pytest.fixture(scope="session")
def three_trained(three: Corpus) -> Trained:
    return fit_classifier(three, SETTINGS, TRAINING, seed=1, progress=False)


@pytest.fixture(scope="session")
def three_model(three_trained: Trained) -> AttentionModel:
    return wrap(three_trained)


@pytest.fixture(scope="session")
def three_reading(three_model: AttentionModel, three: Corpus) -> Reading:
    return read(three_model, three.test)


@pytest.fixture(scope="session")
def changed() -> Callable[..., Any]:
    """A reading, or one of its batches, as if it had read these values."""

    def make(read_before: Any, **values: object) -> Any:
        other = replace(read_before)
        vars(other).update(values)
        return other

    return make


@pytest.fixture(scope="session")
def unproved(reading: Reading, changed: Callable[..., Any]) -> Reading:
    """The same reading where nothing is known of affinity: every step goes through the model."""
    return changed(reading, batches=reading.batches, affinity=Affinity(0.0, 0.0, 0.0, 0))


@pytest.fixture(scope="session")
def short(planted: Corpus) -> list[Document]:
    """One word, two words, one unknown word twice, and three longer ones so that the readout can be measured."""
    return [
        Document(id="one", words=("awful",), label=0),
        Document(id="two", words=("film", "wonderful"), label=1),
        Document(id="unknown", words=("qwrt", "qwrt"), label=1),
        *planted.test[:3],
    ]

"""What many tests need: one thread, small corpora whose evidence is known, and small models trained on them."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.experiments.reading import Reading, read
from attn_interp.models.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.trained import Trained
from attn_interp.models.training import train
from attn_interp.models.wrap import wrap
from attn_interp.models.wrapper import AttentionModel

torch.set_num_threads(1)

SMALL = ClassifierSettings(embedding_width=14, hidden=6, dropout=0.0)
QUICK = TrainingSettings(epochs=12, patience=12, learning_rate=1e-2)


@pytest.fixture(scope="session")
def planted() -> Corpus:
    return load("planted", documents=500, least_length=3, most_length=17, seed=3)


@pytest.fixture(scope="session")
def trained(planted: Corpus) -> Trained:
    return train(planted, SMALL, QUICK, seed=1, progress=False)


@pytest.fixture(scope="session")
def model(trained: Trained) -> AttentionModel:
    return wrap(trained)


@pytest.fixture(scope="session")
def reading(model: AttentionModel, planted: Corpus) -> Reading:
    return read(model, planted.test)

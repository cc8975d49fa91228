"""Predictions do not depend on batches, order or the mode the module was in."""

import re

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.checks.device import require_device
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import evaluating, predict_logits
from attn_interp.models.training_door import train
from attn_interp.models.wrap import wrap

WORDS = ["one", "two", "three", "four", "five", "six", "seven"]
DOCUMENTS = [
    Document(id=str(n), words=tuple(WORDS[(n * k) % 7] for k in range(1, 2 + (n * 5) % 11)), label=n % 3)
    for n in range(13)
]


@pytest.fixture(scope="module")
def trained() -> Trained:
    settings = ClassifierSettings(embedding_width=6, hidden=4)
    vocabulary = Vocabulary.build(DOCUMENTS)
    with torch.random.fork_rng():
        torch.manual_seed(6)
        module = Classifier(settings, len(vocabulary), 3)
        with torch.no_grad():
            module.embedding.weight.mul_(20)
    return Trained(module, settings, TrainingSettings(), vocabulary, ("a", "b", "c"), 6, (), 1)


def test_rows_are_distributions_in_the_order_of_the_documents(trained: Trained) -> None:
    probabilities = trained.logits(DOCUMENTS).double().softmax(-1)
    assert probabilities.shape == (13, 3)
    assert probabilities.dtype == torch.float64
    torch.testing.assert_close(probabilities.sum(1), torch.ones(13, dtype=torch.float64))
    assert (probabilities[1:] - probabilities[:-1]).abs().amax(1).min() > 1e-4  # no two neighbours can be confused
    for row in (0, 4, 12):
        alone = trained.logits([DOCUMENTS[row]]).double().softmax(-1)[0]
        assert (alone - probabilities[row]).abs().max() < 1e-6


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_batches_change_nothing(trained: Trained, batch_size: int) -> None:
    expected = predict_logits(trained.module, trained.vocabulary, DOCUMENTS)
    found = predict_logits(trained.module, trained.vocabulary, DOCUMENTS[::-1], batch_size)
    assert (found.flip(0) - expected).abs().max() < 1e-6


def test_dropout_is_off_and_every_mode_comes_back(trained: Trained) -> None:
    module = trained.module
    module.train()
    module.encoder.eval()
    assert torch.equal(trained.logits(DOCUMENTS).double().softmax(-1), trained.logits(DOCUMENTS).double().softmax(-1))
    assert module.training
    assert module.dropout.training
    assert not module.encoder.training
    with pytest.raises(RuntimeError, match="stop"), evaluating(module):
        assert not module.dropout.training
        raise RuntimeError("stop")
    assert module.dropout.training
    module.eval()


def test_no_documents_are_refused(trained: Trained) -> None:
    with pytest.raises(ValueError, match="documents: got none"):
        trained.logits([]).double().softmax(-1)


@pytest.mark.parametrize("device", ["gpu0", "meta", "cuda:97", "mps:4", "", None, 3.5])
def test_a_device_that_there_is_not_is_refused_with_those_that_there_are(device, trained, planted) -> None:
    message = rf"device: got {re.escape(repr(str(device)))}, expected one of cpu"
    with pytest.raises(ValueError, match=message):
        require_device(device)
    with pytest.raises(ValueError, match=message):
        wrap(trained, device=device)
    with pytest.raises(ValueError, match=message):
        train(planted, "average", device=device)
    assert require_device("cpu") == require_device(torch.device("cpu")) == torch.device("cpu")

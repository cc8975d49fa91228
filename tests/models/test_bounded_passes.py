"""What a pass of a model holds is bounded, however many documents there are and however long they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from attn_interp.attribution import leave_one_out as deleting
from attn_interp.attribution.leave_one_out import logits_by_deletion
from attn_interp.attribution.methods import named
from attn_interp.data.batch import POSITIONS
from attn_interp.data.corpora.planted import load_planted
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.experiments.reading import read
from attn_interp.models import attention_model as asking
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

WORDS = 700  # 64 such documents, or 128 points on the way to three of them, are too many for a pass
ROOM = 2 / WORDS  # start and end of each document
TINY = ClassifierSettings(encoder="average", embedding_width=4, hidden=4)
QUICK = TrainingSettings(epochs=1, batch_size=64, learning_rate=0.02)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.Size]]:
    """The shape (B, T) of what each pass of a classifier is given."""
    seen: list[torch.Size] = []
    forward = Classifier.forward

    def watched(module: Classifier, ids: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        seen.append(ids.shape)
        return forward(module, ids, *others)

    monkeypatch.setattr(Classifier, "forward", watched)
    yield seen


@pytest.fixture(scope="module")
def long() -> Corpus:
    return load_planted(100, least_length=WORDS, most_length=WORDS)


def bounded(passes: list[torch.Size]) -> bool:
    largest = max(shape.numel() for shape in passes)
    return POSITIONS / 2 < largest <= POSITIONS * (1 + ROOM)


def test_no_pass_of_training_or_reading_is_of_more_positions(long: Corpus, passes: list[torch.Size]) -> None:
    assert min(len(long.train), QUICK.batch_size) * WORDS > POSITIONS
    trained = fit_classifier(long, TINY, QUICK, progress=False)
    assert bounded(passes)
    passes.clear()
    trained.logits([*long.train, *long.dev])
    assert bounded(passes)
    reading = read(wrap(trained), long.train, progress=False)
    passes.clear()
    assert sum(len(part.weights) for part in reading.batches) == len(long.train)
    assert bounded(passes) and sum(shape.numel() for shape in passes) == len(long.train) * (WORDS + 2)


def test_a_model_of_several_layers_is_given_as_many_times_less(bert, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient holds the states of every layer. Two layers, 40 positions: two documents of ten words at a time."""
    monkeypatch.setattr(asking, "POSITIONS", 40)
    assert len(bert.sites) == 2
    documents = [Document(" ".join(["film"] * 10), id=str(number)) for number in range(5)]
    assert [rows for rows, _ in bert.batches(documents)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("method", ["integrated gradients", "smoothgrad", "gradient SHAP", "LIME", "KernelSHAP"])
def test_no_pass_of_an_attribution_is_of_more_positions(long: Corpus, passes: list[torch.Size], method: str) -> None:
    trained = fit_classifier(long.first(3), TINY, QUICK, progress=False)
    model = wrap(trained)
    batch = model.batch(long.test[: 1 if method in ("LIME", "KernelSHAP") else 3])
    passes.clear()
    found = named(method)[method](model, batch, torch.zeros(len(batch), dtype=torch.long))
    assert found.values.shape == (len(batch), WORDS)
    assert bounded(passes)


def test_shortened_documents_are_held_a_few_at_a_time(model, mixed_lengths, monkeypatch: pytest.MonkeyPatch) -> None:
    own, expected = logits_by_deletion(model, mixed_lengths)
    held: list[int] = []
    delete = deleting._behind_prefixes

    def watched(*given) -> torch.Tensor | None:
        held.append(len(given[-1]))
        return delete(*given)

    monkeypatch.setattr(deleting, "_behind_prefixes", watched)
    monkeypatch.setattr(deleting, "CELLS", 1)
    monkeypatch.setattr(deleting, "AT_ONCE", 5)
    again, found = logits_by_deletion(model, mixed_lengths)
    words = sum(len(document) for document in mixed_lengths.documents if len(document) > 1)
    assert max(held) == 5 and sum(held) == words
    torch.testing.assert_close(found, expected, equal_nan=True)
    torch.testing.assert_close(again, own)


@pytest.fixture
def mixed_lengths(model, planted):
    return model.batch([planted.test[0], planted.test[1], planted.test[2]])


def test_weights_of_other_sites_are_not_kept(bert, planted, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[list[str]] = []
    plain = asking.record

    def watched(module, sites, **options):
        recorded.append([site.name for site in sites])
        return plain(module, sites, **options)

    monkeypatch.setattr(asking, "record", watched)
    assert len(bert.sites) > 1
    batch = bert.batch(planted.test[:2])
    bert.run(batch)
    bert.gradient_at_weights(batch, torch.zeros(2, dtype=torch.long))
    assert recorded == [[bert.view.site]] * 2

"""The numbers are those of a corpus in memory: what is read from disk again by each experiment changes none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.data.sequences import on_disk
from attn_interp.data.sequences.split import is_on_disk
from attn_interp.experiments.bag_of_words import bag_of_words
from attn_interp.experiments.examples import examples
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.people.shift import shift
from attn_interp.experiments.quality import quality, summarise
from attn_interp.experiments.reading import Reading, read
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.statistics import bootstrap

SMALL = ClassifierSettings(embedding_width=8, hidden=4)
QUICK = TrainingSettings(epochs=2)


@pytest.fixture
def corpora(monkeypatch: pytest.MonkeyPatch) -> tuple[Corpus, Corpus]:
    """One corpus in memory and on disk."""
    frame = load("planted", documents=400).to_frame()
    held = load(frame)
    monkeypatch.setattr(on_disk, "IN_MEMORY", 200)
    kept = load(frame)
    assert is_on_disk(kept.train) and is_on_disk(kept.test) and not is_on_disk(held.test)
    return held, kept


@pytest.fixture
def readings(corpora: tuple[Corpus, Corpus]) -> list[Reading]:
    model = wrap(fit_classifier(corpora[0], SMALL, QUICK, progress=False))
    return [read(model, corpus.test, training=corpus, progress=False) for corpus in corpora]


def test_training_is_bit_for_bit_the_same(corpora: tuple[Corpus, Corpus]) -> None:
    one, other = (fit_classifier(corpus, SMALL, QUICK, seed=3, progress=False) for corpus in corpora)
    assert one.vocabulary == other.vocabulary and one.history == other.history
    for name, weights in one.module.state_dict().items():
        assert weights.equal(other.module.state_dict()[name]), name


@pytest.mark.parametrize("ask", [quality, agreement, permutation, examples, shift])
def test_an_experiment_says_the_same(ask, readings: list[Reading]) -> None:
    in_memory, from_disk = (ask(reading) for reading in readings)
    for column in in_memory.frame.columns:
        one, other = in_memory.frame[column], from_disk.frame[column]
        if one.dtype.kind == "f":  # a sample of a reading on disk is read by itself, in other batches
            np.testing.assert_allclose(one, other, atol=1e-5, err_msg=column)
        else:
            assert one.equals(other), column


def test_nothing_is_kept_of_a_reading_on_disk(readings: list[Reading]) -> None:
    in_memory, from_disk = readings
    assert in_memory.batches[0] is in_memory.batches[0]
    assert from_disk.batches[0] is not from_disk.batches[0] and not vars(from_disk.batches).get("held")
    assert [each.rows for each in from_disk.batches] == [each.rows for each in in_memory.batches]
    assert from_disk.only(from_disk.documents) is from_disk
    few = from_disk.sample(3)
    assert few.batches[0] is few.batches[0] and few.whole is None and len(few) == 3
    with pytest.raises(ValueError, match="is not in this reading"):
        from_disk.only(readings[0].training[:1])


def test_the_weights_may_not_change_under_a_reading_on_disk(readings: list[Reading]) -> None:
    reading = readings[1]
    few = reading.sample(3)
    with torch.no_grad():
        reading.model.module.head.weight += 1
    for each in (reading, few):
        with pytest.raises(RuntimeError, match="the weights of the model have changed"):
            each.probabilities()


def test_the_bag_of_words_is_the_same_from_disk(
    corpora: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attn_interp.experiments.bag_of_words.PART", 50)
    held, kept = (bag_of_words(corpus.train, corpus.test, 2) for corpus in corpora)
    np.testing.assert_allclose(held, kept, atol=1e-6)
    assert held.std() > 0.1


def test_the_intervals_are_those_of_all_resamples_at_once(
    readings: list[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = quality(readings[0])
    whole = summarise(result)
    monkeypatch.setattr(bootstrap, "CELLS", 900)
    assert summarise(result).equals(whole)

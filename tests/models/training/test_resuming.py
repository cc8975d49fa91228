"""A training that is stopped anywhere and taken up ends with the weights of an undisturbed one, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attn_interp.data.corpora.planted import load_planted
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training import fitting as under_test
from attn_interp.models.training.fitting import fit_classifier

SMALL = ClassifierSettings(embedding_width=10, hidden=4, dropout=0.3)
QUICK = TrainingSettings(epochs=4, patience=2, learning_rate=0.02)
CORPUS = load_planted(150, most_length=9)
BATCHES = -(-len(CORPUS.train) // QUICK.batch_size)


def run(settings: ClassifierSettings, training: TrainingSettings, seed: int = 5, resume: Path | None = None) -> Trained:
    return fit_classifier(CORPUS, settings, training, seed=seed, progress=False, resume=resume)


def stop_at(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """The training dies at its batch of this number, counted from 0."""
    finite, seen = under_test.finite, []

    def counting(loss: float, where: str) -> float:
        seen.append(where)
        if "batch" in where and sum("batch" in each for each in seen) > batch:
            raise KeyboardInterrupt
        return finite(loss, where)

    monkeypatch.setattr(under_test, "finite", counting)


def stopped_and_resumed(
    monkeypatch: pytest.MonkeyPatch, settings: ClassifierSettings, training: TrainingSettings, file: Path, batch: int
) -> Trained:
    with monkeypatch.context() as patched:
        stop_at(patched, batch)
        with pytest.raises(KeyboardInterrupt):
            run(settings, training, resume=file)
    with torch.random.fork_rng():
        torch.manual_seed(99)  # what the caller drew between the two runs counts for nothing
        return run(settings, training, resume=file)


def assert_same(one: Trained, two: Trained) -> None:
    assert one.history == two.history
    assert one.best_epoch == two.best_epoch
    first, second = one.module.state_dict(), two.module.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("encoder", "updates"), [("lstm", "touched"), ("lstm", "all"), ("cnn", "touched"), ("average", "all")]
)
def test_resumed_training_is_undisturbed_training(monkeypatch, tmp_path, encoder, updates) -> None:
    settings, training = replace(SMALL, encoder=encoder), replace(QUICK, embedding_updates=updates)
    again = stopped_and_resumed(monkeypatch, settings, training, tmp_path / "state", 2 * BATCHES + 1)
    assert_same(again, run(settings, training))


@pytest.mark.parametrize("batch", [0, 1, BATCHES, 4 * BATCHES - 1])
def test_wherever_it_is_stopped(monkeypatch, tmp_path, batch) -> None:
    again = stopped_and_resumed(monkeypatch, SMALL, QUICK, tmp_path / "state", batch)
    assert_same(again, run(SMALL, QUICK))


def test_a_training_that_stopped_for_lack_of_patience_is_not_trained_further(tmp_path, monkeypatch) -> None:
    impatient = replace(QUICK, epochs=9, patience=1, learning_rate=0.5)
    first = run(SMALL, impatient, resume=tmp_path / "state")
    assert len(first.history) < 9
    stop_at(monkeypatch, 0)
    assert_same(run(SMALL, impatient, resume=tmp_path / "state"), first)


def test_keeping_the_state_changes_nothing_and_leaves_one_file(tmp_path) -> None:
    assert_same(run(SMALL, QUICK, resume=tmp_path / "state"), run(SMALL, QUICK))
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_the_state_of_another_training_is_refused(tmp_path) -> None:
    run(SMALL, replace(QUICK, epochs=1), resume=tmp_path / "state")
    with pytest.raises(ValueError, match="holds the state of a training with"):
        run(SMALL, replace(QUICK, epochs=1), seed=6, resume=tmp_path / "state")
    with pytest.raises(ValueError, match="name another file"):
        run(replace(SMALL, hidden=6), replace(QUICK, epochs=1), resume=tmp_path / "state")


@pytest.mark.parametrize("content", [b"PK\x03\x04 half of it", b"epoch 3\n", b""])
def test_a_damaged_file_is_refused(tmp_path, content) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        run(SMALL, QUICK, resume=tmp_path / "state")

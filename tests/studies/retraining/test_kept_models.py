"""The models of one seed: an interrupted training goes on, and all but the imitators start from the given vectors."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.load import load
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.objectives import Classification
from attn_interp.studies.retraining.kept_models import Retraining

CORPUS = load("planted", documents=100, least_length=3, most_length=8)
SETTINGS = ClassifierSettings(embedding_width=6, hidden=4)


class Killed(Exception):
    pass


def test_an_interrupted_training_goes_on_from_its_last_epoch(tmp_path, monkeypatch) -> None:
    training = TrainingSettings(epochs=3, patience=3, learning_rate=0.01)
    whole = Retraining(CORPUS, SETTINGS, training, 5, tmp_path / "whole").base
    judge, said = Classification.judge, []
    interrupted = Retraining(CORPUS, SETTINGS, training, 5, tmp_path / "part", say=said.append)

    def killed_in_the_second_epoch(self, *arguments):
        if (tmp_path / "part" / "attention.state").exists():
            raise Killed
        return judge(self, *arguments)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Classification, "judge", killed_in_the_second_epoch)
        _ = interrupted.base
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["attention.state"]
    again = interrupted.base
    assert again.history == whole.history
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["attention"]
    assert said == ["part: training attention"] * 2


def test_base_rivals_and_guided_models_start_from_the_given_vectors(tmp_path) -> None:
    still = TrainingSettings(epochs=1, learning_rate=1e-12)
    vectors = torch.randn(len(Vocabulary.build(CORPUS.train, still.least_count)), 6)
    models = Retraining(CORPUS, SETTINGS, still, 5, tmp_path, lambda: vectors)
    made = {**models.rivals(), "guided": models.guided("uniform", CORPUS.test).trained}
    assert set(made) == {"attention", "uniform attention", "last state", "guided"}
    for trained in made.values():
        assert torch.allclose(trained.module.embedding.weight[1:], vectors[1:], atol=1e-6)


def test_without_rationales_none_guides(tmp_path) -> None:
    assert "human rationale" in Retraining(CORPUS, SETTINGS, TrainingSettings(), 5, tmp_path).guides
    bare = load("planted", documents=100, shuffled_labels=True)
    guides = Retraining(bare, SETTINGS, TrainingSettings(), 5, tmp_path).guides
    annotated = any(document.rationales for document in bare.train)
    assert ("human rationale" in guides) == annotated

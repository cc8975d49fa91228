"""The study of Wiegreffe & Pinter 2019: every model is trained once, every result kept, and two seeds are needed."""

import pytest

from attn_interp.data.formats.jsonlines import save_jsonlines
from attn_interp.data.load import load
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training import fitting as training
from attn_interp.models.training import imitating
from attn_interp.studies import run
from attn_interp.studies.retraining import kept_models as retraining
from attn_interp.studies.retraining.consistency import ConsistencyCell, answers, run_seeds


@pytest.fixture
def cells(tmp_path) -> list[ConsistencyCell]:
    corpus = load("planted", documents=100, least_length=3, most_length=8)
    save_jsonlines(corpus, tmp_path / "tiny.jsonl")
    settings = ClassifierSettings(embedding_width=6, hidden=4, dropout=0.0)
    training_settings = TrainingSettings(epochs=1, learning_rate=0.01)
    return [
        ConsistencyCell(
            str(tmp_path / "tiny.jsonl"), settings=settings, training=training_settings, seed=seed, documents=6, draws=3
        )
        for seed in (2, 3)
    ]


def test_what_stands_on_disk_is_not_done_again(cells, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(retraining, "STRENGTHS", (0.1, 0.01))
    monkeypatch.setattr(run, "draw", lambda result, folder: None)
    runs = run_seeds(cells, tmp_path / "results")
    found = answers(runs, tmp_path / "results", margin=0.1)
    assert set(found) == {"necessity", "seeds", "guide", "imitation", "ladder", "quality"}
    assert set(found["necessity"].frame["condition"]) == {"attention", "uniform attention", "last state"}
    guides = {"uniform", "own learned", "base model", "imitator", "human rationale"}
    assert set(found["guide"].frame["guide"]) == guides
    assert set(found["ladder"].frame["seed"]) == {2, 3}
    assert found["ladder"].frame["rung"].nunique() == 7

    def refuse(*arguments, **options) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "fit", refuse)
    monkeypatch.setattr(imitating, "fit", refuse)
    again = answers(run_seeds(cells, tmp_path / "results"), tmp_path / "results", margin=0.1)
    for name, result in found.items():
        assert again[name].frame.equals(result.frame), name


def test_one_seed_says_nothing(cells, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"got seeds \[2\]; nothing can be said of one seed alone"):
        run_seeds(cells[:1], tmp_path)

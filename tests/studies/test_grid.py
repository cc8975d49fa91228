"""A declared grid: every combination once, and a mistake in it named before anything runs."""

from __future__ import annotations

from itertools import product

import pytest

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.studies.cell import Cell
from attn_interp.studies.grid import Grid, read_grid
from attn_interp.studies.questions import asked_of_a_reading, default_names

TOML = """
corpora = ["movies", { corpus = "reviews.csv", text = "body", label = "stars" }]
encoders = ["cnn", "average", "lstm"]
attentions = ["dot"]
seeds = [4, 0]
experiments = ["erasure", "quality"]
documents = 9
eps = 0.05
settings = { embedding_width = 12, hidden = 8, kernels = [1, 3] }

[training]
epochs = 2
"""


def test_without_a_word_the_grid_is_the_default_cell() -> None:
    (cell,) = Grid().cells()
    assert cell == Cell()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({}, (8, 1000)), ({"epochs": 12}, (12, None)), ({"steps": 30}, (8, 30)), ({"patience": 1}, (8, 1000))],
)
def test_a_study_trains_for_a_thousand_steps_unless_it_says_how_long(asked, expected) -> None:
    (cell,) = Grid(training=asked).cells()
    assert (cell.training.epochs, cell.training.steps) == expected


def test_a_file_declares_every_combination_in_order(tmp_path) -> None:
    (tmp_path / "grid.toml").write_text(TOML, "utf-8")
    grid = read_grid(tmp_path / "grid.toml")
    corpora = (("movies", {}), ("reviews.csv", {"text": "body", "label": "stars"}))
    expected = [
        Cell(
            name,
            options,
            ClassifierSettings(encoder=encoder, attention="dot", embedding_width=12, hidden=8, kernels=(1, 3)),
            TrainingSettings(epochs=2),
            seed,
            documents=9,
            eps=0.05,
        )
        for (name, options), encoder, seed in product(corpora, ("cnn", "average", "lstm"), (4, 0))
    ]
    assert list(grid.cells()) == expected
    assert grid.experiments == ("quality", "erasure")  # in the order in which they run


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = [0, 1, 0]", "seeds: 0 is given twice"),
        ("seeds = []", "seeds: there are none"),
        ("seeds = ['0']", "seeds.0: got '0', expected a whole number"),
        ("seeds = [true]", "seeds.0: got True"),
        ("seeds = 3", "seeds: got 3, expected a list"),
        ("encoders = 'lstm'", "encoders: got 'lstm', expected a list"),
        ("encoders = ['rnn']", "encoder: got 'rnn'"),
        ("experiments = ['qualities']", "experiments: got 'qualities', expected some of quality, agreement"),
        ("encoder = ['lstm']", "'encoder' is unknown; there are attentions, corpora, device, documents"),
        ("settings = { width = 3 }", "settings: 'width' is unknown; there are attention, bidirectional"),
        ("settings = { encoder = 'cnn' }", "settings: 'encoder' is unknown"),
        ("training = { epoch = 3 }", "training: 'epoch' is unknown"),
        ("training = { epochs = 0 }", "epochs: got 0"),
        ("corpora = [{ path = 'trees' }]", "names no corpus"),
        ("eps = 1.5", "eps: got 1.5"),
        ("eps = ", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_the_file(tmp_path, text, message) -> None:
    (tmp_path / "wrong.toml").write_text(text, "utf-8")
    with pytest.raises((ValueError, TypeError)) as refused:
        read_grid(tmp_path / "wrong.toml")
    assert "wrong.toml" in str(refused.value)
    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.toml: there is no such file"):
        read_grid(tmp_path / "absent.toml")


def test_every_experiment_is_a_step_that_says_what_decides_it(cell, tmp_path) -> None:
    steps = {step.name: step for step in cell.work(tmp_path, progress=False).steps()}
    variants = ["plausibility, sentence", "faithfulness, mask"]
    assert list(steps) == [*(experiment.name for experiment in asked_of_a_reading()), *variants]
    assert [name for name, step in steps.items() if not step.by_name] == list(default_names())
    decisive = {name for step in steps.values() for name in step.decided_by}
    assert decisive == {"documents", "draws", "eps", "method", "site"}
    assert steps["quality"].decided_by == {}
    assert not list(tmp_path.iterdir())

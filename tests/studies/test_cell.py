"""A cell's key names its results: equal for equal settings and texts, and for nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.studies.cell import Cell


@pytest.fixture(scope="module")
def corpus(cell) -> Corpus:
    return cell.load_corpus()


CHANGES = {
    "corpus": "movies",
    "corpus_options": {"documents": 121},
    "settings": ClassifierSettings(encoder="cnn"),
    "training": TrainingSettings(epochs=3),
    "seed": 4,
    "embeddings": __file__,
    "site": "word_attention",
    "documents": 10,
    "draws": 7,
    "eps": 0.02,
    "search": True,
}


def test_every_field_is_changed_below(cell) -> None:
    assert set(CHANGES) == set(cell.described())


@pytest.mark.parametrize("name", CHANGES)
def test_the_key_changes_with_every_setting(cell, corpus, name, monkeypatch) -> None:
    monkeypatch.setattr(Cell, "load_corpus", lambda cell: corpus)
    assert replace(cell, **{name: CHANGES[name]}).key() != cell.key()


def test_the_key_changes_with_the_texts_alone(cell, corpus, monkeypatch) -> None:
    own = cell.key()
    same = Corpus(corpus.name, corpus.classes, corpus.splits, corpus.licence, corpus.source)
    monkeypatch.setattr(Cell, "load_corpus", lambda cell: same)
    assert cell.key() == own
    first, *rest = corpus.train
    edited = replace(first, words=("other", *first.words[1:]), text=None, spans=None)
    other = replace(corpus, splits={**corpus.splits, "train": (edited, *rest)})
    monkeypatch.setattr(Cell, "load_corpus", lambda cell: other)
    assert cell.key() != own


def test_equal_settings_have_one_key_whatever_the_order_of_options(cell, corpus) -> None:
    turned = replace(cell, corpus_options=dict(reversed(cell.corpus_options.items())))
    assert turned.key() == cell.key()


def test_the_folder_says_what_is_in_it(cell, corpus) -> None:
    name = cell.folder_name()
    assert name.startswith("planted-average-additive-seed3-")
    assert name.endswith(cell.key()[:8])


def test_a_cell_is_plain_json(cell) -> None:
    assert json.loads(json.dumps(cell.described())) == cell.described()


def test_the_corpus_is_what_load_returns(cell, corpus) -> None:
    assert corpus.fingerprint() == load("planted", **cell.corpus_options).fingerprint()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", -1, "seed: got -1, expected at least 0"),
        ("documents", 0, "documents: got 0, expected at least 1"),
        ("draws", 0, "draws: got 0, expected at least 1"),
        ("eps", 1.0, r"eps: got 1\.0, expected a total variation distance in \(0, 1\)"),
    ],
)
def test_a_number_out_of_range_is_refused_before_anything_runs(name, value, message) -> None:
    with pytest.raises(ValueError, match=message):
        Cell(**{name: value})


def test_the_device_names_nothing_and_has_to_be_there() -> None:
    cell = Cell()
    assert "device" not in cell.described()
    with pytest.raises(ValueError, match="device: got 'gpu0', expected one of cpu"):
        replace(cell, device="gpu0")


def test_vectors_that_are_not_there_are_told(cell: Cell) -> None:
    with pytest.raises(FileNotFoundError, match=r"embeddings: there is no file 'nope\.txt'"):
        replace(cell, embeddings="nope.txt").key()

"""Datasets of the hub as corpora; the library's own tables stand for what it would fetch."""

from __future__ import annotations

import pytest

from attn_interp.data.corpora.hub import load_hub
from attn_interp.data.load import load

datasets = pytest.importorskip("datasets")


def table(count: int, start: int = 0, **columns: object):
    rows = range(start, start + count)
    made = {"text": [f"A fine film {row}" for row in rows], "label": [row % 2 for row in rows]}
    features = {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    return datasets.Dataset.from_dict(made, features=datasets.Features(features))


@pytest.fixture
def hub(monkeypatch):
    """Name -> splits that it holds, and what it was asked for."""
    held: dict[str, object] = {}
    asked: list[tuple[object, ...]] = []

    def load_dataset(path: str, config: str | None, revision: str | None):
        asked.append((path, config, revision))
        return held[path]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return held, asked


def test_splits_and_class_names_are_those_of_the_dataset(hub) -> None:
    held, asked = hub
    held["who/films"] = {"train": table(6), "validation": table(4, 6), "test": table(2, 10), "unsupervised": table(3)}
    corpus = load("hub", path="who/films", config="plain", revision="abc")
    assert asked == [("who/films", "plain", "abc")]
    assert corpus.name == "films" and corpus.classes == ("no", "yes")
    assert {split: len(documents) for split, documents in corpus.splits.items()} == {"train": 6, "dev": 4, "test": 2}
    first = corpus.train[1]
    assert first.id == "train-1" and first.words == ("A", "fine", "film", "1") and first.label == 1
    assert "who/films" in corpus.source and "abc" in corpus.source


def test_missing_splits_are_drawn_and_hidden_ones_left_out(hub) -> None:
    held, _ = hub
    hidden = datasets.Dataset.from_dict({"text": ["a b"], "label": [-1]})
    held["x"] = {"train": table(40), "test": hidden}
    with pytest.raises(ValueError, match=r"dataset 'x', test, row 0: its label is hidden .* without=\['test'\]"):
        load_hub("x")
    corpus = load_hub("x", without=["test"])
    assert {split: len(documents) for split, documents in corpus.splits.items()} == {"train": 32, "dev": 4, "test": 4}


def test_words_and_names_of_columns(hub) -> None:
    held, _ = hub
    rows = {"tokens": [["so", f"word{row}"] for row in range(40)], "stars": ["low", "high"] * 20}
    held["x"] = {"train": datasets.Dataset.from_dict(rows)}
    corpus = load_hub("x", words="tokens", label="stars")
    assert corpus.classes == ("high", "low")
    assert all(document.words[0] == "so" and len(document) == 2 for document in corpus.train)
    with pytest.raises(ValueError, match=r"dataset 'x': name the column with text=; columns are stars, tokens"):
        load_hub("x", label="stars")
    with pytest.raises(ValueError, match=r"there is no column 'star'; columns are stars, tokens"):
        load_hub("x", words="tokens", label="star")
    with pytest.raises(ValueError, match=r"there is no column 'token'; columns are stars, tokens"):
        load_hub("x", words="token", label="stars")


def test_a_dataset_without_training_documents_is_refused(hub) -> None:
    hub[0]["x"] = {"test": table(3)}
    with pytest.raises(ValueError, match="has the splits test; expected one named train"):
        load_hub("x")


def test_a_column_holds_the_second_text(hub) -> None:
    rows = {"text": [f"a film {row}" for row in range(20)], "asked": ["is it?"] * 20, "label": ["low", "high"] * 10}
    hub[0]["x"] = {"train": datasets.Dataset.from_dict(rows)}
    assert load_hub("x", second="asked").train[0].second.words == ("is", "it", "?")
    assert load_hub("x").train[0].second is None
    with pytest.raises(ValueError, match=r"there is no column 'query'; columns are asked, label, text"):
        load_hub("x", second="query")
    hub[0]["x"] = {"train": datasets.Dataset.from_dict(rows | {"asked": ["is it?"] * 19 + [None]})}
    with pytest.raises(ValueError, match=r"dataset 'x', train, row 19: its second text, 'asked', is missing"):
        load_hub("x", second="asked")

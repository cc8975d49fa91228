"""A split is the tuple of its documents, which knows its classes, in memory and on disk alike."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample, shuffled
from attn_interp.data.formats.jsonlines import save_jsonlines
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows, rows_of
from attn_interp.data.load import load
from attn_interp.data.sequences import on_disk
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.sequences.on_disk import OnDisk
from attn_interp.data.sequences.split import Split, is_on_disk
from attn_interp.data.splits import complete_splits

TEXTS = [f"{'a good' if i % 3 else 'an awful'} film {i} of {i % 7} stars" for i in range(120)]
LABELS = ["good" if i % 3 else "bad" for i in range(120)]


@pytest.fixture(params=["in memory", "on disk"])
def corpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    if request.param == "on disk":
        monkeypatch.setattr(on_disk, "IN_MEMORY", 200)
    made = load(TEXTS, labels=LABELS)
    assert is_on_disk(made.train) == (request.param == "on disk")
    return made


def test_it_is_the_tuple_of_its_documents(corpus: Corpus) -> None:
    train, documents = corpus.train, tuple(corpus.train)
    assert train == documents and documents == train and hash(train) == hash(documents)
    assert train != documents[1:] and train != list(documents) and train != "train"
    assert train + corpus.dev == documents + tuple(corpus.dev) == documents + corpus.dev
    assert (train + corpus.dev).classes == train[5:].classes == corpus.classes
    assert train[5] == documents[5] and train[-3:] == documents[-3:] and len(train) == len(documents)
    assert (
        pickle.loads(pickle.dumps(train)) == documents and pickle.loads(pickle.dumps(train)).classes == corpus.classes
    )
    assert repr(train) == f"<Split: {len(train)} documents, classes bad, good>"
    assert documents_of(train) is train


def test_a_sum_that_says_a_document_twice_is_no_corpus(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="the id stands in row 0 and again in row"):
        documents_of(Split([Document(each.text, each.label, id=f"own {each.id}") for each in corpus.train] * 2))
    with pytest.raises(ValueError, match=r"the id stands in split 'train' and again in 'dev'; ids must be unique"):
        Corpus("twice", corpus.classes, {**corpus.splits, "dev": corpus.train[:3]})


def test_it_is_the_same_corpus_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way in: fingerprint, frame, file, sample and splits."""
    held = load(TEXTS, labels=LABELS, second=[f"Which of {i}?" for i in range(120)])
    frame, path = held.to_frame(), tmp_path / "held.jsonl"
    save_jsonlines(held, path)
    frame[["text", "second", "label"]].to_csv(tmp_path / "held.csv")
    table = load(tmp_path / "held.csv", second="second", seed=4)
    drawn = [sample(held.train, 30, 2), shuffled(held.train, 2), held.first(4).train]
    monkeypatch.setattr(on_disk, "IN_MEMORY", 200)
    kept: list[tuple[Corpus, Corpus]] = [
        (load(TEXTS, labels=LABELS, second=[f"Which of {i}?" for i in range(120)]), held),
        (load(path), held),
        (load(frame.sample(frac=1, random_state=1).sort_index(), seed=1), load(frame)),
        (load(tmp_path / "held.csv", second="second", seed=4), table),
    ]
    for corpus, same in kept:
        assert is_on_disk(corpus.train) and not is_on_disk(corpus.train[:2])
        assert corpus.fingerprint() == same.fingerprint() and corpus.splits == same.splits
        assert corpus.of_pairs
    assert kept[0][0].to_frame().equals(frame)
    again: list[Any] = [sample(kept[1][0].train, 30, 2), shuffled(kept[1][0].train, 2), kept[1][0].first(4).train]
    assert again == drawn


def test_what_is_wrong_with_a_row_is_named_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "IN_MEMORY", 200)
    path = tmp_path / "rows.csv"
    good = [f"{i},{text},{label}" for i, (text, label) in enumerate(zip(TEXTS, LABELS))]
    for row, found in (
        ("7,a film,good", r"rows.csv, row 122: id '7' stands already at .*rows.csv, row 9; ids must be unique"),
        ("x,film,good", r"row 122: document 'x' has 1 word\(s\), at least 2 are asked for"),
        ("x,a film,", "row 122: it has no label"),
    ):
        path.write_text("\n".join(["id,text,label", *good, row]), "utf-8")
        with pytest.raises(ValueError, match=found):
            load(path, id="id")


class Words(str):
    """A text of another kind, as libraries have them."""

    def __reduce__(self) -> Any:
        raise TypeError("these stay in this process")


def test_rows_that_cannot_be_written_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "IN_MEMORY", 200)
    assert load([*map(Words, TEXTS)], labels=LABELS) == load(TEXTS, labels=LABELS)
    rows = [Row(f"row {place}", f"{place}", label, text=TEXTS[place]) for place, label in enumerate(LABELS)]
    kept = rows_of(rows)
    assert isinstance(kept, OnDisk) and rows_of(kept) is kept  # not written twice
    for given, found in (({"text": open}, "text is <"), ({"text": "a film", "second": open}, "its second text is <")):
        with pytest.raises(ValueError, match=f"odd row: {found}"):
            corpus_of_rows([*rows, Row("odd row", "odd", LABELS[0], **given)], "odd")


def test_a_missing_split_is_cut_of_what_is_on_disk_as_of_what_is_not(corpus: Corpus) -> None:
    whole, apart = corpus.train + corpus.dev, tuple(corpus.train) + tuple(corpus.dev)
    assert complete_splits({"train": whole, "test": corpus.test}, 3) == complete_splits(
        {"train": apart, "test": tuple(corpus.test)}, 3
    )

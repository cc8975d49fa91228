"""Erasing in order: brute force over single documents, the optimum below every order, and nothing dropped."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import (
    ATTENTION,
    OPTIMUM,
    RANDOM,
    RANDOM_DRAWS,
    erasure,
    per_document,
)
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap


@pytest.fixture(scope="module")
def result(reading) -> Result:
    return erasure(reading)


def run_without(model, document: Document, erased: list[int]) -> int:
    """The class the model itself predicts with these weights at 0 and the rest renormalised."""
    batch = model.batch([document])
    kept = model.run(batch).weights.clone()
    kept[0, erased] = 0
    with torch.no_grad():
        return int(model.logits_under(batch, (kept / kept.sum())[None])[0, 0].argmax())


def test_erasing_by_attention_is_what_the_model_does(model, planted, result) -> None:
    rows = result.frame[result.frame["ordering"] == ATTENTION].set_index("document")
    for document in planted.test[:12]:
        weights = model.run(model.batch([document])).weights[0]
        own = run_without(model, document, [])
        order = weights.argsort(descending=True).tolist()
        counts = [n for n in range(1, len(document)) if run_without(model, document, order[:n]) != own]
        row = rows.loc[document.id]
        assert bool(row["flipped"]) == bool(counts)
        if counts:
            assert row["removed"] == counts[0]
            assert row["fraction"] == counts[0] / len(document)


def test_the_optimum_is_the_smallest_set_of_all(model, planted, result) -> None:
    rows = result.frame[result.frame["ordering"] == OPTIMUM].set_index("document")
    short = [document for document in planted.test if len(document) <= 8][:8]
    assert len(short) == 8
    for document in short:
        own = run_without(model, document, [])
        sizes = [
            size
            for size in range(1, len(document))
            if any(run_without(model, document, list(s)) != own for s in combinations(range(len(document)), size))
        ]
        row = rows.loc[document.id]
        assert bool(row["flipped"]) == bool(sizes)
        if sizes:
            assert row["removed"] == sizes[0]


def test_no_order_needs_fewer_than_the_optimum(result) -> None:
    assert (result.frame["regret"] >= -1e-12).all()


def test_documents_that_never_flip_stay_in_the_sample(result, planted) -> None:
    counts = result.frame.groupby("ordering").size()
    assert (counts.drop(RANDOM) == len(planted.test)).all()
    assert counts[RANDOM] == RANDOM_DRAWS * len(planted.test)
    never = result.frame[~result.frame["flipped"]]
    assert len(never)
    assert (never["fraction"] == 1).all()
    assert never["removed"].isna().all()
    assert result.frame["fraction"].notna().all()


def test_per_document_averages_random_orders_and_pairs_with_attention(result, planted) -> None:
    rows = per_document(result)
    assert len(rows) == len(planted.test) * rows["ordering"].nunique()
    own = rows[rows["ordering"] == ATTENTION]
    assert (own["minus_attention"] == 0).all()
    chosen = rows[rows["ordering"] == RANDOM].iloc[0]
    draws = result.frame.query("ordering == 'random' and document == @chosen.document")["fraction"]
    assert chosen["fraction"] == pytest.approx(draws.mean())


def test_one_word_cannot_be_erased(model) -> None:
    documents = [
        Document(id="one", words=("awful",), label=0),
        Document(id="two", words=("film", "awful"), label=0),
        Document(id="three", words=("a",) * 3, label=1),
    ]
    result = erasure(read(model, documents))
    rows = result.frame
    assert (~rows[rows["document"] == "one"]["flipped"]).all()
    assert rows[rows["document"] == "one"]["fraction"].isna().all()
    assert rows[rows["document"] != "one"]["fraction"].notna().all()
    table = result.summary().query("grouping == 'all'")
    assert set(table["n"]) == {2}
    assert set(table["undefined"]) == {1}


def test_only_the_attributions_that_order_words_are_computed(model, planted) -> None:
    reading = read(model, planted.test[:3])
    erasure(reading)
    assert [list(part.attributions) for part in reading.batches] == [["leave-one-out"]]


def test_sentences_are_called_so() -> None:
    settings = ClassifierSettings(encoder="hierarchical", embedding_width=6, hidden=4)
    words = ("film", "awful", ".", "a", "wonderful", "!")
    documents = [Document(id=f"d{i}", words=words[: 3 + 3 * (i % 2)], label=i % 2) for i in range(12)]
    corpus = Corpus("tiny", ("a", "b"), {"train": documents[:8], "dev": documents[8:10], "test": documents[10:]})
    model = wrap(fit_classifier(corpus, settings, TrainingSettings(epochs=1), progress=False))
    result = erasure(read(model, documents[6:]))
    assert result.settings["unit"] == "sentence"
    assert result.settings["optimum"] == "not known: no document is long enough to tell whether the readout is affine"
    nothing = result.frame.groupby("document", sort=False)["fraction"].apply(lambda own: own.isna().all())
    assert nothing.tolist() == [True, False] * 3


def test_through_the_model_and_through_votes_are_the_same(unproved, result) -> None:
    """A reading that claims nothing about affinity takes every step through the model."""
    assert not unproved.affine
    frame = erasure(unproved).frame
    assert OPTIMUM not in set(frame["ordering"])
    ours = result.frame[result.frame["ordering"] != OPTIMUM].reset_index(drop=True)
    assert (frame["ordering"] == ours["ordering"]).all()
    assert np.array_equal(frame["removed"], ours["removed"], equal_nan=True)


def test_the_summary_has_intervals_and_n(result, planted) -> None:
    table = result.summary().query("grouping == 'all'")
    assert set(table["n"]) == {len(planted.test)}
    assert (table["low"] <= table["estimate"] + 1e-12).all()
    assert (table["estimate"] <= table["high"] + 1e-12).all()


def test_rows_do_not_depend_on_the_other_documents(model, planted, result) -> None:
    some = planted.test[5:17]
    frame = erasure(read(model, some)).frame
    names = {document.id for document in some}
    expected = result.frame[result.frame["document"].isin(names)].reset_index(drop=True)
    assert np.array_equal(frame["fraction"], expected["fraction"])

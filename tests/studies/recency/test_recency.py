"""Cells of recency: their documents, what is measured of them, that they are kept, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attn_interp.data.corpora.planted import KEYWORDS
from attn_interp.data.draws import digest
from attn_interp.data.load import load
from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.recency import EARLY, EVERYWHERE, LATE, POSITIONS, REAL
from attn_interp.experiments.result import Result
from attn_interp.report.tables.recency_table import recency_layout, recency_sentence
from attn_interp.studies import run
from attn_interp.studies.recency import recency
from attn_interp.studies.recency.recency import cells, run_recency
from attn_interp.studies.recency.recency_cell import RecencyCell, Sizes, measured, settings_of
from attn_interp.studies.recency.recency_documents import planted_corpus, planted_documents, real_corpus

TINY = Sizes(
    corpus="planted",
    train=24,
    epochs=1,
    real=24,
    real_epochs=1,
    documents=4,
    width=4,
    lengths=(20, 24),
    long=(24,),
    profile=10,
    counts=(3, 6),
)


def test_cells_are_every_architecture_under_every_seed_and_a_few_long_ones() -> None:
    found = cells([3, 5], TINY)
    assert len({tuple(cell.architecture.values()) for cell in found}) == len(found) == 2 * (3 * 2 * 4 + 4)
    assert len({cell.folder_name() for cell in found}) == len(found)
    assert {cell.length for cell in found} == {20, 24}
    assert [cell.seed for cell in found] == sorted(cell.seed for cell in found)
    settings = RecencyCell("lstm (forget bias 1)", 2, "max", 0, 20, replace(TINY, width=6)).settings()
    assert (settings.forget_bias, settings.bidirectional, settings.pooling, settings.hidden) == (1.0, True, "max", 6)
    with pytest.raises(ValueError, match="recurrent: got 'rnn', expected some of 'gru', 'lstm'"):
        cells([0], TINY, ["rnn"])
    with pytest.raises(ValueError, match="poolings: got 'sum'"):
        cells([0], TINY, poolings=["sum"])
    with pytest.raises(ValueError, match="give at least one seed"):
        cells([], TINY)


def test_documents_are_those_that_were_asked_for() -> None:
    early = planted_corpus(2, 30, 20, EARLY)
    assert len(early.train) == 30
    assert max(document.rationales[0].index(1.0) for document in early.train) <= 6
    one, other = (planted_documents(2, 5, 20, ((place, place),)) for place in (0.05, 0.95))
    assert len(one) == len(other) == 5
    for first, second in zip(one, other):
        assert [a for a, b in zip(first.words, second.words) if a == b] == [
            word for index, word in enumerate(first.words) if index not in (1, 18)
        ]
        assert first.words[1] in KEYWORDS.values()


def test_a_sample_of_real_documents_is_not_ordered_as_the_splits_were_cut() -> None:
    """There the documents with the lowest digests may be of one class."""
    corpus, neutral = real_corpus("planted", '{"documents": 600}', 30, 0)
    whole = sorted(load("planted", documents=600).train, key=lambda document: digest(0, document.id))
    assert {document.id for document in corpus.train} != {document.id for document in whole[:30]}
    assert len(corpus.train) == 30
    assert not set(neutral) & set(KEYWORDS.values())


def test_a_cell_holds_every_measure() -> None:
    frame = measured(RecencyCell("gru", 1, "attention", 0, 20, TINY)).frame
    counts = frame.groupby(["measure", "trained_at"]).size().to_dict()
    places = len(POSITIONS)
    assert counts == {
        **{(measures.ACCURACY, place): 2 * places for place in (EVERYWHERE, EARLY, LATE)},
        **{(measures.MASS, place): 2 * places for place in (EVERYWHERE, EARLY, LATE)},
        **{(measures.QUALITY, place): 1 for place in (EVERYWHERE, EARLY, LATE, REAL)},
        **{(measures.GRADIENT + when, EVERYWHERE): 10 for when in ("", measures.AT_START)},
        **{(measures.DECAY + when, EVERYWHERE): 1 for when in ("", measures.AT_START)},
        (measures.REPLACEMENT, EVERYWHERE): places,
        (measures.LATER, EVERYWHERE): 2 * places / 2,
        (measures.PADDING, REAL): 2,
    }
    shares = frame[frame["measure"] == measures.GRADIENT].groupby("length")["value"].sum()
    np.testing.assert_allclose(shares, 1.0)
    assert set(frame["recurrent"]) == {"gru"}


def test_cells_are_kept_and_tables_and_a_sentence_are_made_of_them(tmp_path, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(run, "draw", lambda result, folder: drawn.append(result))
    few = replace(TINY, lengths=(20,), long=())
    result = run_recency([0], few, tmp_path, recurrent=["lstm"], poolings=["last"])
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/recency.parquet")}
    assert len(kept) == 2
    again = run_recency([0], few, tmp_path, recurrent=["lstm"], poolings=["last"])
    assert again.frame.equals(result.frame)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert Result.load(tmp_path / "recency.parquet").frame.equals(result.frame)
    assert len(drawn) == 2
    assert settings_of(few) == result.settings != settings_of(replace(few, epochs=2))
    table = recency_layout(result.summary())
    assert set(table["pooling"]) == {"last state", "both ends"}
    accuracies = table[table["quantity"] == "accuracy, latest keyword, keyword late in training, 20 words"]
    expected = result.frame.query("measure == 'accuracy' and trained_at == 'late' and x == 0.95")["value"]
    assert accuracies["estimate"].tolist() == expected.tolist()
    sentence = recency_sentence(result.summary())
    assert sentence.startswith("lstm, one direction, last state against attention, means over 1 seed")
    assert "not measured" in sentence  # attention
    assert "U index" in sentence


def test_every_network_has_a_figure(tmp_path, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(run, "draw", lambda result, folder: drawn.append(folder.name))
    monkeypatch.setattr(recency, "_draw_network", lambda result, name, folder: drawn.append(name))
    few = replace(TINY, lengths=(20,), long=())
    run_recency([0], few, tmp_path, recurrent=["lstm", "gru"], poolings=["last"], progress=False)
    assert drawn == ["figures", "gru"]


def test_the_sentence_says_repaired_where_the_intervals_are_apart() -> None:
    rows = []
    for seed, noise in enumerate((-0.01, 0.0, 0.01)):
        for pooling, value in (("last", 0.5), ("attention", 0.9)):
            about = {"recurrent": "gru", "directions": 1, "pooling": pooling, "trained_length": 20.0, "seed": seed}
            found = measures.row(measures.ACCURACY, np.array([value + noise]), 100, measures.FIRST)
            rows.append({**about, "trained_at": LATE, **found})
    sentence = recency_sentence(measures.recency(rows, {}).summary())
    assert "0.50 [0.48, 0.52] against 0.90 [0.88, 0.92] (repaired by attention)" in sentence
    assert "trained at" not in sentence
    assert "U index not measured" in sentence
    with_one_seed = measures.recency(rows[:2], {}).summary()
    assert "0.49 against 0.89 (not shown to be repaired by attention)" in recency_sentence(with_one_seed)

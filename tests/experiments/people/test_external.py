"""Attention beside outside data: the keyword is found, noise is not, controls take out what they explain, and what is
undefined is counted with its reason."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.methods import METHODS
from attn_interp.data.corpora.planted import KEYWORDS
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.signals import Signal, log_frequency, relative_position, stored, word_values
from attn_interp.experiments.people import external as module
from attn_interp.experiments.people.external import external
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.report.tables.people import external_table
from attn_interp.report.tables.wide import readable
from attn_interp.statistics.partial import partial_spearman

KEYWORD = replace(word_values("keyword", dict.fromkeys(KEYWORDS.values(), 1.0), "1 for the keyword"), absent=0.0)
KEYWORD_TITLE = "keyword, 0 where absent (context-free proxy)"
LEAVE_ONE_OUT = {"leave-one-out": METHODS["leave-one-out"]}


def noise(seed: int):
    """A ranking drawn for each document from its id, that knows nothing of the model."""

    def method(model, batch, classes) -> Attribution:
        values = torch.zeros(batch.ids.shape[0], int(batch.is_word.sum(-1).max()))
        for row, document in enumerate(batch.documents):
            values[row, : len(document)] = torch.as_tensor(generator(seed, document.id).random(len(document)))
        return Attribution(values)

    return method


def constant(model, batch, classes) -> Attribution:
    return Attribution(torch.ones(batch.ids.shape[0], int(batch.is_word.sum(-1).max())))


@pytest.fixture(scope="module")
def signals(planted) -> tuple[Signal, ...]:
    return KEYWORD, relative_position(), log_frequency(planted.train)


@pytest.fixture(scope="module")
def result(reading, signals) -> Result:
    methods = {**LEAVE_ONE_OUT, "noise": noise(1)}
    return external(reading, signals=signals, methods=methods)


def rows(result: Result, scorer: str, signal: str) -> pd.DataFrame:
    frame = result.frame
    return frame[(frame["scorer"] == scorer) & (frame["signal"] == signal)].set_index("document")


def test_every_scorer_and_signal_of_every_document_has_a_row(result, planted) -> None:
    keys = ["document", "scorer", "signal"]
    assert len(result.frame) == len(planted.test) * 3 * 3
    assert not result.frame.duplicated(keys).any()
    assert list(dict.fromkeys(result.frame["document"])) == [document.id for document in planted.test]
    given = result.frame.groupby("signal")["given"].unique().map(list).to_dict()
    assert given == {
        KEYWORD_TITLE: ["relative position, log frequency"],
        "relative position": ["log frequency"],
        "log frequency": ["relative position"],
    }


def test_a_row_is_scipys_correlation_of_the_words_alone(result, model, planted, signals) -> None:
    document = planted.test[4]
    weights = model.run(model.batch([document])).weights.double()
    frequency = signals[2].of(document)
    row = rows(result, "attention", "log frequency").loc[document.id]
    assert row["tau"] == pytest.approx(stats.kendalltau(weights[0], frequency).statistic, abs=1e-9)
    assert row["spearman"] == pytest.approx(stats.spearmanr(weights[0], frequency).statistic, abs=1e-9)
    values, place = (torch.tensor([each]).double() for each in (frequency, signals[1].of(document)))
    expected = partial_spearman(weights, values, [place], torch.ones_like(values, dtype=torch.bool))
    assert row["partial"] == pytest.approx(float(expected), abs=1e-9)
    assert row["change"] == row["partial"] - row["spearman"]


def test_the_planted_keyword_is_found_and_noise_finds_nothing(result) -> None:
    """Power and null: one word decides. It is the most frequent word too, so given the frequency less is left."""
    summary = result.summary().query("grouping == 'all' and signal == @KEYWORD_TITLE").set_index(["scorer", "quantity"])
    for quantity in ("tau", "spearman", "partial"):
        assert summary.loc[("attention", quantity), "low"] > 0.2
        assert summary.loc[("leave-one-out", quantity), "low"] > 0.0
        assert summary.loc[("noise", quantity), "low"] < 0 < summary.loc[("noise", quantity), "high"]


def test_random_attention_finds_nothing(model, reading, changed) -> None:
    """The null of attention itself: weights drawn for each document, over 20 draws."""
    means = []
    for seed in range(20):
        drawn = []
        for part in reading.batches:
            values = noise(seed)(model, part.batch, None).values.double()
            weights = values / values.sum(-1, keepdim=True)
            drawn.append(changed(part, weights=weights, logits=part.logits, is_word=part.is_word))
        other = changed(reading, batches=tuple(drawn), affinity=reading.affinity)
        means.append(external(other, signals=[KEYWORD], methods={}).frame["spearman"].mean())
    assert abs(np.mean(means)) < 4 * np.std(means) / math.sqrt(len(means))


def test_a_signal_equal_to_a_control_is_undefined_given_it(reading) -> None:
    again = Signal("place", "the same by another name", relative_position().values)
    result = external(reading, signals=[again, relative_position()], methods={})
    frame = rows(result, "attention", "place")
    assert frame["spearman"].notna().all() and frame["partial"].isna().all()
    few = frame["words"] == 3
    assert set(frame.loc[~few, "partial_undefined"]) == {module.DETERMINED}
    assert set(frame.loc[few, "partial_undefined"]) <= {module.TOO_FEW_GIVEN}
    alone = rows(result, "attention", "relative position")
    assert set(alone["given"]) == {module.NO_CONTROLS}
    np.testing.assert_allclose(alone["partial"], alone["spearman"])


def test_noise_as_the_control_changes_little(reading) -> None:
    draw = Signal("draw", "random", lambda document: generator(7, document.id).random(len(document)), control=True)
    result = external(reading, signals=[KEYWORD, draw], methods={})
    row = result.summary().query("signal == @KEYWORD_TITLE and quantity == 'change' and grouping == 'all'").iloc[0]
    assert abs(row["estimate"]) < 0.05


def test_undefined_rows_say_why_and_are_counted(reading) -> None:
    half = word_values("half", {word: len(word) for word in ("awful", "wonderful", "film", "story", "the")}, "length")
    same = Signal("same", "always 3", lambda document: [3.0] * len(document))
    place = relative_position()
    result = external(reading, signals=[half, same, place], methods={"flat": constant})
    frame = rows(result, "attention", half.title)
    few = frame["compared"] < 3
    assert few.sum() > 0 and frame.loc[few, ["tau", "spearman", "partial", "change"]].isna().all(axis=None)
    assert set(frame.loc[few, "undefined"]) == {module.TOO_FEW}
    assert set(rows(result, "attention", "same")["undefined"]) == {module.CONSTANT_SIGNAL}
    assert set(rows(result, "flat", place.title)["undefined"]) == {module.CONSTANT_SCORES}
    for quantity, column in (("tau", "undefined"), ("spearman", "undefined"), ("partial", "partial_undefined")):
        assert (result.frame[quantity].isna() == (result.frame[column] != "")).all()
    summary = result.summary().query("scorer == 'attention' and grouping == 'all'").set_index(["signal", "quantity"])
    plain = summary.loc[(half.title, "spearman")]
    assert (plain["n"], plain["undefined"]) == (frame["spearman"].notna().sum(), frame["spearman"].isna().sum())
    assert plain["estimate"] == pytest.approx(frame["spearman"].mean())
    share = summary.loc[(half.title, f"plain undefined: {module.TOO_FEW}")]
    assert share["estimate"] == pytest.approx(few.mean()) and share["n"] == len(frame)


def test_coverage_is_the_share_of_words_with_a_value_whatever_absent_counts_as(result, planted) -> None:
    """One word of each document is a keyword; the others count as 0 and are compared, and are not covered."""
    frame = rows(result, "attention", KEYWORD_TITLE)
    np.testing.assert_allclose(frame["coverage"], 1 / frame["words"])
    assert (frame["compared"] == frame["words"]).all()
    described = {each["title"]: each for each in result.settings["signals"]}
    words = sum(map(len, planted.test))
    assert described[KEYWORD_TITLE]["coverage"] == pytest.approx(len(planted.test) / words)
    assert described[KEYWORD_TITLE]["context_free"] and described["log frequency"]["control"]
    row = result.summary().query("quantity == 'coverage' and signal == @KEYWORD_TITLE").iloc[0]
    assert (row["scorer"], row["estimate"]) == ("", pytest.approx((1 / frame["words"]).mean()))


def test_words_without_a_control_are_not_compared(model) -> None:
    document = Document(
        id="r1", words=("the", "film", "awful", "story", "here"), label=0, signals={"known": (1, math.nan, 3, 2, 5)}
    )
    known = replace(stored("known", "made up", context_free=False), control=True)
    result = external(read(model, [document]), signals=[relative_position(), known], methods={})
    assert result.frame["compared"].tolist() == [4, 4]
    assert result.frame["coverage"].tolist() == [1, 0.8]


def test_order_subset_and_batches_change_no_row(model, planted, reading, signals, monkeypatch) -> None:
    batches = AttentionModel.batches
    methods = {"gradient x input": METHODS["gradient x input"], "noise": noise(1)}
    expected = external(reading, signals=signals, methods=methods).frame
    monkeypatch.setattr(AttentionModel, "batches", lambda self, documents, size=0: batches(self, documents, 7))
    other = external(read(model, planted.test[::-3]), signals=signals, methods=methods).frame.set_index(
        ["document", "scorer", "signal"]
    )
    expected = expected.set_index(["document", "scorer", "signal"]).loc[other.index]
    pd.testing.assert_frame_equal(other, expected, check_exact=False, rtol=1e-6, atol=1e-6)


def test_the_shortest_documents_have_rows(model, short, signals) -> None:
    result = external(read(model, short), signals=signals, methods=LEAVE_ONE_OUT)
    assert set(result.frame["document"]) == {document.id for document in short}
    for name in ("one", "two", "unknown"):
        own = result.frame[result.frame["document"] == name]
        assert set(own["undefined"]) == {module.TOO_FEW} and own["spearman"].isna().all()
    assert len(result.summary())


def test_mistakes_are_named(model, planted, reading) -> None:
    with pytest.raises(ValueError, match=r"signals are \[\]; give at least one"):
        external(reading, signals=[], methods={})
    with pytest.raises(ValueError, match="give at least one, each with a name of its own"):
        external(reading, signals=[KEYWORD, KEYWORD], methods={})
    with pytest.raises(ValueError, match="a method is called 'attention'"):
        external(reading, signals=[KEYWORD], methods={"attention": constant})
    with pytest.raises(ValueError, match="no documents"):
        external(read(model, []), signals=[KEYWORD])
    with pytest.raises(ValueError, match=f"document '{planted.test[0].id}': has no signal 'word label'"):
        external(read(model, planted.test[:1]), signals=[stored("word label", "", True)], methods={})


def test_units_that_are_not_words_are_refused(model, planted, changed) -> None:
    joined = replace(planted.test[0], words=("a word too many", *planted.test[0].words), rationales=())
    read_without = read(model, planted.test[:1])
    other = changed(replace(read_without, documents=(joined,)), batches=read_without.batches)
    with pytest.raises(ValueError, match=f"attends to {len(joined) - 1} units, the document has {len(joined)} words"):
        external(other, signals=[KEYWORD], methods={})


def test_what_is_saved_is_loaded_with_its_label(result, tmp_path) -> None:
    loaded = Result.load(result.save(tmp_path))
    pd.testing.assert_frame_equal(loaded.frame, result.frame)
    assert loaded.settings == result.settings
    assert "keyword, 0 where absent (context-free proxy)" in (tmp_path / "external.summary.csv").read_text()


def test_the_table_holds_the_summarys_numbers(result) -> None:
    table = external_table([({"corpus": "planted"}, result)])
    assert len(table) == 9 and set(table["status"]) == {"measured"}
    row = table[(table["signal"] == KEYWORD_TITLE) & (table["scorer"] == "attention")].iloc[0]
    summary = result.summary().query("grouping == 'all' and scorer == 'attention' and signal == @KEYWORD_TITLE")
    found = summary.set_index("quantity").loc["partial"]
    assert row[["partial rho", "partial rho low", "partial rho n"]].tolist() == found[["estimate", "low", "n"]].tolist()
    assert readable(table)["rho"][0] == f"{row['rho']:.2f} [{row['rho low']:.2f}, {row['rho high']:.2f}]"

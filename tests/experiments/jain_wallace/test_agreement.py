"""Agreement: 1 with itself, 0 between independent rankings, high where the evidence is planted; NaN is counted."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.jain_wallace import agreement as agreement_module
from attn_interp.experiments.jain_wallace.agreement import MEASURES, agreement
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import erasure


def attention_itself(model, batch, classes) -> Attribution:
    return Attribution(model.run(batch).weights)


def attention_with_signs(model, batch, classes) -> Attribution:
    """The sign of a contribution plays no part in the ranking."""
    weights = model.run(batch).weights
    return Attribution(weights * torch.where(torch.arange(weights.shape[1]) % 2 == 0, 3.0, -3.0))


def noise(seed: int):
    """A ranking drawn for each document from its id, that knows nothing of the model."""

    def method(model, batch, classes) -> Attribution:
        values = torch.zeros(batch.ids.shape[0], int(batch.is_word.sum(-1).max()))
        for row, document in enumerate(batch.documents):
            drawn = generator(seed, f"noise {document.id}").random(len(document))
            values[row, : len(document)] = torch.as_tensor(drawn)
        return Attribution(values)

    return method


def constant(model, batch, classes) -> Attribution:
    return Attribution(torch.ones(batch.ids.shape[0], int(batch.is_word.sum(-1).max())))


@pytest.fixture(scope="module")
def result(reading) -> Result:
    return agreement(reading, methods=[*METHODS, "integrated gradients"])


def pair(result: Result, first: str, second: str) -> pd.DataFrame:
    frame = result.frame
    return frame[(frame["first"] == first) & (frame["second"] == second)].reset_index(drop=True)


def test_every_pair_of_rankings_of_every_document_has_a_row(result, planted) -> None:
    names = ["attention", *METHODS, "integrated gradients"]
    assert len(result.frame) == len(planted.test) * len(names) * (len(names) - 1) // 2
    assert set(result.frame["first"]) == set(names[:-1])
    assert set(result.frame["second"]) == set(names[1:])


def test_attention_agrees_with_itself(planted, reading) -> None:
    methods = {"itself": attention_itself, "signed": attention_with_signs}
    frame = agreement(reading, methods=methods).frame
    assert len(frame) == 3 * len(planted.test)
    assert np.allclose(frame[list(MEASURES)], 1)
    assert (frame["p_value"] < 1).all()
    assert frame["completeness_gap"].isna().all()


def test_a_pair_is_scipys_tau_of_the_words_alone(model, planted, result) -> None:
    """One document, no padding: the ranking of absolute values against attention, by scipy."""
    document = planted.test[4]
    batch = model.batch([document])
    run = model.run(batch)
    for name, method in METHODS.items():
        values = method(model, batch, run.logits.argmax(-1)).values[0].abs().double()
        expected = stats.kendalltau(run.weights[0].double(), values)
        row = pair(result, "attention", name).set_index("document").loc[document.id]
        assert row["tau"] == pytest.approx(expected.statistic, abs=1e-9)
        assert row["p_value"] == pytest.approx(expected.pvalue, abs=1e-9)


def test_independent_rankings_agree_by_chance_alone(planted, reading) -> None:
    """Null: over 20 pairs of made-up rankings tau is 0 on average, and few p-values are below .05.

    Short documents have discrete p-values, so the share lies at or below .05.
    """
    methods = {f"noise {seed}": noise(seed) for seed in range(20)}
    frame = agreement(reading, methods=methods).frame
    frame = frame[frame["first"] == "attention"]
    assert len(frame) == 20 * len(planted.test)
    spread = frame["tau"].std() / np.sqrt(len(frame))
    assert abs(frame["tau"].mean()) < 4 * spread
    long = frame[frame["words"] >= 8]
    share = (long["p_value"] <= 0.05).mean()
    assert 0.02 < share < 0.05 + 4 * np.sqrt(0.05 * 0.95 / len(long))


def test_planted_evidence_is_ranked_first_by_all(result, planted) -> None:
    """Power: one word decides, and attention and every attribution put it on top, far above chance."""
    frame = pair(result, "attention", "leave-one-out")
    assert frame["rank_biased_overlap"].mean() > 0.5
    assert pair(result, "gradient x input", "leave-one-out")["tau"].mean() > 0.2


def test_short_documents_are_counted_not_averaged(model, short) -> None:
    result = agreement(read(model, short))
    rows = pair(result, "attention", "leave-one-out").set_index("document")
    assert np.isnan(rows.loc["one", ["tau", "p_value", "spearman"]].astype(float)).all()
    assert abs(rows.loc["two", "tau"]) == 1
    assert rows.loc["two", "p_value"] == 1
    summary = result.summary().query("first == 'attention' and second == 'leave-one-out' and grouping == 'all'")
    tau = summary.query("quantity == 'tau' and statistic == 'mean'").iloc[0]
    assert tau["n"] + tau["undefined"] == len(short)
    assert tau["undefined"] >= 1
    assert tau["estimate"] == pytest.approx(rows["tau"].mean())


def test_a_constant_ranking_has_no_tau(reading) -> None:
    frame = agreement(reading, methods={"constant": constant}).frame
    assert frame["tau"].isna().all()
    assert frame["p_value"].isna().all()


def test_undefined_significance_is_not_counted_as_insignificant(planted, reading) -> None:
    result = agreement(reading, methods={"constant": constant, "itself": attention_itself})
    shares = result.summary().query("first == 'attention' and grouping == 'all' and statistic == 'share'")
    shares = shares.set_index(["second", "quantity"])
    assert shares.loc[("constant", "significant"), "n"] == 0
    assert shares.loc[("constant", "significant"), "undefined"] == len(planted.test)
    assert shares.loc[("itself", "significant"), "n"] == len(planted.test)
    expected = (pair(result, "attention", "itself")["p_value"] <= 0.05).mean()
    assert shares.loc[("itself", "significant"), "estimate"] == pytest.approx(expected)
    assert shares.loc[("itself", "significant_after_bh"), "estimate"] <= expected


def test_the_gap_of_integrated_gradients_stands_in_its_rows(result) -> None:
    has = (result.frame["first"] == "integrated gradients") | (result.frame["second"] == "integrated gradients")
    assert result.frame.loc[has, "completeness_gap"].notna().all()
    assert result.frame.loc[~has, "completeness_gap"].isna().all()
    row = result.summary().query("quantity == 'completeness_gap'").iloc[0]
    gaps = pair(result, "attention", "integrated gradients")["completeness_gap"].abs()
    assert row["estimate"] == pytest.approx(gaps.mean())
    assert gaps.max() < 2e-3  # a sure model: 20 steps alone would miss .4 of one document


def test_gradients_that_did_not_converge_are_undefined_and_counted(reading, monkeypatch) -> None:
    """With one step of quadrature some documents miss more than .05: their rows say so and have no tau."""
    monkeypatch.setattr("attn_interp.attribution.integrated.STEPS", (1,))
    again = read(reading.model, reading.documents)
    found = agreement(again, methods=["integrated gradients"])
    missed = found.frame["completeness_gap"].abs() > 0.05
    assert 0 < missed.sum() < len(missed)
    assert found.frame["tau"].isna().equals(missed | (found.frame["words"] == 1))
    share = found.summary().query("quantity == 'not_converged'").iloc[0]
    assert share["estimate"] == pytest.approx(missed.mean()) and share["n"] == len(missed)
    largest = found.summary().query("quantity == 'completeness_gap' and statistic == 'largest'").iloc[0]
    assert largest["estimate"] == found.frame["completeness_gap"].abs().max()
    erased = erasure(again, methods=["integrated gradients"]).frame.query("ordering == 'integrated gradients'")
    assert erased["fraction"].isna().to_numpy().tolist() == (missed | (erased["words"] == 1).to_numpy()).tolist()


def test_the_class_explained_is_the_one_predicted(model, planted) -> None:
    seen = []

    def spy(model, batch, classes) -> Attribution:
        seen.append((classes, model.run(batch).logits.argmax(-1)))
        return attention_itself(model, batch, classes)

    agreement(read(model, planted.test[:9]), methods={"spy": spy})
    assert seen
    assert all(torch.equal(given, predicted) for given, predicted in seen)


def test_a_reading_is_used_as_it_is(reading, changed) -> None:
    """The attention that is ranked is the reading's: turned around, agreement with itself becomes -1."""
    turned = [
        changed(p, weights=torch.where(p.is_word, 1 - p.weights, 0.0), logits=p.logits, is_word=p.is_word)
        for p in reading.batches
    ]
    other = changed(reading, batches=tuple(turned), affinity=reading.affinity)
    frame = agreement(other, methods={"itself": attention_itself}).frame
    assert np.allclose(frame["tau"], -1)


def test_two_words_are_enough_for_a_tau(model) -> None:
    documents = [Document(id="a", words=("film", "awful"), label=0), Document(id="b", words=("awful", "film"), label=0)]
    frame = agreement(read(model, documents), methods={"itself": attention_itself}).frame
    assert frame["tau"].tolist() == [1, 1]


def test_the_gap_is_that_of_integrated_gradients_alone(model, planted) -> None:
    """KernelSHAP promises a sum too, and misses it by rounding: that is not what the column says."""
    methods = ["integrated gradients", "KernelSHAP"]
    frame = agreement(read(model, planted.test[:2]), methods=methods).frame
    alone = agreement(read(model, planted.test[:2]), methods=["integrated gradients"]).frame
    without = frame[(frame["first"] == "attention") & (frame["second"] == "KernelSHAP")]
    assert without["completeness_gap"].isna().all() and len(without) == 2
    pair = frame[(frame["first"] == "integrated gradients") & (frame["second"] == "KernelSHAP")]
    assert pair["completeness_gap"].to_numpy() == pytest.approx(alone["completeness_gap"].to_numpy(), abs=1e-6)


def test_a_new_measure_is_one_line(reading) -> None:
    """With the line in it the module has the measure in its frame, its columns and its summary."""
    source = Path(agreement_module.__file__).read_text("utf-8")
    line = '    "counted": (lambda x, y, is_word: is_word.sum(-1).double(), Column("words of both", "", 1)),\n'
    place = '    "weighted_tau": ('
    assert source.count(place) == 1
    changed = ModuleType("agreement_with_words")
    exec(compile(source.replace(place, line + place), "agreement_with_words", "exec"), changed.__dict__)
    few = reading.only(reading.documents[:6])
    result = changed.agreement(few, methods=["leave-one-out"])
    lengths = {document.id: len(document) for document in few.documents}
    assert list(result.frame["counted"]) == [lengths[name] for name in result.frame["document"]]
    assert result.columns["counted"].meaning == "words of both"
    summary = changed.summarise(result)
    told = summary.loc[summary["quantity"] == "counted", "estimate"].iloc[0]
    assert told == pytest.approx(np.mean([*lengths.values()]))


def test_a_sample_of_words_is_ranked_alone(reading, monkeypatch) -> None:
    """Over the words that were drawn, tau is that of scipy on both rankings there; every word where few are."""
    monkeypatch.setattr("attn_interp.attribution.leave_one_out.SAMPLED", 5)
    asked = read(reading.model, reading.documents)  # what is drawn is kept
    pairs = agreement(asked, methods=["leave-one-out", "leave-one-out (sampled)"]).frame
    pairs = pairs.set_index(["first", "second", "document"])
    for batch, found in asked.attributions(["leave-one-out (sampled)"]):
        sampled = found["leave-one-out (sampled)"]
        for row, document in enumerate(batch.batch.documents):
            kept = sampled.asked[row]
            one = pairs.loc[("attention", "leave-one-out (sampled)", document.id)]
            expected = stats.kendalltau(batch.weights[row, kept], sampled.values[row, kept].abs()).statistic
            assert one["tau"] == pytest.approx(expected, nan_ok=True)
            assert one["compared"] == min(5, len(document))
            assert pairs.loc[("attention", "leave-one-out", document.id), "compared"] == len(document)
    again = pairs.xs(("leave-one-out", "leave-one-out (sampled)"), level=("first", "second"))
    assert (again["tau"].dropna() > 0.999).all()  # the same values, on the words that both have

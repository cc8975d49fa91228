"""The table of remedies: means and paired differences over seeds and documents, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attn_interp as ai
from attn_interp.experiments.result import Result
from attn_interp.report.tables.remedies import (
    Question,
    remedies_layout,
    remedies_sentences,
    remedies_table,
    values,
)
from attn_interp.statistics.clusters import crossed_mean

QUESTION = Question("TVD, permuted", "permutation", "median_tvd")
CORPUS = ai.load("planted", documents=80)


@pytest.fixture(scope="module")
def results() -> dict[str, dict[int, dict[str, Result]]]:
    """Two models of two seeds, asked three questions; the other one has no attention."""
    found = {}
    for name, attention in (("plain", "additive"), ("uniform attention", "uniform")):
        found[name] = {}
        for seed in (0, 1):
            model = ai.train(CORPUS, "average", attention=attention, hidden=4, epochs=4, seed=seed, progress=False)
            reading = ai.read(model, CORPUS.test, seed=seed, training=CORPUS, progress=False)
            asked = {"quality": ai.quality, "permutation": ai.permutation, "plausibility": ai.plausibility}
            found[name][seed] = {each: experiment(reading) for each, experiment in asked.items()}
    return found


def by_seed(results, model: str) -> np.ndarray:
    """(S, D) the median TVD."""
    return np.stack([results[model][seed]["permutation"].frame["median_tvd"].to_numpy() for seed in (0, 1)])


def test_numbers_are_those_of_the_frames(results) -> None:
    table = remedies_table(results, "plain", "uniform attention")
    own, base = by_seed(results, "uniform attention"), by_seed(results, "plain")
    (row,) = table.query("model == 'uniform attention' and question == 'TVD, permuted'").to_dict("records")
    assert row["estimate"] == pytest.approx(own.mean()) == 0
    expected = crossed_mean(own - base)
    assert row["difference"] == pytest.approx(expected.estimate)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(expected.interval())
    assert row["apart"] == (expected.interval()[1] < 0)
    assert (row["n"], row["seeds"]) == (len(CORPUS.test), 2)
    correct = {
        model: [own["quality"].frame.query("predictor == 'model'")["correct"].mean() for own in seeds.values()]
        for model, seeds in results.items()
    }
    (gained,) = table.query("question == 'accuracy gained by attention'").to_dict("records")
    assert gained["model"] == "plain"
    assert gained["estimate"] == pytest.approx(np.mean(correct["plain"]) - np.mean(correct["uniform attention"]))
    assert table.query("model == 'plain'")["difference"].eq(0).all()
    assert "tau, leave-one-out" not in set(table["question"])  # nobody was asked


def test_it_is_read_as_sentences_and_as_a_layout(results) -> None:
    table = remedies_table(results, "plain")
    (sentence,) = remedies_sentences(table)["sentence"]
    row = table.query("model == 'uniform attention' and question == 'TVD, permuted'").iloc[0]
    assert sentence.startswith("Against plain, uniform attention moves")
    if row["difference_high"] < 0:
        assert f"TVD, permuted by {row['difference']:+.3f}" in sentence
    shown = remedies_layout(table)
    assert list(shown["model"]) == ["plain", "uniform attention"]
    assert shown.columns[1] == "accuracy"
    assert shown["AUROC, attention"].iloc[1] == "0.50 [0.50, 0.50]" + shown["AUROC, attention"].iloc[1][17:]


def test_values_of_a_result_are_one_for_each_document(results) -> None:
    found = values(QUESTION, results["plain"][0]["permutation"])
    assert list(found.columns) == ["document", "value"]
    assert sorted(found["document"]) == sorted(document.id for document in CORPUS.test)


def test_a_base_that_is_not_there_is_refused(results) -> None:
    with pytest.raises(ValueError, match="'bare' is none of the models plain, uniform attention"):
        remedies_table(results, "bare")


def test_differences_told_from_zero_are_marked() -> None:
    row = {"model": "m", "question": "accuracy", "estimate": 0.5, "low": 0.4, "high": 0.6, "seeds": 2, "n": 9}
    told = {"difference": 0.1, "difference_low": 0.05, "difference_high": 0.2, "apart": True}
    none = {"difference": 0.0, "difference_low": 0.0, "difference_high": 0.0, "apart": False}
    table = pd.DataFrame([{**row, **none}, {**row, "model": "r", **told}])
    assert list(remedies_layout(table)["accuracy"]) == ["0.50 [0.40, 0.60]", "0.50 [0.40, 0.60] *"]
    assert remedies_sentences(table)["sentence"].tolist() == [
        "Against m, r moves nothing that is told from 0; accuracy changes by +0.100 [0.050, 0.200]."
    ]

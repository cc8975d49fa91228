"""Every question that applies is put, by the steps of a study; what is not put is a row with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attn_interp.data.document import Document
from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.report.folder import read_folder
from attn_interp.studies.ask import LEFT_OUT, Answers, ask, compare
from attn_interp.studies.questions import list_experiments

QUICK = ("quality", "permutation", "adversary", "same_shape", "reach")


def test_rankings_and_adversaries_of_two_models_are_compared_row_by_row(few, untrained_twin) -> None:
    """Agreement parts its rows by columns of its own, "first" and "second"; an exact adversary is certified too."""
    one, two = (ask(each, ["agreement", "adversary"]) for each in (few, untrained_twin))
    loose = two["adversary"].frame.assign(status="certified")
    found = {"adversary": replace(two["adversary"], frame=loose), "agreement": two["agreement"]}
    table = compare({"one": one, "two": Answers(found, {}, {})})
    frames = [
        each["agreement"].frame.set_index(["first", "second", "document"])["tau"].sort_index() for each in (one, two)
    ]
    for first, second in {key[:2] for key in frames[0].index}:
        taus = [frame.loc[first, second] for frame in frames]
        row = table[(table["rows"] == f"{first}, {second}") & (table["quantity"] == "tau")]
        assert row["estimate"].item() == pytest.approx((taus[1] - taus[0]).mean())
        assert row["n"].item() == (taus[1] - taus[0]).notna().sum()
    row = table[(table["experiment"] == "adversary") & (table["quantity"] == "jsd")]
    assert row["rows"].tolist() == ["certified"] and row["n"].item() == len(few)


@pytest.fixture(scope="module")
def few(model, planted) -> Reading:
    return read(model, planted.test[:12], seed=3, training=planted)


@pytest.fixture(scope="module")
def answers(few) -> Answers:
    return ask(few, QUICK, eps=0.05)


def test_every_experiment_is_answered_or_has_its_reason(few) -> None:
    found = ask(few)
    assert [name for name in names() if name in found or name in found.reasons] == list(names())
    assert not set(found) & set(found.reasons)
    assert {"quality", "agreement", "reach", "plausibility", "examples"} <= set(found)
    assert found.reasons["heads"].startswith("the model has one attention head")
    assert "ai.necessity({" in found.reasons["necessity"]
    assert found.reasons["faithfulness"].startswith("asked by name alone")
    table = found.overview()
    rows = table[table["status"] == LEFT_OUT]
    assert list(rows["statistic"]) == list(found.reasons.values())
    assert list(rows["question"]) == [experiment_of(name).card.question for name in found.reasons]
    with pytest.raises(KeyError, match="no result of 'heads': the model has one attention head"):
        found["heads"]


def test_an_answer_is_what_the_experiment_gives_alone(few, answers) -> None:
    assert list(answers) == list(QUICK)
    for name in ("quality", "reach"):
        alone = experiment_of(name).function(few)
        assert answers[name].frame.equals(alone.frame)
    alone = experiment_of("adversary").function(few, eps=0.05)
    assert answers["adversary"].frame.equals(alone.frame)
    assert (answers["adversary"].settings["eps"], answers["same_shape"].settings["eps"]) == (0.05, 0.05)


def test_unlabelled_texts_are_asked_what_needs_no_label(model) -> None:
    found = ask(read(model, ["a wonderful film", "awful it is"]), ["quality", "permutation"])
    assert list(found) == ["permutation"]
    assert found.reasons["quality"].startswith("2 documents have no label, as ")
    assert found["permutation"].frame["label"].isna().all()


def test_wrong_questions_and_options_are_named(few) -> None:
    with pytest.raises(ValueError, match="question 'agreemnt' is unknown; did you mean 'agreement'"):
        ask(few, ["agreemnt"])
    with pytest.raises(TypeError, match="no experiment that is asked has the option 'eps'"):
        ask(few, ["reach"], eps=0.1)
    with pytest.raises(TypeError, match=r"type ask\(read\(model, documents\)\)"):
        ask(few.documents)  # type: ignore[arg-type]


def test_answers_are_saved_as_a_study_saves_a_cell_and_told_as_one_page(few, tmp_path: Path) -> None:
    answers = ask(few, ("permutation", "reach"))
    folder = answers.save(tmp_path / "mine")
    for name, result in answers.items():
        assert Result.load(folder / f"{name}.parquet").frame.equals(result.frame)
        assert (folder / "figures" / f"{name}.pdf").exists()
    assert [each.experiment for each in read_folder(folder).runs[0].found] == ["permutation", "reach"]
    answers.save(tmp_path / "mine")
    with pytest.raises(ValueError, match="holds results of other settings"):
        ask(read(few.model, few.documents[1:], seed=3), ["reach"]).save(tmp_path / "mine")
    page = answers.report(tmp_path / "mine.html").read_text("utf-8")
    assert experiment_of("reach").card.question in page
    assert "Answers to 2 questions" in repr(answers) and len(repr(answers)) < 600
    assert "<table>" in answers._repr_html_()


def test_two_models_are_compared_by_paired_differences(few, answers, untrained_twin) -> None:
    other = ask(untrained_twin, ["quality", "permutation", "reach"])
    table = compare({"one": answers, "other": other})
    row = table[(table["experiment"] == "permutation") & (table["quantity"] == "median_tvd")].iloc[0]
    first, second = (each["permutation"].frame.set_index("document")["median_tvd"] for each in (answers, other))
    difference = (second - first).to_numpy()
    assert row["estimate"] == pytest.approx(difference.mean())
    assert (row["first"], row["other"]) == pytest.approx((first.mean(), second.mean()))
    assert row["low"] <= row["estimate"] <= row["high"]
    assert (row["n"], row["undefined"], row["model"], row["against"]) == (12, 0, "other", "one")
    same = compare({"a": answers, "b": answers})
    assert np.allclose(same[["estimate", "low", "high"]].dropna(), 0.0)
    with pytest.raises(ValueError, match="give at least two"):
        compare({"one": answers})
    one, two = (ask(few.only(part), ["reach"]) for part in (few.documents[:2], few.documents[2:4]))
    with pytest.raises(ValueError, match="reach have no document in common"):
        compare({"one": one, "two": two})


@pytest.fixture(scope="module")
def untrained_twin(planted, few) -> Reading:
    from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
    from attn_interp.models.training.fitting import fit_classifier
    from attn_interp.models.wrap import wrap

    settings = ClassifierSettings(encoder="average", embedding_width=8, hidden=4, dropout=0.0)
    return read(wrap(fit_classifier(planted, settings, TrainingSettings(epochs=1), progress=False)), few.documents)


def test_the_list_of_experiments_says_how_each_is_called() -> None:
    table = list_experiments().set_index("experiment")
    assert list(table.index) == list(names())
    assert table.loc["agreement", "call"].startswith("f(reading")
    assert table.loc["necessity", "call"].startswith("f({condition: {seed: model}}")
    assert table.notna().all(axis=None)


def test_a_document_alone_is_asked_too(model) -> None:
    found = ask(read(model, Document("one wonderful film", 1)), ["permutation", "agreement"])
    assert found["permutation"].frame["label"].tolist() == [model.classes[1]]


def test_the_answers_have_one_sentence(answers) -> None:
    assert answers.sentence().startswith("For this model ")
    assert "mean of median TVD, permuted: " in answers.sentence()
    assert answers.sentence()[:200] in repr(answers)
    assert answers.sentence()[:60] in answers._repr_html_()


def test_what_is_no_answer_is_not_compared() -> None:
    for given in ([1, 2], {"a": 1, "b": 2}):
        with pytest.raises(TypeError, match="compare: give what ask returns of each model"):
            compare(given)

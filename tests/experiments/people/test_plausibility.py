"""Plausibility: perfect for who knows, chance for who does not, people as the ceiling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.people.parts.word_baselines import word_baselines
from attn_interp.experiments.people.parts.word_scores import WordScores, word_scores
from attn_interp.experiments.people.plausibility import NORMALISED, normalised, per_document, plausibility
from attn_interp.experiments.people.plausibility_curves import GRID, PRECISION_RECALL, ROC, _curves, plausibility_curves
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result

METHODS = {"gradient": gradient_x_input}


def oracle(document: Document) -> np.ndarray:
    return np.asarray(document.rationales[0])


def people_of(document: Document) -> Document:
    """Three annotators: the keyword, the keyword and a word drawn for the document, and words drawn for it alone."""
    draw = generator(9, document.id)
    true = document.rationales[0]
    drawn = int(draw.integers(len(document)))
    second = tuple(float(value or place == drawn) for place, value in enumerate(true))
    place = int(draw.integers(len(document)))
    third = tuple(float(index == place) for index in range(len(document)))
    return replace(document, rationales=(true, second, third))


@pytest.fixture(scope="module")
def documents(planted) -> list[Document]:
    return [people_of(document) for document in planted.test]


@pytest.fixture(scope="module")
def asked(model, documents) -> Reading:
    return read(model, documents)


@pytest.fixture(scope="module")
def options(planted) -> dict[str, Any]:
    return {"methods": METHODS, "baselines": word_baselines(planted.train, seed=3) | {"oracle": oracle}}


@pytest.fixture(scope="module")
def scored(asked, options) -> WordScores:
    return word_scores(asked, **options)


@pytest.fixture(scope="module")
def result(asked, options) -> Result:
    return plausibility(asked, **options)


@pytest.fixture(scope="module")
def summary(result) -> pd.DataFrame:
    return result.summary()


def means(summary: pd.DataFrame, quantity: str) -> pd.DataFrame:
    table = summary.query("grouping == 'all' and statistic == 'mean' and quantity == @quantity")
    return table.set_index("scorer")


def test_planted_evidence_is_found_by_who_looks_for_it(model, planted, options) -> None:
    """One annotator who marks the keyword: the oracle is perfect, gradients are near it, and chance is what it is."""
    found = plausibility(read(model, planted.test), **options)
    table = found.summary()
    for quantity in ("auroc", "average_precision", "token_f1", "iou_f1"):
        row = means(table, quantity).loc["oracle"]
        np.testing.assert_allclose(row[["estimate", "low", "high"]].astype(float), 1)
    precision = means(table, "average_precision")["estimate"]
    assert precision["gradient"] > 0.9 > precision["random"]
    words = np.array([len(document) for document in planted.test])
    chance = np.mean([np.mean(1 / np.arange(1, n + 1)) for n in words])  # E[1 / rank] of one marked word
    row = means(table, "average_precision").loc["random"]
    assert row["low"] < chance < row["high"]
    area = means(table, "auroc").loc["random"]
    spread = found.frame.query("scorer == 'random'")["auroc"].std() / len(words) ** 0.5
    assert abs(area["estimate"] - 0.5) < 4 * spread


def test_a_row_is_scikit_learns_of_that_document(result, scored, documents) -> None:
    rows = result.frame.query("scorer == 'gradient'").set_index(["document", "annotator"])
    for index in (0, 7, 23):
        marks = np.asarray(documents[index].rationales[1]) > 0
        values = scored.scores["gradient"][index]
        row = rows.loc[(documents[index].id, "1")]
        assert row["auroc"] == pytest.approx(roc_auc_score(marks, values))
        assert row["average_precision"] == pytest.approx(average_precision_score(marks, values))
        assert row["marked"] == marks.sum()
        assert row["annotators"] == 3


def test_one_row_for_every_document_scorer_and_annotator(result, documents) -> None:
    assert len(result.frame) == 3 * len(documents) * len(result.settings["scorers"])
    assert not result.frame.duplicated(["document", "scorer", "annotator"]).any()
    assert list(result.frame["document"].unique()) == [document.id for document in documents]
    kinds = dict(zip(result.frame["scorer"], result.frame["kind"]))
    assert kinds["attention"] == "attention"
    assert kinds["gradient"] == "attribution"
    assert kinds["rarity"] == "baseline"
    assert kinds["another person"] == kinds["mean of the others"] == "human"


def test_people_are_held_against_the_others(result, documents) -> None:
    """Against annotator 1: the mean of what annotators 0 and 2 get one by one, and what their mean map gets."""
    rows = result.frame.set_index(["document", "scorer", "annotator"])
    compared = 0
    for document in documents:
        first, target, third = (np.asarray(values) for values in document.rationales)
        if target.all():
            continue
        alone = [roc_auc_score(target, values) for values in (first, third)]
        assert rows.loc[(document.id, "another person", "1"), "auroc"] == pytest.approx(np.mean(alone))
        together = roc_auc_score(target, (first + third) / 2)
        assert rows.loc[(document.id, "mean of the others", "1"), "auroc"] == pytest.approx(together)
        compared += 1
    assert compared > 40


def test_in_a_view_each_person_is_held_against_the_view_of_the_others(asked, documents, options) -> None:
    frame = plausibility(asked, rationale="union", **options).frame
    rows = frame.set_index(["document", "scorer"])
    assert set(frame["annotator"]) == {"union"}
    assert "mean of the others" not in set(frame["scorer"])
    document = next(d for d in documents if len(d) > 6)
    maps = np.asarray(document.rationales)
    expected = [roc_auc_score(np.delete(maps, own, 0).max(0), maps[own]) for own in range(3)]
    assert rows.loc[(document.id, "another person"), "auroc"] == pytest.approx(np.mean(expected))
    marks = maps.max(0)
    assert rows.loc[(document.id, "rarity"), "marked"] == marks.sum()


def test_annotators_of_a_document_are_one_observation(result, summary) -> None:
    """n counts documents, and a document is its mean over annotators."""
    row = means(summary, "auroc").loc["attention"]
    of_documents = result.frame.query("scorer == 'attention'").groupby("document")["auroc"].mean()
    assert row["n"] + row["undefined"] == len(of_documents)
    assert row["estimate"] == pytest.approx(of_documents.mean())
    assert len(per_document(result)) == len(of_documents) * len(result.settings["scorers"])


def test_the_f1_of_means_is_erasers_other_average(result, summary) -> None:
    own = per_document(result).query("scorer == 'gradient'")[["iou_precision", "iou_recall"]].mean()
    expected = 2 * own["iou_precision"] * own["iou_recall"] / own.sum()
    row = summary.query("scorer == 'gradient' and statistic == 'F1 of means' and grouping == 'all'").iloc[0]
    assert row["estimate"] == pytest.approx(expected)
    assert row["low"] < row["estimate"] < row["high"]


def test_correct_and_wrong_predictions_apart(result, summary) -> None:
    table = summary.query("scorer == 'random' and quantity == 'auroc' and statistic == 'mean'")
    counts = table.set_index("group")["n"]
    assert counts["all"] == counts.drop("all").sum()
    assert set(counts.index) <= {"all", "correct", "wrong"}
    right = result.frame["label"] == result.frame["predicted"]
    assert (result.frame["prediction"].eq("correct") == right).all()


def test_what_is_left_out_is_counted_with_its_reason(model, short) -> None:
    marked = [
        replace(short[0], rationales=((1,),)),
        replace(short[1], rationales=((0, 0),)),
        short[2],
        *(people_of(document) for document in short[3:]),
    ]
    result = plausibility(read(model, marked), methods=METHODS)
    rows = result.frame.query("scorer == 'attention'").drop_duplicates("document").set_index("document")
    assert rows.loc[["one", "two", "unknown"], "reason"].tolist() == [
        "full rationale",
        "empty rationale",
        "no rationale",
    ]
    assert rows.loc[["one", "two", "unknown"], "auroc"].isna().all()
    table = result.summary()
    left = table.query("statistic == 'rows' and scorer == 'attention'").set_index("quantity")["estimate"]
    assert left["left out: full rationale"] >= 1
    assert left["left out: no rationale"] == 1
    row = means(table, "auroc").loc["attention"]
    assert (row["n"], row["undefined"]) == (3, 3)


def test_one_annotator_has_no_ceiling_and_says_so(model, planted) -> None:
    result = plausibility(read(model, planted.test), methods=METHODS)
    people = result.frame.query("kind == 'human'")
    assert set(people["reason"]) == {"one annotator"}
    rows = result.summary().query("statistic == 'normalised'")
    assert rows["estimate"].isna().all()
    assert set(rows["remark"]) == {"no document in which people can be compared"}


def test_normalised_is_zero_at_the_prior_and_one_at_the_ceiling() -> None:
    random = np.random.default_rng(0)
    people = 0.7 + 0.1 * random.random(83)
    table = pd.DataFrame({"prior": people - 0.2, "people": people, "half": people - 0.1, "as people": people})
    found = normalised(table, "prior", "people").set_index("scorer")
    assert list(found.index) == ["half", "as people"]
    np.testing.assert_allclose(found.loc["half", ["estimate", "low", "high"]].astype(float), 0.5)
    np.testing.assert_allclose(found.loc["as people", ["estimate", "low", "high"]].astype(float), 1)


def test_normalised_has_no_value_where_people_are_not_above_the_prior() -> None:
    random = np.random.default_rng(1)
    prior, people = random.random((2, 31))
    for table in (
        pd.DataFrame({"prior": prior, "people": people, "m": 0.5}),
        pd.DataFrame({"prior": prior, "people": prior - 0.2, "m": 0.5}),
    ):
        row = normalised(table, "prior", "people").iloc[0]
        assert np.isnan(row["estimate"])
        assert "too near to 0" in row["remark"]
        assert row["n"] == 31


def test_normalised_pairs_documents_and_counts_the_others() -> None:
    table = pd.DataFrame({"prior": [0.0, 0.1, 0.2, 0.9], "people": [1.0, 1.0, 1.0, np.nan], "m": [0.5, 0.5, 0.5, 0.1]})
    row = normalised(table, "prior", "people").iloc[0]
    assert row["estimate"] == pytest.approx((0.5 - 0.1) / (1 - 0.1))
    assert (row["n"], row["undefined"]) == (3, 1)
    with pytest.raises(ValueError, match="no scorer nobody; there are prior, people, m"):
        normalised(table, "prior", "nobody")


def test_the_summary_normalises_the_experiments_own(result, summary) -> None:
    rows = summary.query("statistic == 'normalised'")
    assert set(rows["quantity"]) == set(NORMALISED)
    assert result.settings["prior"] == "position (learned)"
    documents = per_document(result).pivot_table(index="document", columns="scorer", values="auroc").dropna()
    m = documents.mean()
    prior, people = m["position (learned)"], m["another person"]
    row = rows.query("scorer == 'gradient' and quantity == 'auroc'").iloc[0]
    if row["remark"] == "":
        assert row["estimate"] == pytest.approx((m["gradient"] - prior) / (people - prior))


def test_signs_can_be_kept(asked) -> None:
    plain = word_scores(asked, methods=METHODS).scores["gradient"]
    signed = word_scores(asked, methods=METHODS, signed=True).scores["gradient"]
    assert all(np.allclose(np.abs(s), p) for s, p in zip(signed, plain))
    assert any((s < 0).any() for s in signed)


def test_order_and_company_of_documents_change_nothing(model, documents) -> None:
    some = documents[:9]
    whole = plausibility(read(model, documents[:30][::-1]), methods=METHODS).frame
    part = plausibility(read(model, some), methods=METHODS).frame
    keys = ["document", "scorer", "annotator"]
    whole = whole[whole["document"].isin([d.id for d in some])].sort_values(keys)
    numbers = part.select_dtypes("number").columns
    np.testing.assert_allclose(whole[numbers], part.sort_values(keys)[numbers], atol=1e-6)


def test_saved_and_loaded_it_is_the_same(result, tmp_path) -> None:
    loaded = Result.load(result.save(tmp_path))
    pd.testing.assert_frame_equal(loaded.frame, result.frame)
    assert "Not faithfulness" in loaded.settings["says"]


def test_mistakes_are_named(model, planted) -> None:
    bare = [replace(document, rationales=()) for document in planted.test[:2]]
    with pytest.raises(ValueError, match="none of the 2 documents has a rationale; give documents that people marked"):
        plausibility(read(model, bare))
    with pytest.raises(ValueError, match="names of scorers repeat"):
        word_scores(read(model, planted.test[:3]), methods=METHODS, baselines={"gradient": oracle})


def test_the_curves_hold_the_areas(asked, options, summary) -> None:
    curves = plausibility_curves(asked, **options)
    frame = curves.frame.set_index(["scorer", "curve"])
    for scorer in ("attention", "gradient", "another person"):
        roc, precision = frame.loc[(scorer, ROC)], frame.loc[(scorer, PRECISION_RECALL)]
        assert np.trapezoid(roc["y"], GRID) == pytest.approx(means(summary, "auroc").loc[scorer, "estimate"], abs=0.015)
        # 40 steps of the mean precision at recalls, each taken at its right end
        expected = means(summary, "average_precision").loc[scorer, "estimate"]
        assert precision["y"].iloc[1:].mean() == pytest.approx(expected, abs=0.02)
        assert (np.diff(roc["y"]) >= -1e-12).all()
    assert frame.loc[("oracle", ROC), "n"].iloc[0] == means(summary, "auroc").loc["oracle", "n"]
    assert curves.summary().equals(curves.frame)


def test_a_roc_curve_runs_along_its_steps() -> None:
    """Words of scores 4 to 1, the second and the last marked: up at half of the unmarked words and at the end."""
    marks = np.array([False, True, False, True])
    roc = _curves([np.array([4.0, 3.0, 2.0, 1.0])], [marks])[0, : len(GRID)]
    np.testing.assert_allclose(roc, np.select([GRID < 0.5, GRID < 1], [0.0, 0.5], 1.0))
    tied = _curves([np.ones(4)], [marks])[0]
    np.testing.assert_allclose(tied[: len(GRID)], GRID)
    np.testing.assert_allclose(tied[len(GRID) :], 0.5)


def test_without_baselines_nothing_is_normalised(asked) -> None:
    summary = plausibility(asked, methods=METHODS, baselines={}).summary()
    assert "normalised" not in set(summary["statistic"]) and "mean" in set(summary["statistic"])

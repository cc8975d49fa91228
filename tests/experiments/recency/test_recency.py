"""Measures of recency against closed forms and naive loops; indices, half-lives and intervals over seeds by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from attn_interp.data.batch import collate
from attn_interp.data.document import Document
from attn_interp.data.edit import replace_words
from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.parts.gradient import gradient_by_distance, halvings_per_word
from attn_interp.experiments.recency.parts.padding import flips_under_padding, neutral_words, padded
from attn_interp.experiments.recency.parts.planted import found_evidence
from attn_interp.experiments.recency.parts.replacement import place_of, replacement_by_position
from attn_interp.experiments.recency.recency import (
    EVERYWHERE,
    FIRST,
    LAST,
    MODEL,
    POSITIONS,
    indices,
    recency,
    row,
    together,
)
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict_logits


def untrained(trained: Trained, **settings) -> Trained:
    chosen = ClassifierSettings(embedding_width=5, hidden=4, dropout=0.0, **settings)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = build_classifier(chosen, trained.vocabulary, 2).eval()
    return replace(trained, settings=chosen, module=module)


def test_the_gradient_is_that_of_each_document_alone(trained, planted) -> None:
    documents = planted.test[:9]
    table = gradient_by_distance(trained, documents, size=4)
    for document in documents:
        batch = collate([document], trained.vocabulary)
        vectors = trained.module.embedding(batch.ids).detach().requires_grad_()
        states = trained.module.encoder(vectors, batch.is_token)
        logits = trained.module.head(trained.module.pooling(states, batch.is_token, batch.is_word))[0]
        (gradient,) = torch.autograd.grad(logits.max() - logits.min(), vectors)
        norms = gradient[0].norm(dim=-1)[1:-1]
        own = table[table["document"] == document.id]
        assert own["distance"].tolist() == list(range(len(document)))[::-1]
        np.testing.assert_allclose(own["share"], norms / norms.sum(), atol=1e-5)
    assert not trained.module.embedding._forward_hooks


def test_mean_pooling_of_words_alone_has_no_recency(trained) -> None:
    model = untrained(trained, encoder="average", pooling="mean")
    table = gradient_by_distance(model, [Document(id="same", words=("film",) * 8, label=0)])
    np.testing.assert_allclose(table["share"], 1 / 8, atol=1e-6)
    assert halvings_per_word(table["share"].to_numpy()[::-1]) == pytest.approx(0.0, abs=1e-5)


def test_without_any_gradient_there_are_no_shares(trained) -> None:
    model = untrained(trained, encoder="average", pooling="mean")
    torch.nn.init.zeros_(model.module.head.weight)
    assert gradient_by_distance(model, [Document(id="d", words=("film", "story"), label=0)])["share"].isna().all()


def test_half_lives() -> None:
    distance = np.arange(40)
    assert halvings_per_word(2.0 ** (-distance / 5)) == pytest.approx(1 / 5)
    assert halvings_per_word(np.full(40, 1 / 40)) == pytest.approx(0.0, abs=1e-12)
    two_ends = np.maximum(2.0 ** (-distance / 5), 2.0 ** (-distance[::-1] / 5))
    assert halvings_per_word(two_ends) == pytest.approx(1 / 5)
    assert np.isnan(halvings_per_word(np.array([1.0])))
    assert np.isnan(halvings_per_word(np.array([1.0, 0.0, 0.5, 0.5])))


def test_replacements_equal_a_loop(trained, planted) -> None:
    documents = planted.test[:6]
    table = replacement_by_position(trained, documents, (0.0, 0.4, 1.0), ["awful"])
    for document in documents:
        (whole,) = predict_logits(trained.module, trained.vocabulary, [document])
        best, rival = whole.topk(2).indices
        own = table[table["document"] == document.id]
        for position, change in zip(own["position"], own["change"]):
            place = {0.0: 0, 0.4: round(0.4 * (len(document) - 1)), 1.0: len(document) - 1}[position]
            (after,) = predict_logits(trained.module, trained.vocabulary, [replace_words(document, {place}, "awful")])
            expected = abs(after[best] - after[rival] - whole[best] + whole[rival])
            assert change == pytest.approx(float(expected), abs=1e-5)
        assert own["relative"].mean() == pytest.approx(1.0)
    same = replacement_by_position(trained, [Document(id="d", words=("film",) * 4, label=0)], (0.0, 1.0), ["film"])
    assert (same["change"] == 0).all()
    assert same["relative"].isna().all()
    assert [place_of(position, 20) for position in (0.0, 0.05, 0.5, 0.95, 1.0)] == [0, 1, 10, 18, 19]


def test_a_last_state_of_one_direction_feels_the_last_word_most(trained, planted) -> None:
    documents = [document for document in planted.test if len(document) > 11]
    shares = gradient_by_distance(untrained(trained, pooling="last", bidirectional=False), documents)
    by_distance = shares.groupby("distance")["share"].mean()
    assert (by_distance.diff().dropna()[:8] < 0).all()
    two = gradient_by_distance(untrained(trained, pooling="last"), documents)
    ends = [group["share"].to_numpy()[[0, len(group) // 2, -1]] for _, group in two.groupby("document")]
    assert all(first > middle < last for first, middle, last in ends)  # a U, not recency


def test_found_evidence_is_the_decision_and_the_weight_of_the_keyword(trained, model, planted) -> None:
    documents = planted.test[:7]
    found = found_evidence(trained, collate(documents, trained.vocabulary), model)
    for document, correct, mass in zip(documents, found["correct"], found["mass"]):
        run = model.run(model.batch([document]))
        assert correct == float(run.logits.argmax() == document.label)
        assert mass == pytest.approx(float(run.weights[0, document.rationales[0].index(1.0)]), abs=1e-5)
    other = untrained(trained, pooling="mean")
    assert found_evidence(other, collate(documents, trained.vocabulary))["mass"].isna().all()
    with pytest.raises(ValueError, match="document 'd': has no rationale"):
        found_evidence(trained, collate([Document(id="d", words=("film",), label=0)], trained.vocabulary))


def test_neutral_words_are_frequent_and_say_nothing_of_the_label() -> None:
    texts = [("the good plot", 1), ("the bad plot", 0), ("The good film", 1), ("a bad film", 0)]
    documents = [
        Document(id=str(index), words=tuple(text.split()), label=label) for index, (text, label) in enumerate(texts)
    ]
    assert neutral_words(documents, count=2) == ("film", "plot")
    assert neutral_words(documents, frequent=1) == ("the",)
    with pytest.raises(ValueError, match="got no documents"):
        neutral_words([])


def test_padding_is_appended_and_flips_are_changed_decisions(trained, planted) -> None:
    document = planted.test[0]
    longer, longest = (padded(document, ("a", "b"), count, seed=5) for count in (3, 8))
    assert longest.words[: len(longer)] == longer.words
    assert longer.words[: len(document)] == document.words
    assert set(longer.words[len(document) :]) <= {"a", "b"}
    documents = planted.test[:8]
    table = flips_under_padding(trained, documents, ["awful", "film"], (0, 6), seed=5)
    assert (table.loc[table["count"] == 0, "flipped"] == 0).all()
    for each, flipped in zip(documents, table.loc[table["count"] == 6, "flipped"]):
        pair = [each, padded(each, ["awful", "film"], 6, 5)]
        before, after = predict_logits(trained.module, trained.vocabulary, pair).argmax(-1)
        assert flipped == float(before != after)
    for words, counts in (([], (1,)), (["a"], (-1,))):
        with pytest.raises(ValueError, match="padding: got"):
            flips_under_padding(trained, documents, words, counts)


def made(seeds: int, slope: float = 0.4) -> Result:
    about = dict(zip(MODEL, ("lstm", 1, "last", EVERYWHERE, 20.0)))
    rows = []
    for seed in range(seeds):
        for position in POSITIONS:
            correct = np.full(4, 0.5 + slope * position + 0.02 * seed)
            rows.append({**about, "seed": seed, **row(measures.ACCURACY, correct, 20, position)})
        decay = np.array([0.1 * (seed + 1), np.nan])
        rows.append({**about, "seed": seed, **row(measures.DECAY, decay, 50)})
    return recency(rows, {"lengths": [20]})


def test_indices_are_the_differences_of_accuracies() -> None:
    found = indices(made(2).frame).set_index(["measure", "seed"])["value"]
    for seed in range(2):
        assert found[measures.RECENCY, seed] == pytest.approx(0.4 * 0.9)
        assert found[measures.PRIMACY, seed] == pytest.approx(-0.4 * 0.45)
        assert found[measures.ENDS, seed] == pytest.approx(0.0, abs=1e-12)


def test_intervals_are_students_over_seeds() -> None:
    table = made(5).summary()
    first = table[(table["measure"] == measures.ACCURACY) & (table["x"] == FIRST)].iloc[0]
    values = 0.5 + 0.4 * FIRST + 0.02 * np.arange(5)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert first[["estimate", "low", "high"]].tolist() == pytest.approx([values.mean(), low, high])
    assert first["n"] == 5
    last = table[(table["measure"] == measures.ACCURACY) & (table["x"] == LAST)].iloc[0]
    assert last["high"] <= 1.0
    decay = table[table["measure"] == measures.DECAY].iloc[0]
    life = table[table["measure"] == measures.HALF_LIFE].iloc[0]
    assert life["estimate"] == pytest.approx(1 / decay["estimate"])
    assert (life["low"], life["high"]) == pytest.approx((1 / decay["high"], 1 / decay["low"]))
    assert np.isnan(made(1).summary()["low"]).all()


def test_values_without_a_definition_are_counted() -> None:
    found = row("decay", np.array([1.0, np.nan, 3.0]))
    assert (found["value"], found["documents"], found["undefined"]) == (2.0, 2, 1)
    assert np.isnan(row("decay", np.array([np.nan]))["value"])


def test_results_are_put_together_once_and_saved(tmp_path) -> None:
    result = made(3)
    result.save(tmp_path)
    loaded = Result.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.frame, result.frame)
    with pytest.raises(ValueError, match="a model of seed 0 stands there twice"):
        together([result, loaded])
    with pytest.raises(ValueError, match="got no results"):
        together([])
    with pytest.raises(ValueError, match="got no rows"):
        recency([], {})
    with pytest.raises(ValueError, match=r"recency: accuracy is 0\.5[0-9]* to 1\.2[0-9]*, outside"):
        made(1, slope=0.82)

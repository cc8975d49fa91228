"""Comprehensiveness and sufficiency: one document at a time, planted evidence, the optimum, and what is undefined."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.document import Document
from attn_interp.experiments.people.faithfulness import (
    AOPC,
    ATTENTION,
    DRAWS,
    HUMAN,
    MEASURES,
    OPTIMUM,
    OWN_LENGTH,
    PERCENT,
    RANDOM,
    faithfulness,
    per_document,
)
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, OPERATORS
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import interval

KEYS = ["document", "method", "size"]
SIZES = [f"{percent} %" for percent in PERCENT]


@pytest.fixture(scope="module")
def deleted(reading) -> Result:
    return faithfulness(reading)


@pytest.fixture(scope="module")
def masked(reading) -> Result:
    return faithfulness(reading, operator=ATTENTION_MASK)


def probability(model, words: tuple[str, ...], label: int) -> float:
    return float(model.logits([Document(id="x", words=words, label=0)])[0].softmax(-1)[label])


def test_deletion_is_the_model_on_the_edited_text(model, planted, reading, deleted) -> None:
    rows = deleted.frame.set_index(KEYS)
    for document in planted.test[:10]:
        run = model.run(model.batch([document]))
        decision = int(run.logits[0].argmax())
        order = run.weights[0].argsort(descending=True).tolist()
        own = probability(model, document.words, decision)
        for percent in PERCENT:
            count = math.ceil(percent * len(document) / 100)
            first = sorted(order[:count])
            rest = tuple(word for place, word in enumerate(document.words) if place not in first)
            alone = tuple(document.words[place] for place in first)
            row = rows.loc[(document.id, ATTENTION, f"{percent} %")]
            assert row["first"] == count >= 1
            assert row["comprehensiveness"] == pytest.approx(own - probability(model, rest, decision), abs=2e-6)
            assert row["sufficiency"] == pytest.approx(own - probability(model, alone, decision), abs=2e-6)
            assert row["tvd"] == pytest.approx(abs(row["comprehensiveness"]), abs=2e-6)  # two classes
            assert row["decision_flip"] == float(probability(model, rest, decision) < 0.5)


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_planted_keyword_is_all_there_is(operator: str, planted, reading) -> None:
    """Without the keyword nothing is left of the evidence; with it alone all is. Other words say nothing."""
    documents = planted.test
    frame = faithfulness(reading, operator=operator).frame
    own = frame[frame["size"] == OWN_LENGTH].pivot_table(index="document", columns="method", values=list(MEASURES))
    without = own["comprehensiveness"][HUMAN]
    decided = frame.drop_duplicates("document").set_index("document")["predicted"].loc[without.index]
    leaning = decided == decided[without.idxmax()]  # the class that needs its word; the other is what is left of none
    assert 20 < leaning.sum() < len(documents)
    assert without[leaning].median() > 0.8
    assert own["sufficiency"][HUMAN].abs().max() < 0.1
    assert own["decision_flip"][HUMAN][leaning].mean() > 0.95
    assert without[leaning].mean() - own["comprehensiveness"][RANDOM][leaning].mean() > 0.5
    assert own["comprehensiveness"][ATTENTION].mean() == pytest.approx(without.mean(), abs=0.05)


def test_random_scores_are_not_faithful(reading) -> None:
    """The null: a method that draws its scores is as faithful as the random ranking."""

    def noise(model, batch, classes):
        draw = torch.rand(batch.is_word.shape[0], int(batch.is_word.sum(1).max()))
        return Attribution(draw)

    with torch.random.fork_rng():
        torch.manual_seed(3)
        result = faithfulness(reading, methods={"noise": noise})
    rows = per_document(result).query("size == @AOPC").set_index("method")["comprehensiveness_minus_random"]
    noise_found, attention_found = interval(rows["noise"]), interval(rows[ATTENTION])
    assert noise_found.low < 0 < noise_found.high
    assert attention_found.low > 0.2


def test_constant_scores_are_the_random_ranking(model, planted) -> None:
    reading = read(model, planted.test[:9])

    def constant(model, batch, classes):
        return Attribution(torch.full((len(batch), int(batch.is_word.sum(1).max())), 0.7))

    frame = faithfulness(reading, methods={"constant": constant}).frame
    for name in MEASURES:
        values = frame.pivot_table(index=["document", "size"], columns="method", values=name)
        assert (values["constant"] == values[RANDOM]).all()


def test_random_is_near_its_exact_expectation(model, planted, deleted) -> None:
    """Over documents, ten draws each against the mean over all subsets of the size."""
    rows = deleted.frame[deleted.frame["method"] == RANDOM].set_index(["document", "size"])
    differences = []
    for document in [document for document in planted.test if len(document) <= 6]:
        decision = int(model.logits([document])[0].argmax())
        count = math.ceil(0.5 * len(document))
        kept = [
            Document(id="x", words=tuple(document.words[place] for place in places), label=0)
            for places in combinations(range(len(document)), len(document) - count)
        ]
        expected = (
            probability(model, document.words, decision) - model.logits(kept).softmax(-1)[:, decision].mean().item()
        )
        differences.append(rows.loc[(document.id, "50 %"), "comprehensiveness"] - expected)
    assert len(differences) >= 8
    spread = 0.5 / math.sqrt(DRAWS * len(differences))
    assert abs(np.mean(differences)) < 4 * spread
    assert np.abs(differences).max() > 0  # it is sampled


def test_the_attention_mask_by_votes_is_the_model(unproved, masked) -> None:
    """A reading that claims nothing about affinity runs the model under every set, and knows no optimum."""
    found = faithfulness(unproved, operator=ATTENTION_MASK)
    assert found.settings["optimum"] == "not known: the readout is not affine"
    ours = masked.frame[masked.frame["method"] != OPTIMUM].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.frame, ours, atol=1e-5, rtol=0)


def test_no_method_passes_the_optimum_and_it_is_attained(model, planted, reading, masked) -> None:
    assert masked.settings["optimum"] == "exact"
    values = masked.frame.pivot_table(index=["document", "size"], columns="method", values=["comprehensiveness"])
    best = values["comprehensiveness"][OPTIMUM]
    assert (values["comprehensiveness"].sub(best, axis=0) <= 1e-6).all().all()
    least = masked.frame.pivot_table(index=["document", "size"], columns="method", values="sufficiency")
    assert (least.sub(least[OPTIMUM], axis=0) >= -1e-6).all().all()
    rows = masked.frame[masked.frame["method"] == OPTIMUM].set_index(["document", "size"])
    assert np.array_equal(rows["comprehensiveness"], rows["comprehensiveness_bound"], equal_nan=True)
    document = next(document for document in planted.test if len(document) == 6)
    batch = model.batch([document])
    run = model.run(batch)
    decision = int(run.logits[0].argmax())
    every = []
    for erased in map(list, combinations(range(6), 3)):
        kept = run.weights.clone()
        kept[0, erased] = 0
        with torch.no_grad():
            logits = model.logits_under(batch, (kept / kept.sum())[None])[0, 0]
        every.append(float(run.logits[0].softmax(-1)[decision] - logits.softmax(-1)[decision]))
    assert rows.loc[(document.id, "50 %"), "comprehensiveness"] == pytest.approx(max(every), abs=2e-6)


def test_three_classes_have_a_certified_optimum(three_reading) -> None:
    found = faithfulness(three_reading, operator=ATTENTION_MASK)
    assert found.settings["optimum"].startswith("certified")
    rows = found.frame[found.frame["method"] == OPTIMUM]
    assert (rows["comprehensiveness"] <= rows["comprehensiveness_bound"] + 1e-12).all()
    assert (rows["sufficiency"] >= rows["sufficiency_bound"] - 1e-12).all()
    bound = rows.set_index(["document", "size"])["comprehensiveness_bound"]
    others = found.frame[found.frame["method"] != OPTIMUM].set_index(["document", "size"])
    assert (others["comprehensiveness"] <= bound.reindex(others.index) + 1e-6).all()


def test_only_the_attention_mask_has_an_optimum(deleted) -> None:
    assert OPTIMUM not in set(deleted.frame["method"])
    assert deleted.settings["optimum"] == "not known: only under the attention mask"


@pytest.mark.parametrize("operator", OPERATORS)
def test_one_word_is_counted_or_defined(operator: str, model, short) -> None:
    result = faithfulness(read(model, short), operator=operator)
    one = result.frame[(result.frame["document"] == "one") & result.frame["size"].isin(SIZES)]
    one = one[one["method"] != HUMAN]
    assert (one["sufficiency"].abs() < 1e-6).all()  # one word of one is all of it
    keeps_length = operator in ("mask", "mean embedding")
    assert (one["comprehensiveness"].notna() == keeps_length).all()
    assert (one["reason"] == ("" if keeps_length else "nothing is left")).all()
    areas = per_document(result).query("size == @AOPC and method == @ATTENTION")
    assert areas["comprehensiveness"].notna().sum() == (6 if keeps_length else 5)
    assert areas["sufficiency"].notna().all()


def test_rationales_that_are_missing_empty_or_whole_are_counted(model) -> None:
    words = ("film", "wonderful", "story", "city")
    documents = [
        Document(id="none", words=words, label=1),
        Document(id="empty", words=words, label=1, rationales=((0, 0, 0, 0),)),
        Document(id="whole", words=words, label=1, rationales=((1, 1, 1, 1),)),
        Document(id="two annotators", words=words, label=1, rationales=((0, 1, 0, 0), (0, 1, 1, 0))),
        Document(id="three annotators", words=words, label=1, rationales=((0, 1, 0, 0), (0, 1, 1, 0), (1, 0, 0, 0))),
    ]
    result = faithfulness(read(model, documents), methods={})
    assert result.settings["documents_with_rationales"] == 4
    own = result.frame[result.frame["size"] == OWN_LENGTH].set_index(["document", "method"])
    for method in (ATTENTION, HUMAN, RANDOM):
        assert [own.loc[(d.id, method), "first"] for d in documents] == [0, 0, 4, 2, 1]
        assert own.loc[("empty", method), "reason"] == "no word in a human rationale"
        assert own.loc[("empty", method), list(MEASURES)].isna().all()
        assert own.loc[("whole", method), "reason"] == "nothing is left"
        assert own.loc[("whole", method), "sufficiency"] == pytest.approx(0, abs=1e-6)
        assert own.loc[("two annotators", method), "reason"] == ""
    rows = result.frame[(result.frame["document"] == "none") & (result.frame["method"] == HUMAN)]
    assert (rows["reason"] == "no human rationale").all() and rows[list(MEASURES)].isna().all().all()
    plain = faithfulness(read(model, documents[:1]), methods={})
    assert HUMAN not in set(plain.frame["method"]) and OWN_LENGTH not in set(plain.frame["size"])


def test_a_method_without_values_is_counted(model, planted) -> None:
    def broken(model, batch, classes):
        return Attribution(torch.full((len(batch), int(batch.is_word.sum(1).max())), torch.nan))

    frame = faithfulness(read(model, planted.test[:3]), methods={"broken": broken}).frame
    rows = frame[frame["method"] == "broken"]
    assert (rows["reason"] == "the method has no value").all()
    assert rows[list(MEASURES)].isna().all().all()


def test_attributions_are_ranked_by_value_or_by_absolute_value(model) -> None:
    """Of four words the second speaks most for the decision and the third, more strongly, against it."""
    document = Document(id="d", words=("film", "wonderful", "awful", "story"), label=1)

    def known(model, batch, classes):
        return Attribution(torch.tensor([[0.1, 0.5, -0.9, 0.0]]))

    for signed, first in ((True, "wonderful"), (False, "awful")):
        result = faithfulness(read(model, [document]), methods={"known": known}, signed=signed)
        row = result.frame.set_index(["method", "size"]).loc[("known", "20 %")]
        decision = int(model.logits([document])[0].argmax())
        rest = tuple(word for word in document.words if word != first)
        expected = probability(model, document.words, decision) - probability(model, rest, decision)
        assert row["comprehensiveness"] == pytest.approx(expected, abs=2e-6)
        assert result.settings["attributions_ranked_by"].startswith("value" if signed else "absolute")


def test_area_is_the_mean_over_the_shares_and_differences_are_paired(deleted) -> None:
    rows = per_document(deleted).set_index(KEYS)
    frame = deleted.frame.set_index(KEYS)
    document = deleted.frame["document"].iloc[0]
    for name in ("comprehensiveness", "sufficiency"):
        values = [frame.loc[(document, ATTENTION, size), name] for size in SIZES]
        assert rows.loc[(document, ATTENTION, AOPC), name] == pytest.approx(np.mean(values))
        difference = rows.loc[(document, ATTENTION, AOPC), name] - rows.loc[(document, RANDOM, AOPC), name]
        assert rows.loc[(document, ATTENTION, AOPC), f"{name}_minus_random"] == pytest.approx(difference)
    assert (rows.xs(RANDOM, level="method")["comprehensiveness_minus_random"] == 0).all()


def test_order_subset_and_batch_change_no_row(model, planted, masked, deleted) -> None:
    part = planted.test[:30][::-3]
    for whole, operator in ((deleted, "delete"), (masked, ATTENTION_MASK)):
        own = faithfulness(read(model, part), operator=operator)
        assert list(dict.fromkeys(own.frame["document"])) == [document.id for document in part]
        assert not own.frame.duplicated(KEYS).any()
        expected = whole.frame[whole.frame["document"].isin(document.id for document in part)]
        pd.testing.assert_frame_equal(
            own.frame.set_index(KEYS).sort_index(), expected.set_index(KEYS).sort_index(), atol=2e-6, rtol=0
        )


def test_summary_and_file_hold_what_was_found(model, short, tmp_path) -> None:
    masked = faithfulness(read(model, short), methods={}, operator=ATTENTION_MASK)
    table = masked.summary()
    areas = table.query("grouping == 'all' and size == @AOPC").set_index(["method", "quantity"])
    assert areas.loc[(ATTENTION, "comprehensiveness"), ["n", "undefined"]].tolist() == [5, 1]  # one word: nothing left
    assert areas.loc[(ATTENTION, "sufficiency"), ["n", "undefined"]].tolist() == [6, 0]
    assert (OPTIMUM, "comprehensiveness_bound") in areas.index
    assert set(table.loc[table["size"] == AOPC, "grouping"]) == {"all", "predicted"}
    assert set(table.loc[table["size"] != AOPC, "grouping"]) == {"all"}
    defined = table[table["n"] > 1]
    assert (defined["low"] <= defined["estimate"] + 1e-12).all()
    assert (defined["estimate"] <= defined["high"] + 1e-12).all()
    again = Result.load(masked.save(tmp_path))
    pd.testing.assert_frame_equal(again.frame, masked.frame)
    assert dict(again.settings) == dict(masked.settings)


def test_an_unknown_operator_is_refused(model, planted) -> None:
    with pytest.raises(ValueError, match="operator 'erase' is unknown"):
        faithfulness(read(model, planted.test[:2]), operator="erase")

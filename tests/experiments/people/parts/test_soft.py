"""Soft erasure: the chances have their mass exactly, the logits are those of masked embeddings one by one, and what is
kept is nested and depends on the document alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.draws import generator
from attn_interp.experiments.people.faithfulness import (
    AOPC,
    ATTENTION,
    DIFFERENCES,
    RANDOM,
    faithfulness,
    per_document,
)
from attn_interp.experiments.people.parts.ranked import DRAWS
from attn_interp.experiments.people.parts.soft import SOFT, chances, soft_logits
from attn_interp.experiments.reading import read


def by_bisection(scores: list[float], share: float) -> list[float]:
    mass, positive = share * len(scores), [max(score, 0.0) for score in scores]
    count = sum(score > 0 for score in positive)
    if count <= mass:
        others = len(scores) - count
        return [1.0 if score > 0 else (mass - count) / others for score in positive]
    low, high = 0.0, 1 / min(score for score in positive if score > 0)
    for _ in range(200):
        factor = (low + high) / 2
        low, high = (factor, high) if sum(min(1, factor * each) for each in positive) < mass else (low, factor)
    return [min(1, low * each) for each in positive]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([-1.0, 0.0, 1e-9, 0.2, 0.2, 0.5, 3.0, 40.0]), min_size=1, max_size=9), st.data())
def test_chances_have_their_mass_and_follow_the_scores(scores: list[float], data: st.DataObject) -> None:
    share = data.draw(st.integers(0, len(scores))) / len(scores)
    padded = torch.tensor([[*scores, 7.0]])
    is_word = torch.tensor([[True] * len(scores) + [False]])
    found = chances(padded, is_word, torch.tensor([[share]], dtype=torch.float64))[0, 0]
    assert found[-1] == 0 and (found >= 0).all() and (found <= 1).all()
    assert float(found.sum()) == pytest.approx(share * len(scores), abs=1e-9)
    np.testing.assert_allclose(found[:-1], by_bisection(padded[0, :-1].double().tolist(), share), atol=1e-9)


@pytest.mark.parametrize("which", ["model", "bert"])
def test_logits_are_those_of_masked_embeddings(which: str, planted, request) -> None:
    """Word by word and value by value; every piece of a word has its word's chance, special tokens stay."""
    model = request.getfixturevalue(which)
    reading = read(model, planted.test[:3], seed=5, progress=False)
    (batch,) = reading.batches
    kept = torch.rand(3, 2, batch.is_word.shape[1], generator=torch.Generator().manual_seed(1)).double()
    kept[0, 1] = 1.0
    found = soft_logits(reading, batch, kept)
    assert found.shape == (3, 2, DRAWS, 2)
    for row, document in enumerate(batch.batch.documents):
        one = model.batch([document])
        whole, unit = model.embeddings(one), model.unit_of(one)[0]
        inside = [place for place, word in enumerate(unit.tolist()) if word >= 0]
        drawn = generator(5, f"soft {document.id}").random((DRAWS, len(inside), whole.shape[-1]))
        for k in range(2):
            for draw in range(DRAWS):
                values = whole.clone()
                for number, place in enumerate(inside):
                    chance = float(kept[row, k, unit[place]])
                    values[0, place, [column for column, u in enumerate(drawn[draw, number]) if u >= chance]] = 0.0
                with torch.no_grad(), model.embeddings_given(values):
                    expected = model.batch_logits(one)[0].double()
                torch.testing.assert_close(found[row, k, draw], expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(found[0, 1], batch.logits[0].expand(DRAWS, -1), atol=2e-6, rtol=0)


def test_soft_faithfulness_finds_the_keyword_and_depends_on_no_other_document(model, planted) -> None:
    result = faithfulness(read(model, planted.test, progress=False), operator=SOFT, methods=("leave-one-out",))
    rows = per_document(result)
    areas = rows[rows["size"] == AOPC].groupby("method")[list(DIFFERENCES)].mean()
    above, below = areas[DIFFERENCES[0]], areas[DIFFERENCES[1]]
    for method in (ATTENTION, "leave-one-out"):
        assert above[method] > 0.1 and below[method] < -0.1
    assert (above[RANDOM], below[RANDOM]) == (0, 0)
    assert result.settings["status"] == "sampled, 5 draws" and "chance" in result.settings["erasure"]
    alone = faithfulness(read(model, planted.test[4:5], progress=False), operator=SOFT, methods=())
    same = result.frame.query("document == @planted.test[4].id and method != 'leave-one-out'").reset_index(drop=True)
    numbers = ["first", "comprehensiveness", "sufficiency", "decision_flip", "tvd"]
    np.testing.assert_allclose(same[numbers], alone.frame[numbers], atol=1e-5)
    with pytest.raises(ValueError, match=r"operator .softer. is unknown; choose from .*mean embedding, soft"):
        faithfulness(read(model, planted.test[:2]), operator="softer")


def test_methods_of_equal_scores_keep_what_random_keeps(model, planted) -> None:
    def constant(model, batch, classes):
        return Attribution(torch.full((len(batch), int(batch.is_word.sum(1).max())), 0.3))

    frame = faithfulness(read(model, planted.test[:5]), operator=SOFT, methods={"constant": constant}).frame
    tables = frame.pivot_table(index=["document", "size"], columns="method", values="comprehensiveness")
    np.testing.assert_allclose(tables["constant"], tables[RANDOM], atol=1e-6)

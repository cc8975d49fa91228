"""Tables of heads against one document at a time, with every head taken out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from attn_interp.data.edit import delete_words
from attn_interp.experiments.deep.heads import MEANS, heads
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import jsd
from attn_interp.models.every_head import rows_of_heads
from attn_interp.recording import intervene


@pytest.fixture(scope="module")
def result(bert, planted, short) -> Result:
    return heads(read(bert, [*planted.test[:9], short[0]]))


def test_one_document_by_hand(bert, planted, result) -> None:
    document = planted.test[4]
    own = bert.logits([document]).double().softmax(-1)[0]
    without = torch.stack([bert.logits([delete_words(document, {w})])[0] for w in range(len(document))]).double()
    without = without.softmax(-1)
    lost = (own - without)[:, own.argmax()].abs()
    effect = jsd(without, own)
    batch = bert.batch([document])
    rows = rows_of_heads(bert, batch)
    found = result.frame[result.frame["document"] == document.id]
    assert list(zip(found["layer"], found["head"])) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for n, row in enumerate(found.to_dict("records")):
        weights = rows.weights[0, n].numpy()
        assert row["tau_leave_one_out"] == pytest.approx(kendalltau(weights, lost.numpy()).statistic, abs=1e-6)
        top = weights.argmax()
        assert row["js_most_attended"] == pytest.approx(float(effect[top]), abs=1e-6)
        others = np.delete(effect.numpy(), top).mean()
        assert row["js_difference"] == pytest.approx(float(effect[top]) - others, abs=1e-6)
        assert row["max_attention"] == pytest.approx(weights.max(), abs=1e-6)

        def uniform(weights: torch.Tensor, head: int = row["head"]) -> torch.Tensor:
            changed = weights.clone()
            changed[:, head] = 1 / weights.shape[-1]
            return changed

        with torch.no_grad(), intervene(bert.module, {row["site"]: uniform}):
            ablated = bert.batch_logits(batch).double().softmax(-1)[0]
        assert row["js_ablated"] == pytest.approx(float(jsd(ablated, own)), abs=1e-6)
        assert row["decision_flip"] == bool(ablated.argmax() != own.argmax())


def test_the_head_of_a_pooling_taken_out_is_uniform_attention(model, planted) -> None:
    documents = planted.test[:7]
    found = heads(read(model, documents)).frame
    batch = model.batch(documents)
    run = model.run(batch)
    uniform = run.is_word / run.is_word.sum(-1, keepdim=True)
    with torch.no_grad():
        changed = model.logits_under(batch, uniform[:, None])[:, 0]
    expected = jsd(changed.softmax(-1), run.logits.softmax(-1))
    assert np.allclose(found["js_ablated"], expected, atol=1e-6)


def test_zero_is_another_way_to_take_a_head_out(bert, planted, result) -> None:
    zero = heads(read(bert, planted.test[:3]), how="zero").frame
    same = result.frame.iloc[: len(zero)]
    assert (zero["tau_leave_one_out"] == same["tau_leave_one_out"]).all()
    assert (zero["js_ablated"] - same["js_ablated"]).abs().max() > 1e-4


def test_a_document_of_one_word_has_no_ranking_and_counts_as_undefined(result) -> None:
    one = result.frame[result.frame["words"] == 1]
    assert one[["tau_gradient", "tau_leave_one_out", "js_most_attended", "js_difference"]].isna().all().all()
    assert one["js_ablated"].notna().all()
    summary = result.summary()
    assert (summary.loc[summary["quantity"] == "tau_leave_one_out", "undefined"] == 1).all()
    assert (summary["n"] + summary["undefined"] == 10).all()
    assert set(summary["quantity"]) == {*MEANS, "decision_flip"}


def test_batches_and_order_change_nothing(bert, planted, result) -> None:
    turned = heads(read(bert, planted.test[:9][::-1])).frame
    numbers = list(MEANS)
    for document in planted.test[:9]:
        one, other = (frame[frame["document"] == document.id][numbers] for frame in (result.frame, turned))
        assert np.allclose(one, other, atol=1e-6, equal_nan=True)


def test_it_is_saved_whole_and_says_what_is_wrong(bert, planted, result, tmp_path) -> None:
    loaded = Result.load(result.save(tmp_path))
    assert loaded.frame.equals(result.frame)
    with pytest.raises(ValueError, match="no documents were given"):
        heads(read(bert, []))
    with pytest.raises(ValueError, match="got how='prune', expected one of uniform, zero"):
        heads(read(bert, planted.test[:1]), how="prune")

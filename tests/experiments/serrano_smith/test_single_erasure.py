"""One word against every other: the exact mean is the mean over all draws, and the table adds up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.measures.divergence import jsd

FLIPS = ["flip_both", "flip_only_most_attended", "flip_only_other", "flip_neither"]


def naive(model, document: Document) -> dict[str, float]:
    """Every other word in turn, each erasure run through the model, averaged by hand."""
    batch = model.batch([document])
    run = model.run(batch)
    p = run.logits.double().softmax(-1)
    own = int(p.argmax())

    def erased(t: int) -> tuple[float, bool]:
        kept = run.weights.clone()
        kept[0, t] = 0
        with torch.no_grad():
            q = model.logits_under(batch, (kept / kept.sum())[None])[0].double().softmax(-1)
        return float(jsd(q, p)), int(q.argmax()) != own

    top = int(run.weights.argmax())
    others = [t for t in range(len(document)) if t != top]
    effect, flip = erased(top)
    pairs = [(*erased(t), float(run.weights[0, t])) for t in others]
    return {
        "weight_difference": float(run.weights[0, top]) - np.mean([w for _, _, w in pairs]),
        "js_difference": effect - np.mean([e for e, _, _ in pairs]),
        "flip_both": np.mean([flip and f for _, f, _ in pairs]),
        "flip_only_most_attended": np.mean([flip and not f for _, f, _ in pairs]),
        "flip_only_other": np.mean([not flip and f for _, f, _ in pairs]),
        "flip_neither": np.mean([not flip and not f for _, f, _ in pairs]),
    }


def test_it_is_the_mean_over_every_other_word(model, planted, reading) -> None:
    rows = single_erasure(reading).frame.set_index("document")
    for document in planted.test[:10]:
        for name, value in naive(model, document).items():
            assert rows.loc[document.id, name] == pytest.approx(value, abs=1e-5), name


def test_the_four_outcomes_sum_to_one(reading) -> None:
    frame = single_erasure(reading).frame
    assert np.allclose(frame[FLIPS].sum(axis=1), 1)


def test_one_word_has_no_other_and_two_words_have_one(model) -> None:
    documents = [
        Document(id="one", words=("film",), label=0),
        Document(id="two", words=("film", "awful"), label=0),
        Document(id="long", words=("a",) * 4, label=0),
    ]
    rows = single_erasure(read(model, documents)).frame.set_index("document")
    assert rows.loc["one", FLIPS].isna().all()
    two = naive(model, documents[1])
    assert rows.loc["two", "js_difference"] == pytest.approx(two["js_difference"], abs=1e-5)
    assert rows.loc["two", FLIPS].sum() == pytest.approx(1)
    summary = single_erasure(read(model, documents)).summary().query("grouping == 'all'")
    assert set(summary["undefined"]) == {1}


def test_through_the_model_it_is_the_same(reading, unproved) -> None:
    exact = single_erasure(reading)
    run = single_erasure(unproved)
    assert run.settings["status"] != exact.settings["status"]
    for name in ("js_difference", *FLIPS):
        assert np.allclose(run.frame[name], exact.frame[name], atol=1e-5), name


def test_the_most_attended_word_matters_where_evidence_is_planted(model, planted) -> None:
    """On documents whose largest weight sits on the keyword, erasing it moves the output more than another."""
    reading = read(model, planted.test)
    frame = single_erasure(reading).frame
    found = {part.batch.documents[i].id: part.batch.documents[i].rationales[0][int(part.weights[i].argmax())] == 1
             for part in reading.batches for i in range(len(part.rows))}  # fmt: skip
    on_keyword = frame[frame["document"].map(found)]
    assert len(on_keyword) >= 10
    assert on_keyword["js_difference"].mean() > 0

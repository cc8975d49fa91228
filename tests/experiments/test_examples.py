"""The documents that are shown: chosen by rule, with every weight beside its word."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.examples import QUANTILES, READABLE, examples
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result


@pytest.fixture(scope="module")
def result(reading) -> Result:
    return examples(reading)


def test_each_row_is_a_word_with_all_its_weights(result, model, planted) -> None:
    documents = {document.id: document for document in planted.test}
    for name, frame in result.frame.groupby("document"):
        document = documents[name]
        assert tuple(frame["word"]) == document.words
        assert frame["position"].tolist() == list(range(len(document)))
        assert frame["label"].unique().tolist() == [planted.classes[document.label]]
        batch = model.batch([document])
        run = model.run(batch)
        assert np.allclose(frame["attention"], run.weights[0], atol=1e-6)
        assert frame["adversary"].sum() == pytest.approx(1)
        for method, function in METHODS.items():
            values = function(model, batch, run.logits.argmax(-1)).values[0]
            assert np.allclose(frame[method], values, atol=1e-6)


def test_documents_are_chosen_by_their_largest_weight(result, planted, reading) -> None:
    """For each predicted class the 10th, 50th and 90th percentile among the readable ones, worked by hand."""
    frame = adversary(reading).frame
    readable = frame[frame["words"].between(*READABLE)]
    expected = []
    for name in sorted(readable["predicted"].unique(), key=planted.classes.index):
        ordered = (
            readable[readable["predicted"] == name].sort_values("max_attention", kind="stable")["document"].tolist()
        )
        expected += [ordered[round(quantile * (len(ordered) - 1))] for quantile in QUANTILES]
    assert list(dict.fromkeys(result.frame["document"])) == expected


def test_where_none_is_readable_all_are_looked_at(model) -> None:
    documents = [Document(id=f"d{n}", words=("film",) * n, label=0) for n in (2, 3, 4, 5)]
    frame = examples(read(model, documents)).frame
    assert 1 <= frame["document"].nunique() <= 4


def test_one_word_is_shown_with_an_undefined_deletion(model, short, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 3)
    frame = examples(read(model, short[:1])).frame
    assert len(frame) == 1
    assert frame["attention"].item() == frame["adversary"].item() == 1
    assert np.isnan(frame["leave-one-out"].item())


def test_the_summary_says_which_documents(result) -> None:
    summary = result.summary()
    assert summary["document"].tolist() == list(dict.fromkeys(result.frame["document"]))
    assert summary["words"].sum() == len(result.frame)


def test_the_status_of_the_adversary_is_told(result, not_affine, planted, monkeypatch) -> None:
    assert result.settings["status"] == "exact"
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 10)
    assert examples(read(not_affine, planted.test[:4])).settings["status"] == "certified"

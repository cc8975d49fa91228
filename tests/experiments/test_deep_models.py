"""Every experiment runs on a transformer whose words are pieces, and says what it is: searched, not exact."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensor

from attn_interp.data.document import Document
from attn_interp.data.signals import log_frequency
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.people.external import external
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.models.every_head import rows_of_heads

FEW = ["gradient x input", "leave-one-out"]


@pytest.fixture(scope="module")
def documents(planted):
    return planted.test[:10]


@pytest.fixture(scope="module")
def deep(bert, documents) -> Reading:
    return read(bert, documents)


def test_the_readout_of_a_transformer_is_not_affine(deep) -> None:
    assert not deep.affine
    assert all(len(part.weights) == len(part.rows) for part in deep.batches)


def living() -> int:
    """Bytes of all tensors that there are; those that torch.export leaves behind hold none."""
    gc.collect()
    found = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor) and type(each) is not FakeTensor]
    stored = [each.untyped_storage() for each in found if each.layout is torch.strided and each.device.type == "cpu"]
    return sum({storage.data_ptr(): storage.nbytes() for storage in stored}.values())


def test_no_attention_between_all_positions_is_kept(bert, planted) -> None:
    """Of T words a reading keeps the view's row, the votes and the ids, and nothing that grows with T x T."""
    words = tuple(word for document in planted.test for word in document.words)
    long = [Document(id=f"long {index}", words=words[index : index + 30], label=0) for index in range(8)]
    read(bert, long[:1])  # what the first pass makes for good
    before = living()
    reading, rows = read(bert, long), [rows_of_heads(bert, batch) for _, batch in bert.batches(long)]
    kept = living() - before
    positions = sum(part.batch.ids.numel() for part in reading.batches)
    heads = rows[0].weights.shape[1]
    assert kept < positions * 8 * (3 * len(bert.classes) + heads + 12)
    squares = sum(len(part.batch) * part.batch.ids.shape[1] ** 2 for part in reading.batches)
    assert kept < heads * 4 * squares  # a float for every head and pair of positions


def test_quality(bert, planted) -> None:
    summary = quality(read(bert, planted.test)).summary().set_index(["predictor", "quantity"])
    assert summary.loc[("model", "accuracy"), "estimate"] > 0.9


def test_agreement_is_over_words(documents, deep) -> None:
    result = agreement(deep, methods=FEW)
    lengths = {document.id: len(document) for document in documents}
    assert (result.frame["words"] == result.frame["document"].map(lengths)).all()  # words, not pieces
    assert set(result.frame["document"]) == {document.id for document in documents}
    assert result.settings["head"] == "mean"
    assert result.settings["query"] == "first"


def test_permutation_moves_the_output(documents, deep) -> None:
    frame = permutation(deep, draws=3).frame
    assert frame["document"].tolist() == [document.id for document in documents]
    assert (frame["median_tvd"] >= 0).all()
    assert (frame["median_tvd"] > 0).any()


def test_an_adversary_is_searched(bert, documents, deep, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 5)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.HALVINGS", 5)
    frame = adversary(read(bert, documents[:3])).frame
    assert set(frame["status"]) == {"certified"}
    assert (frame["tvd"] <= 0.01 + 1e-6).all()


def test_erasure_has_no_optimum(bert, documents) -> None:
    frame = erasure(read(bert, documents[:2])).frame
    assert "attention" in set(frame["ordering"])
    assert "optimum" not in set(frame["ordering"])
    assert frame["fraction"].between(0, 1).all()


def test_reach_says_why_not(deep) -> None:
    with pytest.raises(ValueError, match=r"not affine in the attention at site 'bert\.encoder\.layer\.1"):
        reach(deep)


def test_plausibility_finds_the_keyword(deep) -> None:
    result = plausibility(deep, methods=FEW)
    assert np.isfinite(result.summary()["estimate"]).any()


@pytest.mark.parametrize("operator", ["delete", "mask", "mean embedding", "attention mask"])
def test_faithfulness_by_every_operator(bert, documents, operator) -> None:
    few = documents[:3]
    result = faithfulness(read(bert, few), methods=FEW, operator=operator)
    assert len(result.frame)


def test_external(planted, deep) -> None:
    result = external(deep, signals=[log_frequency(planted.train)], methods=FEW)
    assert len(result.frame)

"""Permuted attention: what is drawn agrees with the exact moments and range, and with enumeration for short texts."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from attn_interp.experiments.jain_wallace.permutation import _permuted, attention_bin, permutation
from attn_interp.experiments.reading import read


def margins(reading, part, weightings):
    """(B, K) margin over the rival of the model's own output, by votes."""
    logits = torch.einsum("bkw,bwc->bkc", weightings, part.votes)
    top = part.logits.topk(2).indices
    first, second = (logits.gather(2, top[:, None, [i]].expand(-1, logits.shape[1], -1))[..., 0] for i in (0, 1))
    return (first - second).numpy()


def test_every_draw_is_a_permutation_of_the_words_alone(reading) -> None:
    part = reading.batches[0]
    drawn = _permuted(part.weights, part.batch.documents, 13, seed=2)
    assert drawn.shape == (len(part.rows), 13, part.weights.shape[1])
    assert (drawn[~part.is_word[:, None].expand_as(drawn)] == 0).all()
    assert torch.equal(drawn.sort(-1).values, part.weights[:, None].expand_as(drawn).sort(-1).values)


def test_drawn_margins_agree_with_the_exact_moments_and_range(planted, reading) -> None:
    """The mean of 4,000 draws is normal around the exact one: z-values of independent documents look standard."""
    frame = permutation(reading, draws=3).frame.set_index("document")
    z = []
    for part in reading.batches:
        drawn = margins(reading, part, _permuted(part.weights, part.batch.documents, 4000, seed=9))
        exact = frame.loc[[document.id for document in part.batch.documents]]
        assert (drawn.min(1) >= exact["margin_least"] - 1e-9).all()
        assert (drawn.max(1) <= exact["margin_most"] + 1e-9).all()
        z += list((drawn.mean(1) - exact["margin_mean"]) / (exact["margin_sd"] / np.sqrt(4000)))
        assert np.allclose(drawn.std(1), exact["margin_sd"], rtol=0.15)
    z = np.array(z)
    assert len(z) == len(planted.test)
    assert np.abs(z).max() < 4.5
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.7 < z.std() < 1.4


@pytest.mark.parametrize("classes", [2, 3])
def test_moments_are_those_of_all_permutations(classes, request) -> None:
    model, reading = (request.getfixturevalue(name) for name in (
        ("model", "reading") if classes == 2 else ("three_model", "three_reading")))  # fmt: skip
    documents = [document for document in reading.documents if 3 <= len(document) <= 6][:8]
    assert documents
    reading = read(model, documents)
    frame = permutation(reading, draws=3).frame.set_index("document")
    for part in reading.batches:
        for i, document in enumerate(part.batch.documents):
            orders = torch.tensor(list(permutations(range(len(document)))))
            every = torch.zeros(1, len(orders), part.weights.shape[1], dtype=torch.float64)
            every[0, :, : len(document)] = part.weights[i][orders]
            one = SimpleNamespace(votes=part.votes[i : i + 1], logits=part.logits[i : i + 1])
            found = margins(reading, one, every)[0]
            row = frame.loc[document.id]
            expected = (found.mean(), found.std(), found.min(), found.max())
            assert np.allclose(row[["margin_mean", "margin_sd", "margin_least", "margin_most"]].astype(float), expected)


def test_medians_and_flips_are_those_of_the_model_itself(model, planted) -> None:
    """One document, one permutation after another, every one put into the model."""
    document = planted.test[0]
    row = (
        permutation(read(model, [document, *planted.test[1:4]], seed=5), draws=9)
        .frame.set_index("document")
        .loc[document.id]
    )
    batch = model.batch([document])
    run = model.run(batch)
    drawn = _permuted(run.weights.double(), [document], 9, seed=5)
    with torch.no_grad():
        logits = torch.stack([model.logits_under(batch, drawn[:, [k]].float())[0, 0] for k in range(9)])
    change = (logits.softmax(-1) - run.logits.softmax(-1)).abs().sum(-1) / 2
    assert row["median_tvd"] == pytest.approx(float(change.quantile(0.5)), abs=1e-6)
    assert row["flip_share"] == pytest.approx(float((logits.argmax(-1) != run.logits.argmax(-1)).double().mean()))
    own = run.logits[0].sort(descending=True).values
    assert row["margin"] == pytest.approx(float(own[0] - own[1]), abs=1e-6)


def test_one_word_has_nothing_to_permute(model, short) -> None:
    row = permutation(read(model, short)).frame.set_index("document").loc["one"]
    assert row["median_tvd"] == pytest.approx(0, abs=1e-6)
    assert (row["flip_share"], row["margin_sd"], row["words"], row["max_attention"]) == (0, 0, 1, 1)
    assert row["margin_least"] == row["margin_most"] == pytest.approx(row["margin"], abs=1e-6)


def test_without_an_affine_readout_the_exact_columns_are_undefined(not_affine, planted) -> None:
    result = permutation(read(not_affine, planted.test[:9]), draws=5)
    assert result.settings["affine"] is False
    assert result.frame[["margin_mean", "margin_sd", "margin_least", "margin_most"]].isna().all(axis=None)
    assert result.frame[["median_tvd", "flip_share", "margin"]].notna().all(axis=None)
    summary = result.summary().query("grouping == 'all' and quantity == 'margin_sd'")
    assert (summary["n"] == 0).all()
    assert (summary["undefined"] == 9).all()


def test_bins_of_the_largest_weight_are_the_papers() -> None:
    values = pd.Series([0.0, 0.2499, 0.25, 0.5, 0.7499, 0.75, 1.0], index=list("abcdefg"))
    expected = ["[0, .25)", "[0, .25)", "[.25, .5)", "[.5, .75)", "[.5, .75)", "[.75, 1]", "[.75, 1]"]
    assert attention_bin(values).to_dict() == dict(zip("abcdefg", expected))


def test_no_draws_are_refused(model, planted) -> None:
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        permutation(read(model, planted.test), draws=0)

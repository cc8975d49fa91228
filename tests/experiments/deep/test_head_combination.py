"""What is learned from all heads: on made-up words where the answer is known, and on a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.experiments.deep.head_combination import (
    ATTENTION,
    BEST_HEAD,
    COMBINED,
    RANKINGS,
    SHUFFLED,
    _best_head,
    _compared,
    _ridges,
    _Words,
    head_combination,
)
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result

LEAVE_ONE_OUT = "leave-one-out"


def made_up(count: int, heads: int = 5) -> list[_Words]:
    """The value of a word is head 1 less half of head 3; the other heads are noise."""
    random = np.random.default_rng(0)
    documents = []
    for index in range(count):
        length = int(random.integers(4, 13))
        attention = torch.from_numpy(random.dirichlet(np.ones(length), heads).T * length)
        value = 2 + attention[:, 1] - 0.5 * attention[:, 3]
        documents.append(_Words({"document": f"d{index}", "words": length}, attention, value.clamp(min=0), {}))
    return documents


def test_the_combination_that_made_the_values_is_learned_and_shuffled_values_are_not() -> None:
    documents = made_up(83)
    ridge, null = _ridges(documents[:41], 0)
    assert np.argsort(-abs(ridge.coefficients)).tolist()[:2] == [1, 3]
    assert ridge.coefficients[3] < 0 < ridge.coefficients[1]
    held_out = documents[41:]
    learned, _ = _compared(held_out, [[document.heads @ torch.from_numpy(ridge.coefficients) for document in held_out]])
    best, _ = _compared(held_out, [[document.heads[:, 1] for document in held_out]])
    assert learned.mean() > 0.9 > best.mean()
    assert _best_head(documents[:41]) == 1
    nothing, _ = _compared(held_out, [[document.heads @ each for document in held_out] for each in null])
    assert abs(nothing.mean()) < 0.3 and null.shape == (10, 5)


def test_draws_are_those_of_the_document_alone() -> None:
    documents = made_up(11)
    (one, null), (other, again) = _ridges(documents, 3), _ridges(documents[::-1], 3)
    if one.strength == other.strength:  # folds may fall otherwise
        assert torch.allclose(null, again, atol=1e-8)
    assert not torch.allclose(null, _ridges(documents, 4)[1])


@pytest.fixture(scope="module")
def result(bert, planted) -> Result:
    return head_combination(read(bert, planted.test[:24]))


def test_attention_agrees_with_leave_one_out_as_in_agreement(bert, planted, result) -> None:
    documents = planted.test[:24]
    reading = read(bert, documents)
    expected = agreement(reading, methods=[LEAVE_ONE_OUT]).frame.set_index("document")["tau"]
    own = result.frame[result.frame["ranking"] == ATTENTION].set_index("document")["tau"]
    assert len(own) == 12 == result.settings["held_out"]
    assert np.allclose(own, expected[own.index], atol=1e-6)


def test_rows_and_settings(result, tmp_path) -> None:
    assert (result.frame.groupby("document")["ranking"].agg(tuple) == RANKINGS).all()
    assert (result.frame["reason"] == "").all()
    by = result.frame.pivot(index="document", columns="ranking", values="tau")
    gain = result.frame[result.frame["ranking"] == COMBINED].set_index("document")["gain"]
    assert np.allclose(gain, (by[COMBINED] - by[ATTENTION])[gain.index])
    assert len(result.settings["coefficients"]) == 4
    assert result.settings["fitted_on"] + result.settings["left_out_of_fitting"] == 12
    summary = result.summary()
    assert list(dict.fromkeys(summary["ranking"])) == list(RANKINGS)
    assert Result.load(result.save(tmp_path)).frame.equals(result.frame)


def test_the_order_of_the_documents_changes_nothing(bert, planted, result) -> None:
    turned = head_combination(read(bert, planted.test[:24][::-1]))
    assert turned.settings["best_head"] == result.settings["best_head"]
    keys = ["document", "ranking"]
    one, other = (each.frame.sort_values(keys)["tau"].to_numpy() for each in (result, turned))
    fixed = ~result.frame.sort_values(keys)["ranking"].isin([COMBINED, SHUFFLED]).to_numpy()
    assert np.allclose(one[fixed], other[fixed], atol=1e-6)
    assert {BEST_HEAD, ATTENTION} <= set(result.frame["ranking"])


def test_too_few_documents_are_named(bert, planted) -> None:
    with pytest.raises(ValueError, match=r"1 of 2 documents fall in the fitting half .* expected at least 2"):
        head_combination(read(bert, planted.test[:2]))

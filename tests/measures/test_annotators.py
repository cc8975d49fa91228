"""Kappas: scikit-learn's, closed forms, chance."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from attn_interp.measures.annotators import cohen_kappa, fleiss_kappa, pair_agreement


def test_equal_to_scikit_learn_and_symmetric() -> None:
    random = np.random.default_rng(2)
    x, y = (torch.from_numpy(random.random((53, 11)) < 0.4) for _ in range(2))
    is_word = torch.from_numpy(np.arange(11) < random.integers(4, 12, (53, 1)))
    found = cohen_kappa(x, y, is_word)
    assert torch.equal(found.nan_to_num(-9), cohen_kappa(y, x, is_word).nan_to_num(-9))
    for index in torch.nonzero(~found.isnan()).ravel().tolist():
        words = is_word[index]
        assert found[index] == pytest.approx(cohen_kappa_score(x[index][words], y[index][words]))
    assert found.isnan().sum() < 5


def test_worth_nothing_on_average_by_chance() -> None:
    first = torch.tensor([[True, True, False, False, False]])
    others = torch.tensor([[p < 2 for p in order] for order in permutations(range(5))])
    kappa = cohen_kappa(first.expand(len(others), -1), others, torch.ones_like(others))
    assert kappa.mean() == pytest.approx(0, abs=1e-12)
    assert kappa.max() == 1


def test_annotators_who_both_mark_everything_have_no_kappa() -> None:
    everything = torch.ones(1, 3, dtype=torch.bool)
    assert cohen_kappa(everything, everything, everything).isnan().all()
    assert cohen_kappa(~everything, ~everything, everything).isnan().all()
    assert cohen_kappa(everything, ~everything, everything)[0] == 0
    assert cohen_kappa(everything, everything, ~everything).isnan().all()


def test_fleiss_worked_by_hand() -> None:
    """Three annotators, words marked by 3, 2, 0 and 1 of them: agreeing pairs 3, 1, 3, 1 of 3; half of all marks."""
    marked_by = np.array([3, 2, 0, 1])
    agreement = pair_agreement(marked_by, 3)
    assert agreement == pytest.approx((3 + 1 + 3 + 1) / 12)
    assert fleiss_kappa(agreement, marked_by.sum() / 12) == pytest.approx((2 / 3 - 1 / 2) / (1 - 1 / 2))


def test_fleiss_ends() -> None:
    assert pair_agreement(np.array([2, 0]), 2) == 1
    assert fleiss_kappa(1.0, 0.3) == 1
    assert np.isnan(fleiss_kappa(1.0, 0.0))
    assert np.isnan(pair_agreement(np.array([1, 0]), 1))

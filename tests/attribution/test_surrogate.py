"""LIME and KernelSHAP against Shapley values by enumeration, a ridge regression written out, and captum's class."""

from __future__ import annotations

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch
from captum.attr import KernelShap
from hypothesis import given
from hypothesis import strategies as st

from attn_interp.attribution.surrogate import kernel_shap, lime, near_subsets, shapley_subsets

ANY_LENGTH = st.integers(1, 40)


def game(model, batch, classes, row, kept) -> np.ndarray:
    """(N,) probability of the class with only the kept words (N, W), the embeddings of the others 0."""
    own = model.batch([batch.documents[row]] * len(kept))
    on = torch.ones(own.is_word.shape)
    on[:, 1:-1] = torch.as_tensor(kept, dtype=torch.float32)
    with torch.no_grad(), model.embeddings_given(model.embeddings(own) * on[..., None]):
        return model.batch_logits(own).softmax(-1)[:, classes[row]].double().numpy()


def shapley(model, batch, classes, row) -> np.ndarray:
    words = len(batch.documents[row])
    sets = np.array([shape for n in range(words + 1) for shape in combinations_as_rows(words, n)])
    worth = dict(zip(map(tuple, sets.tolist()), game(model, batch, classes, row, sets)))
    values = np.zeros(words)
    for kept in worth:
        for word in range(words):
            if not kept[word]:
                weight = factorial(sum(kept)) * factorial(words - sum(kept) - 1) / factorial(words)
                values[word] += weight * (worth[(*kept[:word], 1, *kept[word + 1 :])] - worth[kept])
    return values


def combinations_as_rows(words, size):
    return [[int(word in chosen) for word in range(words)] for chosen in combinations(range(words), size)]


def test_kernel_shap_of_short_documents_is_exact(model, mixed, classes) -> None:
    values = kernel_shap(model, mixed, classes).values
    for row in range(4):  # 1, 2, 2 and 4 words
        expected = shapley(model, mixed, classes, row)
        assert values[row, : len(expected)].numpy() == pytest.approx(expected, abs=2e-6)
        assert (values[row, len(expected) :] == 0).all()
    assert np.abs(shapley(model, mixed, classes, 3)).max() > 0.05


def test_kernel_shap_of_longer_documents_is_near(model, mixed, classes) -> None:
    expected = shapley(model, mixed, classes, 4)  # 11 words: 278 of 2,048 sets
    found = [kernel_shap(model, mixed, classes, seed).values[4, :11].double().numpy() for seed in range(3)]
    assert np.abs(expected).max() > 0.1
    for values in found:
        assert values == pytest.approx(expected, abs=0.03)
    assert not np.allclose(found[0], found[1], atol=1e-6)


def test_kernel_shap_sums_to_the_change(model, mixed, classes) -> None:
    found = kernel_shap(model, mixed, classes)
    assert found.completeness_gap.abs().max() < 2e-5
    for row, document in enumerate(mixed.documents):
        whole, none = game(model, mixed, classes, row, np.array([[1] * len(document), [0] * len(document)]))
        assert float(found.values[row].sum()) == pytest.approx(whole - none, abs=2e-5)


def test_kernel_shap_is_captums_with_the_same_sets(model, mixed, classes) -> None:
    row, document = 6, mixed.documents[6]
    kept = shapley_subsets(len(document), document.id, 0).kept

    def sets(original, **_):
        yield from torch.from_numpy(kept)[:, None]

    captums = KernelShap(lambda points: torch.from_numpy(game(model, mixed, classes, row, points)))
    captums.perturb_func = sets
    expected = captums.attribute(torch.ones(1, len(document)), n_samples=len(kept), perturbations_per_eval=len(kept))
    found = kernel_shap(model, mixed, classes).values[row, : len(document)]
    assert torch.allclose(found, expected[0], atol=1e-6)


def test_captums_own_draws_agree_on_what_matters(model, mixed, classes) -> None:
    row, words = 5, len(mixed.documents[5])
    captums = KernelShap(lambda points: torch.from_numpy(game(model, mixed, classes, row, points)))
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        expected = captums.attribute(torch.ones(1, words), n_samples=600, perturbations_per_eval=600)[0]
    assert torch.allclose(kernel_shap(model, mixed, classes).values[row, :words], expected, atol=0.05)


def test_lime_is_a_ridge_regression(model, mixed, classes) -> None:
    values = lime(model, mixed, classes, seed=2).values
    for row, document in enumerate(mixed.documents):
        kept, weights = near_subsets(len(document), document.id, 2)
        worth = game(model, mixed, classes, row, kept)
        centred = kept - np.average(kept, axis=0, weights=weights)
        gram = centred.T @ (weights[:, None] * centred) + len(kept) / 5000 * np.eye(len(document))
        expected = np.linalg.solve(gram, centred.T @ (weights * worth))
        assert values[row, : len(document)].numpy() == pytest.approx(expected, abs=5e-6)
        assert (values[row, len(document) :] == 0).all()


@given(ANY_LENGTH)
def test_lime_runs_the_document_and_sets_near_it(words) -> None:
    kept, weights = near_subsets(words, "a", 0)
    assert kept.shape == (256 + 2 * words, words)
    assert set(np.unique(kept)) == {0, 1} and (kept[0] == 1).all() and weights[0] == 1
    cosine = kept.sum(1) / np.sqrt(np.maximum(kept.sum(1), 1) * words)
    assert weights == pytest.approx(np.exp(-((1 - cosine) ** 2) / (2 * 0.25**2)))


@given(ANY_LENGTH)
def test_shapley_sets_are_all_or_in_pairs(words) -> None:
    kept, weights = shapley_subsets(words, "a", 0)
    assert (kept[0] == 1).all() and (kept[1] == 0).all()
    assert (weights[:2] == 1e6).all() and (weights > 0).all() and (weights[2:] <= 1).all()
    if words <= 8:
        assert len(np.unique(kept, axis=0)) == len(kept) == 2**words
    else:
        assert abs(len(kept) - (256 + 2 * words)) <= 1
        half = (len(kept) - 2) // 2
        assert (kept[2 : 2 + half] + kept[2 + half :] == 1).all()
        assert (kept[2:].sum(1) > 0).all() and (kept[2:].sum(1) < words).all()


def test_sizes_come_as_the_shapley_kernel_has_them() -> None:
    sizes = np.concatenate([shapley_subsets(10, f"{n}", 0).kept[2:].sum(1) for n in range(60)])
    expected = np.array([1 / (k * (10 - k)) for k in range(1, 10)])
    found = np.bincount(sizes, minlength=10)[1:10] / len(sizes)
    assert found == pytest.approx(expected / expected.sum(), abs=0.015)

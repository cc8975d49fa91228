"""SmoothGrad and Gradient SHAP against captum with the same draws, and where there is nothing to draw."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from captum.attr import GradientShap, NoiseTunnel, Saliency

from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.attribution.noise import drawn_fractions, drawn_noise, gradient_shap, smoothgrad

SAMPLES = 7


def alone(model, batch, classes, row):
    """One document: its probability of the class as captum wants it, its embeddings, and its words' positions."""
    own = model.batch([batch.documents[row]])

    def probability(points):
        with model.embeddings_given(points):
            count = len(points)
            repeated = model.batch([own.documents[0]] * count)
            return model.batch_logits(repeated).softmax(-1)[:, classes[row]]

    return own, probability, model.embeddings(own)


def spread_of(embeddings, own, noise=0.15) -> float:
    words = embeddings[own.is_word]
    return noise * float(words.max() - words.min())


def test_smoothgrad_is_captums_with_the_same_noise(model, mixed, classes, monkeypatch) -> None:
    found = smoothgrad(model, mixed, classes, seed=5, samples=SAMPLES).values
    for row, document in enumerate(mixed.documents):
        own, probability, embeddings = alone(model, mixed, classes, row)
        noise = drawn_noise(model, own, embeddings, torch.tensor([0]), SAMPLES, 5)[0] * spread_of(embeddings, own)
        with monkeypatch.context() as patched:
            patched.setattr(torch, "normal", lambda mean, spread, noise=noise: noise)
            gradient = NoiseTunnel(Saliency(probability)).attribute(
                embeddings, nt_type="smoothgrad", nt_samples=SAMPLES, abs=False
            )
        expected = (embeddings * gradient).sum(-1)[0][own.is_word[0]]
        assert torch.allclose(found[row, : len(document)], expected, atol=1e-6)
        assert (found[row, len(document) :] == 0).all()


def test_gradient_shap_is_captums_with_the_same_draws(model, mixed, classes, monkeypatch) -> None:
    found = gradient_shap(model, mixed, classes, seed=5, samples=SAMPLES)
    for row, document in enumerate(mixed.documents):
        own, probability, embeddings = alone(model, mixed, classes, row)
        noise = drawn_noise(model, own, embeddings, torch.tensor([0]), SAMPLES, 5)[0] * spread_of(embeddings, own)
        baselines = embeddings * ~own.is_word[..., None] + noise
        fractions = drawn_fractions(document.id, SAMPLES, 5).numpy()
        with monkeypatch.context() as patched:
            patched.setattr(np.random, "choice", lambda many, count: np.arange(count))
            patched.setattr(np.random, "uniform", lambda low, high, count, fractions=fractions: fractions)
            expected, missed = GradientShap(probability).attribute(
                embeddings, baselines, n_samples=SAMPLES, return_convergence_delta=True
            )
        assert torch.allclose(found.values[row, : len(document)], expected.sum(-1)[0][own.is_word[0]], atol=1e-6)
        assert float(found.completeness_gap[row]) == pytest.approx(float(missed.mean()), abs=2e-6)


def test_without_noise_smoothgrad_is_the_gradient(model, mixed, classes) -> None:
    found = smoothgrad(model, mixed, classes, samples=3, noise=0.0).values
    assert torch.allclose(found, gradient_x_input(model, mixed, classes).values, atol=1e-7)
    assert not torch.allclose(smoothgrad(model, mixed, classes).values, found, atol=1e-4)


def test_without_noise_gradient_shap_is_expected_to_be_integrated_gradients(model, mixed, classes) -> None:
    few, many = (gradient_shap(model, mixed, classes, samples=n, noise=0.0) for n in (4, 400))
    exact = integrated_gradients(model, mixed, classes).values
    assert (many.values - exact).abs().max() < 0.01 < (few.values - exact).abs().max()


def test_gradient_shap_is_expected_to_sum_to_the_change(model, mixed, classes) -> None:
    """The gap of one call has mean 0 over seeds: it is within four standard errors, and shrinks with more samples."""
    gaps = torch.stack([gradient_shap(model, mixed, classes, seed, 10).completeness_gap for seed in range(20)])
    assert (gaps.mean(0).abs() <= 4 * gaps.std(0) / 20**0.5 + 1e-6).all()
    more = torch.stack([gradient_shap(model, mixed, classes, seed, 160).completeness_gap for seed in range(3)])
    assert more.square().mean() < gaps.square().mean() / 4


@pytest.mark.parametrize("method", [smoothgrad, gradient_shap])
def test_the_seed_decides(model, mixed, classes, method) -> None:
    values = [method(model, mixed, classes, seed, 5).values for seed in (0, 0, 1)]
    assert torch.equal(values[0], values[1])
    assert not torch.allclose(values[0], values[2], atol=1e-4)


@pytest.mark.parametrize("method", [smoothgrad, gradient_shap])
def test_what_cannot_be_drawn(model, mixed, classes, method) -> None:
    ask = partial(method, model, mixed, classes)
    with pytest.raises(ValueError, match="samples: got 0, expected at least 1 point per document"):
        ask(samples=0)
    with pytest.raises(ValueError, match=r"noise: got -0\.1, expected a standard deviation of at least 0"):
        ask(noise=-0.1)


def test_fractions_are_one_in_each_part() -> None:
    fractions = drawn_fractions("a", 20, 3)
    assert torch.equal((fractions * 20).floor(), torch.arange(20, dtype=torch.float64))

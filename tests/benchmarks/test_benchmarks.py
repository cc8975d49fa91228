"""The benchmarks run, and their references compute what they are compared with. No time is asserted."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from attn_interp.attribution.integrated import STEPS, integrated_gradients
from attn_interp.data.edit import delete_words
from attn_interp.readout.adversary.two_classes import exact_adversary

HERE = Path(__file__).parent


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("bench_references")


def test_every_line_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(HERE)
    importlib.import_module("bench_all").main(["--tiny"])
    printed = capsys.readouterr().out
    lines = ("leave-one-out", "Kendall", "permutations", "exact adversary", "recorded", "replay", "training epoch")
    for line in (*lines, "integrated", "votes"):
        assert line in printed


def test_every_line_of_a_deep_model_is_measured(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(HERE)
    deep = importlib.import_module("bench_deep")
    deep.main(["--tiny"])
    printed = capsys.readouterr().out
    for line in ("recorded", "other attentions", "sites", "leave-one-out", "integrated"):
        assert line in printed
    model = deep.model_of(deep.TINY)
    batches = [batch for _, batch in model.batches(deep.documents_of(deep.TINY))]
    drawn = deep.alternatives(model, batches, 6)
    for fast, whole in zip(deep.at_the_query(drawn), deep.at_all_positions(drawn), strict=True):
        torch.testing.assert_close(fast, whole, atol=1e-5, rtol=1e-5)


def test_growth_finds_the_exponent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    timing = importlib.import_module("bench_timing")
    monkeypatch.setattr(timing, "seconds", lambda work: work())
    sizes = (3, 7, 11)
    assert timing.growth([lambda n=n: 0.5 * n**1.7 for n in sizes], sizes, rounds=2) == pytest.approx(1.7)
    compared = timing.compare("a", "b", lambda: 2.0, lambda: 3.0, rounds=3)
    assert compared.ratios.tolist() == [1.5, 1.5, 1.5]


def test_the_references_agree_with_what_they_are_compared_with(plain, model, trained, planted, reading) -> None:
    documents = planted.test[:7]
    encoded = plain.encode(model, documents)
    states, weights, probabilities, _ = encoded[0]
    context = (weights[:, None] @ states).squeeze(1)
    assert torch.allclose(model.module.head(context).softmax(-1), probabilities, atol=1e-6)
    shortest = min(documents, key=len)
    without = plain.deletion(plain.packed(trained.module), trained.vocabulary, [shortest])
    expected = model.logits([delete_words(shortest, {1})]).softmax(-1)
    assert torch.allclose(without[0], expected, atol=1e-6)
    batch = model.batch(documents)
    values = integrated_gradients(model, batch, torch.zeros(7, dtype=torch.long)).values
    for row, expected in enumerate(plain.integrated(model, documents, STEPS[-1])):
        assert torch.allclose(values[row, : len(expected)], expected, atol=5e-3)
    medians = plain.permutations(model.module, encoded, draws=5)
    assert medians[0].shape == (7,) and (np.array(medians[0]) <= 1).all()


def test_the_search_stays_below_the_exact_adversary(plain, model, reading) -> None:
    part = reading.batches[0]
    encoded = plain.encode(model, part.batch.documents)
    found = plain.adversary(model.module, encoded, steps=60)[0]  # (S, B, T)
    states, weights, probabilities, _ = encoded[0]
    output = model.module.head(torch.einsum("sbt,btd->sbd", found, states)).softmax(-1)
    allowed = (output - probabilities).abs().sum(-1) / 2 <= 0.01
    jsd = plain.divergence(found, weights)
    exact = exact_adversary(part.weights, part.votes, part.is_word, 0.01).jsd
    assert allowed.any()
    assert (torch.where(allowed, jsd, 0).amax(0) <= exact + 1e-5).all()

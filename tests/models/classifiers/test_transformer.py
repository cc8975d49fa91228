"""The transformer encoder against torch's own layers, and as a model for the experiments."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.transformer import PLACE_SPREAD, TransformerEncoder, sines
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

IS_TOKEN = torch.arange(11) < torch.tensor([[11], [7], [3], [1], [5]])


def test_equals_torch_with_the_same_weights() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = TransformerEncoder(7, 12, layers=2, heads=3)
        embedded = torch.randn(5, 11, 7)
    layer = nn.TransformerEncoderLayer(12, 3, 48, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    plain = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(12), enable_nested_tensor=False)
    names = {"attention.read": "self_attn.in_proj_", "attention.write": "self_attn.out_proj."}
    names |= {
        "before_attention": "norm1.",
        "before_network": "norm2.",
        "network.0": "linear1.",
        "network.2": "linear2.",
    }
    state = {}
    for k in range(2):
        for ours, theirs in names.items():
            for part in ("weight", "bias"):
                state[f"layers.{k}.{theirs}{part}"] = encoder.state_dict()[f"layers.{k}.{ours}.{part}"]
    state |= {f"norm.{part}": encoder.state_dict()[f"norm.{part}"] for part in ("weight", "bias")}
    plain.load_state_dict(state)
    with torch.no_grad():
        expected = plain(encoder.projection(embedded) + PLACE_SPREAD * sines(11, 12), src_key_padding_mask=~IS_TOKEN)
        found = encoder(embedded, IS_TOKEN)
    assert torch.allclose(found[IS_TOKEN], expected[IS_TOKEN], atol=2e-6)


def test_sines_by_hand() -> None:
    found = sines(3, 4)
    for t in range(3):
        expected = [math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)]
        assert found[t].tolist() == pytest.approx(expected, abs=1e-6)


def test_trained_and_wrapped_like_the_others(planted) -> None:
    settings = ClassifierSettings(
        encoder="transformer", embedding_width=12, hidden=12, encoder_heads=2, layers=1, dropout=0.0
    )
    trained = fit_classifier(planted, settings, TrainingSettings(epochs=6, learning_rate=1e-2), seed=1, progress=False)
    assert trained.history[-1].dev_accuracy > 0.9
    model = wrap(trained)
    assert [site.name for site in model.sites] == ["encoder.layers.0.attention", "pooling"]
    assert (model.view.site, model.view.head, model.view.query) == ("pooling", 0, 0)
    batch = model.batch(planted.test[:5])
    run = model.run(batch)
    with torch.no_grad():
        assert torch.equal(model.logits_under(batch, run.weights[:, None])[:, 0], run.logits)
    layer = wrap(trained, site="encoder.layers.0.attention", head="mean", query="mean")
    run = layer.run(batch)
    assert run.word_mass.max() < 1
    with torch.no_grad():
        assert torch.allclose(layer.logits_under(batch, run.weights[:, None])[:, 0], run.logits, atol=2e-6)


def test_without_attention_pooling_the_last_layer_is_tested(planted) -> None:
    settings = ClassifierSettings(
        encoder="transformer", pooling="mean", embedding_width=6, hidden=6, encoder_heads=2, layers=1
    )
    model = wrap(fit_classifier(planted, settings, TrainingSettings(epochs=1), seed=1, progress=False))
    assert (model.view.site, model.view.head, model.view.query) == ("encoder.layers.0.attention", "mean", "mean")

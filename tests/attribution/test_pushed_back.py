"""Attention pushed back to the words against full Jacobians, a closed form, and the law of its random directions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attn_interp.attribution.pushed_back import drawn_directions, pushed_back_attention
from attn_interp.data.document import Document
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap


def jacobian(model, document) -> torch.Tensor:
    """(T, D, T, E) of all positions, by torch, of one document."""
    own = model.batch([document])

    def states(embeddings):
        return model.module.encoder(embeddings, own.is_token)[0]

    return torch.autograd.functional.jacobian(states, model.embeddings(own))[:, :, 0]


def untrained(trained, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        module = Classifier(ClassifierSettings(embedding_width=5, dropout=0.0, **settings), len(trained.vocabulary), 2)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.7)
    return wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary)


def test_all_directions_give_the_full_jacobian(model, mixed, classes) -> None:
    weights = model.run(mixed).weights
    found = pushed_back_attention(model, mixed, classes).values  # states of width 12: exact
    for row, document in enumerate(mixed.documents):
        norms = jacobian(model, document)[1:-1, :, 1:-1].square().sum((1, 3)).sqrt()  # (W, W)
        expected = weights[row, : len(document)] @ norms
        assert torch.allclose(found[row, : len(document)], expected / expected.sum(), atol=1e-5)
        assert (found[row, len(document) :] == 0).all()
    assert (found - weights).abs().max() > 0.01  # states mix words
    assert torch.allclose(found.sum(-1), torch.ones(len(mixed)))


def test_a_head_weighs_its_own_columns(trained, mixed, classes) -> None:
    model = untrained(trained, hidden=4, heads=2, attention="scaled_dot")
    model = wrap(model.module, classes=("a", "b"), vocabulary=trained.vocabulary, head=1)
    found = pushed_back_attention(model, mixed, classes).values
    norms = jacobian(model, mixed.documents[3])[1:-1, 4:, 1:-1].square().sum((1, 3)).sqrt()
    expected = model.run(mixed).weights[3, :4] @ norms
    assert torch.allclose(found[3, :4], expected / expected.sum(), atol=1e-5)


def test_without_context_each_word_keeps_its_own(trained, mixed, classes) -> None:
    model = untrained(trained, encoder="average", hidden=6)
    layer = model.module.encoder.projection
    with torch.no_grad():
        slope = 1 - torch.tanh(layer(model.embeddings(mixed))).square()  # (B, T, D)
        norms = (slope.square() @ layer.weight.square().sum(1)).sqrt()  # (B, T)
    weights = model.run(mixed).weights
    expected = weights * torch.nn.functional.pad(norms[:, 1:-1], (0, weights.shape[1] - norms.shape[1] + 2))
    expected = expected / expected.sum(-1, keepdim=True)
    assert torch.allclose(pushed_back_attention(model, mixed, classes).values, expected, atol=1e-5)


def test_few_directions_are_near_and_the_seed_decides(model, mixed, classes) -> None:
    exact = pushed_back_attention(model, mixed, classes).values
    few = [pushed_back_attention(model, mixed, classes, seed, directions=4).values for seed in (0, 0, 1, 2, 3, 4)]
    assert torch.equal(few[0], few[1]) and not torch.allclose(few[0], few[2], atol=1e-4)
    assert (torch.stack(few[1:]).mean(0) - exact).abs().max() < 0.05
    assert (few[0] - exact).abs().max() < 0.15


def test_directions_make_the_squared_norm_unbiased() -> None:
    """E sum r r^T = I, and for all D directions it is I without the expectation."""
    drawn = torch.stack([drawn_directions(f"{n}", 5, 2, 0) for n in range(3000)])
    assert torch.allclose(drawn.norm(dim=-1), torch.tensor((5 / 2) ** 0.5))
    mean = (drawn.transpose(1, 2) @ drawn).mean(0)
    assert torch.allclose(mean, torch.eye(5), atol=0.1)
    whole = drawn_directions("a", 5, 5, 0)
    assert torch.allclose(whole.T @ whole, torch.eye(5), atol=1e-6)


def test_what_is_not_a_state_for_each_position(model, mixed, classes) -> None:
    with pytest.raises(ValueError, match=r"no module 'encodr'; give states=.* attention at 'pooling' weighs"):
        pushed_back_attention(model, mixed, classes, states="encodr")
    with pytest.raises(ValueError, match=r"module 'head' gave \[\(7, 2\)\], expected one \(B, T, D\)"):
        pushed_back_attention(model, mixed, classes, states="head")
    with pytest.raises(ValueError, match="directions: got 0, expected at least 1"):
        pushed_back_attention(model, mixed, classes, directions=0)


def test_no_word_moves_a_state(trained) -> None:
    model = untrained(trained, encoder="average", hidden=6)
    nn.init.zeros_(model.module.encoder.projection.weight)
    batch = model.batch([Document(id="a", words=("film",), label=0), Document(id="b", words=("film", "film"), label=0)])
    values = pushed_back_attention(model, batch, torch.tensor([0, 0])).values
    assert values.isnan().tolist() == [[True, False], [True, True]]

"""Attention times gradient in closed form over the votes, and by finite differences where there is none."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attn_interp.attribution.at_weights import (
    attention_x_gradient,
    attention_x_gradient_absorbed,
    attention_x_projection,
)
from attn_interp.attribution.states import states_of_words
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap


class OverAllTokens(nn.Module):
    """Attention over special tokens too, and a tanh after it: three classes."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 5)
        self.score = nn.Linear(5, 1)
        self.out = nn.Linear(5, 3)

    def forward(self, ids, is_token):
        states = self.embed(ids)
        weights = torch.softmax(self.score(states).squeeze(-1).masked_fill(~is_token, -torch.inf), -1)
        return self.out(torch.tanh(2 * torch.einsum("bt,btd->bd", weights, states)))


@pytest.fixture(scope="module")
def over_all(trained):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = OverAllTokens(len(trained.vocabulary)).double()
    return wrap(
        module,
        inputs=lambda batch: (batch.ids, batch.is_token),
        classes=("a", "b", "c"),
        vocabulary=trained.vocabulary,
    )


@pytest.fixture(scope="module")
def unsure(trained):
    """An affine readout that is sure of nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        settings = ClassifierSettings(embedding_width=5, hidden=4, dropout=0.0)
        module = Classifier(settings, len(trained.vocabulary), 2)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.7)
    return wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary)


def test_closed_forms_of_an_affine_readout(unsure, mixed, classes) -> None:
    model = unsure
    run = model.run(mixed)
    which = torch.arange(run.weights.shape[1]).minimum(run.is_word.sum(-1, keepdim=True) - 1)  # (B, W)
    one_hot = torch.nn.functional.one_hot(which).float()  # (B, W, W)
    with torch.no_grad():
        votes = model.logits_under(mixed, one_hot)  # (B, W, 2)
    votes = votes * run.is_word[..., None]
    sign = 2 * classes - 1.0
    s = (votes[..., 1] - votes[..., 0]) * sign[:, None]
    bias = float(model.module.head.bias.detach().diff()) * sign
    logit = (run.logits[:, 1] - run.logits[:, 0]) * sign
    slope = (logit.sigmoid() * (-logit).sigmoid())[:, None]
    plain = slope * run.weights * (s - bias[:, None])
    absorbed = slope * run.weights * (s - (s * run.weights).sum(-1, keepdim=True))
    assert absorbed.abs().max() > 1e-2 and (plain - absorbed).abs().max() > 1e-2
    assert torch.allclose(attention_x_gradient(model, mixed, classes).values, plain * run.is_word, atol=1e-5)
    found = attention_x_gradient_absorbed(model, mixed, classes).values
    assert torch.allclose(found, absorbed, atol=1e-5)
    assert torch.allclose(found.sum(-1), torch.zeros(len(mixed)), atol=1e-6)
    assert found[0, 0] == 0  # one word


def test_the_projection_is_attention_times_the_centred_difference_of_votes(unsure, mixed, classes) -> None:
    run = unsure.run(mixed)
    counts = run.is_word.sum(-1, keepdim=True)
    found = attention_x_projection(unsure, mixed, classes).values
    with torch.no_grad():
        votes = unsure.logits_under(mixed, torch.eye(run.weights.shape[1]).expand(len(mixed), -1, -1))  # (B, W, 2)
    s = (votes[..., 1] - votes[..., 0]) * (2 * classes - 1.0)[:, None] * run.is_word
    centred = s - s.sum(-1, keepdim=True) / counts
    slope = torch.where(run.is_word, found / run.weights, 0.0)  # <v_t, dm/dc>
    assert centred.abs().max() > 0.1
    expected = run.weights * centred
    centre = run.weights * slope.sum(-1, keepdim=True) / counts
    assert torch.allclose(found - centre, expected * run.is_word, atol=1e-5)
    lead = (run.logits[:, 1] - run.logits[:, 0]) * (2 * classes - 1.0)
    bias = float(unsure.module.head.bias.detach().diff()) * (2 * classes - 1.0)
    assert torch.allclose(found.sum(-1), lead - bias, atol=1e-5)


def test_the_projection_is_the_state_times_the_gradient_at_the_context(over_all, mixed) -> None:
    """Of three classes and a tanh: the values by hand, and the gradient taken at the context."""
    classes = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    module, run = over_all.module, over_all.run(mixed)
    states = module.embed(mixed.ids).detach()
    scores = module.score(states).squeeze(-1).masked_fill(~mixed.is_token, -torch.inf)
    context = torch.einsum("bt,btd->bd", torch.softmax(scores, -1), states).detach().requires_grad_()
    logits = module.out(torch.tanh(2 * context))
    rival = torch.stack([row[torch.arange(3) != own].max() for row, own in zip(logits, classes)])
    (direction,) = torch.autograd.grad((logits[torch.arange(7), classes] - rival).sum(), context)
    values = states_of_words(over_all, mixed, "values are", "embed")
    expected = run.weights * run.word_mass[:, None] * (values * direction[:, None]).sum(-1)
    found = attention_x_projection(over_all, mixed, classes).values
    assert torch.allclose(found, expected, atol=1e-9) and (found < 0).any() and (found > 0).any()


def test_finite_differences_where_special_tokens_have_mass(over_all, mixed) -> None:
    classes = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    run = over_all.run(mixed)
    assert run.word_mass.max() < 0.999
    step = 1e-6
    plain = attention_x_gradient(over_all, mixed, classes).values
    absorbed = attention_x_gradient_absorbed(over_all, mixed, classes).values
    scores = run.weights.clamp(min=1e-300).log()

    def probability(weights):
        logits = over_all.logits_under(mixed, weights[:, None])[:, 0]
        return logits.softmax(-1).gather(1, classes[:, None])[:, 0]

    for t in range(run.weights.shape[1]):
        here = torch.zeros_like(scores)
        here[:, t] = step
        with torch.no_grad():
            up, down = (probability(torch.softmax(scores + sign * here, -1)) for sign in (1, -1))
        assert torch.allclose(absorbed[:, t], (up - down) / (2 * step), atol=1e-6)
    # Moving weight from word 1 to word 0 changes p by the difference of the derivatives.
    rows = torch.arange(len(mixed)) > 0
    moved = run.weights.clone()
    moved[:, 0] += step
    moved[:, 1] -= step
    with torch.no_grad():
        change = (probability(moved) - probability(run.weights)) / step
    derivative = plain / run.weights.clamp(min=1e-300)
    assert torch.allclose((derivative[:, 0] - derivative[:, 1])[rows], change[rows], atol=1e-4)


@pytest.mark.parametrize("method", [attention_x_gradient, attention_x_gradient_absorbed])
def test_one_pass_gives_the_weights_and_their_gradient_to_the_last_bit(
    unsure, over_all, mixed, classes, method
) -> None:
    passes: list[int] = []
    for model in (unsure, over_all):
        run, gradient = model.run(mixed), model.gradient_at_weights(mixed, classes)
        expected = run.weights * (gradient * run.word_mass[:, None])
        if method is attention_x_gradient_absorbed:
            expected = expected - run.weights * expected.sum(-1, keepdim=True)
        passes.clear()
        hook = model.module.register_forward_hook(lambda *_: passes.append(1))
        values = method(model, mixed, classes).values
        hook.remove()
        assert torch.equal(values, expected) and not values.requires_grad and len(passes) == 1

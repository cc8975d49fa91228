"""Replay: exactly what intervening gives, and only the rest is run."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from attn_interp.recording import intervene, record, replay, sites
from attn_interp.recording.engine.interceptor import current


def uniform(weights):
    return (weights > 0) / (weights > 0).sum(-1, keepdim=True)


def counted(module):
    calls = []
    forward = module.forward

    def count(*args, **kwargs):
        calls.append(1)
        return forward(*args, **kwargs)

    module.forward = count
    return calls


def test_what_ended_before_the_site_runs_once(styled):
    style = styled("additive")
    before, after = counted(style.module.lstm), counted(style.module.decide)
    (site,) = sites(style.module, *style.inputs)
    before.clear(), after.clear()
    replayed = replay(style.module, site, *style.inputs)
    for _ in range(3):
        replayed.under(uniform)
    assert (len(before), len(after)) == (1, 4)
    with intervene(style.module, {site: uniform}), torch.no_grad():
        assert torch.equal(replayed.under(uniform), style.module(*style.inputs))


def test_the_first_pass_is_given_out(styled):
    style = styled("additive")
    replayed = replay(style.module, "(root)", *style.inputs)
    assert replayed.weights.shape == (5, 1, 1, 11)
    assert torch.equal(replayed.output, style.module(*style.inputs))
    assert torch.equal(replayed.under(replayed.weights), replayed.output)


def test_one_hot_weights_read_the_votes(styled, is_token):
    """An affine readout: the output is the votes weighted by the attention."""
    style = styled("additive")
    replayed = replay(style.module, "(root)", *style.inputs)
    votes = torch.stack(
        [
            replayed.under(torch.eye(11)[t].expand(5, 1, 1, 11).clone(), unnormalised=True) * is_token[:, t, None]
            for t in range(11)
        ],
        dim=1,
    )  # (B, T, C)
    read = (replayed.weights[:, 0, 0].unsqueeze(-1) * votes).sum(1)
    assert torch.allclose(read, replayed.output, atol=1e-5)


@pytest.mark.parametrize("name", ["attention", "attention#1"])
def test_a_module_called_before_and_at_the_site(styled, name):
    style = styled("two calls")
    replayed = replay(style.module, name, *style.inputs)
    with intervene(style.module, {name: uniform}), torch.no_grad():
        assert torch.equal(replayed.under(uniform), style.module(*style.inputs))


class InPlace(nn.Module):
    """Goes on in place with what a module returned: what is kept must be a copy."""

    def __init__(self):
        super().__init__()
        self.embedding, self.score = nn.Embedding(47, 12), nn.Linear(12, 1)

    def forward(self, ids):
        states = self.embedding(ids)
        states.mul_(2).relu_()
        return (torch.softmax(self.score(states), 1) * states).sum(1)


def test_what_the_module_alters_in_place_is_kept_as_it_was(styled):
    module, ids = InPlace().eval(), styled("dot").inputs[0]
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            replayed = replay(module, "(root)", ids)
            for change in (uniform, replayed.weights, uniform):
                with intervene(module, {"(root)": change}):
                    assert torch.equal(replayed.under(change), module(ids))


class Functional(nn.Module):
    """Computes with torch functions before the site: one is dear, one writes into its result."""

    def __init__(self):
        super().__init__()
        self.embedding, self.score = nn.Embedding(47, 12), nn.Linear(12, 1)

    def forward(self, ids):
        states = self.embedding(ids)
        near = torch.cumsum(states, 1)
        shifted = torch.empty_like(near)
        shifted.copy_(near)
        shifted.mul_(0.5)
        weights = torch.softmax(self.score(shifted), 1)
        return (weights * shifted).sum(1) + near[:, 0]


class Counting(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls[getattr(func, "__name__", "")] += 1
        return func(*args, **(kwargs or {}))


def test_functions_before_the_site_run_once():
    module = Functional().eval()
    ids = torch.arange(35).reshape(5, 7)
    with Counting() as counting, torch.no_grad():
        replayed = replay(module, sites(module, ids)[0], ids)
        counting.calls.clear()
        outputs = [replayed.under(uniform) for _ in range(3)]
        assert counting.calls["cumsum"] == 0
        with intervene(module, {"(root)": uniform}):
            expected = module(ids)
    assert all(torch.equal(output, expected) for output in outputs)


class AlteredLater(Functional):
    """After the site it writes into what a function before the site gave."""

    def forward(self, ids):
        states = self.embedding(ids)
        near = torch.cumsum(states, 1)
        weights = torch.softmax(self.score(near), 1)
        return (weights * near.mul_(3)).sum(1)


def test_a_result_that_is_written_to_later_is_computed_again():
    module, ids = AlteredLater().eval(), torch.arange(35).reshape(5, 7)
    replayed = replay(module, "(root)", ids)
    with torch.no_grad(), intervene(module, {"(root)": uniform}):
        for _ in range(3):
            assert torch.equal(replayed.under(uniform), module(ids))


def test_gradients_reach_what_the_change_depends_on(styled):
    """d output / d weights by replay is that by recording with gradients."""
    style = styled("additive")
    (site,) = sites(style.module, *style.inputs)
    replayed = replay(style.module, site, *style.inputs)
    weights = replayed.weights.clone().requires_grad_()
    (by_replay,) = torch.autograd.grad(replayed.under(lambda _: weights)[:, 1].sum(), weights)
    with record(style.module, [site], gradients=True) as recording:
        output = style.module(*style.inputs)[:, 1].sum()
    (recorded,) = torch.autograd.grad(output, recording[site])
    assert torch.allclose(by_replay, recorded, atol=1e-6)
    with torch.no_grad():
        assert not replayed.under(uniform).requires_grad


def test_outer_contexts_stay_in_force(styled):
    style = styled("two calls")
    module, inputs = style.module, style.inputs
    with intervene(module, {"attention": uniform}), torch.no_grad():
        replayed = replay(module, "attention#1", *inputs)
        output = replayed.under(uniform)
    with intervene(module, {"attention": uniform, "attention#1": uniform}), torch.no_grad():
        assert torch.equal(output, module(*inputs))


def test_nothing_is_left(styled):
    style = styled("additive")
    module = style.module.train()
    own = module.encoder.forward
    module.encoder.forward = own  # a forward of its own, as other tools put there
    replayed = replay(module, "(root)", *style.inputs)
    with pytest.raises(ZeroDivisionError):
        replayed.under(lambda weights: 1 / 0)
    with pytest.raises(ValueError, match="sums to 1"):
        replayed.under(lambda weights: weights / 2)
    assert [name for name, part in module.named_modules() if "forward" in vars(part)] == ["encoder"]
    assert vars(module.encoder)["forward"] is own
    assert module.training and module.lstm.training
    assert current() is None
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_site_that_is_not_reached(styled):
    style, other = styled("dot"), styled("two calls")
    site = sites(other.module, *other.inputs)[0]
    with pytest.raises(RuntimeError, match="replay: not reached"):
        replay(style.module, site, *style.inputs)
    with pytest.raises(KeyError, match="no site 'attention'"):
        replay(style.module, "attention", *style.inputs)

"""The contexts in every mode of torch: train mode, gradients, half precision, checkpointing, DataParallel, captum."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from attn_interp.recording import intervene, record, sites


def uniform(weights):
    return (weights > 0) / (weights > 0).sum(-1, keepdim=True)


def one_hot(weights):
    return torch.zeros_like(weights).index_fill(-1, torch.tensor([0]), 1.0)


class Altering(nn.Module):
    """Draws random numbers for nothing, and alters its weights in place after they are softmaxed (dropout)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, ids):
        torch.rand(3)
        states = torch.tanh(self.inner.encoder(self.inner.embedding(ids)))
        weights = torch.softmax(self.inner.scores(states, ids != 0), -1)
        weights = nn.functional.dropout(weights, 0.5, self.training, inplace=True)
        return self.inner.decide(torch.bmm(weights.unsqueeze(1), states).squeeze(1))


def test_what_is_recorded_is_a_copy(styled):
    style = styled("dot")
    module = Altering(style.module).eval()
    state = torch.get_rng_state()
    found = sites(module, *style.inputs)
    assert torch.equal(torch.get_rng_state(), state)
    module.train()
    for gradients in (False, True):
        with record(module, found, gradients=gradients) as recording:
            module(*style.inputs)
        assert torch.allclose(recording["(root)"].sum(-1), torch.ones(()))


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradient_modes(additive, context):
    with context(), record(additive.module) as recording:
        additive.module(*additive.inputs)
    assert not recording["(root)"].requires_grad
    assert recording["(root)"].sum().item() == pytest.approx(5)


def test_in_train_mode_the_weights_are_those_before_dropout(styled):
    style = styled("folded")
    style.module.train()
    with record(style.module) as recording:
        style.module(*style.inputs)
    assert torch.allclose(recording["(root)"].sum(-1), torch.ones(()))
    assert style.module.training


def test_half_precision_by_autocast_keeps_rows_at_one(styled):
    style = styled("fused")
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        plain = style.module(*style.inputs)
        with record(style.module) as recording:
            output = style.module(*style.inputs)
    assert recording["(root)"].dtype == torch.float32
    assert torch.allclose(recording["(root)"].sum(-1), torch.ones(()), atol=1e-6)
    assert plain.dtype == output.dtype
    assert torch.allclose(plain.float(), output.float(), atol=0.05)


def test_fully_masked_rows_are_zero_and_the_model_goes_on_as_before(styled):
    for name in ("dot", "fused"):
        style = styled(name)
        ids = style.inputs[0].clone()
        found = sites(style.module, ids)
        ids[2] = 0
        plain = style.module(ids)
        for gradients in (False, True):
            with record(style.module, found, gradients=gradients) as recording:
                output = style.module(ids)
            assert torch.equal(output.isnan(), plain.isnan())
            weights = recording["(root)"]
            assert weights[2].abs().max() == 0
            assert torch.allclose(weights[3].sum(-1), torch.ones(()))
        with intervene(style.module, {found[0]: uniform}), torch.no_grad():
            assert torch.equal(style.module(ids).isnan(), plain.isnan())


def test_a_frozen_model_still_gives_the_gradient_at_its_weights(styled):
    style = styled("dot")
    style.module.requires_grad_(False)
    with record(style.module, gradients=True) as recording:
        output = style.module(*style.inputs)
    (gradient,) = torch.autograd.grad(output[:, 0].sum(), recording["(root)"])
    assert gradient.abs().max() > 1e-3


def test_gradients_reach_parameters_through_a_change(additive):
    module, inputs = additive.module, additive.inputs
    with intervene(module, {"(root)": lambda weights: weights.square() / weights.square().sum(-1, keepdim=True)}):
        module(*inputs).sum().backward()
    assert module.vector.weight.grad.abs().max() > 0


class Checkpointed(nn.Module):
    def __init__(self, inner, reentrant):
        super().__init__()
        self.inner, self.reentrant = inner, reentrant

    def forward(self, ids):
        states = self.inner.encoder(self.inner.embedding(ids))
        mixed = checkpoint(self.inner.attend, states, ids != 0, use_reentrant=self.reentrant)
        return self.inner.decide(mixed)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(styled, reentrant):
    """Recording goes on; a change, or recording with gradients, would give wrong gradients and is refused."""
    style = styled("dot")
    module = Checkpointed(style.module, reentrant).train()
    with record(module) as recording:
        module(*style.inputs).sum().backward()
    assert len(recording.passes) == 1
    with pytest.raises(RuntimeError, match="gradient checkpointing"), intervene(module, {"(root)": uniform}):
        module(*style.inputs)
    with pytest.raises(RuntimeError, match="gradient checkpointing"), record(module, gradients=True):
        module(*style.inputs)
    with intervene(module, {"(root)": uniform}), torch.no_grad():
        module(*style.inputs)


def test_data_parallel_is_looked_through(styled):
    style = styled("two calls")
    wrapped = nn.DataParallel(style.module)
    with record(wrapped) as recording:
        wrapped(*style.inputs)
    assert list(recording) == ["attention", "attention#1"]


def test_captum_inside_a_context(styled):
    """Integrated gradients repeat the batch; a change is a function of the weights, so it goes along."""
    captum_attr = pytest.importorskip("captum.attr")
    style = styled("dot")
    ids = style.inputs[0]
    (site,) = sites(style.module, ids)
    integrated = captum_attr.LayerIntegratedGradients(style.module, style.module.embedding)
    with intervene(style.module, {site: uniform}), record(style.module, [site]) as recording:
        attribution = integrated.attribute(ids, baselines=torch.zeros_like(ids), target=1, n_steps=64)
    assert recording[site].shape[0] >= 5
    with intervene(style.module, {site: one_hot}):
        other = integrated.attribute(ids, baselines=torch.zeros_like(ids), target=1, n_steps=64)
    assert other[:, 1:].abs().max() < 1e-6  # all weight on the first word: no other counts
    assert attribution[:, 1:].abs().max() > 1e-3

"""The contexts: in any order, in every mode, and nothing left behind."""

import math
import threading

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from attn_interp.recording import intervene, record, sites
from attn_interp.recording.interceptor import current


def uniform(weights):
    return (weights > 0) / (weights > 0).sum(-1, keepdim=True)


def one_hot(weights):
    return torch.zeros_like(weights).index_fill(-1, torch.tensor([0]), 1.0)


def nothing_left(module):
    hooked = any(part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part) for part in module.modules())
    return (
        not hooked
        and current() is None
        and not _get_current_function_mode_stack()
        and torch.backends.mha.get_fastpath_enabled()
    )


@pytest.fixture
def additive(styled):
    return styled("additive")


def test_changes_come_before_records_in_either_order(additive):
    module, inputs = additive.module, additive.inputs
    with record(module) as outer, intervene(module, {"(root)": uniform}), record(module) as inner:
        one = module(*inputs)
    with intervene(module, {"(root)": uniform}), record(module) as after:
        two = module(*inputs)
    assert torch.equal(one, two)
    for recording in (outer, inner, after):
        assert torch.allclose(recording["(root)"][4, 0, 0, :2], torch.tensor([0.5, 0.5]))


def test_of_two_changes_the_outermost_is_first(additive):
    def halfway(weights):
        return (weights + uniform(weights)) / 2

    with (
        intervene(additive.module, {"(root)": one_hot}),
        intervene(additive.module, {"(root)": halfway}),
        record(additive.module) as recording,
    ):
        additive.module(*additive.inputs)
    # one-hot on the first of two words, then halfway to uniform over the words that have weight (the first only)
    assert recording["(root)"][4, 0, 0, :2].tolist() == [1.0, 0.0]


def test_every_pass_is_kept_and_the_latest_is_shown(additive):
    ids, lengths = additive.inputs
    with record(additive.module) as recording:
        additive.module(ids, lengths)
        additive.module(ids[1:, :8], lengths[1:])
    assert [len(one["(root)"]) for one in recording.passes] == [5, 4]
    assert recording["(root)"].shape == (4, 1, 1, 8)
    assert list(recording) == ["(root)"]
    assert len(recording) == 1


def test_two_calls_of_one_module_are_kept_apart(styled):
    style = styled("two calls")
    found = sites(style.module, *style.inputs)
    assert [(site.name, site.call) for site in found] == [("attention", 0), ("attention#1", 1)]
    with record(style.module) as recording, intervene(style.module, {"attention#1": uniform}):
        changed = style.module(*style.inputs)
    assert not torch.allclose(recording["attention"], recording["attention#1"])
    with intervene(style.module, {"attention": uniform}):
        other = style.module(*style.inputs)
    assert (changed - other).abs().max() > 1e-3


def test_a_decoder_loop_is_changed_step_by_step(styled):
    style = styled("decoder")
    seen = []

    def note(weights):
        seen.append(weights.shape)
        return uniform(weights)

    with record(style.module) as recording, intervene(style.module, {"(root)": note}):
        style.module(*style.inputs)
    assert seen == [(5, 1, 1, 11)] * 6
    assert recording["(root)"].shape == (5, 1, 6, 11)
    assert len(recording.steps("(root)")) == 6


@pytest.mark.parametrize("where", ["change", "module", "body", "exit"])
def test_nothing_is_left_after_an_exception(additive, where):
    module, inputs = additive.module, additive.inputs

    def change(weights):
        if where == "change":
            raise LookupError("planned")
        return weights

    handle = module.lstm.register_forward_hook(lambda *_: 1 / 0) if where == "module" else None
    with (
        pytest.raises((LookupError, ZeroDivisionError, RuntimeError, ValueError)),
        record(module),
        intervene(module, {"(root)": change}),
    ):
        if where == "body":
            raise LookupError("planned")
        if where != "exit":
            module(*inputs)
    if handle is not None:
        handle.remove()
    assert nothing_left(module)
    with record(module) as recording:
        module(*inputs)
    assert recording["(root)"].shape == (5, 1, 1, 11)
    assert nothing_left(module)


def test_training_flags_and_random_state_are_as_before(additive):
    module = additive.module.train()
    module.encoder.eval()
    state = torch.get_rng_state()
    sites(module, *additive.inputs)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training and module.lstm.training and not module.encoder.training


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


def test_another_thread_is_left_alone(additive):
    module, inputs = additive.module, additive.inputs
    plain = module(*inputs)
    outputs = []
    with intervene(module, {"(root)": one_hot}), record(module) as recording:
        thread = threading.Thread(target=lambda: outputs.append(module(*inputs)))
        thread.start()
        thread.join()
        assert not recording.passes
        module(*inputs)
    assert torch.equal(outputs[0], plain)
    assert len(recording.passes) == 1


def test_a_part_can_be_recorded_while_the_whole_is_changed(styled):
    style = styled("two calls")
    with record(style.module.attention) as recording, intervene(style.module, {"attention": uniform}):
        style.module(*style.inputs)
    assert len(recording.passes) == 2  # each call of the part is a pass of the part
    first, second = (one["(root)"] for one in recording.passes)
    assert torch.allclose(first, uniform(first))
    assert not torch.allclose(second, uniform(second))


def test_named_sites_only(styled):
    style = styled("two calls")
    with record(style.module, ["attention#1"]) as recording:
        style.module(*style.inputs)
    assert list(recording) == ["attention#1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights * 2, "sums to 1 within 1 only"),
        (lambda weights: weights * math.nan, "not finite"),
        (lambda weights: 1.5 * uniform(weights) - 0.5 * one_hot(weights), "negative weight"),
        (lambda weights: torch.full_like(weights, 1 / 11), "masked"),
        (lambda weights: weights[:, 0], r"shape \(5, 1, 1, 11\)"),
        (torch.ones(5, 11), r"shape \(5, 1, 1, 11\)"),
        (lambda weights: None, "must return a tensor, got NoneType"),
    ],
)
def test_what_is_no_distribution_is_refused(additive, change, message):
    with pytest.raises((TypeError, ValueError), match=message), intervene(additive.module, {"(root)": change}):
        additive.module(*additive.inputs)


def test_unnormalised_weights_are_taken_as_they_are(additive):
    with (
        intervene(additive.module, {"(root)": lambda weights: weights * 2}, unnormalised=True),
        record(additive.module) as recording,
    ):
        additive.module(*additive.inputs)
    assert torch.allclose(recording["(root)"].sum(-1), torch.full((), 2.0))


def test_weights_by_a_sigmoid_need_not_sum_to_one(styled):
    style = styled("sigmoid")
    (site,) = sites(style.module, *style.inputs)
    assert (site.kind, site.layout, site.normalised) == ("mark", "B T 1", False)
    with record(style.module) as recording:
        plain = style.module(*style.inputs)
    with intervene(style.module, {site: recording[site] / 2}):
        assert not torch.equal(style.module(*style.inputs), plain)


def test_what_is_not_reached_is_an_error_at_exit(additive, styled):
    with pytest.raises(RuntimeError, match="record: the module was not called"), record(additive.module):
        pass
    with (
        pytest.raises(RuntimeError, match="intervene: the module was not called"),
        intervene(additive.module, {"(root)": uniform}),
    ):
        pass
    style = styled("two calls")
    elsewhere, _ = sites(style.module, *style.inputs)
    with (
        pytest.raises(RuntimeError, match="not reached inside the context: attention; reached: none"),
        intervene(additive.module, {elsewhere: uniform}),
    ):
        additive.module(*additive.inputs)
    (root,) = sites(additive.module, *additive.inputs)
    with (
        pytest.raises(ValueError, match=r"do not have the layout 'B T' with 1 heads; find the sites again"),
        record(style.module, [root]),
    ):
        style.module(*style.inputs)


def test_a_name_that_is_no_site(additive):
    with (
        pytest.raises(KeyError, match=r"no site 'atention'; the sites are \(root\)"),
        intervene(additive.module, {"atention": uniform}),
    ):
        additive.module(*additive.inputs)
    with record(additive.module) as recording:
        with pytest.raises(RuntimeError, match="nothing is recorded yet"):
            recording["(root)"]
        additive.module(*additive.inputs)
    with pytest.raises(KeyError, match="recorded were"):
        recording["atention"]


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

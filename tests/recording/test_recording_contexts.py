"""The contexts: in any order, refusing what is no attention, and leaving nothing behind."""

import contextlib
import math
import threading

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from attn_interp.recording import intervene, record, sites
from attn_interp.recording.engine.interceptor import current


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


class Retrying(nn.Module):
    """Goes on after an exception of one of its parts."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.broken = inner, nn.Linear(3, 2)

    def forward(self, ids):
        with contextlib.suppress(RuntimeError):
            self.broken(ids.float())
        states = torch.tanh(self.inner.encoder(self.inner.embedding(ids)))
        return self.inner.decide(self.inner.attend(states, ids != 0))


def test_the_path_is_right_after_an_exception_of_a_part(styled):
    style = styled("dot")
    module = Retrying(style.module).eval()
    with record(module) as recording:
        module(*style.inputs)
    assert list(recording) == ["(root)"]


def test_a_tensor_replaces_the_steps_of_a_loop_in_every_pass(styled):
    style = styled("decoder")
    generator = torch.Generator().manual_seed(8)
    with record(style.module) as own:
        style.module(*style.inputs)
    weights = own["(root)"] * torch.rand(own["(root)"].shape, generator=generator)
    weights = weights / weights.sum(-1, keepdim=True)
    with record(style.module) as recording, intervene(style.module, {"(root)": weights}):
        style.module(*style.inputs)
        style.module(*style.inputs)
    assert all(torch.equal(one["(root)"], weights) for one in recording.passes)


def test_keys_masked_by_a_large_negative_number_are_masked(styled):
    style = styled("column")
    whole = torch.full((5, 1, 1, 11), 1 / 11)
    with pytest.raises(ValueError, match="masked"), intervene(style.module, {"normalise": whole}):
        style.module(*style.inputs)


def test_training_flags_and_random_state_are_as_before(additive):
    module = additive.module.train()
    module.encoder.eval()
    state = torch.get_rng_state()
    sites(module, *additive.inputs)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training and module.lstm.training and not module.encoder.training


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

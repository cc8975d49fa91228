"""Every style of hand-written attention: found, laid out, recorded exactly, replaced exactly."""

import pytest
import torch

from attn_interp.recording import intervene, record, replay, sites


def uniform(weights):
    allowed = weights > 0
    return allowed / allowed.sum(-1, keepdim=True)


def run(style):
    with torch.no_grad():
        return style.module(*style.inputs)


def test_found_with_its_layout(style):
    (site,) = sites(style.module, *style.inputs)
    assert (site.layout, site.heads) == (style.layout, style.heads)


def test_recording_leaves_the_output_and_gives_distributions(style, is_token):
    with record(style.module) as recording:
        output = run(style)
    assert torch.allclose(output, run(style), atol=1e-6)
    (site,) = recording.sites
    weights = recording[site]
    assert weights.shape == (5, style.heads, style.queries, 11)
    assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-6)
    assert (weights * ~is_token[:, None, None]).abs().max() == 0
    assert recording.sink(site).abs().max() == 0


def test_own_weights_put_back_change_nothing(style):
    with record(style.module) as recording:
        recorded = run(style)
    (site,) = recording.sites
    for change in (recording[site], lambda weights: weights):
        with intervene(style.module, {site: change}):
            assert torch.equal(run(style), recorded)


def test_uniform_weights_move_the_output_and_are_what_is_recorded(style, is_token):
    (site,) = sites(style.module, *style.inputs)
    with record(style.module, [site]) as recording, intervene(style.module, {site.name: uniform}):
        output = run(style)
    if site.kind != "mark" or site.name == "sparse":
        expected = is_token / is_token.sum(1, keepdim=True)
        assert torch.allclose(recording[site], expected[:, None, None].expand_as(recording[site]))
    assert (output - run(style)).abs().max() > 1e-3


def test_a_change_of_one_document_moves_that_document_only(style):
    (site,) = sites(style.module, *style.inputs)

    def first_only(weights):
        return torch.cat([uniform(weights[:1]), weights[1:]])

    with intervene(style.module, {site: first_only}):
        changed = run(style)
    moved = (changed - run(style)).abs().flatten(1).amax(1)
    assert moved[0] > 1e-3
    assert moved[1:].max() < 1e-6


def test_replay_equals_intervening(style):
    (site,) = sites(style.module, *style.inputs)
    replayed = replay(style.module, site, *style.inputs)
    with intervene(style.module, {site: uniform}):
        assert torch.equal(replayed.under(uniform), run(style))
    assert torch.allclose(replayed.output, run(style), atol=1e-6)


def test_gradients_flow_through_the_recorded_weights(style):
    """The gradient of the output at the recorded weights is the central difference of changed weights, in float64."""
    module = style.module.double()
    (site,) = sites(module, *style.inputs)
    with record(module, [site], gradients=True) as recording:
        output = module(*style.inputs).square().sum()
    gradient = torch.cat(torch.autograd.grad(output, recording.steps(site)), dim=2)
    weights = recording[site].detach()
    direction = torch.randn(weights.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    direction = direction * (weights > 0)
    if site.line:  # later steps of a loop depend on earlier weights: the last step alone is a free variable
        direction[:, :, :-1] = 0

    def at(step):
        with torch.no_grad(), intervene(module, {site: weights + step * direction}, unnormalised=True):
            return module(*style.inputs).square().sum()

    difference = (at(1e-4) - at(-1e-4)) / 2e-4
    assert (gradient * direction).sum().item() == pytest.approx(difference.item(), rel=1e-6, abs=1e-9)
    assert gradient.abs().max() > 1e-3

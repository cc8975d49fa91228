"""Heads taken out of attention: what the module computes without them, worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attn_interp.recording import intervene, record, sites
from attn_interp.recording.ablation import ablate

B, T, D, H = 3, 7, 12, 4
PADDED = torch.arange(T) >= torch.tensor([[7], [5], [3]])  # (B, T)
STATES = torch.randn(B, T, D, generator=torch.Generator().manual_seed(6))


@pytest.fixture(scope="module")
def module():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        layer = nn.TransformerEncoderLayer(D, H, 17, batch_first=True)
        for parameter in layer.parameters():
            nn.init.normal_(parameter, std=0.5)
    return layer.eval()


@pytest.fixture(scope="module")
def site(module):
    (site,) = sites(module, STATES, src_key_padding_mask=PADDED)
    return site


def run(module, states=STATES, padded=PADDED):
    with torch.no_grad():
        return module(states, src_key_padding_mask=padded)


def by_hand(module, weights):
    """The layer with other weights (B, H, T, T), written out."""
    attention = module.self_attn
    with torch.no_grad():
        value = STATES @ attention.in_proj_weight[2 * D :].T + attention.in_proj_bias[2 * D :]
        mixed = weights @ value.unflatten(-1, (H, -1)).transpose(1, 2)
        y = module.norm1(STATES + attention.out_proj(mixed.transpose(1, 2).flatten(2)))
        return module.norm2(y + module.linear2(torch.relu(module.linear1(y))))


def recorded(module, site):
    with record(module, [site]) as recording:
        run(module)
    return recording[site]


def test_zero_is_the_layer_without_the_head(module, site):
    own = run(module)
    weights = recorded(module, site)
    with intervene(module, ablate({site: [1, 3]}, "zero"), unnormalised=True):
        ablated = run(module)
    weights[:, [1, 3]] = 0
    assert torch.allclose(ablated, by_hand(module, weights), atol=1e-5)
    assert (ablated - own).abs().max() > 0.1
    pruned = nn.TransformerEncoderLayer(D, H, 17, batch_first=True).eval()
    pruned.load_state_dict(module.state_dict())
    with torch.no_grad():
        pruned.self_attn.out_proj.weight.unflatten(1, (H, -1))[:, [1, 3]] = 0
    assert torch.allclose(ablated, run(pruned), atol=1e-5)


def test_zero_must_be_meant(module, site):
    with pytest.raises(ValueError, match="unnormalised=True"), intervene(module, ablate({site: [0]}, "zero")):
        run(module)


def test_uniform_over_the_keys_that_are_not_masked(module, site):
    own = run(module)
    with intervene(module, ablate({site: [2]}, "uniform")), record(module, [site]) as recording:
        ablated = run(module)
    weights = recorded(module, site)
    weights[:, 2] = (~PADDED / (~PADDED).sum(-1, keepdim=True))[:, None]
    assert torch.allclose(recording[site], weights)
    assert torch.allclose(ablated[~PADDED], by_hand(module, weights)[~PADDED], atol=1e-5)
    assert (ablated - own)[~PADDED].abs().max() > 0.05


def test_every_head_out_leaves_nothing_of_the_other_positions(module, site):
    with intervene(module, ablate({site: range(H)}, "zero"), unnormalised=True):
        ablated = run(module)
        alone = run(module, STATES[:, :1], PADDED[:, :1])
    assert torch.allclose(ablated[:, :1], alone, atol=1e-5)


def test_gradients_reach_what_is_left(module, site):
    states = STATES.clone().requires_grad_()
    with intervene(module, ablate({site: [0]}, "uniform")):
        output = module(states, src_key_padding_mask=PADDED)
    (gradient,) = torch.autograd.grad(output[:, 0].square().sum(), states)
    assert gradient.isfinite().all() and gradient[0, 1:].abs().max() > 0


def test_refusals(module, site):
    with pytest.raises(ValueError, match=r"heads 0\.\.3, got \[4\]"), intervene(module, ablate({site: [4]}, "uniform")):
        run(module)
    with pytest.raises(ValueError, match="expected one of uniform, zero"):
        ablate({site: [0]}, "median")
    with pytest.raises(ValueError, match="no head to ablate"):
        ablate({site: []}, "zero")

"""nn.MultiheadAttention in every mode, nn.TransformerEncoder with and without its fast path."""

import warnings
from itertools import product

import pytest
import torch
from torch import nn

from attn_interp.recording import Site, intervene, record, replay, sites

B, Q, T, D, H = 3, 5, 7, 12, 4
PADDED = torch.arange(T) >= torch.tensor([[7], [5], [2]])  # (B, T)


def uniform(weights):
    return (weights > 0) / (weights > 0).sum(-1, keepdim=True)


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module = make()
        for parameter in module.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.5)
        return module.eval()


def states(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(6))


MODES = [
    {"batch_first": first, "need_weights": need, "average_attn_weights": average, "mask": mask}
    for first, need, average, mask in product(
        (True, False), (True, False), (True, False), ("none", "padding", "causal")
    )
    if need or average
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(str(value) for value in mode.values()))
def test_multihead_attention_in_every_mode(mode):
    module = seeded(lambda: nn.MultiheadAttention(D, H, dropout=0.2, batch_first=mode["batch_first"]))
    x = states(B, T, D) if mode["batch_first"] else states(T, B, D)
    how = {"need_weights": mode["need_weights"], "average_attn_weights": mode["average_attn_weights"]}
    if mode["mask"] == "padding":
        how["key_padding_mask"] = PADDED
    if mode["mask"] == "causal":
        how["attn_mask"] = torch.ones(T, T, dtype=torch.bool).triu(1)
    with torch.no_grad():
        plain, returned = module(x, x, x, **how)
        (site,) = sites(module, x, x, x, **how)
        with record(module, [site]) as recording:
            output, again = module(x, x, x, **how)
        with intervene(module, {site: uniform}):
            moved, _ = module(x, x, x, **how)
        with intervene(module, {site: recording[site]}):
            same, _ = module(x, x, x, **how)
    weights = recording[site]
    assert weights.shape == (B, H, T, T)
    assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-6)
    assert torch.allclose(output, plain, atol=1e-6)
    assert torch.equal(same, output)
    assert (moved - output).abs().max() > 1e-3
    if mode["need_weights"]:
        expected = weights.mean(1) if mode["average_attn_weights"] else weights
        assert torch.allclose(expected, returned, atol=1e-6)
        assert torch.allclose(expected, again, atol=1e-6)
    if mode["mask"] == "padding":
        assert (weights * PADDED[:, None, None]).max() == 0
    if mode["mask"] == "causal":
        assert weights.triu(1).max() == 0


class Fused(nn.Module):
    """scaled_dot_product_attention as it is, with the arguments given."""

    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, query, key):
        return nn.functional.scaled_dot_product_attention(query, key, key, **self.how)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": states(Q, T)},
        {"attn_mask": states(Q, T) < 0.8},
    ],
    ids=["plain", "causal", "scale", "bias", "mask"],
)
def test_the_expanded_attention_is_the_fused(how):
    query, key = states(B, H, Q, 6), states(B, H, T, 6)
    module, site = Fused(**how), Site("fused", "", 0, "B H S T", -1, H, "sdpa")
    with record(module, [site]) as recording:
        output = module(query, key)
    assert torch.allclose(output, module(query, key), atol=1e-6)
    assert torch.allclose(recording["fused"] @ key, output, atol=1e-6)


def test_cross_attention_with_other_widths():
    module = seeded(lambda: nn.MultiheadAttention(D, H, kdim=9, vdim=10, batch_first=True))
    query, key, value = states(B, Q, D), states(B, T, 9), states(B, T, 10)
    (site,) = sites(module, query, key, value)
    with record(module, [site]) as recording:
        _, returned = module(query, key, value)
    assert recording[site].shape == (B, H, Q, T)
    assert torch.allclose(recording[site].mean(1), returned)


@pytest.mark.parametrize("kind", ["bias", "zero"])
def test_a_key_without_a_value_is_a_sink_and_one_with_a_value_is_a_key(kind):
    module = seeded(
        lambda: nn.MultiheadAttention(
            D, H, batch_first=True, add_bias_kv=kind == "bias", add_zero_attn=kind == "zero", bias=False
        )
    )
    query, x = states(B, Q, D), states(B, T, D)
    (site,) = sites(module, x, x, x) if kind == "bias" else sites(module, query, x, x)
    with record(module, [site]) as recording:
        module(x, x, x)
    if kind == "zero":
        assert site.sink
        assert recording[site].shape == (B, H, T, T)
        assert torch.allclose(recording[site].sum(-1) + recording.sink(site), torch.ones(()))
        assert recording.sink(site).min() > 0
    else:
        assert recording[site].shape == (B, H, T, T + 1)


def test_a_change_beside_a_sink_is_rescaled_to_the_mass_that_the_sink_leaves():
    module = seeded(lambda: nn.MultiheadAttention(D, H, batch_first=True, add_zero_attn=True, bias=False))
    query, x = states(B, Q, D), states(B, T, D)
    (site,) = sites(module, query, x, x)
    with torch.no_grad(), record(module, [site]) as own:
        module(query, x, x)
    with torch.no_grad(), record(module, [site]) as recording, intervene(module, {site: uniform}):
        module(query, x, x)
    assert torch.equal(recording.sink(site), own.sink(site))
    assert torch.allclose(recording[site], ((1 - own.sink(site)) / T)[..., None].expand(B, H, Q, T), atol=1e-6)
    with torch.no_grad(), record(module, [site]) as recording, intervene(module, {site: uniform}, unnormalised=True):
        module(query, x, x)
    assert torch.allclose(recording[site], torch.full((B, H, Q, T), 1 / T))


class Encoded(nn.Module):
    """nn.TransformerEncoder on ids; the logits read the first position, or with `mean` the padding too."""

    def __init__(self, mean=False, batch_first=True):
        super().__init__()
        self.mean, self.batch_first = mean, batch_first
        layer = nn.TransformerEncoderLayer(D, H, 17, dropout=0.3, batch_first=batch_first)
        self.embedding = nn.Embedding(31, D)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.decide = nn.Linear(D, 2)

    def forward(self, ids, padded):
        x = self.embedding(ids)
        x = self.encoder(x if self.batch_first else x.transpose(0, 1), src_key_padding_mask=padded)
        x = x if self.batch_first else x.transpose(0, 1)
        return self.decide(x.mean(1) if self.mean else x[:, 0])


IDS = torch.randint(0, 31, (B, T), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("batch_first", [True, False])
def test_transformer_encoder(batch_first):
    module = seeded(lambda: Encoded(batch_first=batch_first))
    with torch.no_grad():
        plain = module(IDS, PADDED)
        with record(module) as recording:
            output = module(IDS, PADDED)
        names = [site.name for site in recording.sites]
        assert names == ["encoder.layers.0.self_attn", "encoder.layers.1.self_attn"]
        assert torch.allclose(plain, output, atol=1e-5)
        for name in names:
            assert recording[name].shape == (B, H, T, T)
            assert (recording[name] * PADDED[:, None, None]).max() == 0
            with intervene(module, {name: uniform}):
                moved = module(IDS, PADDED)
            assert (moved - output).abs().max() > 1e-3
            assert torch.equal(replay(module, name, IDS, PADDED).under(uniform), moved)


def test_the_fast_path_is_off_inside_and_as_it_was_outside():
    module = seeded(Encoded)
    for before in (True, False):
        torch.backends.mha.set_fastpath_enabled(before)
        try:
            with torch.no_grad(), record(module), intervene(module, {"encoder.layers.0.self_attn": uniform}):
                module(IDS, PADDED)
                assert not torch.backends.mha.get_fastpath_enabled()
            assert torch.backends.mha.get_fastpath_enabled() == before
        finally:
            torch.backends.mha.set_fastpath_enabled(True)


def test_a_model_that_reads_what_the_fast_path_zeroes_is_warned_of():
    def zeroing():
        module = Encoded(mean=True)
        module.encoder = nn.TransformerEncoder(module.encoder.layers[0], 2, enable_nested_tensor=True)
        return module

    module = seeded(zeroing)
    with pytest.warns(UserWarning, match="zeroes padded positions"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*nested tensors.*")
        sites(module, IDS, PADDED)


def test_transformer_decoder_has_both_lengths():
    module = seeded(lambda: nn.Transformer(D, H, 1, 1, 17, batch_first=True))
    source, target = states(B, T, D), states(B, Q, D)
    found = sites(module, source, target)
    with record(module, found) as recording:
        module(source, target)
    assert [tuple(recording[site].shape[2:]) for site in found] == [(T, T), (Q, Q), (Q, T)]

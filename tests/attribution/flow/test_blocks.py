"""Values and blocks read from models, held against what the models compute; value zeroing against its definition."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attn_interp.attribution.flow.blocks import attention_block, block_path
from attn_interp.attribution.flow.values import block_norms, head_value_norms, mixing_ratio, parts, value_norms
from attn_interp.attribution.flow.zeroing import shares, value_zeroing
from attn_interp.models.classifiers.transformer import TransformerEncoder
from attn_interp.recording import Site, record, sites

B, T, D, H = 3, 7, 12, 4
PADDED = torch.arange(T) >= torch.tensor([[7], [5], [3]])  # (B, T)


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module = make()
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.5)
        return module.eval()


class Encoder(nn.Module):
    def __init__(self, **how):
        super().__init__()
        layer = nn.TransformerEncoderLayer(D, H, 17, **how)
        self.layers = nn.ModuleList([layer, nn.TransformerEncoderLayer(D, H, 17, **how)])
        self.batch_first = how.get("batch_first", False)

    def forward(self, states, padded):
        states = states if self.batch_first else states.transpose(0, 1)
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=padded)
        return states if self.batch_first else states.transpose(0, 1)


STATES = torch.randn(B, T, D, generator=torch.Generator().manual_seed(6))


def hugging_face(kind):
    transformers = pytest.importorskip("transformers")
    sizes = {"vocab_size": 97, "pad_token_id": 0, "max_position_embeddings": 19}
    if kind == "distilbert":
        sizes |= {"dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 37}
    elif kind == "gpt2":
        sizes = {"vocab_size": 97, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 19, "pad_token_id": 0}
        sizes |= {"bos_token_id": 1, "eos_token_id": 2}
    else:
        sizes |= {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37}
    module = seeded(lambda: transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **sizes)))
    ids = torch.randint(5, 89, (B, T), generator=torch.Generator().manual_seed(1))
    return module, {"input_ids": ids, "attention_mask": (~PADDED).long()}


MODES = [{"norm_first": True, "batch_first": True}, {"norm_first": False}, {"bias": False, "batch_first": True}]


@pytest.mark.parametrize("how", MODES, ids=str)
def test_the_parts_of_a_torch_layer_sum_to_what_it_computes(how):
    module = seeded(lambda: Encoder(**how))
    _, site = sites(module, STATES, PADDED)
    block = attention_block(module, site, STATES, PADDED)
    by_position, rest = parts(block)
    assert by_position.shape == (B, T, T, D)
    layer, kept = module.layers[1], {}
    hook = layer.register_forward_pre_hook(lambda layer, inputs: kept.update(x=inputs[0]))
    with torch.no_grad():
        module(STATES, PADDED)
        hook.remove()
        x = kept["x"]
        attended = layer.norm1(x) if how.get("norm_first") else x
        out = x + layer.self_attn(attended, attended, attended, key_padding_mask=PADDED)[0]
        out = out if how.get("norm_first") else layer.norm1(out)
    out = out if how.get("batch_first") else out.transpose(0, 1)
    assert torch.allclose((by_position.sum(2) + rest).float(), out, atol=1e-5)


def test_the_parts_of_our_own_transformer_sum_to_what_it_computes():
    module = seeded(lambda: TransformerEncoder(D, D, layers=2, heads=H))
    kept = {}
    for site, layer in zip(sites(module, STATES, ~PADDED), module.layers):
        hook = layer.before_network.register_forward_pre_hook(lambda part, inputs: kept.update(x=inputs[0]))
        by_position, rest = parts(attention_block(module, site, STATES, ~PADDED))
        hook.remove()
        assert torch.allclose((by_position.sum(2) + rest).float(), kept["x"], atol=1e-5)
        assert value_zeroing(module, site, STATES, ~PADDED).shape == (B, T, T)


def test_norms_against_one_query_and_key_at_a_time():
    module = seeded(lambda: Encoder(batch_first=True))
    site, _ = sites(module, STATES, PADDED)
    block, layer = attention_block(module, site, STATES, PADDED), module.layers[0]
    b, i = 0, 2
    attention, width = layer.self_attn, D // H
    _, weights = attention(STATES, STATES, STATES, key_padding_mask=PADDED, average_attn_weights=False)
    added = []
    for j in range(T):
        value = attention.in_proj_weight[2 * D :] @ STATES[b, j] + attention.in_proj_bias[2 * D :]
        heads = [slice(h * width, (h + 1) * width) for h in range(H)]
        of_heads = [weights[b, h, i, j] * attention.out_proj.weight[:, s] @ value[s] for h, s in enumerate(heads)]
        per_head = head_value_norms(block.weights, block.values)[b, :, i, j]
        assert torch.allclose(per_head.float(), torch.stack([x.norm() for x in of_heads]), atol=1e-5)
        added.append(sum(of_heads))
    norms = value_norms(block.weights, block.values)[b, i]
    assert torch.allclose(norms.float(), torch.stack(added).norm(dim=-1), atol=1e-5)
    added[i] = added[i] + STATES[b, i]
    deviation = (sum(added) + attention.out_proj.bias).var(unbiased=False).add(layer.norm1.eps).sqrt()
    vectors = [(x - x.mean()) / deviation * layer.norm1.weight for x in added]
    assert torch.allclose(block_norms(block)[b, i].float(), torch.stack(vectors).norm(dim=-1), atol=1e-4)
    context = (sum(vectors) - vectors[i]).norm()
    assert mixing_ratio(block)[b, i].item() == pytest.approx((context / (context + vectors[i].norm())).item(), abs=1e-5)
    # Padded keys add nothing.
    assert block_norms(block)[2, :3, 3:].eq(0).all() and norms.min() > 0


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert"])
def test_blocks_of_transformers_sum_to_what_they_compute(kind):
    module, inputs = hugging_face(kind)
    for site in sites(module, **inputs):
        block = attention_block(module, site, **inputs)  # checks the sum itself
        assert block.values.shape == (B, 4, T, 24) and block.norm is not None
        ratio = mixing_ratio(block)
        assert (ratio > 0).all() and (ratio < 1).all()


def test_unknown_structures_are_refused_by_what_they_lack():
    module, inputs = hugging_face("gpt2")
    site = sites(module, **inputs)[0]
    with pytest.raises(ValueError, match=r"h\.0' \(GPT2Block\).*like BERT it lacks attention\.self\.value, "):
        attention_block(module, site, **inputs)
    with pytest.raises(ValueError, match="in no list of layers"):
        block_path(Site("attention", "encoder.attention"))
    assert block_path(Site("x", "encoder.layers.0.blocks.1.attention")) == "encoder.layers.0.blocks.1"


def test_a_block_that_does_something_else_is_refused():
    module = seeded(lambda: Encoder(batch_first=True))
    site, _ = sites(module, STATES, PADDED)
    with torch.no_grad():
        module.layers[0].self_attn.register_forward_hook(lambda part, inputs, output: (2 * output[0], output[1]))
    with pytest.raises(ValueError, match="sum to its output within"):
        attention_block(module, site, STATES, PADDED)


def test_value_zeroing_against_a_layer_written_out():
    module = seeded(lambda: Encoder(batch_first=True))
    site, _ = sites(module, STATES, PADDED)
    distances = value_zeroing(module, site, STATES, PADDED)
    layer = module.layers[0]
    attention, x = layer.self_attn, STATES
    query, key, value = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)

    def output(value):
        split = [part.unflatten(-1, (H, -1)).transpose(1, 2) for part in (query, key, value)]
        scores = split[0] @ split[1].transpose(-1, -2) / math.sqrt(D // H)
        mixed = scores.masked_fill(PADDED[:, None, None], -math.inf).softmax(-1) @ split[2]
        y = layer.norm1(x + attention.out_proj(mixed.transpose(1, 2).flatten(2)))
        return layer.norm2(y + layer.linear2(F.relu(layer.linear1(y))))

    with torch.no_grad():
        for j in range(T):
            without = value.clone()
            without[:, j] = 0
            expected = 1 - F.cosine_similarity(output(value), output(without), dim=-1)
            assert torch.allclose(distances[:, :, j].float(), expected, atol=1e-5)
    assert distances[0].min() > 1e-6
    assert distances[2, :, 3:].eq(0).all()
    assert torch.allclose(shares(distances).sum(-1), torch.ones(B, T, dtype=torch.float64))
    nothing = torch.zeros(1, 2, 2, dtype=torch.float64)
    assert torch.equal(shares(nothing), torch.eye(2, dtype=torch.float64)[None])


@pytest.mark.parametrize("kind", ["albert", "bert", "gpt2"])
def test_value_zeroing_works_in_any_model(kind):
    module, inputs = hugging_face(kind)
    found = sites(module, **inputs)
    first, second = (value_zeroing(module, site, **inputs) for site in found)
    assert first.shape == second.shape == (B, T, T)
    assert (first - second).abs().max() > 1e-3
    assert first[2, :3, 3:].abs().max() < 1e-12 < first[2, :3, :1].min()
    if kind == "gpt2":  # no position sees a later one
        assert first[0].triu(1).abs().max() < 1e-12
    with record(module, found) as recording:  # nothing is left behind
        module(**inputs)
    assert recording[found[0]].sum(-1).min() > 0.99


@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning", "ignore:.*fast path:UserWarning")
def test_value_zeroing_sees_through_the_fast_path():
    layer = nn.TransformerEncoderLayer(D, H, 17, batch_first=True)
    module = seeded(lambda: nn.TransformerEncoder(layer, 2))
    found = sites(module, STATES, src_key_padding_mask=PADDED)
    by_hand = seeded(lambda: Encoder(batch_first=True))
    by_hand.load_state_dict(module.state_dict())
    for site, plain in zip(found, sites(by_hand, STATES, PADDED)):
        distances = value_zeroing(module, site, STATES, src_key_padding_mask=PADDED)
        assert torch.allclose(distances, value_zeroing(by_hand, plain, STATES, PADDED), atol=1e-9)


def test_value_zeroing_needs_the_states_of_a_block():
    module = seeded(lambda: Encoder(batch_first=True))
    site, _ = sites(module, STATES, PADDED)
    inner = value_zeroing(module, site, STATES, PADDED, block="layers.0.self_attn")
    assert inner.shape == (B, T, T)
    with pytest.raises(AttributeError, match="absent"):
        value_zeroing(module, site, STATES, PADDED, block="absent")

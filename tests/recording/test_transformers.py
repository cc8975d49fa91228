"""Hugging Face models as they come, tiny and random: default attention implementation, nothing changed in them."""

import pytest
import torch

from attn_interp.recording import intervene, record, replay, sites

transformers = pytest.importorskip("transformers")

IDS = torch.randint(5, 89, (3, 7), generator=torch.Generator().manual_seed(1))
MASK = (torch.arange(7) < torch.tensor([[7], [5], [2]])).long()
INPUTS = {"input_ids": IDS, "attention_mask": MASK}
SEQ = {**INPUTS, "decoder_input_ids": IDS[:, :5]}

SMALL = {"vocab_size": 97, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 0}
SMALL |= {"intermediate_size": 37, "initializer_range": 0.15, "max_position_embeddings": 19}
GPT = {"vocab_size": 97, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 19, "initializer_range": 0.15}
GPT |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
T5 = {
    "vocab_size": 97,
    "d_model": 24,
    "d_kv": 6,
    "d_ff": 37,
    "num_layers": 2,
    "num_heads": 4,
    "initializer_factor": 1.5,
}
OSS = {**SMALL, "hidden_size": 32, "intermediate_size": 32, "head_dim": 8, "num_key_value_heads": 2}
OSS |= {
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "eos_token_id": 2,
    "rope_parameters": {"rope_type": "default"},
}
OSS["rope_parameters"] |= {"rope_theta": 1e4}
MODELS = {
    "albert": ("AutoModelForSequenceClassification", {**SMALL, "embedding_size": 11}, INPUTS, 2),
    "bert": ("AutoModelForSequenceClassification", SMALL, INPUTS, 2),
    "gpt2": ("AutoModelForCausalLM", GPT, INPUTS, 2),
    "gpt_oss": ("AutoModelForCausalLM", OSS, INPUTS, 2),
    "t5": ("AutoModel", {**T5, "decoder_start_token_id": 0}, SEQ, 6),
}


def uniform(weights):
    mass = weights.sum(-1, keepdim=True)
    return (weights > 0) * mass / (weights > 0).sum(-1, keepdim=True).clamp_min(1)


def build(name):
    door, settings, inputs, count = MODELS[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = getattr(transformers, door).from_config(transformers.AutoConfig.for_model(name, **settings))
    return module.eval(), inputs, count


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return build(request.param)


def test_found_recorded_replaced_and_replayed(model):
    module, inputs, count = model
    with torch.no_grad():
        plain = module(**inputs)[0]
        found = sites(module, **inputs)
        assert len(found) == count
        with record(module, found) as recording:
            output = module(**inputs)[0]
        assert (output - plain).abs().max() < 1e-5 * max(1, plain.abs().max())
        for site in found:
            weights = recording[site]
            assert weights.shape[:2] == (3, 4)
            if weights.shape[-1] == 7:
                assert (weights * (MASK == 0)[:, None, None]).max() == 0
            totals = weights.sum(-1) + recording.sink(site)
            assert torch.allclose(totals, torch.ones(()), atol=1e-5)
            assert (recording.sink(site).max() > 0) == site.sink
        with intervene(module, {site: recording[site] for site in found}):
            assert torch.equal(module(**inputs)[0], output)
        for site in found[-2:]:
            with intervene(module, {site: uniform}):
                moved = module(**inputs)[0]
            assert (moved - output).abs().max() > 1e-3
            assert torch.equal(replay(module, site, **inputs).under(uniform)[0], moved)


def test_gpt_oss_has_sinks():
    module, inputs, _ = build("gpt_oss")
    found = sites(module, **inputs)
    assert [(site.layout, site.sink) for site in found] == [("B H T T+1", True)] * 2
    with record(module, found) as recording:
        module(**inputs)
    assert recording[found[0]].shape == (3, 4, 7, 7)
    assert recording.sink(found[0]).shape == (3, 4, 7)
    assert recording.sink(found[0]).min() > 0


def test_one_module_called_in_every_layer_is_kept_apart():
    module, inputs, _ = build("albert")
    path = "albert.encoder.albert_layer_groups.0.albert_layers.0.attention"
    with record(module) as recording:
        module(**inputs)
    assert list(recording) == [path, f"{path}#1"]
    assert not torch.allclose(recording[path], recording[f"{path}#1"])


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_the_weights_are_those_of_eager_attention(name):
    module, inputs, _ = build(name)
    with torch.no_grad(), record(module) as recording:
        module(**inputs)
    module.set_attn_implementation("eager")
    with torch.no_grad():
        expected = module(**inputs, output_attentions=True).attentions
    for weights, own in zip(expected, recording.values(), strict=True):
        assert torch.equal(weights, own)


def test_every_step_of_generation_is_a_pass():
    module, _, _ = build("gpt2")
    with record(module) as recording:
        module.generate(IDS, max_new_tokens=3, do_sample=False, attention_mask=torch.ones_like(IDS))
    name = recording.sites[0].name
    assert [tuple(one[name].shape[2:]) for one in recording.passes] == [(7, 7), (1, 8), (1, 9)]


def test_gradients_flow_through_every_layer():
    module, inputs, _ = build("bert")
    with record(module, gradients=True) as recording:
        output = module(**inputs)[0][:, 1].sum()
    gradients = torch.autograd.grad(output, list(recording.values()))
    assert all(gradient.abs().max() > 1e-5 for gradient in gradients)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing_enable.*:FutureWarning")
def test_checkpointed_training_is_refused_under_a_change():
    module, inputs, _ = build("bert")
    module.gradient_checkpointing_enable()
    found = sites(module, **inputs)
    module.train()
    with pytest.raises(RuntimeError, match="gradient checkpointing"), intervene(module, {found[0]: uniform}):
        module(**inputs)
    with record(module, found) as recording:
        inside = module(**inputs)[0].sum()
        inside.backward()
        later = module(**inputs)[0].sum()
    later.backward()
    assert len(recording.passes) == 2


DECODER = {**SMALL, "bos_token_id": 1, "eos_token_id": 2}
GENERATED = {
    "growing": ("llama", {}, {}),
    "growing, grouped queries": ("llama", {"num_key_value_heads": 2}, {}),
    "static": ("llama", {"num_key_value_heads": 2}, {"cache_implementation": "static"}),
    "sliding, grouped queries": ("mistral", {"num_key_value_heads": 2, "sliding_window": 3}, {}),
    "static of two kinds": ("gemma2", {"num_key_value_heads": 2, "head_dim": 6, "sliding_window": 3},
                            {"cache_implementation": "static"}),
}  # fmt: skip


def generator(family, settings):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = transformers.AutoConfig.for_model(family, **DECODER, **settings)
        return transformers.AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("name", GENERATED)
def test_around_generate_the_weights_of_every_step_are_those_of_eager_attention(name) -> None:
    family, settings, options = GENERATED[name]
    module = generator(family, settings)
    asked = {"max_new_tokens": 3, "do_sample": False, "attention_mask": MASK.flip(1), **options}
    with record(module) as recording:
        out = module.generate(IDS, **asked)
    assert len(recording.passes) == out.shape[1] - 7 > 1
    module.set_attn_implementation("eager")
    eager = module.generate(IDS, **asked, output_attentions=True, return_dict_in_generate=True)
    assert torch.equal(out, eager.sequences)
    for own, theirs in zip(recording.passes[1:], eager.attentions[1:]):
        for weights, expected in zip(own.values(), theirs):
            torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)


def test_weights_put_in_while_a_grouped_model_generates_are_used() -> None:
    """All weight on the newest key, by head: the step of one query is laid out otherwise than the first."""
    module = generator("llama", {"num_key_value_heads": 2})
    found = sites(module, input_ids=IDS)

    def newest(weights):
        return torch.eye(weights.shape[-1])[-weights.shape[-2] :].expand_as(weights)

    asked = {"max_new_tokens": 3, "do_sample": False}
    with intervene(module, dict.fromkeys(found, newest)), record(module, found) as recording:
        out = module.generate(IDS, **asked)
    assert all((each[site] == newest(each[site])).all() for each in recording.passes for site in found)
    with intervene(module, dict.fromkeys(found, newest)):
        whole = module.generate(IDS, **asked, use_cache=False)
    assert torch.equal(out, whole)


def test_an_encoder_and_decoder_says_how_it_is_recorded_around_generate() -> None:
    module = transformers.T5ForConditionalGeneration(build("t5")[0].config).eval()
    with pytest.raises(ValueError, match=r"one position; .*found = sites\(model, input_ids=ids, dec"), record(module):
        module.generate(IDS, max_new_tokens=3)
    found = [s for s in sites(module, input_ids=IDS, decoder_input_ids=IDS) if s.name.startswith("decoder")]
    with record(module, found) as recording:
        module.generate(IDS, max_new_tokens=3, min_new_tokens=3)
    assert [tuple(weights.shape[-2:]) for weights in recording.passes[-1].values()] == [(1, 3), (1, 7)] * 2

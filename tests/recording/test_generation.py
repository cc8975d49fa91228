"""The attention of a generation is that of one whole pass over what was generated, whatever cache it ran on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import attn_interp as ai
from tests.recording.test_transformers import DECODER, GPT, IDS, MASK

transformers = pytest.importorskip("transformers")

LENGTH = IDS.shape[1]
GROUPED = {"num_key_value_heads": 2}
WINDOW = {**GROUPED, "sliding_window": 3}


def made(family: str, **settings: Any) -> Any:
    """A random model of that family, whose weights are large enough for attention to be far from uniform."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        common = GPT if family == "gpt2" else DECODER
        config = transformers.AutoConfig.for_model(family, **{**common, "initializer_range": 0.5, **settings})
        return transformers.AutoModelForCausalLM.from_config(config).eval()


def asked(module: Any, **options: Any) -> tuple[ai.recording.Recording, Any]:
    with torch.random.fork_rng(), ai.record(module) as recording:
        torch.manual_seed(0)
        given = {"attention_mask": torch.ones_like(IDS), "max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
        out = module.generate(IDS, **{**given, "min_new_tokens": 4, **options})
    return recording, out


@pytest.fixture(scope="module")
def grouped() -> Any:
    return made("llama", **GROUPED)


@pytest.mark.parametrize(
    ("family", "settings", "options"),
    [
        ("gpt2", {}, {}),
        ("llama", {}, {}),
        ("llama", GROUPED, {"do_sample": True, "num_return_sequences": 2}),
        ("llama", GROUPED, {"cache_implementation": "static"}),
        ("llama", GROUPED, {"use_cache": False}),
        ("llama", GROUPED, {"prefill_chunk_size": 3}),
        ("llama", GROUPED, {"return_dict_in_generate": True}),
        ("llama", GROUPED, {"max_new_tokens": 1, "min_new_tokens": 1}),
        ("mistral", WINDOW, {}),
        ("mistral", {**WINDOW, "sliding_window": 9}, {}),
        ("gemma2", {**WINDOW, "head_dim": 6}, {"cache_implementation": "static"}),
    ],
)
def test_the_steps_are_the_rows_of_a_whole_pass(family, settings, options) -> None:
    module = made(family, **settings)
    recording, out = asked(module, **options)
    layers = ai.generated(recording, out)
    ids = getattr(out, "sequences", out)[:, :-1]
    with torch.no_grad(), ai.record(module) as whole:
        module(input_ids=ids, use_cache=False)
    assert list(layers) == list(whole) and len(layers) == 2
    for name, weights in whole.items():
        assert layers[name].shape == (len(ids), 4, ids.shape[1], ids.shape[1])
        torch.testing.assert_close(layers[name], weights, atol=1e-5, rtol=0)
        assert float(layers[name].std()) > 0.05


def test_prompts_padded_on_the_left_are_those_of_a_whole_pass(grouped) -> None:
    mask = MASK.flip(1)
    recording, out = asked(grouped, attention_mask=mask)
    layers, ids = ai.generated(recording, out), out[:, :-1]
    seen = torch.nn.functional.pad(mask, (0, ids.shape[1] - LENGTH), value=1)
    place = (seen.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad(), ai.record(grouped) as whole:
        grouped(input_ids=ids, attention_mask=seen, position_ids=place, use_cache=False)
    for name, weights in whole.items():
        for own, expected, real in zip(layers[name], weights, seen.bool()):
            torch.testing.assert_close(own[:, real], expected[:, real], atol=1e-5, rtol=0)


@pytest.mark.parametrize("returned", [1, 3])
def test_a_beam_search_is_refused(grouped, returned) -> None:
    """Also where as many sequences come back as rows were run: rows have changed places between steps."""
    recording, out = asked(grouped, num_beams=3, num_return_sequences=returned)
    with pytest.raises(ValueError, match=r"beam search.*|num_beams=1"):
        ai.generated(recording, out)


def test_what_is_not_one_generation_is_refused(grouped) -> None:
    recording, out = asked(grouped)
    other = out.clone()
    other[1, LENGTH] += 1
    with pytest.raises(ValueError, match=f"token {LENGTH} of row 1 is not the one that was read"):
        ai.generated(recording, other)
    with pytest.raises(TypeError, match=r"sequences is a list, expected the ids \(B, N\)"):
        ai.generated(recording, out.tolist())
    with pytest.raises(TypeError, match=r"sequences is a Tensor \(\d+,\) of torch.int64, expected the ids \(B, N\)"):
        ai.generated(recording, out[0])
    with pytest.raises(TypeError, match="generated: got a Tensor, expected the recording of `with record"):
        ai.generated(out, recording)
    with pytest.raises(RuntimeError, match="nothing is recorded"):
        ai.generated(ai.recording.Recording(), out)
    with ai.record(grouped) as twice:
        for _ in range(2):
            out = grouped.generate(IDS, attention_mask=torch.ones_like(IDS), max_new_tokens=2, do_sample=False)
    with pytest.raises(ValueError, match=r"the passes read 7 \+ 1 \+ 7 \+ \.\.\. tokens a row, in all 16, .* have 8"):
        ai.generated(twice, out)
    with torch.no_grad(), ai.record(grouped) as embedded:
        grouped(inputs_embeds=grouped.get_input_embeddings()(IDS))
    with pytest.raises(ValueError, match=r"pass 0 of the recording was not given input_ids; call model\.generate"):
        ai.generated(embedded, IDS)


def test_a_prompt_of_one_token_says_how_its_sites_are_found(grouped) -> None:
    one = IDS[:, :1]
    with pytest.raises(ValueError, match=r"prompt of one token, find the sites before on two"), ai.record(grouped):
        grouped.generate(one, max_new_tokens=2)
    with ai.record(grouped, ai.sites(grouped, input_ids=IDS)) as recording:
        out = grouped.generate(one, max_new_tokens=3, min_new_tokens=3)
    assert all(weights.shape == (3, 4, 3, 3) for weights in ai.generated(recording, out).values())

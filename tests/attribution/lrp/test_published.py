"""AttnLRP against the published library on models whose weights are a formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attn_interp.attribution.lrp.activations import identity_rule
from attn_interp.attribution.lrp.rules import apply_rules
from attn_interp.models.input_embeddings import InputEmbeddings, with_gradient

PLAIN = {"hidden_size": 12, "intermediate_size": 10, "num_hidden_layers": 2, "num_attention_heads": 2}
PLAIN |= {"vocab_size": 20, "max_position_embeddings": 16, "pad_token_id": 0}
GPT2 = {"n_embd": 12, "n_layer": 2, "n_head": 2, "n_positions": 16, "vocab_size": 20, "pad_token_id": 0}
SETTINGS: dict[str, dict[str, Any]] = {
    "bert": PLAIN,
    "gpt2": {**GPT2, "bos_token_id": 1, "eos_token_id": 2},
    "llama": {**PLAIN, "num_key_value_heads": 1},
    "qwen2": {**PLAIN, "num_key_value_heads": 1},
}

# Embeddings times their gradients, summed over columns, of the second logit minus the first, for the ids 3 to 9: as
# lxt.efficient of lxt 2.1 gives them with transformers 4.52.4 (Achtibat et al. 2024;
# github.com/rachtibat/LRP-eXplains-Transformers).
PUBLISHED = {
    "bert": [0.028369, -0.070149, -0.020517, 0.00079719, 0.00096295, 0.00024478, -0.014728],
    "gpt2": [-0.0031825, -0.001951, -0.0036932, -0.0039587, 0.0023086, 0.0029502, 0.005043],
    "llama": [0.017941, -0.014292, 0.022305, -0.008752, 0.014379, -0.0094388, 0.058267],
    "qwen2": [-0.00054918, 0.0002618, 6.7308e-05, -0.0014471, 0.0021449, -0.0032005, 0.15322],
}


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("family", PUBLISHED)
def test_it_is_what_the_published_library_gives(family, kernel) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(family, **SETTINGS[family])
    module = transformers.AutoModelForSequenceClassification.from_config(config, attn_implementation=kernel).eval()
    with torch.no_grad():
        for row, (_, parameter) in enumerate(sorted(module.named_parameters())):
            angles = torch.arange(parameter.numel(), dtype=torch.float64) * (1.3 + row / 7)
            parameter.copy_(0.6 * angles.sin().view_as(parameter))
    ids = torch.arange(3, 10)[None]
    with InputEmbeddings(module.get_input_embeddings()).leaves() as held, identity_rule(module):
        logits = module(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        apply_rules(logits, held, family)
        embeddings, gradient = with_gradient((logits[:, 1] - logits[:, 0]).sum(), held)
    published = torch.tensor(PUBLISHED[family])
    assert torch.allclose((embeddings * gradient).sum(-1)[0], published, rtol=2e-4, atol=1e-7)

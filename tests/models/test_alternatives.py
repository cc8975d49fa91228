"""Logits under other attention: run at the view's query alone where that is the same, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.models.alternatives import FEW, Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.wrap import wrap

WAYS = FEW + 7


@pytest.fixture(scope="module")
def decoder(planted: Corpus, wordpiece: Any) -> AttentionModel:
    """A Llama of three layers whose heads share keys; it reads the last token, which differs between documents."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "initializer_range": 0.3, "vocab_size": len(wordpiece), "pad_token_id": 0}
    with torch.random.fork_rng():
        torch.manual_seed(2)
        config = transformers.LlamaConfig(**sizes, id2label=dict(enumerate(planted.classes)))
        return wrap(transformers.LlamaForSequenceClassification(config), wordpiece)


def drawn(model: AttentionModel, planted: Corpus) -> tuple[Alternatives, torch.Tensor]:
    """A batch of documents of several lengths, and weightings (B, WAYS, W)."""
    batch = model.batch(planted.test[:5])
    is_word = model.run(batch).is_word
    noise = torch.rand(len(batch), WAYS, is_word.shape[1], generator=torch.Generator().manual_seed(4))
    noise = noise.pow(3) * is_word[:, None]
    return Alternatives(model, batch), noise / noise.sum(-1, keepdim=True)


@pytest.mark.parametrize("kind", ["bert", "decoder"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("head", ["mean", 1])
def test_the_last_layer_is_run_at_the_query_alone(kind, attention, head, request, planted) -> None:
    model = request.getfixturevalue(kind)
    before = model.module.config._attn_implementation
    model.module.set_attn_implementation(attention)
    try:
        if attention != before:
            model = wrap(model.module, model.collate.tokenizer)
        model = model.at(site=model.sites[-1].name, head=head, query="last" if kind == "decoder" else "first")
        of, weightings = drawn(model, planted)
        assert of.at_query(weightings) is not None
        with torch.no_grad():
            whole = torch.stack([of.whole(of.kept, of.batch, each) for each in weightings.unbind(1)], 1)
            torch.testing.assert_close(of.logits(weightings), whole, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(of.many(WAYS)(weightings), whole, atol=1e-5, rtol=1e-5)
        assert whole.std(1).max() > 1e-3
    finally:
        model.module.set_attn_implementation(before)


def test_gradients_reach_the_weightings(decoder, planted) -> None:
    of, weightings = drawn(decoder, planted)
    at_query = of.at_query(weightings)
    assert at_query is not None
    fast, slow = (weightings.clone().requires_grad_() for _ in range(2))
    with torch.enable_grad():
        at_query(fast).tanh().sum().backward()
        torch.stack([of.whole(of.kept, of.batch, each) for each in slow.unbind(1)], 1).tanh().sum().backward()
    assert slow.grad.abs().max() > 1e-3
    torch.testing.assert_close(fast.grad, slow.grad, atol=1e-5, rtol=1e-4)


def test_a_layer_that_others_read_and_a_mean_of_positions_are_run_whole(decoder, bert, planted) -> None:
    for model in (decoder.at(site=decoder.sites[0].name), bert.at(site=bert.sites[0].name, query="first")):
        of, weightings = drawn(model, planted)
        assert of.at_query(weightings) is None
    of, weightings = drawn(bert.at(site=bert.sites[-1].name, query="mean"), planted)
    assert of.at_query(weightings) is None
    with torch.no_grad():
        whole = torch.stack([of.whole(of.kept, of.batch, each) for each in weightings.unbind(1)], 1)
        assert torch.equal(of.logits(weightings), whole)


def test_what_is_read_at_another_position_is_found_out(bert, planted, monkeypatch) -> None:
    """A head that reads the second position too: at the query alone the module would say something else."""
    pooler = bert.module.bert.pooler
    monkeypatch.setattr(pooler, "forward", lambda states: states[:, : min(2, states.shape[1])].mean(1).tanh())
    of, weightings = drawn(bert.at(site=bert.sites[-1].name, query="first"), planted)
    assert of.at_query(weightings) is None
    monkeypatch.setattr(pooler, "forward", lambda states: states[:, 1].tanh())  # fails where there is one position
    of, weightings = drawn(bert.at(site=bert.sites[-1].name, query="first"), planted)
    assert of.at_query(weightings) is None

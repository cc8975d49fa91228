"""Logits under other attention: run at the query alone, or behind a cache, where that is the same as the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.corpus import Corpus
from attn_interp.models.alternatives import FEW, Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.transformers.adapter import CollatePieces
from attn_interp.models.transformers.prefix import Prefixes
from attn_interp.models.view import View
from attn_interp.models.wrap import wrap

WAYS = FEW + 7


@pytest.fixture(scope="module")
def decoder(causal: Any, wordpiece: Any) -> AttentionModel:
    """A Llama of three layers whose heads share keys; it reads the last token, which differs between documents."""
    return wrap(causal("llama"), wordpiece)


def drawn(model: AttentionModel, planted: Corpus, ways: int = WAYS) -> tuple[Alternatives, torch.Tensor]:
    """A batch of documents of several lengths, and weightings (B, ways, W)."""
    batch = model.batch(planted.test[:5])
    is_word = model.run(batch).is_word
    noise = torch.rand(len(batch), ways, is_word.shape[1], generator=torch.Generator().manual_seed(4))
    noise = noise.pow(3) * is_word[:, None]
    return Alternatives(model, batch), noise / noise.sum(-1, keepdim=True)


def whole_of(of: Alternatives, weightings: torch.Tensor) -> torch.Tensor:
    return torch.stack([of.whole(of.kept, of.batch, each) for each in weightings.unbind(1)], 1)


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
        assert of.at_query is not None
        with torch.no_grad():
            whole = whole_of(of, weightings)
            torch.testing.assert_close(of.logits(weightings), whole, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(of.many(WAYS)(weightings), whole, atol=1e-5, rtol=1e-5)
        assert whole.std(1).max() > 1e-3
    finally:
        model.module.set_attn_implementation(before)


class Pools(nn.Module):
    """An LSTM whose states are pooled as a person writes it: weights (B, T) or (B, 1, T), by bmm or by a plain sum."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.embedding = nn.Embedding(400, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.score, self.end = nn.Linear(5, 1), nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(self.embedding(ids))
        scores = self.score(states).squeeze(-1).masked_fill(ids == 0, -torch.inf)
        if self.kind == "weights times states":
            return self.end((scores.softmax(-1).unsqueeze(-1) * states).sum(1))
        if self.kind == "states times a column":
            return self.end(torch.mul(states, scores[..., None].softmax(1)).sum(dim=1))
        if self.kind == "the largest product":
            return self.end((scores.softmax(-1)[..., None] * states).amax(1))
        weights = scores.softmax(-1).unsqueeze(1) if self.kind == "flat" else scores[:, None].softmax(-1)
        return self.end(torch.bmm(weights, states).squeeze(1))


def pooling_of(kind: str, model: AttentionModel, planted: Corpus) -> AttentionModel:
    """Attention that pools: a module of one's own, or a classifier of ours with two heads."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        if kind == "two heads":
            settings = ClassifierSettings(embedding_width=5, hidden=6, heads=2, dropout=0.0)
            vocabulary = model.trained.vocabulary
            return wrap(Classifier(settings, len(vocabulary), 2), classes=("a", "b"), vocabulary=vocabulary)
        module = Pools(kind).eval()
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.8)
        given = {"inputs": lambda batch: (batch.ids,), "classes": ("a", "b"), "collate_documents": model.collate}
        return wrap(module, example=planted.test, **given)


@pytest.mark.parametrize("kind", ["flat", "with a query", "two heads", "weights times states", "states times a column"])
def test_where_attention_pools_all_weightings_are_one_batch(kind, model, planted) -> None:
    of, weightings = drawn(pooling_of(kind, model, planted), planted)
    assert of.at_query is not None
    fast, slow = (weightings.clone().requires_grad_() for _ in range(2))
    with torch.enable_grad():
        (found := of.logits(fast)).tanh().sum().backward()
        (whole := whole_of(of, slow)).tanh().sum().backward()
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fast.grad, slow.grad, atol=1e-5, rtol=1e-4)
    assert whole.std(1).max() > 1e-3


def test_what_is_no_sum_of_products_is_run_one_weighting_after_the_other(model, planted) -> None:
    of, weightings = drawn(pooling_of("the largest product", model, planted), planted)
    assert of.at_query is None
    with torch.no_grad():
        torch.testing.assert_close(of.logits(weightings), whole_of(of, weightings))


def test_gradients_reach_the_weightings(decoder, planted) -> None:
    of, weightings = drawn(decoder, planted)
    at_query = of.at_query
    assert at_query is not None
    fast, slow = (weightings.clone().requires_grad_() for _ in range(2))
    with torch.enable_grad():
        at_query(fast).tanh().sum().backward()
        whole_of(of, slow).tanh().sum().backward()
    assert slow.grad.abs().max() > 1e-3
    torch.testing.assert_close(fast.grad, slow.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("family", "attention"),
    [(family, "sdpa") for family in ("gpt2", "llama", "qwen2", "mistral", "gpt_neox", "opt", "gemma3_text")]
    + [(family, "eager") for family in ("gemma2", "gpt2", "llama")],
)
def test_any_layer_of_a_decoder_is_run_behind_its_cache(family, attention, causal, planted, wordpiece) -> None:
    module = causal(family)
    module.set_attn_implementation(attention)
    model = wrap(module, wordpiece)
    assert model.view.query == "last"
    for site, head in zip(model.sites, ("mean", 1, "mean"), strict=True):
        of, weightings = drawn(replace(model, view=View(site.name, head, "last")), planted, 3)
        assert of.by_cache is not None
        assert (of.at_query is None) == (site != model.sites[-1])
        fast, slow = (weightings.clone().requires_grad_() for _ in range(2))
        with torch.enable_grad():
            found, whole = of.by_cache(fast), whole_of(of, slow)
            found.tanh().sum().backward()
            whole.tanh().sum().backward()
        torch.testing.assert_close(found, whole, atol=2e-5, rtol=1e-5)
        assert (fast.grad - slow.grad).abs().max() <= 1e-4 * slow.grad.abs().max()
        assert whole.std(1).max() > 1e-3 and slow.grad.abs().max() > 1e-3


def test_a_decoder_that_is_padded_on_the_left(causal, planted, wordpiece, monkeypatch) -> None:
    monkeypatch.setattr(wordpiece, "padding_side", "left")
    model = wrap(causal("llama"), wordpiece)
    of, weightings = drawn(replace(model, view=View(model.sites[0].name, "mean", "last")), planted)
    assert of.by_cache is not None and not of.batch.is_token[:, 0].all()
    with torch.no_grad():
        whole = whole_of(of, weightings)
        torch.testing.assert_close(of.logits(weightings), whole, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(of.many(WAYS)(weightings), whole, atol=1e-5, rtol=1e-5)


def test_a_module_around_a_language_model_is_run_behind_its_cache(causal, planted, wordpiece) -> None:
    class Says(nn.Module):
        """The scores of two words to come."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = causal("gpt2", "CausalLM")

        def forward(self, input_ids: Any, attention_mask: Any, past_key_values: Any = None, position_ids: Any = None):
            given = {"past_key_values": past_key_values, "position_ids": position_ids}
            scores = self.inner(input_ids=input_ids, attention_mask=attention_mask, **given).logits
            width = input_ids.shape[1]
            last = (attention_mask[:, -width:] * torch.arange(width)).argmax(-1)
            return scores[torch.arange(len(last)), last][:, [7, 9]]

    def inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
        return batch.ids, batch.is_token.long()

    collate = CollatePieces(wordpiece, None)
    given = {"inputs": inputs, "collate_documents": collate, "classes": ("no", "yes"), "example": planted.test[:9]}
    model = wrap(Says(), **given, embedding="inner.transformer.wte", site="inner.transformer.h.1.attn", query="last")
    of, weightings = drawn(model, planted)
    assert of.at_query is None and of.by_cache is not None
    with torch.no_grad():
        torch.testing.assert_close(of.logits(weightings), whole_of(of, weightings), atol=1e-5, rtol=1e-5)


def test_where_no_cache_serves_all_positions_are_run(decoder, bert, planted, monkeypatch) -> None:
    last, first = (replace(decoder, view=View(decoder.sites[0].name, "mean", query)) for query in ("last", "first"))
    for model in (bert.at(site=bert.sites[0].name, query="first"), first):
        of, weightings = drawn(model, planted)
        assert of.at_query is None and of.by_cache is None
    of, weightings = drawn(bert.at(site=bert.sites[-1].name, query="mean"), planted)
    assert of.at_query is None and of.by_cache is None
    with torch.no_grad():
        assert torch.equal(of.logits(weightings), whole_of(of, weightings))
    followed = Prefixes.followed
    monkeypatch.setattr(Prefixes, "followed", lambda self, rows, start, mask: followed(self, rows, start - 1, mask))
    of, _ = drawn(last, planted)
    assert of.by_cache is None  # one token too few before it


def test_a_window_that_slides_over_long_documents_is_run_whole(causal, planted, wordpiece) -> None:
    model = wrap(causal("mistral", sliding_window=5), wordpiece)
    of, _ = drawn(replace(model, view=View(model.sites[1].name, "mean", "last")), planted)
    own = of.model.run(of.batch).weights[:, None].expand(-1, WAYS, -1)
    assert of.by_cache is None
    with torch.no_grad():
        torch.testing.assert_close(of.logits(own)[:, 0], model.batch_logits(of.batch), atol=1e-4, rtol=1e-5)


def test_what_is_read_at_another_position_is_found_out(bert, planted, monkeypatch) -> None:
    """A head that reads the second position too: at the query alone the module would say something else."""
    pooler = bert.module.bert.pooler
    monkeypatch.setattr(pooler, "forward", lambda states: states[:, : min(2, states.shape[1])].mean(1).tanh())
    of, _ = drawn(bert.at(site=bert.sites[-1].name, query="first"), planted)
    assert of.at_query is None
    monkeypatch.setattr(pooler, "forward", lambda states: states[:, 1].tanh())  # fails where there is one position
    of, _ = drawn(bert.at(site=bert.sites[-1].name, query="first"), planted)
    assert of.at_query is None

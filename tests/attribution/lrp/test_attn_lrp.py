"""AttnLRP of whole models: against relevance handed back layer by layer, and what it must sum to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from attn_interp.attribution.lrp.activations import identity_rule
from attn_interp.attribution.lrp.attn_lrp import attn_lrp, relevance_of_positions
from attn_interp.attribution.lrp.rules import apply_rules
from attn_interp.attribution.methods import named
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.predicting import lead_of
from attn_interp.models.wrap import wrap
from tests.attribution.flow.test_layered import CLASSES, DOCUMENTS, WORDS


class OneLayer(nn.Module):
    """Attention of two heads, a network with GELU, each added to what it reads and normalised; read at the first
    position. Of 6 columns, 10 inside the network."""

    def __init__(self, logits: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(SPECIALS) + len(WORDS), 6)
        self.query, self.key, self.value, self.write = (nn.Linear(6, 6) for _ in range(4))
        self.up, self.down, self.decide = nn.Linear(6, 10), nn.Linear(10, 6), nn.Linear(6, logits)
        self.first, self.second = nn.LayerNorm(6), nn.LayerNorm(6)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.6)

    def forward(self, ids: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        states = self.embedding(ids)
        query, key, value = (
            each(states).unflatten(-1, (2, 3)).transpose(1, 2) for each in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_token[:, None, None])
        states = self.first(states + self.write(mixed.transpose(1, 2).flatten(2)))
        states = self.second(states + self.down(functional.gelu(self.up(states))))
        return self.decide(states[:, 0])


def wrapped(module: nn.Module, **how: Any):
    return wrap(
        module.double(),
        inputs=lambda batch: (batch.ids, batch.is_token),
        classes=("bad", "good"),
        vocabulary=Vocabulary((*SPECIALS, *WORDS)),
        **how,
    )


def seeded(kind: Any, *given: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return kind(*given)


@pytest.fixture(scope="module")
def one_layer():
    return wrapped(seeded(OneLayer))


# Relevance of an output -> that of an input, each as the paper has it: no gradient.


def through_linear(relevance: torch.Tensor, states: torch.Tensor, layer: nn.Linear) -> torch.Tensor:
    return states * ((relevance / layer(states)) @ layer.weight)


def through_norm(relevance: torch.Tensor, states: torch.Tensor, norm: nn.LayerNorm) -> torch.Tensor:
    """As a linear layer (I - 1/n) diag(weight / deviation), the deviation being a number."""
    deviation = (states.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    share = relevance / norm(states) * norm.weight / deviation
    return states * (share - share.mean(-1, keepdim=True))


def through_product(relevance: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Half of it to each factor (T, K) and (K, S), in which each product has its share of the sum over K."""
    share = relevance / (left @ right) / 2
    return left * (share @ right.T), right * (left.T @ share)


def through_softmax(relevance: torch.Tensor, scores: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return scores * (relevance - weights * relevance.sum(-1, keepdim=True))


def by_hand(module: OneLayer, ids: torch.Tensor, chosen: int) -> torch.Tensor:
    """(T,) the relevance of the positions of one document, without padding."""
    words = module.embedding(ids)
    heads = [slice(0, 3), slice(3, 6)]
    query, key, value = module.query(words), module.key(words), module.value(words)
    scores = [query[:, head] @ key[:, head].T / 3**0.5 for head in heads]
    weights = [each.softmax(-1) for each in scores]
    mixed = torch.cat([each @ value[:, head] for each, head in zip(weights, heads)], -1)
    written = module.write(mixed)
    middle = module.first(words + written)
    inside = module.up(middle)
    active = functional.gelu(inside)
    moved = module.down(active)
    top = module.second(middle + moved)
    logits = module.decide(top[0])
    sign = torch.tensor([-1.0, -1.0], dtype=torch.float64)
    sign[chosen] = 1.0

    of_top = torch.zeros_like(top)
    of_top[0] = through_linear(logits * sign, top[0], module.decide)
    of_sum = through_norm(of_top, middle + moved, module.second)
    of_moved, of_middle = of_sum * moved / (middle + moved), of_sum * middle / (middle + moved)
    of_inside = through_linear(of_moved, active, module.down)  # the same before GELU as after
    of_middle = of_middle + through_linear(of_inside, middle, module.up)
    of_sum = through_norm(of_middle, words + written, module.first)
    of_words, of_written = of_sum * words / (words + written), of_sum * written / (words + written)
    of_mixed = through_linear(of_written, mixed, module.write)
    of_query, of_key, of_value = (torch.zeros_like(words) for _ in range(3))
    for head, score, weight in zip(heads, scores, weights):
        of_weight, of_value[:, head] = through_product(of_mixed[:, head], weight, value[:, head])
        of_score = through_softmax(of_weight, score, weight)
        of_query[:, head], of_key_turned = through_product(of_score, query[:, head], key[:, head].T)
        of_key[:, head] = of_key_turned.T
    parts = ((of_query, module.query), (of_key, module.key), (of_value, module.value))
    return (of_words + sum(through_linear(part, words, layer) for part, layer in parts)).sum(-1)


@torch.no_grad()
def test_it_is_relevance_handed_back_layer_by_layer(one_layer) -> None:
    batch = one_layer.batch(DOCUMENTS)
    found, _ = relevance_of_positions(one_layer, batch, CLASSES)
    values = attn_lrp(one_layer, batch, CLASSES).values
    for row, document in enumerate(DOCUMENTS):
        ids = one_layer.batch([document]).ids[0]
        expected = by_hand(one_layer.module, ids, int(CLASSES[row]))
        assert torch.allclose(found[row, : len(ids)], expected, rtol=0, atol=1e-8)
        assert torch.allclose(values[row, : len(document)], expected[1:-1], rtol=0, atol=1e-8)
        assert (values[row, len(document) :] == 0).all() and (found[row, len(ids) :] == 0).all()
        assert expected.abs().max() > 1e-2


class Softmaxes(TorchFunctionMode):
    """Keeps the scores and weights of each softmax of a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        weights = func(*args, **(kwargs or {}))
        if func is functional.softmax:
            self.seen.append((args[0].detach(), weights))
        return weights


def sums(model, batch, classes) -> tuple[float, float, float]:
    """What positions have, what constants absorb, and the lead, each summed over the batch: by the same graph, in which
    each bias, embedding of a position or of a type, and what a softmax has beyond its derivative, has its gradient."""
    module = model.module
    added = (
        "bias",
        "position_embeddings.weight",
        "relative_attention_bias.weight",
        "token_type_embeddings.weight",
        "wpe.weight",
        "embed_positions.weight",
    )
    constants = [parameter for name, parameter in module.named_parameters() if name.endswith(added)]
    with model.embedding.leaves() as held, identity_rule(module), Softmaxes() as softmaxes:
        logits = model.batch_logits(batch)
        lead = lead_of(logits, classes).sum()
        apply_rules(logits, held, "model")
        weights = [each for _, each in softmaxes.seen]
        gradients = torch.autograd.grad(lead, [*held, *constants, *weights], materialize_grads=True)
    own = [(each.detach() * gradient).sum() for each, gradient in zip([*held, *constants], gradients)]
    positions, absorbed = sum(own[: len(held)]), sum(own[len(held) :])
    for (scores, each), gradient in zip(softmaxes.seen, gradients[-len(weights) :], strict=True):
        each = each.detach()
        at_scores = each * (gradient - (gradient * each).sum(-1, keepdim=True))
        scores = scores.masked_fill(scores < -1e9, 0.0)  # where the weight and so the derivative is zero
        absorbed = absorbed + (gradient * each).sum() - (at_scores * scores).sum()
    return float(positions), float(absorbed), float(lead.detach())


SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "pad_token_id": 0,
}
ENCODERS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("bert", "roberta", "electra", "albert", "mpnet"), SIZES),
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "pad_token_id": 0},
    "modernbert": {**SIZES, **dict.fromkeys(("bos_token_id", "cls_token_id"), 2), "eos_token_id": 3, "sep_token_id": 3},
}
DECODERS = ("gpt2", "llama", "qwen2", "mistral", "opt", "gpt_neox", "gemma2", "gemma3_text")
# Most decoders normalise, turn by position or take their softmax in float32, whatever they are in.
EXACT = {*ENCODERS, "gpt2"} - {"modernbert"}


@pytest.fixture
def made(causal, wordpiece):
    """A classifier of a family of transformers with random weights, biases among them."""

    def make(family: str) -> Any:
        import transformers

        with torch.random.fork_rng():
            torch.manual_seed(8)
            if family in ENCODERS:
                settings = {"vocab_size": len(wordpiece), "max_position_embeddings": 42, **ENCODERS[family]}
                config = transformers.AutoConfig.for_model(family, initializer_range=0.3, **settings)
                module = transformers.AutoModelForSequenceClassification.from_config(config)
            else:
                module = causal(family)
            for name, parameter in module.named_parameters():
                if name.endswith("bias"):
                    nn.init.normal_(parameter, std=0.3)
        module.set_attn_implementation("eager")
        return module.eval()

    return make


@pytest.mark.parametrize("family", [*ENCODERS, *DECODERS])
def test_what_positions_have_and_constants_absorb_is_the_lead(family, made, wordpiece, planted) -> None:
    model = wrap(made(family).double(), wordpiece, classes=planted.classes)
    positions, absorbed, lead = sums(model, model.batch(planted.test[:3]), torch.tensor([0, 1, 1]))
    assert positions + absorbed == pytest.approx(lead, abs=1e-9 if family in EXACT else 3e-6)
    assert min(abs(positions), abs(absorbed)) > 1e-2


class Constant(nn.Module):
    """Attention that falls with the distance from the first position, whatever the words; nothing is added anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(SPECIALS) + len(WORDS), 6)
        self.value, self.gate = nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
        self.first, self.second = nn.LayerNorm(6, bias=False), nn.RMSNorm(6)
        self.decide = nn.Linear(6, 2, bias=False)

    def forward(self, ids: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        states = self.embedding(ids)
        scores = -torch.arange(ids.shape[1], dtype=states.dtype).expand(ids.shape)
        weights = scores.masked_fill(~is_token, -torch.inf).softmax(-1)
        pooled = self.first((weights[:, None] @ self.value(states))[:, 0] + states[:, 0])
        return self.decide(self.second(pooled + functional.silu(self.gate(pooled)) * torch.tanh(self.value(pooled))))


def test_where_nothing_is_added_and_attention_is_constant_positions_sum_to_the_lead() -> None:
    model = wrapped(seeded(Constant))
    batch = model.batch(DOCUMENTS)
    for classes in (CLASSES, 1 - CLASSES):
        found, lead = relevance_of_positions(model, batch, classes)
        assert torch.allclose(found.sum(-1), lead, rtol=0, atol=1e-12)
        logits = model.logits(DOCUMENTS)
        assert torch.allclose(lead, (logits.diff()[:, 0]) * (2 * classes - 1), rtol=0, atol=1e-12)
        assert lead.abs().min() > 1e-2


def test_the_other_of_two_classes_has_the_opposite(one_layer) -> None:
    """Also where a module has a single logit."""
    for model in (one_layer, wrapped(seeded(OneLayer, 1))):
        batch = model.batch(DOCUMENTS)
        first, second = (attn_lrp(model, batch, classes).values for classes in (CLASSES, 1 - CLASSES))
        assert torch.equal(first, -second) and first.abs().max() > 1e-2


def test_nothing_of_it_stays(bert, planted) -> None:
    batch, classes = bert.batch(planted.test[:4]), torch.tensor([0, 1, 0, 1])
    method = named("gradient x input")["gradient x input"]
    before, logits = method(bert, batch, classes).values, bert.logits(planted.test[:4])
    attn_lrp(bert, batch, classes)
    assert torch.equal(method(bert, batch, classes).values, before)
    assert torch.equal(bert.logits(planted.test[:4]), logits)
    assert not any(part._forward_hooks for part in bert.module.modules())


def test_it_finds_the_planted_word_in_pieces(bert, planted) -> None:
    hits = []
    for _, batch in bert.batches(planted.test):
        values = attn_lrp(bert, batch, bert.logits(batch.documents).argmax(-1)).values
        for document, row in zip(batch.documents, values):
            hits.append(document.rationales[0][int(row.abs().argmax())])
    assert sum(hits) / len(hits) > 0.9


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2"])
def test_neither_batch_nor_kernel_matter(family, made, wordpiece, planted) -> None:
    model = wrap(made(family), wordpiece, classes=planted.classes)
    documents, classes = planted.test[:4], torch.tensor([0, 1, 1, 0])
    together = attn_lrp(model, model.batch(documents), classes).values
    for row, document in enumerate(documents):
        alone = attn_lrp(model, model.batch([document]), classes[row : row + 1]).values[0]
        assert torch.allclose(together[row, : len(document)], alone, atol=1e-5)
        assert (together[row, len(document) :] == 0).all()
    model.module.set_attn_implementation("sdpa")
    assert torch.allclose(attn_lrp(model, model.batch(documents), classes).values, together, atol=1e-5)


@pytest.mark.parametrize("yes", [" city", [" wonderful", " city"]])
def test_answers_of_a_language_model(yes, causal, wordpiece, planted, monkeypatch) -> None:
    """The further tokens of an answer are read behind the cache of the prompt. Of one token, what all log-probabilities
    share cancels, as if the logits of the two tokens were asked."""
    answers = {"no": " film", "yes": yes}
    model = wrap(causal("llama", "CausalLM"), wordpiece, prompt="film {text}", answers=answers)
    documents, classes = planted.test[:3], torch.tensor([0, 1, 1])
    values = attn_lrp(model, model.batch(documents), classes).values
    assert values.abs().amax(-1).min() > 1e-3
    alone = attn_lrp(model, model.batch(documents[:1]), classes[:1]).values[0]
    assert torch.allclose(values[0, : len(documents[0])], alone, atol=1e-5)
    if isinstance(yes, str):
        monkeypatch.setattr(torch.Tensor, "log_softmax", lambda logits, dim: logits)
        assert torch.allclose(attn_lrp(model, model.batch(documents), classes).values, values, atol=1e-5)


def test_own_transformer_is_covered_and_recurrent_encoders_are_refused(trained, model, mixed, classes) -> None:
    settings = ClassifierSettings(encoder="transformer", embedding_width=8, hidden=8, dropout=0.0)
    own = wrap(build_classifier(settings, trained.vocabulary, 2), classes=("a", "b"), vocabulary=trained.vocabulary)
    assert attn_lrp(own, mixed, classes).values.isfinite().all()
    with pytest.raises(ValueError, match=r"AttnLRP has no rule for .*(Rnn|Sigmoid).* in Classifier: .*use integrated"):
        attn_lrp(model, mixed, classes)


def test_routed_experts_are_refused(wordpiece, planted) -> None:
    transformers = pytest.importorskip("transformers")
    experts = {
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 42,
    }
    config = transformers.AutoConfig.for_model("mixtral", vocab_size=len(wordpiece), **SIZES, **experts)
    module = transformers.AutoModelForSequenceClassification.from_config(config)
    model = wrap(module.eval(), wordpiece, classes=planted.classes)
    with pytest.raises(ValueError, match=r"no rule for .*Topk.* in MixtralForSequenceClassification"):
        attn_lrp(model, model.batch(planted.test[:1]), torch.tensor([0]))

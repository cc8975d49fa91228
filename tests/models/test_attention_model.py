"""The wrapper: words and positions, weights put back, weightings, gradients, and any module of the reader's own."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from attn_interp.attribution.methods import named
from attn_interp.data.document import Document
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.view import to_positions, to_words
from attn_interp.models.wrap import two_class_logits, wrap


def test_positions_and_words_are_inverse() -> None:
    is_word = torch.tensor([[False, True, True, False, True], [True, False, False, False, False]])
    values = torch.arange(10.0).reshape(2, 5) + 1
    words, present = to_words(values, is_word)
    assert words.tolist() == [[2, 3, 5], [6, 0, 0]]
    assert present.tolist() == [[True, True, True], [True, False, False]]
    assert torch.equal(to_positions(words, is_word), values * is_word)


def test_own_weights_put_back_change_nothing(model, planted) -> None:
    batch = model.batch(planted.test[:11])
    run = model.run(batch)
    assert torch.allclose(run.weights.sum(-1), torch.ones(11))
    assert torch.equal(run.word_mass, torch.ones(11))
    with torch.no_grad():
        assert torch.equal(model.batch_logits(batch), run.logits)
        again = model.logits_under(batch, torch.stack([run.weights, run.weights], 1))
    assert torch.equal(again[:, 0], run.logits)
    assert torch.equal(again[:, 1], run.logits)


def test_weightings_equal_one_run_each(model, planted) -> None:
    batch = model.batch(planted.test[:7])
    run = model.run(batch)
    uniform = run.is_word / run.is_word.sum(-1, keepdim=True)
    first = torch.zeros_like(uniform)
    first[:, 0] = 1
    with torch.no_grad():
        both = model.logits_under(batch, torch.stack([uniform, first], 1))
        alone = [model.logits_under(model.batch([d]), first[i : i + 1, None, : len(d)])[0, 0]
                 for i, d in enumerate(batch.documents)]  # fmt: skip
    assert torch.allclose(both[:, 1], torch.stack(alone), atol=1e-6)
    assert (both[:, 0] - run.logits).abs().max() > 1e-3  # an override acts


def test_batch_size_padding_and_order_change_nothing(model, planted) -> None:
    documents = list(planted.test[:20])
    together = model.logits(documents, size=20)
    alone = torch.cat([model.logits([document]) for document in documents])
    backwards = model.logits(documents[::-1], size=3).flip(0)
    assert torch.allclose(together, alone, atol=1e-6)
    assert torch.allclose(together, backwards, atol=1e-6)


def test_gradient_at_weights_equals_finite_differences(model, planted) -> None:
    batch = model.batch(planted.test[:1])
    run = model.run(batch)
    classes = run.logits.argmax(-1)
    gradient = model.gradient_at_weights(batch, classes)[0]
    step = 1e-2
    # Moving weight from word 0 to word w is an allowed change; its effect is the difference of two gradients.
    for w in range(1, int(run.is_word.sum())):
        moved = run.weights.repeat(2, 1)[None].clone()
        amount = min(step, float(run.weights[0, 0]) / 2, float(run.weights[0, w]) / 2)
        moved[0, 0, w] += amount
        moved[0, 0, 0] -= amount
        moved[0, 1, w] -= amount
        moved[0, 1, 0] += amount
        with torch.no_grad():
            p = model.logits_under(batch, moved).double().softmax(-1)[0, :, classes[0]]
        slope = float((p[0] - p[1]) / (2 * amount))
        assert slope == pytest.approx(float(gradient[w] - gradient[0]), abs=5e-3)


def test_gradient_at_embeddings_equals_finite_differences(model, planted) -> None:
    batch = model.batch(planted.test[:1])
    classes = model.run(batch).logits.argmax(-1)
    own, gradient = model.gradient_at_embeddings(batch, classes, detached=False)
    position = int(batch.is_word[0].nonzero()[1])
    base = model.embeddings(batch)
    assert torch.equal(base, own)
    direction = torch.randn(own.shape[-1], generator=torch.Generator().manual_seed(0))
    p = []
    for sign in (1, -1):
        shifted = base.clone()
        shifted[0, position] += sign * 1e-2 * direction
        with torch.no_grad(), model.embeddings_given(shifted):
            p.append(float(model.batch_logits(batch).softmax(-1)[0, classes[0]]))
    assert (p[0] - p[1]) / 2e-2 == pytest.approx(float(gradient[0, position] @ direction), abs=1e-3)


def test_detached_gradient_is_that_of_the_values_alone(planted) -> None:
    """Average encoder, no other path: dp/de_t with attention held is alpha_t times the gradient at the context."""
    settings = ClassifierSettings(encoder="average", embedding_width=5, hidden=4, dropout=0.0)
    quick = fit_classifier(planted, settings, seed=2, progress=False)
    wrapped = wrap(quick)
    batch = wrapped.batch(planted.test[:1])
    run = wrapped.run(batch)
    classes = run.logits.argmax(-1)
    _, held = wrapped.gradient_at_embeddings(batch, classes, detached=True)
    _, full = wrapped.gradient_at_embeddings(batch, classes, detached=False)
    assert (held - full).abs().max() > 1e-5
    module = quick.module
    states = module.encoder(module.embedding(batch.ids), batch.is_token)
    p = run.logits.softmax(-1)[0]
    weight = module.head.weight
    at_context = p[classes[0]] * (weight[classes[0]] - p @ weight)  # dp_a/dc
    t = 1
    state, position = states[0, batch.is_word[0]][t], batch.is_word[0].nonzero()[t, 0]
    by_hand = torch.autograd.grad(state @ at_context.detach(), module.embedding.weight, retain_graph=True)[0]
    expected = run.weights[0, t] * by_hand[batch.ids[0, position]]
    assert torch.allclose(held[0, position], expected, atol=1e-6)


def test_a_wrapped_model_leaves_nothing_behind(model, planted) -> None:
    batch = model.batch(planted.test[:3])
    model.run(batch)
    with pytest.raises(RuntimeError), model.embeddings_given(torch.zeros(1, 1, 1)):
        model.batch_logits(batch)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.module.modules())


class Theirs(nn.Module):
    """A reader's own classifier: one sigmoid logit, attention over everything that is no padding."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 8, padding_idx=0)
        self.rnn = nn.GRU(8, 5, batch_first=True)
        self.score = nn.Linear(5, 1)
        self.out = nn.Linear(5, 1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states, _ = self.rnn(self.embed(ids))
        scores = self.score(states).squeeze(-1).masked_fill(ids == 0, -torch.inf)
        weights = scores.softmax(-1)
        return self.out((weights[..., None] * states).sum(1)).squeeze(-1)


@pytest.fixture
def theirs(trained) -> AttentionModel:
    torch.manual_seed(0)
    return wrap(
        Theirs(len(trained.vocabulary)),
        inputs=lambda batch: (batch.ids,),
        classes=("no", "yes"),
        vocabulary=trained.vocabulary,
    )


@pytest.mark.parametrize("name", ["model", "theirs", "bert"])
def test_many_calls_with_one_encoding_are_each_as_one_alone(name, planted, request) -> None:
    model = request.getfixturevalue(name)
    batch = model.batch(planted.test[:5])
    under = model.many_under(batch, 3)
    torch.manual_seed(0)
    for _ in range(2):
        scores = torch.randn(5, 3, model.run(batch).is_word.shape[1]).masked_fill(
            ~model.run(batch).is_word[:, None], -torch.inf
        )
        given = [scores.softmax(-1).requires_grad_() for _ in range(2)]
        many, one = under(given[0]), model.logits_under(batch, given[1])
        assert many.shape == (5, 3, 2)
        torch.testing.assert_close(many, one, atol=1e-5, rtol=0)
        for logits in (many, one):
            logits[..., 1].sum().backward()
        torch.testing.assert_close(given[0].grad, given[1].grad, atol=1e-5, rtol=0)


def test_a_readers_own_module_is_wrapped_in_one_call(theirs, planted) -> None:
    """It attends to start and end tokens too: the words keep their share, and only that is given out anew."""
    batch = theirs.batch(planted.test[:4])
    run = theirs.run(batch)
    assert run.logits.shape == (4, 2)
    assert torch.equal(run.logits[:, 0], torch.zeros(4))
    assert torch.allclose(run.weights.sum(-1), torch.ones(4))
    assert (run.word_mass < 1).all()
    with torch.no_grad():
        again = theirs.logits_under(batch, run.weights[:, None])[:, 0]
    assert torch.allclose(again, run.logits, atol=1e-6)


def test_one_logit_stands_for_two_classes() -> None:
    z = torch.tensor([-1.5, 2.0])
    p = two_class_logits(z).softmax(-1)
    assert torch.allclose(p[:, 1], z.sigmoid())
    assert torch.equal(two_class_logits(z[:, None]), two_class_logits(z))
    already = torch.randn(2, 3)
    assert two_class_logits(already) is already


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give classes"),
        ({"classes": ("a", "b")}, "give vocabulary"),
        ({"site": "nowhere"}, "there is no attention site 'nowhere'; the sites are"),
        ({"head": 3}, r"has heads 0\.\.0, got head=3"),
        ({"embedding": "missing"}, "no module 'missing'"),
        (
            {"example": [Document(id="a", words=("x", "y"), label=0), Document(id="b", words=("y", "x"), label=0)]},
            "all have 2 words",
        ),
    ],
)
def test_wrong_use_is_explained(trained, arguments, message) -> None:
    needs_more = not arguments or set(arguments) == {"classes"}
    module = trained.module if needs_more else trained
    with pytest.raises(ValueError, match=message):
        wrap(module, **arguments)


DTYPES = (torch.float64, torch.bfloat16, torch.float16)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["model", "theirs", "bert"])
@pytest.mark.filterwarnings("ignore:wrap. BertForSequenceClassification has parameters")
def test_a_module_of_another_precision_answers_as_in_float32(name, dtype, planted, request, monkeypatch) -> None:
    """Wrapped as it is, or changed after it was wrapped: up to what the precision rounds, everything stays."""
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 5)
    own = request.getfixturevalue(name)
    documents = planted.test[:3]

    def wrapped(module: nn.Module) -> AttentionModel:
        if name == "bert":
            return wrap(module, own.collate.tokenizer, classes=own.classes)
        options = {} if name == "model" else {"inputs": lambda batch: (batch.ids,)}
        return wrap(module, classes=planted.classes, vocabulary=own.collate.keywords["vocabulary"], **options)

    early, late = wrapped(copy.deepcopy(own.module).to(dtype)), wrapped(copy.deepcopy(own.module))
    late.module.to(dtype)
    close = {"atol": 1e-5 if dtype == torch.float64 else 0.1, "rtol": 0}
    batch = own.batch(documents)
    classes = own.run(batch).logits.argmax(-1)
    for model in (early, late):
        assert model.logits(documents).dtype == (dtype if dtype == torch.float64 else torch.float32)
        torch.testing.assert_close(model.logits(documents).float(), own.logits(documents), **close)
        torch.testing.assert_close(model.run(batch).weights.float(), own.run(batch).weights, **close)
        for method in named("leave-one-out", "gradient x input (detached)", "gradient SHAP").values():
            one, two = (method(each, batch, classes).values.float() for each in (model, own))
            torch.testing.assert_close(one, two, **close, equal_nan=True)
    reading = read(early, documents, training=planted)
    for ask in (agreement, permutation, erasure, adversary) if name == "model" else (permutation,):
        assert len(ask(reading).frame)


def test_another_attention_implementation_after_wrapping_is_refused_with_the_remedy(bert, planted) -> None:
    model = replace(bert, module=copy.deepcopy(bert.module))
    model.module.set_attn_implementation("eager")
    torch.testing.assert_close(model.logits(planted.test[:3]), bert.logits(planted.test[:3]))
    with pytest.raises(RuntimeError, match=r"not reached .*another attention implementation, find them again: sites"):
        model.run(model.batch(planted.test[:3]))

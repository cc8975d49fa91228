"""The classifier of two texts against a loop in plain PyTorch, document by document."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import attn_interp as ai
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.batch import collate
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.frozen_attention import attending, uniform
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.imitating import FREE, base_outputs, imitate
from attn_interp.models.wrap import wrap

PLACES = ("garden", "kitchen", "office")
SMALL = {"embedding_width": 6, "hidden": 4, "dropout": 0.0}
KINDS = [("lstm", "additive"), ("gru", "dot"), ("lstm", "scaled_dot"), ("average", "bilinear"), ("cnn", "uniform")]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Where two people are; the question names one of them."""
    random = torch.Generator().manual_seed(0)
    documents, labels = [], []
    for index in range(60):
        first, second, asked, *extra = torch.randint(0, 3, (6,), generator=random).tolist()
        story = ["Ann", "is", "in", "the", PLACES[first], ".", *["Still"] * extra[0], "Bob", "is", "in", PLACES[second]]
        question = Document(words=("Where", "is", "Bob" if asked else "Ann", *["?"] * extra[1]))
        documents.append(Document(words=story, id=f"d{index}", second=question))
        labels.append(PLACES[second if asked else first])
    return ai.load(documents, labels=labels)


def model_of(corpus: Corpus, encoder: str, attention: str) -> AttentionModel:
    settings = ClassifierSettings(encoder=encoder, attention=attention, kernels=(1, 3), **SMALL)
    return wrap(fit_classifier(corpus, settings, TrainingSettings(epochs=1, learning_rate=0.02), progress=False))


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def model(corpus, request) -> AttentionModel:
    return model_of(corpus, *request.param)


@pytest.fixture(scope="module")
def lstm(corpus) -> AttentionModel:
    return model_of(corpus, "lstm", "additive")


def by_hand(
    model: AttentionModel, document: Document, weights: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (C,) and attention (W,) of one document."""
    module, vocabulary = model.module, model.trained.vocabulary
    encoded = []
    for words, encoder in ((document.words, module.encoder), (document.second.words, module.second_encoder)):
        ids = torch.tensor([[2, *vocabulary.ids(words), 3]])
        encoded.append(encoder(module.embedding(ids), torch.ones_like(ids, dtype=torch.bool))[0])
    states, question = encoded
    half = question.shape[-1] // 2
    recurrent = model.trained.settings.encoder in ("lstm", "gru")
    query = torch.cat([question[-1, :half], question[0, half:]]) if recurrent else question[1:-1].mean(0)
    scores, width = module.pooling.scores, states.shape[-1]
    score = {
        "additive": lambda h: scores.score(torch.tanh(scores.keys(h) + scores.query(query)))[0],
        "dot": lambda h: h @ query,
        "scaled_dot": lambda h: h @ query / math.sqrt(width),
        "bilinear": lambda h: h @ scores.matrix(query),
        "uniform": lambda h: h.sum() * 0,
    }[model.trained.settings.attention]
    words = states[1:-1]
    own = torch.stack([score(state) for state in words]).softmax(0) if weights is None else weights
    context = (own[:, None] * words).sum(0)
    return module.head(torch.tanh(module.of_context(context) + module.of_query(query))), own


def test_probability_attention_and_gradient_are_those_of_the_loop(model, corpus) -> None:
    documents = corpus.test[:4]
    batch = model.batch(documents)
    run = model.run(batch)
    classes = run.logits.argmax(-1)
    gradients = model.gradient_at_weights(batch, classes)
    for row, document in enumerate(documents):
        logits, own = by_hand(model, document)
        count = len(document)
        torch.testing.assert_close(run.logits[row], logits, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(run.weights[row, :count], own, atol=1e-6, rtol=1e-5)
        free = own.detach().requires_grad_()
        chosen = by_hand(model, document, free)[0].softmax(-1)[classes[row]]
        torch.testing.assert_close(gradients[row, :count], torch.autograd.grad(chosen, free)[0], atol=1e-6, rtol=1e-4)


def test_leave_one_out_holds_the_second_text(model, corpus) -> None:
    documents = corpus.test[:3]
    batch = model.batch(documents)
    classes = model.run(batch).logits.argmax(-1)
    found = leave_one_out(model, batch, classes).values
    for row, document in enumerate(documents):
        whole = by_hand(model, document)[0].softmax(-1)[classes[row]]
        for word in range(len(document)):
            without = by_hand(model, delete_words(document, {word}))[0].softmax(-1)[classes[row]]
            assert float(found[row, word]) == pytest.approx((whole - without).item(), abs=1e-6)


def test_other_weights_are_those_of_the_loop(model, corpus) -> None:
    document = corpus.test[0]
    weights = torch.rand(3, len(document), generator=torch.Generator().manual_seed(1)).softmax(-1)
    found = model.logits_under(model.batch([document]), weights[None])[0]
    expected = torch.stack([by_hand(model, document, each)[0] for each in weights])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_gradients_at_words_are_those_of_the_first_text(lstm, corpus) -> None:
    batch = lstm.batch(corpus.test[:3])
    embeddings, gradient = lstm.gradient_at_embeddings(batch, torch.zeros(3, dtype=torch.long), detached=False)
    assert embeddings.shape[:2] == gradient.shape[:2] == batch.ids.shape
    assert (gradient[batch.is_word].abs().sum(-1) > 0).all()


def test_the_second_text_decides_and_neither_padding_nor_neighbours_do(lstm, corpus) -> None:
    first, other = corpus.test[:2]
    name = "Ann" if "Bob" in first.second.words else "Bob"
    asked = Document(words=first.words, id="other", second=Document(words=("Where", "is", name, "?", "?")))
    alone = torch.cat([lstm.logits([each]) for each in (first, asked, other)])
    together = lstm.logits([first, asked, other])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


def test_every_question_of_the_papers_can_be_asked(lstm, corpus, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 20)
    reading = read(lstm, corpus.test[:3], progress=False)
    assert not reading.affine  # what stands inside tanh is affine, and the logits are not
    assert agreement(reading).frame["tau"].notna().all()
    assert (permutation(reading, draws=3).frame["median_tvd"] > 0).all()
    best, searched = (adversary(reading, method=method).frame for method in ("best", "search"))
    assert (best["jsd"] >= searched["jsd"] - 1e-9).all() and (best["tvd"] <= 0.01 + 1e-6).all()
    assert len(erasure(reading).frame) and len(single_erasure(reading).frame)


def test_what_stands_inside_tanh_makes_the_logits(model, corpus) -> None:
    batch = model.batch(corpus.test[:3])
    made, run = model.inside_tanh(batch), model.run(batch)
    for row, weights in enumerate(run.weights):
        inside = made.inside[row][batch.is_word[row]]
        u = weights[: len(inside)] @ inside
        torch.testing.assert_close(
            made.head[row] @ torch.tanh(u) + made.bias[row], run.logits[row], atol=1e-6, rtol=1e-5
        )


def test_the_adversary_knows_of_tanh_and_loses_nothing_by_it(lstm, corpus) -> None:
    documents = corpus.test[:4]
    known, unknown = read(lstm, documents, progress=False), read(replace(lstm, inside_tanh=None), documents)
    near, far = (adversary(reading, eps=1e-4).frame for reading in (known, unknown))
    assert (near["jsd"] >= far["jsd"] - 1e-12).all() and (near["jsd_upper"] <= far["jsd_upper"] + 1e-12).all()
    assert (near["jsd_upper"] < far["jsd_upper"] - 0.01).any()
    assert (near["tvd"] <= 1e-4 + 1e-6).all()


def test_the_mean_of_the_first_text_is_uniform_attention_over_it(corpus) -> None:
    mean, flat = (
        fit_classifier(corpus, ClassifierSettings(**own, **SMALL), TrainingSettings(epochs=1), progress=False)
        for own in ({"pooling": "mean"}, {"attention": "uniform"})
    )
    batch = collate(corpus.test, flat.vocabulary)
    with torch.no_grad():
        torch.testing.assert_close(mean.module(*batch.inputs), flat.module(*batch.inputs))


def test_saved_and_loaded_it_says_the_same(lstm, corpus, tmp_path) -> None:
    loaded = ai.load_model(lstm.save(tmp_path / "model"))
    assert torch.equal(loaded.logits(corpus.test), lstm.logits(corpus.test))


def test_attention_can_be_held(lstm, corpus) -> None:
    batch = lstm.batch(corpus.test[:1])
    with attending(lstm.module, uniform(batch)), torch.no_grad():
        found = lstm.module(*batch.inputs)[0]
    count = len(corpus.test[0])
    torch.testing.assert_close(found, by_hand(lstm, corpus.test[0], torch.full((count,), 1 / count))[0])


@pytest.mark.parametrize("free", FREE)
def test_an_imitator_keeps_what_is_not_free_and_its_loss_is_that_of_both_models(lstm, corpus, free) -> None:
    base, quick = lstm.trained, TrainingSettings(epochs=1, learning_rate=0.02)
    given = base_outputs(base, corpus)
    found = imitate(base, corpus, 0.3, free, quick, outputs=given, progress=False).trained
    fixed = {"attention": ("embedding", "encoder", "second_encoder", "of_", "head"), "full": ()}
    fixed["attention and head"] = fixed["attention"][:3]
    before, after = base.module.state_dict(), found.module.state_dict()
    still = {name for name in before if torch.equal(before[name], after[name]) and name != "embedding.weight"}
    assert still == {name for name in before if name.startswith(fixed[free]) and name != "embedding.weight"}
    losses = []
    for document in corpus.dev:
        (own, a), (other, b) = by_hand(wrap(found), document), by_hand(lstm, document)
        losses.append((own.softmax(-1) - other.softmax(-1)).abs().sum() / 2 - 0.3 * (a * (a / b).log()).sum())
    assert torch.stack(losses).mean().item() == pytest.approx(found.history[-1].dev_loss, abs=1e-6)


def test_what_does_not_fit_is_refused_in_a_sentence(lstm, model, trained, corpus) -> None:
    with pytest.raises(ValueError, match=r"reads two texts, and the documents have one; give each its second"):
        lstm.predict("Ann is in the garden .")
    with pytest.raises(ValueError, match="reads one text, and the documents have a second"):
        wrap(trained).logits(corpus.test)
    with pytest.raises(ValueError, match="a classifier of two texts reads words"):
        ai.train(corpus, encoder="hierarchical")

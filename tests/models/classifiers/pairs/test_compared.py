"""The classifier that compares two texts: a loop in plain PyTorch, and the same from the side of the second text."""

from __future__ import annotations

import pytest
import torch

import attn_interp as ai
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.imitating import imitate
from attn_interp.models.wrap import wrap

CORPUS = ai.load("facts", documents=60, most_sentences=3)
SMALL = {"embedding_width": 6, "hidden": 4, "dropout": 0.0, "kernels": (1, 3), "second": "compared"}
KINDS = [("lstm", "additive", 1), ("gru", "dot", 2), ("average", "scaled_dot", 1)]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def model(request) -> AttentionModel:
    encoder, attention, heads = request.param
    settings = ClassifierSettings(encoder=encoder, attention=attention, heads=heads, **SMALL)
    return wrap(fit_classifier(CORPUS, settings, TrainingSettings(epochs=1, learning_rate=0.02), progress=False))


def by_hand(model: AttentionModel, document: Document) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits (C,) of a pair, and the attention (H, words) over each text."""
    module, contexts, attentions = model.module, [], []
    for text, pooling in ((document, module.pooling), (document.second, module.second_pooling)):
        ids = torch.tensor([[2, *model.trained.vocabulary.ids(text.words), 3]])
        states = module.encoder(module.embedding(ids), torch.ones_like(ids, dtype=torch.bool))[:, 1:-1]
        weights = pooling.scores(states)[0].softmax(-1)  # (H, words)
        values = states[0].unflatten(-1, (len(weights), -1)).transpose(0, 1)  # (H, words, D/H)
        contexts.append(torch.cat([own @ value for own, value in zip(weights, values)]))
        attentions.append(weights)
    one, two = contexts
    features = torch.cat([one, two, (one - two).abs(), one * two])
    return module.head.weight @ features + module.head.bias, attentions


@torch.no_grad()
def test_logits_and_the_attention_over_each_text_are_those_of_a_loop(model) -> None:
    other = wrap(model.trained, exchanged=True)
    for document in CORPUS.test[:5]:
        logits, attentions = by_hand(model, document)
        for side, pair, expected in zip((model, other), (document, ai.exchanged(document)), attentions):
            run = side.run(side.batch([pair]))
            torch.testing.assert_close(run.logits[0], logits)
            torch.testing.assert_close(run.weights[0], expected[0])


def test_leaving_out_words_of_the_second_text_is_the_pair_written_without_them(model) -> None:
    other = wrap(model.trained, exchanged=True)
    document = CORPUS.test[0]
    batch = other.batch([ai.exchanged(document)])
    before = model.logits([document]).softmax(-1)[0]
    found = leave_one_out(other, batch, before.argmax()[None]).values[0]
    for position, drop in enumerate(found):
        shorter = Document(words=document.words, second=delete_words(document.second, [position]))
        after = model.logits([shorter]).softmax(-1)[0]
        assert float(drop) == pytest.approx(float((before - after)[before.argmax()]), abs=1e-6)


def test_an_imitator_of_it_is_saved_and_loaded(model, tmp_path) -> None:
    if model.trained.settings.heads > 1:
        with pytest.raises(ValueError, match="2 attention heads"):
            imitate(model.trained, CORPUS, 0.1)
        return
    found = wrap(imitate(model.trained, CORPUS, 0.3, training=TrainingSettings(epochs=1), progress=False).trained)
    loaded = ai.load_model(found.save(tmp_path / "model"))
    assert torch.equal(loaded.logits(CORPUS.test), found.logits(CORPUS.test))


def test_what_has_no_second_text_to_attend_to_is_refused(of_pairs) -> None:
    with pytest.raises(ValueError, match="PairClassifier does not attend to the words of a second text"):
        wrap(of_pairs.model.trained, exchanged=True)
    with pytest.raises(ValueError, match="second: got 'both', expected one of 'compared', 'query'"):
        ai.train(CORPUS, second="both")


def test_a_module_of_two_texts_without_examples_is_told_to_give_them() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.out = torch.nn.Embedding(50, 4), torch.nn.Linear(4, 2)

        def forward(self, ids, is_token, is_word, second_ids, second_is_token, second_is_word):
            return self.out(self.embedding(ids).mean(1))

    with pytest.raises(TypeError, match=r"missing 3 required .* where it reads two texts, give example="):
        wrap(Own(), encode=lambda words: [1] * len(words), inputs=lambda batch: batch.inputs, classes=["a", "b"])

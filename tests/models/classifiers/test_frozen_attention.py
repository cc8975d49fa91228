"""Attention held to given weights, and read with gradients."""

from dataclasses import replace

import pytest
import torch

from attn_interp.data.batch import collate
from attn_interp.data.corpora.planted import load_planted
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier, build_classifier
from attn_interp.models.classifiers.frozen_attention import (
    GivenAttention,
    attending,
    attention_of,
    attention_of_rationales,
    attention_pooling,
    reading_scores,
    uniform,
)
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import UnderAttention
from attn_interp.models.predicting import predict_logits
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

DOCUMENTS = (
    Document(id="a", words=("p", "q", "r"), label=0),
    Document(id="b", words=("q",), label=1),
    Document(id="c", words=("r", "r", "p", "q", "p"), label=1),
)
END = Document(id="end", words=(".",), label=0)
VOCABULARY = Vocabulary.build(DOCUMENTS)
SETTINGS = ClassifierSettings(embedding_width=7, hidden=4, dropout=0.0)


def classifier(**changes) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Classifier(replace(SETTINGS, **changes), len(VOCABULARY), 2).eval()


def one_hot(document: Document, place: int) -> torch.Tensor:
    return torch.eye(len(document), dtype=torch.float64)[place]


def test_all_weight_on_one_word_gives_the_vote_of_that_word() -> None:
    module, batch = classifier(), collate(DOCUMENTS, VOCABULARY)
    places = [2, 0, 3]
    given = GivenAttention({each.id: one_hot(each, place) for each, place in zip(DOCUMENTS, places, strict=True)})
    states = module.encoder(module.embedding(batch.ids), batch.is_token)
    expected = module.head(states[torch.arange(3), torch.tensor(places) + 1])  # a start token comes first
    with attending(module, given(batch)):
        assert torch.allclose(module(batch.ids, batch.is_token, batch.is_word), expected, atol=1e-6)
    assert torch.allclose(predict_logits(module, VOCABULARY, DOCUMENTS, attention=given), expected, atol=1e-6)


def test_a_models_own_attention_given_back_changes_nothing() -> None:
    module = classifier(heads=1)
    model = wrap(module, classes=("x", "y"), vocabulary=VOCABULARY)
    given = attention_of(model, DOCUMENTS)
    held = predict_logits(module, VOCABULARY, DOCUMENTS, attention=given)
    assert torch.allclose(held, predict_logits(module, VOCABULARY, DOCUMENTS), atol=1e-6)
    assert {name: len(weights) for name, weights in given.weights.items()} == {"a": 3, "b": 1, "c": 5}


def test_uniform_attention_is_the_mean_of_the_states_in_three_spellings() -> None:
    module = classifier()
    held = predict_logits(module, VOCABULARY, DOCUMENTS, attention=uniform)
    for changes in ({"pooling": "mean"}, {"attention": "uniform"}):
        other = classifier(**changes)
        assert not list(other.pooling.parameters())
        other.load_state_dict({k: v for k, v in module.state_dict().items() if "pooling" not in k})
        assert torch.allclose(predict_logits(other, VOCABULARY, DOCUMENTS), held, atol=1e-6)
    weights = wrap(other, classes=("x", "y"), vocabulary=VOCABULARY).run(collate(DOCUMENTS, VOCABULARY)).weights
    assert torch.allclose(weights[0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0, 0]))


def test_the_own_scores_are_back_after_an_exception() -> None:
    module = classifier()
    own = module.pooling.scores
    with pytest.raises(RuntimeError, match="stop"), attending(module, uniform(collate(DOCUMENTS, VOCABULARY))):
        raise RuntimeError("stop")
    assert module.pooling.scores is own
    with pytest.raises(RuntimeError, match="stop"), reading_scores(module):
        raise RuntimeError("stop")
    assert not own._forward_hooks


def test_scores_are_read_with_their_gradients() -> None:
    module, batch = classifier(), collate(DOCUMENTS, VOCABULARY)
    with reading_scores(module) as scores:
        module(batch.ids, batch.is_token, batch.is_word)
    assert [tuple(each.shape) for each in scores] == [(3, 1, 7)]
    assert torch.autograd.grad(scores[0].sum(), module.pooling.scores.query)[0].abs().sum() > 0


def test_training_under_frozen_attention_learns_from_the_words_it_weighs_alone() -> None:
    """With the keyword hidden from the attention nothing can be learned; with all weight on it, everything."""
    corpus = load_planted(400, least_length=3, most_length=9)
    everything = [document for split in corpus.splits.values() for document in split]
    seen = attention_of_rationales(everything)
    hidden = GivenAttention({k: (1 - v) / (len(v) - 1) for k, v in seen.weights.items()})
    small = replace(SETTINGS, encoder="average", embedding_width=14, hidden=6)
    scores = []
    for given in (seen, hidden):
        model = fit_classifier(
            corpus, small, TrainingSettings(epochs=8, learning_rate=0.02), 1, progress=False, attention=given
        )
        labels = torch.tensor([document.label for document in corpus.test])
        scores.append(float((UnderAttention(model, given).logits(corpus.test).argmax(1) == labels).double().mean()))
    assert scores[0] == 1.0
    assert abs(scores[1] - 0.5) < 3 * 0.5 / len(corpus.test) ** 0.5


def test_rationales_are_averaged_and_missing_ones_are_uniform() -> None:
    documents = (
        Document(id="two", words=("p", "q", "r"), label=0, rationales=((1, 0, 0), (1, 1, 0))),
        Document(id="none", words=("p", "q"), label=0),
        Document(id="empty", words=("p", "q"), label=0, rationales=((0, 0),)),
    )
    found = attention_of_rationales(documents).weights
    assert torch.allclose(found["two"], torch.tensor([2 / 3, 1 / 3, 0.0], dtype=torch.float64))
    assert found["none"].tolist() == found["empty"].tolist() == [0.5, 0.5]


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"document 'a': attention sums to 0\.9"):
        GivenAttention({"a": torch.tensor([0.4, 0.5, 0.0])})
    with pytest.raises(ValueError, match="document 'a'"):
        GivenAttention({"a": torch.tensor([1.5, -0.5, 0.0])})
    batch = collate(DOCUMENTS, VOCABULARY)
    with pytest.raises(KeyError, match="document 'b': no attention"):
        GivenAttention({"a": torch.ones(3) / 3})(batch)
    with pytest.raises(ValueError, match="document 'a': attention has 2 weights for 3 words"):
        GivenAttention({"a": torch.ones(2) / 2})(batch)
    sentences = build_classifier(replace(SETTINGS, encoder="hierarchical"), Vocabulary.build([*DOCUMENTS, END]), 2)
    with pytest.raises(TypeError, match="attends to sentences; expected a classifier that attends to words"):
        attention_pooling(sentences)
    with pytest.raises(TypeError, match="pools by MeanPooling; expected a classifier with pooling='attention'"):
        attention_pooling(classifier(pooling="mean"))

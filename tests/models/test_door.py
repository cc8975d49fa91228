"""What a person types first of a model: train, predict, show, save, load, another view, and a module of their own."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn

from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained, UnderAttention
from attn_interp.models.given_attention import RandomByDocument
from attn_interp.models.predicting import predict_logits
from attn_interp.models.saving import load_model
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training_door import train
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, record, sites

SMALL = {"hidden": 8, "embedding_width": 8, "epochs": 1}
TEXTS = ["a wonderful film", "an awful film", "an awful film"]


@pytest.fixture(scope="module")
def corpus():
    return load("planted", documents=120)


@pytest.fixture(scope="module")
def trained_model(corpus) -> AttentionModel:
    return train(corpus, "average", seed=2, progress=False, **SMALL)


@pytest.fixture(scope="module")
def deep(corpus) -> AttentionModel:
    return train(corpus, "transformer", pooling="mean", layers=2, encoder_heads=2, progress=False, **SMALL)


def test_train_takes_settings_flat_and_equals_the_function_it_calls(corpus, trained_model) -> None:
    settings = ClassifierSettings("average", hidden=8, embedding_width=8)
    expected = fit_classifier(corpus, settings, TrainingSettings(epochs=1), seed=2, progress=False)
    assert trained_model.trained.settings == settings and trained_model.trained.seed == 2
    for name, value in expected.module.state_dict().items():
        assert torch.equal(trained_model.module.state_dict()[name], value)


def test_an_option_that_is_no_setting_is_refused_with_all_settings(corpus) -> None:
    with pytest.raises(TypeError, match=r"train: 'epoch' is no setting; settings are .* epochs, .*weight_decay"):
        train(corpus, epoch=1)
    with pytest.raises(ValueError, match="hidden: got 0"):
        train(corpus, hidden=0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("movies", r"got 'movies', expected a Corpus; .*train\(load\('movies'\)\)"),
        (TEXTS, r"got a list, .*load\(texts, labels"),
    ],
)
def test_what_is_no_corpus_teaches_load(given, message) -> None:
    with pytest.raises(TypeError, match=message):
        train(given)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_without_attention_train_gives_the_trained_classifier(corpus, pooling) -> None:
    trained = train(corpus, "lstm", pooling=pooling, seed=1, progress=False, **SMALL)
    assert isinstance(trained, Trained) and trained.seed == 1 and trained.classes == corpus.classes
    documents = corpus.test[:4]
    assert torch.equal(trained.logits(documents), predict_logits(trained.module, trained.vocabulary, documents))
    assert trained.predict("a film").columns.tolist() == trained_columns()
    assert len(repr(trained)) <= 600


def trained_columns() -> list[str]:
    return ["document", "predicted", "probability negative", "probability positive"]


def test_where_the_encoder_attends_train_gives_a_model(deep) -> None:
    assert isinstance(deep, AttentionModel) and deep.view.head == deep.view.query == "mean"


def test_predictions_are_the_softmax_of_the_logits(trained_model, corpus) -> None:
    frame = trained_model.predict(corpus.test)
    expected = trained_model.trained.logits(corpus.test).double().softmax(-1)
    assert frame["document"].tolist() == [document.id for document in corpus.test]
    assert frame.filter(like="probability").to_numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert frame["predicted"].tolist() == [corpus.classes[index] for index in expected.argmax(-1).tolist()]


def test_texts_are_taken_where_documents_are(trained_model) -> None:
    frame = trained_model.predict(TEXTS)
    name = Document(TEXTS[1]).id
    assert frame["document"].tolist()[1:] == [name, f"{name}#2"]
    alone = trained_model.predict(TEXTS[0])
    assert alone.columns.tolist() == trained_columns() and len(alone) == 1
    pd.testing.assert_frame_equal(alone, frame.head(1))
    assert torch.allclose(trained_model.logits(TEXTS)[:1], trained_model.logits(TEXTS[0]), atol=1e-6)


def test_a_model_is_not_called(trained_model) -> None:
    with pytest.raises(TypeError, match="predict"):
        trained_model("a film")


def test_the_representation_is_short(trained_model, deep) -> None:
    assert all(len(repr(model)) <= 600 for model in (trained_model, deep))
    assert "average classifier" in repr(trained_model) and "site 'pooling'" in repr(trained_model)


def test_show_has_attention_and_an_attribution_of_the_predicted_class(trained_model) -> None:
    shown = trained_model.show("a wonderful film", methods=["leave-one-out"])
    cells = shown.drawn
    attention = cells[cells["row"] == "attention"]
    batch = trained_model.batch([Document("a wonderful film")])
    assert attention["weight"].tolist() == pytest.approx(trained_model.run(batch).weights[0].tolist())
    whole = trained_model.predict("a wonderful film").iloc[0]
    without = trained_model.predict("a film").iloc[0]
    lost = whole[f"probability {whole.predicted}"] - without[f"probability {whole.predicted}"]
    assert cells[cells["row"] == "leave-one-out"]["weight"].iloc[1] == pytest.approx(lost, abs=1e-5)
    assert f"predicted {whole.predicted}" in repr(shown)
    with pytest.raises(ValueError, match="LIME"):
        trained_model.show("a film", methods="limee")


def test_a_saved_model_comes_back_bit_for_bit(trained_model, corpus, tmp_path) -> None:
    again = load_model(trained_model.save(tmp_path / "model"))
    assert torch.equal(again.logits(corpus.test), trained_model.logits(corpus.test))
    assert again.view == trained_model.view and again.trained.seed == 2
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_model(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"neither settings\.json .* nor config\.json"):
        load_model(tmp_path / "empty")


def test_another_view_shares_the_module(deep, corpus) -> None:
    first, second = (site.name for site in deep.sites)
    assert deep.view.site == second
    one = deep.at(head=1)
    assert one.module is deep.module and (one.view.head, one.view.query, one.view.site) == (1, "mean", second)
    moved = deep.at(site=first, head="mean", query="mean")
    batch = deep.batch(corpus.test[:3])
    assert moved.view.site == first and torch.equal(moved.run(batch).logits, deep.run(batch).logits)
    assert not torch.allclose(moved.run(batch).weights, deep.run(batch).weights)
    assert wrap(deep) is deep and wrap(deep, head=1).view == one.view
    assert deep.at(site=first).view == wrap(deep.trained, site=first).view
    with pytest.raises(ValueError, match=r"heads 0\.\.1, got head=7"):
        deep.at(head=7)
    with pytest.raises(ValueError, match="there is no attention site 'nowhere'"):
        deep.at(site="nowhere")


def test_a_hierarchical_model_can_be_seen_over_words() -> None:
    texts = [f"{word} film . it {word} ends ." for word in ("good", "bad", "fine", "poor")] * 10
    corpus = load(texts, labels=["yes", "no"] * 20)
    model = train(corpus, "hierarchical", progress=False, **SMALL)
    over_words = model.at(site="word_attention")
    assert over_words.module is model.module
    assert len(over_words.show("good film .").drawn) == 3 and len(model.show("good film . it ends .").drawn) == 2


def test_recording_looks_through_a_model(trained_model) -> None:
    assert sites(trained_model) == trained_model.sites
    with record(trained_model) as recording:
        before = trained_model.logits(TEXTS[:1])
    weights = recording["pooling"]
    assert weights.shape == (1, 1, 1, 5)
    with intervene(trained_model, {"pooling": weights.flip(-1)}):
        assert not torch.allclose(trained_model.logits(TEXTS[:1]), before)
    with pytest.raises(TypeError, match="got a str, expected"), record("model"):
        pass


def test_under_attention_is_the_classifier_under_the_attention_it_was_given(corpus) -> None:
    attention = RandomByDocument(3)
    settings = ClassifierSettings("average", hidden=8, embedding_width=8)
    trained = fit_classifier(corpus, settings, TrainingSettings(epochs=1), 4, progress=False, attention=attention)
    under = UnderAttention(trained, attention)
    expected = predict_logits(trained.module, trained.vocabulary, corpus.test, attention=attention)
    assert (under.seed, under.classes) == (4, corpus.classes) and torch.equal(under.logits(corpus.test), expected)
    assert torch.equal(UnderAttention(trained).logits(corpus.test), trained.logits(corpus.test))


class Own(nn.Module):
    """Attention over embeddings, padding left out."""

    def __init__(self, padding: int = 0) -> None:
        super().__init__()
        self.padding = padding
        self.embedding, self.score, self.out = nn.Embedding(30, 8), nn.Linear(8, 1), nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.embedding(ids)
        weights = self.score(states)[..., 0].masked_fill(ids == self.padding, -torch.inf).softmax(-1)
        return self.out((weights[..., None] * states).sum(1))


@pytest.fixture(scope="module")
def own() -> Own:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Own().eval()


def test_a_module_of_ones_own_with_its_own_ids(own) -> None:
    model = wrap(own, encode=lambda words: [len(word) for word in words], classes=["negative", "positive"])
    with torch.no_grad():
        expected = torch.cat([own(torch.tensor([[1, 4, 4]])), own(torch.tensor([[2, 5, 4, 4]]))])
    assert torch.allclose(
        model.logits(["a good film", "an awful film too!"[:-1].replace("too", "here")]), expected, atol=1e-6
    )
    run = model.run(model.batch([Document("a good film"), Document("an awful film here")]))
    assert run.is_word.sum(-1).tolist() == [3, 4] and torch.allclose(run.weights.sum(-1), torch.ones(2))
    assert model.predict("a good film")["predicted"].iloc[0] in model.classes
    assert {"attention", "gradient x input"} == set(model.show("a film", ["gradient x input"]).drawn["row"])


def test_encode_has_to_give_an_id_for_each_word(own, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"encode gave 9 ids for 7 words; .*collate_documents=, or vocabulary="):
        wrap(own, encode=lambda words: [1, *map(len, words), 2], classes=["no", "yes"])
    model = wrap(own, encode=lambda words: [len(word) for word in words], classes=["no", "yes"])
    with pytest.raises(TypeError, match="Own is a module of your own"):
        model.save(tmp_path / "own")


def test_encode_has_to_know_the_words_and_to_give_whole_numbers(own) -> None:
    known = {"good": 1, "bad": 2, "a": 3}
    with pytest.raises(ValueError, match=r"'example 7': encode has no id for 'of'; let it .* example=, documents of"):
        wrap(own, encode=lambda words: [known[word] for word in words], classes=["no", "yes"])
    example = [Document("good a"), Document("a bad good")]
    model = wrap(own, encode=lambda words: [known[word] for word in words], classes=["no", "yes"], example=example)
    assert model.logits(["a good"]).shape == (1, 2)
    with pytest.raises(TypeError, match="'example 7': encode has to give a whole number for each word"):
        wrap(own, encode=lambda words: [len(word) / 2 for word in words], classes=["no", "yes"])


def test_a_vocabulary_larger_than_the_embedding_is_refused(trained_model) -> None:
    vocabulary = Vocabulary((*trained_model.trained.vocabulary.words, "more"))
    with pytest.raises(ValueError, match=r"the vocabulary has \d+ words, the embedding 'embedding' has \d+; they do"):
        wrap(trained_model.module, vocabulary=vocabulary, classes=["no", "yes"])


def test_padding_id_fills_a_batch() -> None:
    def encode(words: list[str]) -> list[int]:
        return [len(word) for word in words]

    model = wrap(Own(padding=29), encode=encode, padding_id=29, classes=["no", "yes"])
    assert model.batch([Document("a"), Document("a film")]).ids.tolist() == [[1, 29], [1, 4]]
    with pytest.raises(ValueError, match=r"wrap: padding_id is 30, expected one of the embedding's ids 0\.\.29"):
        wrap(Own(), encode=encode, padding_id=30, classes=["no", "yes"])


def test_a_model_of_transformers_is_saved_and_seen_at_another_layer(tmp_path) -> None:
    transformers = pytest.importorskip("transformers")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "##s", "good", "bad", "the", "was"]
    tokenizer = transformers.BertTokenizer(vocab={piece: index for index, piece in enumerate(pieces)})
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 9}
    config = transformers.BertConfig(vocab_size=len(pieces), max_position_embeddings=29, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = wrap(transformers.BertForSequenceClassification(config), tokenizer)
    again = load_model(model.save(tmp_path / "bert"))
    assert torch.equal(again.logits("the films was good"), model.logits("the films was good"))
    first = model.at(site=model.sites[0].name)
    assert first.module is model.module and first.view.site == model.sites[0].name != model.view.site


def test_a_folder_that_a_model_was_saved_to_can_be_wrapped(model, tmp_path) -> None:
    model.save(tmp_path / "mine")
    texts = ["a wonderful film", "an awful film"]
    torch.testing.assert_close(wrap(tmp_path / "mine").logits(texts), model.logits(texts), rtol=0, atol=0)
    (tmp_path / "config.json").write_text("{")
    pytest.importorskip("transformers")
    with pytest.raises(OSError, match=r"cannot be loaded by transformers \(.*JSON.*\); check the name, or the files"):
        wrap(tmp_path)

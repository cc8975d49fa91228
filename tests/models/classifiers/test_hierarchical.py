"""The hierarchical network against itself written with loops, its two sites, and its view in sentences."""

from __future__ import annotations

import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.hierarchical import HierarchicalClassifier, last_of_sentences, sentence_end_ids
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.units.sentence_view import collate_sentences
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, record, sites

VOCABULARY = Vocabulary((*SPECIALS, ".", "!", *"abcdefg"))
TEXTS = ("abc.de!fg.abg!!c", "a", "ab.cdab.cd", "...a.b", "abcdefg", "g.f.e.d.c.")
DOCUMENTS = [Document(id=f"document {row}", words=tuple(text), label=row % 2) for row, text in enumerate(TEXTS)]
SENTENCES = [
    ("a b c .", "d e !", "f g .", "a b g ! !", "c"),
    ("a",),
    ("a b .", "c d a b .", "c d"),
    (". . .", "a .", "b"),
    ("a b c d e f g",),
    ("g .", "f .", "e .", "d .", "c ."),
]


@pytest.fixture(params=[("additive", True, 1), ("dot", False, 1), ("scaled_dot", True, 2)], ids=str)
def module(request: pytest.FixtureRequest) -> HierarchicalClassifier:
    attention, bidirectional, heads = request.param
    settings = ClassifierSettings(
        encoder="hierarchical",
        attention=attention,
        bidirectional=bidirectional,
        heads=heads,
        embedding_width=5,
        hidden=8,
        dropout=0.0,
    )
    return large(settings)


def large(settings: ClassifierSettings) -> HierarchicalClassifier:
    """Weights large enough for every path to show."""
    torch.manual_seed(1)
    module = build_classifier(settings, VOCABULARY, 3).eval()
    assert isinstance(module, HierarchicalClassifier)
    for parameter in module.parameters():
        parameter.data.mul_(3)
    return module


@pytest.fixture
def model() -> AttentionModel:
    settings = ClassifierSettings(encoder="hierarchical", embedding_width=5, hidden=8, dropout=0.0)
    return wrap(large(settings), vocabulary=VOCABULARY, classes=("x", "y", "z"))


def test_sentences_end_with_the_last_of_their_marks() -> None:
    batch = collate_sentences(DOCUMENTS, VOCABULARY)
    assert [document.words for document in batch.documents] == SENTENCES
    assert batch.is_word.sum(1).tolist() == [5, 1, 3, 3, 1, 5]
    again = collate_sentences(batch.documents, VOCABULARY)
    assert again.documents == batch.documents
    assert torch.equal(again.ids, batch.ids) and torch.equal(again.is_word, batch.is_word)


def test_marks_outside_the_vocabulary_end_nothing() -> None:
    assert sentence_end_ids(VOCABULARY) == (4, 5)
    bare = Vocabulary((*SPECIALS, "a"))
    assert sentence_end_ids(bare) == ()
    assert collate_sentences([Document(id="d", words=("a", ".", "a"), label=0)], bare).documents[0].words == ("a . a",)
    no_words = torch.zeros(1, 3, dtype=torch.bool)
    assert not last_of_sentences(torch.tensor([[2, 3, 0]]), no_words, (4,)).any()


def pooled_by_hand(pooling, states: torch.Tensor) -> torch.Tensor:
    """states (N, D) -> (D,), head by head."""
    scores = pooling.scores(states[None])[0]  # (H, N)
    parts = [score.softmax(0) @ part for score, part in zip(scores, states.chunk(len(scores), 1))]
    return torch.cat(parts)


def logits_by_hand(module: HierarchicalClassifier, sentences: tuple[str, ...]) -> torch.Tensor:
    def encoded(encoder, values: torch.Tensor) -> torch.Tensor:
        onward = encoder.onward(values[None])[0][0]
        if encoder.back is None:
            return onward
        return torch.cat([onward, encoder.back(values.flip(0)[None])[0][0].flip(0)], 1)

    vectors = []
    for sentence in sentences:
        embedded = module.embedding(torch.tensor(VOCABULARY.ids(sentence.split())))
        vectors.append(pooled_by_hand(module.word_attention, encoded(module.encoder, embedded)))
    states = encoded(module.sentence_encoder, torch.stack(vectors))
    return module.head(pooled_by_hand(module.pooling, states))


def test_equals_the_network_written_with_loops(module: HierarchicalClassifier) -> None:
    batch = collate_sentences(DOCUMENTS, VOCABULARY)
    with torch.no_grad():
        logits = module(batch.ids, batch.is_token, batch.is_word)
        by_hand = torch.stack([logits_by_hand(module, sentences) for sentences in SENTENCES])
    assert torch.allclose(logits, by_hand, atol=1e-5)
    assert (logits[0] - logits[2]).abs().max() > 1e-2


def test_padding_and_company_change_nothing(module: HierarchicalClassifier) -> None:
    batch = collate_sentences(DOCUMENTS, VOCABULARY)
    with torch.no_grad():
        together = module(batch.ids, batch.is_token, batch.is_word)
        for row, document in enumerate(DOCUMENTS):
            alone = collate_sentences([document], VOCABULARY)
            assert torch.allclose(module(alone.ids, alone.is_token, alone.is_word)[0], together[row], atol=1e-6)


def test_a_row_without_words_has_the_bias(module: HierarchicalClassifier) -> None:
    ids = torch.tensor([[2, 3, 0, 0], [2, 7, 8, 3]])
    is_token = ids != 0
    with torch.no_grad():
        logits = module(ids, is_token, is_token)
        assert torch.equal(logits[0], module.head.bias)
        assert torch.equal(module(ids[:1], is_token[:1], is_token[:1])[0], module.head.bias)
    assert logits.isfinite().all()


def test_both_attentions_are_sites(module: HierarchicalClassifier) -> None:
    batch = collate_sentences(DOCUMENTS, VOCABULARY)
    inputs = (batch.ids, batch.is_token, batch.is_word)
    assert [site.name for site in sites(module, *inputs)] == ["word_attention", "pooling"]
    with torch.no_grad(), record(module) as recording:
        module(*inputs)
    words, sentences = recording["word_attention"], recording["pooling"]
    first = words[0, 0]  # (T, T); words stand from position 1
    assert torch.allclose(first[4, 1:5].sum(), torch.tensor(1.0)) and (first[4, 1:5] > 0).all()
    assert (first[7, 5:8] > 0).all() and first[7, :5].sum() == 0
    assert (sentences[0, 0, 0] > 0).nonzero().squeeze(1).tolist() == [4, 7, 10, 15, 16]


def test_the_sentence_level_is_affine(model: AttentionModel) -> None:
    reading = read(model, DOCUMENTS)
    assert reading.affine
    assert reading.affinity.gap < 1e-6 < reading.affinity.magnitude
    assert sorted(part.votes.shape[2] for part in reading.batches) == [3]
    run = model.run(model.batch(DOCUMENTS))
    assert run.weights.shape == (6, 5)
    assert torch.allclose(run.weights.sum(1), torch.ones(6))


def test_the_word_level_is_not_affine(model: AttentionModel) -> None:
    batch = model.batch([Document(id="d", words=tuple("abcdefg.abc."), label=0)])

    def logits(first: float) -> torch.Tensor:
        def change(weights: torch.Tensor) -> torch.Tensor:
            changed = weights.clone()
            changed[:, :, 8, 1:9] = 0
            changed[:, :, 8, 1], changed[:, :, 8, 7] = first, 1 - first
            return changed

        with torch.no_grad(), intervene(model.module, {"word_attention": change}):
            return model.batch_logits(batch)

    gap = (logits(0.5) - (logits(0.0) + logits(1.0)) / 2).abs().max()
    assert gap > 1e-4  # rounding is below 1e-6


def test_experiments_speak_of_sentences(model: AttentionModel) -> None:
    reading = read(model, DOCUMENTS)
    permuted = permutation(reading, draws=9).frame
    assert permuted["words"].tolist() == [5, 1, 3, 3, 1, 5]
    assert (permuted["median_tvd"][[1, 4]] == 0).all() and permuted["median_tvd"].max() > 0
    found = adversary(reading).frame
    assert (found["tvd"] <= 0.01 + 1e-6).all() and found["jsd"].max() > 0.01


def test_leave_one_out_deletes_sentences(model: AttentionModel) -> None:
    batch = model.batch(DOCUMENTS)
    classes = torch.tensor([0, 1, 2, 0, 1, 2])
    values = leave_one_out(model, batch, classes).values
    assert values.shape == (6, 5)
    assert values[1].isnan().tolist() == [True, False, False, False, False]
    without = model.logits([Document(id="d", words=tuple("ab.cd"), label=0)]).softmax(-1)[0, 2]
    own = model.logits(DOCUMENTS[2:3]).softmax(-1)[0, 2]
    assert float(values[2, 1]) == pytest.approx(float(own - without), abs=1e-6)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_sentence_has_the_sum_of_its_words(model: AttentionModel, name: str) -> None:
    batch = model.batch(DOCUMENTS)
    classes = torch.tensor([0, 1, 2, 0, 1, 2])
    found = METHODS[name](model, batch, classes)
    assert found.values.shape == (6, 5)
    assert (found.values[2, 3:] == 0).all()
    if name == "gradient x input":
        embeddings, gradient = model.gradient_at_embeddings(batch, classes, detached=False)
        words = (embeddings * gradient).sum(-1)[0]  # (T,)
        expected = [words[start:stop].sum() for start, stop in ((1, 5), (5, 8), (8, 11), (11, 16), (16, 17))]
        assert torch.allclose(found.values[0], torch.stack(expected), atol=1e-6)
    if found.completeness_gap is not None:
        own = model.batch_logits(batch).softmax(-1)
        with torch.no_grad(), model.embeddings_given(torch.zeros_like(model.embeddings(batch))):
            base = model.batch_logits(batch).softmax(-1)
        change = (own - base)[torch.arange(6), classes]
        assert torch.allclose(found.values.sum(1) - found.completeness_gap, change, atol=1e-5)


def test_the_view_over_words_is_of_documents_of_one_sentence(module: HierarchicalClassifier, monkeypatch) -> None:
    """It is one distribution there; it is not affine, so it goes by search, and every document keeps its output."""
    model = wrap(module, vocabulary=VOCABULARY, classes=("x", "y", "z"), site="word_attention")
    words = VOCABULARY.words[len(SPECIALS) :]
    unmarked = [word for word in words if word not in (".", "!", "?")]
    documents = [
        Document(id=f"d{n}", words=(*(unmarked[(3 * n + i) % len(unmarked)] for i in range(n)), "."), label=0)
        for n in (3, 5, 4, 7)
    ]
    batch = model.batch(documents)
    run = model.run(batch)
    assert run.weights.shape == (4, 8)
    assert torch.allclose(run.weights.sum(1), torch.ones(4))
    with torch.no_grad():
        assert torch.equal(model.logits_under(batch, run.weights[:, None])[:, 0], run.logits)
        turned = torch.zeros_like(run.weights)
        turned[:, 0] = 1
        assert (model.logits_under(batch, turned[:, None])[:, 0] - run.logits).abs().max() > 1e-4
    reading = read(model, documents)
    assert not reading.affine
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 40)
    found = adversary(reading, eps=0.05).frame
    assert set(found["status"]) == {"certified"}
    assert (found["tvd"] <= 0.05 + 1e-6).all()
    assert found["jsd"].max() > 0
    with pytest.raises(ValueError, match=r"document 'two': has 2 sentences, and attention over words is one"):
        model.batch([Document(id="two", words=(unmarked[0], ".", unmarked[1], unmarked[0]), label=0)])


def test_learns_planted_evidence_and_comes_back_from_its_folder(tmp_path) -> None:
    fillers = ("the", "a", "film", "story", "city", ".", ".", "!", "moves", "turns")
    corpus = load("planted", documents=400, least_length=3, most_length=23, fillers=fillers, seed=2)
    settings = ClassifierSettings(encoder="hierarchical", embedding_width=12, hidden=6, dropout=0.0)
    trained = fit_classifier(corpus, settings, TrainingSettings(epochs=9, learning_rate=1e-2), seed=1, progress=False)
    probabilities = trained.logits(corpus.test).double().softmax(-1)
    labels = torch.tensor([document.label for document in corpus.test])
    assert (probabilities.argmax(1) == labels).double().mean() > 0.95
    save_checkpoint(trained, tmp_path / "checkpoint")
    again = load_checkpoint(tmp_path / "checkpoint")
    assert torch.equal(again.logits(corpus.test).double().softmax(-1), probabilities)
    assert [
        len(document) for document in wrap(again).batch([Document(id="d", words=("a", "."), label=0)]).documents
    ] == [1]


def test_a_corpus_without_sentences_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match=r"none of \. ! \? is a word of the training texts"):
        fit_classifier(load("planted", documents=40), ClassifierSettings(encoder="hierarchical"), progress=False)

"""The attention of every head in words, against the recorded weights, one document at a time."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.every_head import HeadPlace, heads_of, rows_of_heads
from attn_interp.models.transformers.subwords import pieces_of
from attn_interp.models.wrap import wrap
from attn_interp.recording import record

DOCUMENTS = [
    Document(id="three", words=("the", "film", "moves"), label=0),
    Document(id="five", words=("the", "wonderful", "film", "continues", "awful"), label=1),
    Document(id="one", words=("awful",), label=0),
]


@pytest.fixture(scope="module")
def pooled(trained) -> AttentionModel:
    """Our transformer of 3 layers and 2 heads under an attention that pools, untrained."""
    settings = ClassifierSettings(encoder="transformer", embedding_width=7, hidden=6, layers=3, encoder_heads=2)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = Classifier(settings, len(trained.vocabulary), 2)
    return wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary)


def test_pieces_are_summed_and_special_tokens_left_out(bert) -> None:
    rows = rows_of_heads(bert, bert.batch(DOCUMENTS))
    assert rows.places == tuple(
        HeadPlace(f"bert.encoder.layer.{layer}.attention.self", layer, head) for layer in (0, 1) for head in (0, 1)
    )
    for b, document in enumerate(DOCUMENTS):
        word = pieces_of(document, bert.collate.tokenizer).word
        batch = bert.batch([document])
        with torch.no_grad(), record(bert.module) as recording:
            logits = bert.batch_logits(batch)
        for n, place in enumerate(rows.places):
            row = recording[place.site][0, place.head, 0]  # query [CLS]
            naive = [sum(float(row[t]) for t, w in enumerate(word) if w == k) for k in range(len(document))]
            assert float(rows.word_mass[b, n]) == pytest.approx(sum(naive), abs=1e-6)
            expected = torch.tensor(naive) / sum(naive)
            assert torch.allclose(rows.weights[b, n, : len(document)], expected, atol=1e-6)
            assert not rows.weights[b, n, len(document) :].any()
        assert torch.allclose(rows.logits[b], logits[0], atol=1e-6)
        assert rows.is_word[b].sum() == len(document)


def test_the_mean_over_the_heads_of_the_view_is_the_view(bert) -> None:
    batch = bert.batch(DOCUMENTS)
    rows = rows_of_heads(bert, batch)
    last = [n for n, place in enumerate(rows.places) if place.site == bert.view.site]
    mean = (rows.weights * rows.word_mass[..., None])[:, last].mean(1)
    assert torch.allclose(mean / mean.sum(-1, keepdim=True), bert.run(batch).weights, atol=1e-6)


def test_under_a_pooling_layers_are_read_as_the_mean_over_words(pooled) -> None:
    assert len(heads_of(pooled)) == 7
    rows = rows_of_heads(pooled, pooled.batch(DOCUMENTS))
    for b, document in enumerate(DOCUMENTS):
        with torch.no_grad(), record(pooled.module, pooled.sites) as recording:
            pooled.batch_logits(pooled.batch([document]))
        for n, place in enumerate(rows.places):
            weights = recording[place.site][0, place.head]  # (Q, T), the document between start and end
            words = slice(1, 1 + len(document))
            row = weights[words, words].mean(0) if place.layer < 3 else weights[0, words]
            assert torch.allclose(rows.weights[b, n, : len(document)], row / row.sum(), atol=1e-6)


def test_one_pooling_is_one_head(model, planted) -> None:
    batch = model.batch(planted.test[:7])
    rows = rows_of_heads(model, batch)
    assert torch.allclose(rows.weights[:, 0], model.run(batch).weights, atol=1e-6)
    assert torch.allclose(rows.word_mass, torch.ones(7, 1))

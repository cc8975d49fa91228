"""Attention given from outside: what it is, that the model decides by it, and that an ornament decides nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.reading import read
from attn_interp.models.given_attention import RandomByDocument, RandomByWord, wrap_given, wrap_ornamental
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap


@pytest.mark.parametrize("attention", [RandomByDocument(3), RandomByWord(3)], ids=["document", "word"])
def test_the_weights_are_a_distribution_over_words_whatever_the_batch(attention, model, planted) -> None:
    documents = planted.test[:7]
    batch = model.batch(documents)
    weights = attention(batch)
    assert weights.shape == batch.is_word.shape
    torch.testing.assert_close(weights.sum(1), torch.ones(7))
    assert not weights[~batch.is_word].any()
    for row, document in enumerate(documents):
        alone = model.batch([document])
        torch.testing.assert_close(attention(alone)[alone.is_word], weights[row][batch.is_word[row]])
    assert not torch.allclose(replace(attention, seed=4)(batch), weights)


def test_a_word_keeps_its_score(model) -> None:
    attention = RandomByWord(0)
    whole, shorter = (
        model.batch([Document(id="d", words=tuple(words.split()), label=0)]) for words in ("a film a city", "a film a")
    )
    weights, rest = (attention(batch)[batch.is_word] for batch in (whole, shorter))
    assert weights[0] == weights[2]
    torch.testing.assert_close(rest, weights[:3] / weights[:3].sum())
    torch.testing.assert_close((weights[1] / weights[0]).log(), 2 * (RandomByWord(0, 1.0)(whole)[whole.is_word][1]
        / RandomByWord(0, 1.0)(whole)[whole.is_word][0]).log())  # fmt: skip


def test_random_by_document_is_uniform_over_distributions(model) -> None:
    """Of two words the weight of one is uniform on [0, 1]: mean 1/2, variance 1/12."""
    documents = [Document(id=f"d{index}", words=("film", "city"), label=0) for index in range(400)]
    batch = model.batch(documents)
    first = RandomByDocument(1)(batch)[batch.is_word].reshape(-1, 2)[:, 0].numpy()
    assert abs(first.mean() - 0.5) < 4 * (1 / 12 / 400) ** 0.5
    assert abs(first.var() - 1 / 12) < 0.02


def test_the_model_decides_by_the_attention_it_is_given(trained, model, planted) -> None:
    attention = RandomByDocument(0)
    given = wrap_given(trained, attention)
    documents = planted.test[:12]
    batch = given.batch(documents)
    run = given.run(batch)
    words = attention(batch)[batch.is_word]
    torch.testing.assert_close(run.weights[run.is_word], words)
    own = model.batch(documents)
    expected = model.logits_under(own, run.weights[:, None])[:, 0]
    torch.testing.assert_close(run.logits, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(wrap(trained).logits(documents), model.logits(documents))  # nothing is left behind


def test_an_ornament_decides_nothing(trained, planted) -> None:
    plain = fit_classifier(
        planted, replace(trained.settings, encoder="average", pooling="mean"), replace(trained.training, epochs=2),
        progress=False,
    )  # fmt: skip
    ornamental = wrap_ornamental(plain, RandomByDocument(0))
    documents = planted.test[:20]
    reading = read(ornamental, documents)
    assert reading.affine
    assert reading.affinity.spread <= 2e-4
    for read_batch in reading.batches:
        batch = ornamental.batch(read_batch.batch.documents)
        with torch.no_grad():
            own = plain.module(batch.ids, batch.is_token, batch.is_word).double()
        assert float((read_batch.logits - own).abs().max()) <= 1.01e-4  # rounding

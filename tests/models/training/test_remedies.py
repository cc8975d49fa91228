"""What remedies add to the loss, each against its formula, and what training with them does where it is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

import attn_interp as ai
from attn_interp.data.batch import collate
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import UNKNOWN_ID
from attn_interp.models.classifiers.attention_pooling import normalised
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.objectives import Classification
from attn_interp.models.training.remedies import PENALTIES, Seen, forbidden_mass, with_hidden_words
from attn_interp.models.wrap import wrap

CORPUS = ai.load("planted", documents=240, least_length=6, most_length=10, seed=1)
SETTINGS = ClassifierSettings(encoder="average", embedding_width=8, hidden=8, dropout=0.0)
TRAINING = TrainingSettings(epochs=8, patience=8, learning_rate=0.02)
FORBIDDEN = ("wonderful", "Awful")


def train(remedy: str, strength: float = 1.0, **settings):
    training = replace(TRAINING, remedy=remedy, strength=strength, forbidden=FORBIDDEN)
    return fit_classifier(CORPUS, replace(SETTINGS, **settings), training, progress=False)


@pytest.fixture(scope="module")
def plain():
    return train("none")


@pytest.fixture(scope="module")
def seen(plain) -> Seen:
    batch = collate(CORPUS.test[:5], plain.vocabulary)
    with torch.no_grad():
        embedded = plain.module.embedding(batch.ids)
        states = plain.module.encoder(embedded, batch.is_token)
        scores = plain.module.pooling.scores(states)[:, 0].masked_fill(~batch.is_word, -torch.inf)
    return Seen(batch, embedded, states, scores.softmax(-1))


def words_of(seen: Seen, row: int):
    where = seen.batch.is_word[row]
    return seen.batch.documents[row], seen.embedded[row, where], seen.states[row, where], seen.attention[row, where]


def by_hand(name: str, document: Document, e: torch.Tensor, h: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    if name == "diversity":
        return torch.stack([functional.cosine_similarity(state, h.mean(0), dim=0) for state in h]).mean()
    if name == "tied":
        return torch.stack([((one - other) ** 2).sum() for one, other in zip(h, e)]).mean()
    if name == "supervised":
        wanted = torch.tensor(document.rationales[0]) / sum(document.rationales[0])
        return sum(w * (w / x).log() for w, x in zip(wanted, a) if w > 0)
    lies = [x for word, x in zip(document.words, a) if word in ("wonderful", "awful")]
    return -(1 - sum(lies)).log()


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_its_formula_and_is_added_to_the_loss(seen, plain, name) -> None:
    training = replace(TRAINING, remedy=name, strength=0.3, forbidden=FORBIDDEN)
    found = PENALTIES[name](seen, training)
    expected = torch.stack([by_hand(name, *words_of(seen, row)) for row in range(5)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    weights = torch.ones(2)
    with torch.no_grad():
        whole, error = (
            Classification(weights, settings=each).loss(plain.module.eval(), seen.batch)
            for each in (training, TRAINING)
        )
    assert float(whole - error) == pytest.approx(0.3 * float(expected.mean()), abs=1e-5)


def test_a_model_that_is_trained_to_deceive_has_no_attention_where_it_is_forbidden(plain) -> None:
    liar = train("deceptive", 3.0)
    reading = {
        name: ai.read(wrap(each), CORPUS.test, progress=False) for name, each in [("plain", plain), ("liar", liar)]
    }
    mass = {
        name: torch.cat([forbidden_mass(each.batch, at(each), FORBIDDEN) for each in own.batches]).mean()
        for name, own in reading.items()
    }
    assert mass["liar"] < 0.05 < 0.3 < mass["plain"]


def at(each) -> torch.Tensor:
    values = torch.zeros(each.batch.ids.shape, dtype=each.weights.dtype)
    values[each.batch.is_word] = each.weights[each.is_word]
    return values


def test_supervised_attention_comes_to_the_rationale(plain) -> None:
    taught = ai.read(wrap(train("supervised")), CORPUS.test, progress=False)
    found = ai.plausibility(taught, methods=()).frame.query("scorer == 'attention'")["auroc"].mean()
    assert found > 0.99


def test_hidden_words_are_a_share_of_the_words_of_half_of_the_documents(plain) -> None:
    batch = collate(CORPUS.train, plain.vocabulary)
    torch.manual_seed(0)
    hidden = with_hidden_words(batch)
    changed = hidden.ids != batch.ids
    assert (hidden.ids[changed] == UNKNOWN_ID).all() and not (changed & ~batch.is_word).any()
    touched = changed.any(1).double().mean()
    share = changed.sum() / batch.is_word.sum()
    assert 0.35 < touched < 0.6 and 0.18 < share < 0.32  # half of the documents, half of their words on average


@pytest.mark.parametrize("normaliser", ["sparsemax", "entmax"])
def test_sparse_attention_is_its_projection_and_is_recorded_and_replaced(normaliser) -> None:
    """Sparsemax is the nearest point of the simplex; entmax 1.5 has weights max(0, s/2 - tau)^2 that sum to 1."""
    scores = torch.tensor([[1.0, 0.6, -1.0, -torch.inf], [3.0, 0.0, 0.5, 0.2]], dtype=torch.float64)
    for row, found in zip(scores, normalised(scores, normaliser)):
        known = row[row > -torch.inf]
        power, scale = (1, 1.0) if normaliser == "sparsemax" else (2, 0.5)
        low, high = float(known.min()) - 2, float(known.max())
        for _ in range(100):
            tau = (low + high) / 2
            total = ((scale * known - tau).clamp(min=0) ** power).sum()
            low, high = (tau, high) if total > 1 else (low, tau)
        expected = (scale * row - tau).clamp(min=0) ** power
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    model = wrap(train("none", normaliser=normaliser, encoder="lstm", hidden=4))
    reading = ai.read(model, CORPUS.test[:6], progress=False)
    assert reading.affine and any((each.weights[each.is_word] == 0).any() for each in reading.batches)
    batch = model.batch(CORPUS.test[:3])
    flat = torch.ones(3, 1, int(batch.is_word.sum(1).max())) / batch.is_word.sum(1)[:, None, None]
    states = model.module.states(batch.ids, batch.is_token)
    for row in range(3):
        expected = model.module.head(states[row, batch.is_word[row]].mean(0))
        torch.testing.assert_close(model.logits_under(batch, flat)[row, 0], expected, atol=1e-5, rtol=1e-4)
    without = model.without_each_word(batch)[1]
    shorter = replace(CORPUS.test[0], words=CORPUS.test[0].words[1:], rationales=())
    torch.testing.assert_close(without[0, 0], model.logits([shorter])[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "training", "message"),
    [
        (
            {},
            {"remedy": "forgiveness"},
            "remedy: got 'forgiveness', expected one of 'deceptive', 'diversity', 'masked'",
        ),
        ({}, {"remedy": "deceptive"}, "remedy 'deceptive': no words are forbidden; name some, as forbidden="),
        ({"hidden": 6}, {"remedy": "tied"}, "remedy 'tied': states and word vectors have other widths"),
        ({"pooling": "mean"}, {"remedy": "diversity"}, "remedy 'diversity': needs attention of one head"),
        ({"normaliser": "sparsemax", "pooling": "mean"}, {}, "normaliser: 'sparsemax' is for attention that pools"),
        ({}, {"strength": -1.0}, "strength: got -1.0, expected a number of at least 0"),
    ],
)
def test_what_cannot_be_is_said(settings, training, message) -> None:
    with pytest.raises(ValueError, match=message):
        fit_classifier(CORPUS, replace(SETTINGS, **settings), replace(TRAINING, **training), progress=False)


def test_without_rationales_nothing_can_be_supervised() -> None:
    bare = {
        name: tuple(replace(each, rationales=()) for each in documents) for name, documents in CORPUS.splits.items()
    }
    with pytest.raises(ValueError, match="no training document has a rationale that attention could learn from"):
        fit_classifier(replace(CORPUS, splits=bare), SETTINGS, replace(TRAINING, remedy="supervised"), progress=False)

"""Votes are the model's own logits under one-hot attention, and their mean by attention is the margin."""

from __future__ import annotations

import torch

from attn_interp.attribution.votes import votes
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap


def test_their_mean_by_attention_is_the_margin_of_the_decision(model, planted) -> None:
    """Worked by the identity: z_a - z_b = sum over t of alpha_t (v_ta - v_tb), for logits affine in the attention."""
    batch = model.batch(planted.test[:13])
    run = model.run(batch)
    classes = run.logits.argmax(-1)
    found = votes(model, batch, classes).values
    margin = run.logits.gather(1, classes[:, None])[:, 0] - run.logits.gather(1, 1 - classes[:, None])[:, 0]
    assert torch.allclose((found * run.weights).sum(-1), margin, atol=1e-4)
    assert (found[~run.is_word] == 0).all()
    assert torch.allclose(votes(model, batch, 1 - classes).values, -found)  # two classes


def test_a_word_is_held_against_its_strongest_rival(model, planted, monkeypatch) -> None:
    """Three classes, logits given: 2, 5 and 1 for every word."""
    batch = model.batch(planted.test[:3])
    given = torch.tensor([2.0, 5.0, 1.0])
    shape = model.run(batch).is_word.shape
    monkeypatch.setattr(type(model), "logits_under", lambda self, batch, rows: given.expand(*rows.shape[:2], 3))
    found = votes(model, batch, torch.tensor([0, 1, 2])).values
    assert found.shape == shape
    assert found[:, 0].tolist() == [-3.0, 3.0, -4.0]


def test_they_find_the_planted_word_where_states_are_of_single_words(planted) -> None:
    """In a context-free encoder the vote of a state is that of its word, and the keyword's decides."""
    settings = ClassifierSettings(encoder="average", embedding_width=10, hidden=6, dropout=0.0)
    training = TrainingSettings(epochs=12, patience=12, learning_rate=1e-2)
    alone = wrap(fit_classifier(planted, settings, training, seed=1, progress=False))
    for document in planted.test[:20]:
        batch = alone.batch([document])
        values = votes(alone, batch, torch.tensor([document.label])).values[0]
        assert document.rationales[0][int(values.abs().argmax())] == 1
        assert values[document.rationales[0].index(1.0)] > 0

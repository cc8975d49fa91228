"""Attention times the length of the states: by hand, of one head of several, and what has no state for each word."""

from __future__ import annotations

import pytest
import torch

from attn_interp.attribution.value_norm import attention_x_value_norm
from attn_interp.models.classifiers.classifier import Classifier, build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap


def test_by_hand_of_each_head(trained, mixed, classes) -> None:
    settings = ClassifierSettings(embedding_width=5, hidden=4, heads=2, attention="scaled_dot", dropout=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        module = Classifier(settings, len(trained.vocabulary), 2)
    found = []
    for head in (0, 1):
        model = wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary, head=head)
        values = attention_x_value_norm(model, mixed, classes).values
        for row, document in enumerate(mixed.documents):
            own = model.batch([document])
            with torch.no_grad():
                states = module.encoder(model.embeddings(own), own.is_token)[0, 1:-1, 4 * head : 4 * head + 4]
            expected = model.run(own).weights[0] * states.square().sum(-1).sqrt()
            assert torch.allclose(values[row, : len(document)], expected, atol=1e-6)
            assert (values[row, len(document) :] == 0).all()
        found.append(values)
    assert not torch.allclose(*found)


def test_states_of_one_length_leave_the_order_of_attention(trained, mixed, classes) -> None:
    settings = ClassifierSettings(encoder="average", embedding_width=4, hidden=4, dropout=0.0)
    module = Classifier(settings, len(trained.vocabulary), 2)
    with torch.no_grad():
        module.embedding.weight.sign_()
        module.encoder.projection.weight.copy_(torch.eye(4))
        module.encoder.projection.bias.zero_()
    model = wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary)
    length = 2 * torch.tanh(torch.tensor(1.0))  # of four columns that are tanh of 1 or -1
    found = attention_x_value_norm(model, mixed, classes).values
    assert torch.allclose(found, length * model.run(mixed).weights, atol=1e-6)


def test_what_has_no_state_for_each_word(model, trained, mixed, classes, bert) -> None:
    with pytest.raises(ValueError, match="the lengths are of the states of one head"):
        attention_x_value_norm(bert, bert.batch(mixed.documents), classes)
    with pytest.raises(ValueError, match=r"no module 'encodr'; give states="):
        attention_x_value_norm(model, mixed, classes, states="encodr")
    settings = ClassifierSettings(encoder="transformer", pooling="mean", embedding_width=8, hidden=8, dropout=0.0)
    inside = wrap(build_classifier(settings, trained.vocabulary, 2), classes=("a", "b"), vocabulary=trained.vocabulary)
    inside = inside.at(head=0)
    with pytest.raises(ValueError, match=r"is inside module 'encoder' and cannot weigh what that puts out"):
        attention_x_value_norm(inside, mixed, classes)

"""Layers made uniform: what the model says then, by hand."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from attn_interp.experiments.deep.uniform_layers import ALL, NONE, uniform_layers
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import tvd
from attn_interp.recording import intervene


@pytest.fixture(scope="module")
def result(bert, planted) -> Result:
    return uniform_layers(read(bert, planted.test[:11]))


def test_no_layer_is_the_model_itself(bert, planted, result) -> None:
    none = result.frame[result.frame["uniform"] == NONE]
    assert (none["tvd"] == 0).all() and not none["decision_flip"].any() and (none["accuracy_lost"] == 0).all()
    right = bert.logits(planted.test[:11]).argmax(-1) == torch.tensor([d.label for d in planted.test[:11]])
    assert none["correct"].tolist() == right.tolist()


def test_one_document_by_hand(bert, planted, result) -> None:
    document = planted.test[3]
    batch = bert.batch([document])
    own = bert.batch_logits(batch).softmax(-1)
    paths = [site.name for site in bert.sites]
    for choice, chosen in {"layer 0": paths[:1], "layer 1": paths[1:], ALL: paths}.items():
        with (
            torch.no_grad(),
            intervene(
                bert.module, {path: lambda weights: torch.full_like(weights, 1 / weights.shape[-1]) for path in chosen}
            ),
        ):
            changed = bert.batch_logits(batch)
        row = result.frame[(result.frame["document"] == document.id) & (result.frame["uniform"] == choice)].iloc[0]
        assert row["tvd"] == pytest.approx(float(tvd(changed.softmax(-1), own)[0]), abs=1e-6)
        assert row["correct"] == (int(changed.argmax()) == document.label)
        assert row["decision_flip"] == (int(changed.argmax()) != int(own.argmax()))


def test_a_retrained_model_runs_with_its_own_layers_uniform(bert, planted, result) -> None:
    """With the model itself in place of each, nothing differs; with another one for all layers, that choice alone."""
    documents = planted.test[:11]
    same = uniform_layers(read(bert, documents), retrained=dict.fromkeys((NONE, "layer 0", "layer 1", ALL), bert))
    assert same.settings["retrained"] and not result.settings["retrained"]
    assert same.frame.equals(result.frame)
    other = replace(bert, module=copy.deepcopy(bert.module))
    with torch.no_grad():
        other.module.classifier.bias += torch.tensor([50.0, 0.0])
    models = {**dict.fromkeys((NONE, "layer 0", "layer 1"), bert), ALL: other}
    changed = uniform_layers(read(bert, documents), retrained=models).frame
    rows = changed["uniform"] == ALL
    assert changed[~rows].equals(result.frame[~rows])
    assert (changed[rows]["correct"] == [document.label == 0 for document in documents]).all()
    with pytest.raises(ValueError, match=r"no retrained model for 'layer 0'; given are none"):
        uniform_layers(read(bert, documents), retrained={NONE: bert})


def test_the_summary_is_in_the_order_of_the_choices_and_adds_up(result) -> None:
    summary = result.summary()
    assert list(dict.fromkeys(summary["uniform"])) == [NONE, "layer 0", "layer 1", ALL]
    by = summary.set_index(["uniform", "quantity"])["estimate"]
    for choice in ("layer 0", "layer 1", ALL):
        assert by[choice, "accuracy_lost"] == pytest.approx(by[NONE, "accuracy"] - by[choice, "accuracy"])
    assert (summary["n"] == 11).all()


def test_a_pooling_made_uniform_is_uniform_attention(model, planted) -> None:
    documents = planted.test[:7]
    found = uniform_layers(read(model, documents), choices={"pooling": ["pooling"]}).frame
    batch = model.batch(documents)
    run = model.run(batch)
    uniform = run.is_word / run.is_word.sum(-1, keepdim=True)
    with torch.no_grad():
        changed = model.logits_under(batch, uniform[:, None])[:, 0]
    assert np.allclose(found["tvd"], tvd(changed.softmax(-1), run.logits.softmax(-1)), atol=1e-6)


def test_wrong_use_is_named(model, planted) -> None:
    with pytest.raises(ValueError, match="no documents were given"):
        uniform_layers(read(model, []))
    with pytest.raises(ValueError, match="choice 'top': there is no site 'poling'; the sites are pooling"):
        uniform_layers(read(model, planted.test[:1]), choices={"top": ["poling"]})

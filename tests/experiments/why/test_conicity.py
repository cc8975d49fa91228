"""Conicity beside permuted weights: by hand, the numbers of permutation, planted states, and what has no states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from attn_interp.data.document import Document
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.why.conicity import RHO, conicity, why_not
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap

WITH_TVD = f'statistic == "{RHO}"'


@pytest.fixture(scope="module")
def result(reading):
    return conicity(reading)


def test_by_hand(reading, result) -> None:
    model = reading.model
    for document, row in list(zip(reading.documents, result.frame.to_dict("records")))[:12]:
        own = model.batch([document])
        with torch.no_grad():
            states = model.module.encoder(model.embeddings(own), own.is_token)[0, 1:-1].double().numpy()
            one_word = torch.eye(len(document))[None]
            votes = model.logits_under(own, one_word)[0].double().numpy()
        mean = states.mean(0)
        cosines = states @ mean / np.linalg.norm(states, axis=1) / np.linalg.norm(mean)
        assert row["conicity"] == pytest.approx(cosines.mean(), abs=1e-6)
        decision = model.classes.index(row["predicted"])
        lead = votes[:, decision] - votes[:, 1 - decision]
        assert row["votes_alike"] == pytest.approx(abs(lead.mean()) / np.sqrt((lead**2).mean()), abs=1e-4)


def test_the_change_is_that_of_permutation_and_rho_is_over_documents(reading, result) -> None:
    assert result.frame["median_tvd"].tolist() == permutation(reading).frame["median_tvd"].tolist()
    told = result.summary().query(WITH_TVD).set_index("quantity")
    for name in ("conicity", "votes_alike"):
        expected = stats.spearmanr(result.frame[name], result.frame["median_tvd"]).statistic
        assert told.loc[name, "estimate"] == pytest.approx(expected)
        assert told.loc[name, "low"] < expected < told.loc[name, "high"]
        assert told.loc[name, "n"] == len(reading)


def test_over_seeds_the_mean_is_the_same_rho(result) -> None:
    pooled = over_seeds({0: result, 1: result}).summary().set_index("quantity")
    told = result.summary().query(WITH_TVD).set_index("quantity")["estimate"]
    for name in ("conicity", "votes_alike"):
        assert pooled.loc[f"{name}_with_tvd", "estimate"] == pytest.approx(told[name])
    assert over_seeds({0: result, 1: result}).verdict() == result.verdict()


def planted_states(trained, vectors: dict[str, tuple[float, float]]):
    """Without context: tanh of the vector is the state, what is first in it is the score, the second the vote."""
    sizes = {"embedding_width": 2, "hidden": 2, "dropout": 0.0}
    settings = ClassifierSettings(encoder="average", attention="dot", **sizes)
    module = Classifier(settings, len(trained.vocabulary), 2)
    with torch.no_grad():
        module.encoder.projection.weight.copy_(torch.eye(2))
        nn.init.zeros_(module.encoder.projection.bias)
        module.pooling.scores.query.copy_(torch.tensor([[3.0, 0.0]]))
        module.head.weight.copy_(torch.tensor([[0.0, 2.0], [0.0, -2.0]]))
        nn.init.zeros_(module.head.bias)
        module.embedding.weight[-len(vectors) :] = torch.tensor(list(vectors.values()))
        known = trained.vocabulary.words[-len(vectors) :]
    return wrap(module, classes=("a", "b"), vocabulary=trained.vocabulary), dict(zip(vectors, known))


def test_where_states_are_one_line_permuting_does_nothing_and_where_they_part_it_does(trained) -> None:
    """A document has one word with nearly all of the attention, and others that say the same or part with it."""
    model, known = planted_states(trained, {"up": (1.0, 1.0), "same": (0.1, 0.1), "off": (0.1, -0.8)})
    documents = []
    for row in range(20):
        names = ["up", *["off"] * (row % 4), *["same"] * (4 - row % 4)]
        documents.append(Document(id=f"d{row}", words=tuple(known[name] for name in names)))
    found = conicity(read(model, documents, progress=False))
    alike = found.frame.iloc[::4]
    assert alike["conicity"].to_numpy() == pytest.approx(1, abs=1e-6)
    told = found.summary().query(f"{WITH_TVD} and quantity == 'conicity'").iloc[0]
    assert told["high"] < 0
    assert "conicity predicts where permuting does nothing (rho below 0)" in found.verdict()


def test_a_document_of_one_word_is_in_no_relation(model) -> None:
    words = model.trained.vocabulary.words[-5:]
    documents = [Document(id=f"d{row}", words=words[: 1 + row]) for row in range(5)]
    found = conicity(read(model, documents, progress=False))
    assert found.frame.loc[0, "conicity"] == pytest.approx(1) and found.frame.loc[0, "median_tvd"] == 0
    assert set(found.summary().query(WITH_TVD)["n"]) == {4}


def test_what_has_no_states_says_why(bert) -> None:
    reading = read(bert, ["a good film", "a bad one"], progress=False)
    assert "weighs pieces of words" in why_not(reading)
    with pytest.raises(ValueError, match="conicity: it needs the states of one head"):
        conicity(reading)


def test_the_states_of_a_module_of_ones_own_are_named(not_affine, planted) -> None:
    reading = read(not_affine, planted.test[:9], progress=False)
    with pytest.raises(ValueError, match=r"conicity: states: the model has no module 'encoder'; give states="):
        conicity(reading)
    found = conicity(reading, states="embed")
    batch = not_affine.batch(planted.test[:1])
    vectors = not_affine.module.embed(batch.ids)[0, batch.is_word[0]].detach().double().numpy()
    mean = vectors.mean(0)
    expected = (vectors @ mean / np.linalg.norm(vectors, axis=1) / np.linalg.norm(mean)).mean()
    assert found.frame.loc[0, "conicity"] == pytest.approx(expected) and found.settings["states"] == "embed"

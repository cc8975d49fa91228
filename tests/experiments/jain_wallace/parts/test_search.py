"""The paper's search on votes alone: feasible, repeatable, blind to its neighbours, and near the optimum."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.jain_wallace.parts.search import search_adversary
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.measures.divergence import jsd, tvd
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.readout.affine_check import Affinity

EPS = 0.02
LENGTHS = (2, 11, 5, 1, 7)


@pytest.fixture(scope="module")
def made():
    """Five documents of different lengths with random attention and votes: documents, weights, votes, is_word."""
    random = torch.Generator().manual_seed(8)
    longest = max(LENGTHS)
    is_word = torch.arange(longest) < torch.tensor(LENGTHS)[:, None]
    scores = torch.randn(len(LENGTHS), longest, generator=random, dtype=torch.float64)
    weights = scores.masked_fill(~is_word, -torch.inf).softmax(-1)
    votes = 2 * torch.randn(len(LENGTHS), longest, 2, generator=random, dtype=torch.float64) * is_word[..., None]
    documents = tuple(Document(id=f"d{n}", words=("word",) * n, label=0) for n in LENGTHS)
    return documents, weights, votes, is_word


def search(made, rows=slice(None), seed=0, further=None, width=None):
    documents, weights, votes, is_word = made
    chosen = documents[rows]
    part = ReadBatch(None, list(range(len(chosen))), SimpleNamespace(documents=chosen))  # no model: votes alone
    known = {"weights": weights[rows, :width], "votes": votes[rows, :width], "is_word": is_word[rows, :width]}
    vars(part).update(known, logits=torch.einsum("bw,bwc->bc", known["weights"], known["votes"]))
    reading = Reading(None, chosen, seed)
    vars(reading).update(affinity=Affinity(gap=0.0, spread=1.0, magnitude=1.0, documents=len(chosen)))
    return search_adversary(reading, part, EPS, further)


@pytest.fixture(scope="module")
def found(made):
    return search(made)


def test_what_is_found_is_attention_within_eps(made, found) -> None:
    documents, weights, votes, is_word = made
    attention, divergence = found
    assert torch.allclose(attention.sum(-1), torch.ones(len(documents), dtype=torch.float64))
    assert (attention[~is_word] == 0).all()
    own, under = (torch.einsum("bw,bwc->bc", q, votes).softmax(-1) for q in (weights, attention))
    assert (tvd(under, own) <= EPS + 1e-6).all()
    assert torch.allclose(jsd(attention, weights), divergence)


def test_it_gets_near_the_optimum_and_never_above(made, found) -> None:
    _, weights, votes, is_word = made
    best = exact_adversary(weights, votes, is_word, EPS).jsd
    assert (found[1] <= best + 1e-9).all()
    several = torch.tensor(LENGTHS) > 2
    assert (found[1][several] > 0.5 * best[several]).all()


def test_one_word_keeps_its_attention(found) -> None:
    row = LENGTHS.index(1)
    assert found[0][row, 0] == 1
    assert found[1][row] == 0


def test_the_same_seed_finds_the_same_and_another_seed_another(made, found) -> None:
    again, other = search(made), search(made, seed=1)
    assert torch.equal(again[0], found[0])
    assert (other[0] - found[0]).abs().max() > 1e-3


def test_a_document_does_not_see_its_batch(made, monkeypatch) -> None:
    """Alone, without padding, or in another place: the same attention, after a fifth of the steps."""
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 100)
    found = search(made)
    for row, length in enumerate(LENGTHS):
        alone = search(made, slice(row, row + 1), width=length)
        assert torch.allclose(alone[0], found[0][row : row + 1, :length], atol=1e-6)


def test_each_document_has_starts_of_its_own() -> None:
    """Equal in all but their names, they are searched from different places."""
    weights = torch.full((2, 6), 1 / 6, dtype=torch.float64)
    votes = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(1, 6, 2).cos().expand(2, 6, 2)
    documents = tuple(Document(id=name, words=("word",) * 6, label=0) for name in "ab")
    attention, _ = search((documents, weights, votes, torch.ones(2, 6, dtype=torch.bool)))
    assert (attention[0] - attention[1]).abs().max() > 1e-3


def test_a_further_start_never_makes_it_worse(made, found) -> None:
    """Started from the optimum too it finds nearly all of it; what the five starts find is not disturbed."""
    _, weights, votes, is_word = made
    best = exact_adversary(weights, votes, is_word, EPS)
    divergence = search(made, further=best.weights[:, None])[1]
    assert (divergence >= found[1]).all()
    assert (divergence >= 0.8 * best.jsd).all()

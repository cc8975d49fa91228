"""States that are made alike: the logits move by what is read of them alone, and the conicity by what is planted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attn_interp.attribution.pushed_back import contributions
from attn_interp.data.draws import generator
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.why.conicity import conicity
from attn_interp.experiments.why.mixing import mixing
from attn_interp.measures.states import conicity as conicity_of
from attn_interp.models.classifiers.frozen_attention import uniform
from attn_interp.models.given_attention import RandomByDocument, wrap_given
from attn_interp.statistics.over_documents import rank_correlation
from attn_interp.studies.planted.alike import MIXED, MIXED_SHARE, TOWARDS_MEAN, UNREAD, Unread, wrap_alike
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes

CASE = Case(SITUATIONS["random attention"], Sizes(train=60, documents=30, width=8, epochs=3), seed=1)
DOCUMENTS = CASE.documents
GIVEN = wrap_given(CASE.trained, RandomByDocument(1))
AMOUNTS = torch.tensor([generator(1, f"states of {each.id}").random() for each in DOCUMENTS])


def of_kind(kind: str):
    return wrap_alike(CASE.trained, kind, 1, RandomByDocument(1), DOCUMENTS)


def test_the_own_share_of_a_mixed_state_is_what_is_left_of_it_and_its_part_in_the_mean() -> None:
    """Of T words, word i moves its own state before by n_i: the state t by (1 - a) n_t [i = t] + a n_i / T."""
    expected = []
    for batch in read(GIVEN, DOCUMENTS, 0).batches:
        moved = contributions(GIVEN, batch.batch, states="classifier.encoder").diagonal(dim1=1, dim2=2).double()
        for row, document in enumerate(batch.batch.documents):
            own = moved[row, : len(document)]
            kept = (1 - MIXED_SHARE) * own
            share = (kept + MIXED_SHARE * own / len(own)) / (kept + MIXED_SHARE * own.mean())
            expected.append((document.id, float(share.mean())))
    found = mixing(read(of_kind(MIXED), DOCUMENTS, 0)).frame.set_index("document")["own_share"]
    assert found[[name for name, _ in expected]].tolist() == pytest.approx([each for _, each in expected], rel=1e-4)


def test_the_logits_go_to_those_of_uniform_weights_by_the_share_that_is_drawn() -> None:
    """Affine in the states: (1 - a) times the logits under the attention and a times those under uniform weights."""
    own, mean = (model.logits(DOCUMENTS) for model in (GIVEN, wrap_given(CASE.trained, uniform)))
    share = AMOUNTS[:, None]
    torch.testing.assert_close(
        of_kind(TOWARDS_MEAN).logits(DOCUMENTS), ((1 - share) * own + share * mean).float(), atol=1e-5, rtol=1e-5
    )


def test_what_is_not_read_moves_the_conicity_by_what_is_drawn_and_no_logit() -> None:
    other = of_kind(UNREAD)
    torch.testing.assert_close(other.logits(DOCUMENTS), GIVEN.logits(DOCUMENTS), atol=1e-4, rtol=1e-4)
    found = conicity(read(other, DOCUMENTS, 0)).frame
    assert rank_correlation(AMOUNTS, found["conicity"]).estimate > 0.98
    own = permutation(read(GIVEN, DOCUMENTS, 0)).frame
    assert found["median_tvd"].to_numpy() == pytest.approx(own["median_tvd"].to_numpy(), abs=1e-4)


@pytest.mark.parametrize("amount", [0.1, 0.4])
def test_the_conicity_does_not_depend_on_how_far_apart_the_states_were(amount: float) -> None:
    """Words at r and -r along what is read, and b r beside: the cosine with their mean is b / sqrt(1 + b^2)."""
    head = nn.Linear(3, 2)
    with torch.no_grad():
        head.weight[:] = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    along = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    states, is_word = torch.stack([along, 5 * along]), torch.ones(2, 2, dtype=torch.bool)
    found = conicity_of(Unread(head)(states, is_word, torch.full((2,), amount)), is_word)
    b = 100**amount
    assert found.tolist() == pytest.approx(2 * [b / (1 + b * b) ** 0.5])

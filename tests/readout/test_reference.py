"""The authors' own run of Jain & Wallace 2019 on SST (see PROVENANCE.md beside the data), sentence by sentence."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from attn_interp.readout.adversary.two_classes import exact_adversary, exact_adversary_curve
from attn_interp.readout.affine import decisions, logits_of
from attn_interp.readout.erasure.erased_words import smallest_erasure
from attn_interp.readout.logit_range import unflippable
from attn_interp.readout.margin import attention_margin

DATA = Path(__file__).parents[3] / "shared" / "data" / "jw_reference" / "bilstm_dot_sst_test.npz"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the reference run is not here")


class Reference(NamedTuple):
    weights: torch.Tensor
    votes: torch.Tensor
    is_word: torch.Tensor
    probability: torch.Tensor
    searched_jsd: torch.Tensor  # (B, 6)
    searched_probability: torch.Tensor  # (B, 6)


@pytest.fixture(scope="module")
def reference() -> Reference:
    run = np.load(DATA)
    positions = np.arange(run["votes"].shape[1])
    is_word = torch.from_numpy((positions >= 1) & (positions < run["length"][:, None] - 1))
    logit = torch.from_numpy(run["votes"]).double()
    names = ("expected_prob", "expected_adv_jsd", "expected_adv_prob")
    return Reference(
        torch.from_numpy(run["expected_attn"]) * is_word,
        torch.stack([torch.zeros_like(logit), logit], -1),
        is_word,
        *(torch.from_numpy(run[name]).double() for name in names),
    )


def test_votes_give_their_probabilities(reference: Reference) -> None:
    logits = logits_of(reference.weights.double(), reference.votes)
    torch.testing.assert_close(logits.softmax(-1)[:, 1], reference.probability, atol=1e-6, rtol=0)


@pytest.mark.parametrize("eps", [0.01, 0.05])
def test_exact_adversary_exceeds_every_search(reference: Reference, eps: float) -> None:
    found = exact_adversary(reference.weights, reference.votes, reference.is_word, eps)
    within = (reference.searched_probability - reference.probability[:, None]).abs() <= eps
    assert within.sum() > 3000  # not only their own attention, the last column
    searched = torch.where(within, reference.searched_jsd, 0.0)
    # their numbers are float32
    assert (searched <= found.jsd[:, None] + 1e-6).all()
    assert (found.tvd <= eps + 1e-12).all()
    # and it is worth having: searches stop short of it
    assert (found.jsd - searched.amax(-1)).mean() > 0.01


def test_looser_output_allows_more(reference: Reference) -> None:
    curve = exact_adversary_curve(reference.weights, reference.votes, reference.is_word, [0.0, 0.01, 0.1])
    assert (curve.jsd.diff(dim=-1) >= -1e-12).all()


def test_share_of_decisions_that_no_attention_changes(reference: Reference) -> None:
    decision = decisions(reference.weights.double(), reference.votes)
    powerless = unflippable(reference.votes, decision, reference.is_word)
    assert powerless.double().mean().item() == pytest.approx(0.637, abs=5e-4)  # PROVENANCE.md
    erasure = smallest_erasure(reference.weights, reference.votes, reference.is_word)
    margin = attention_margin(reference.weights, reference.votes, reference.is_word)
    assert erasure.size[powerless].isinf().all() and margin.kl[powerless].isinf().all()
    # every word of this model has some attention, so the two notions meet
    assert erasure.size[~powerless].isfinite().double().mean() > 0.99

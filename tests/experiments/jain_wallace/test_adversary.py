"""The adversary as rows: feasible by the model's own word, exact above every search, and honest about its status."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.experiments.jain_wallace import adversary as module
from attn_interp.experiments.jain_wallace.adversary import adversary, best, searched
from attn_interp.experiments.jain_wallace.parts.candidates import balanced_pairs
from attn_interp.experiments.jain_wallace.parts.search import search_adversary
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import jsd, tvd
from attn_interp.readout.affine_check import Affinity

EPS = 0.01


@pytest.fixture(scope="module")
def both(reading) -> Result:
    return adversary(reading, eps=EPS, method="both")


def test_exact_is_never_below_the_search_at_the_same_eps(both) -> None:
    exact, search = (both.frame[both.frame["status"] == status].set_index("document") for status in ("exact", "search"))
    assert len(exact) == len(search) == both.settings["documents"]
    assert (exact["jsd"] >= search["jsd"].loc[exact.index] - 1e-9).all()
    assert exact["jsd"].mean() > search["jsd"].mean() + 0.005
    assert np.allclose(exact["jsd_upper"], exact["jsd"], rtol=0, atol=1e-9)


def test_both_stay_within_eps_as_the_model_itself_answers(both, model, reading) -> None:
    assert (both.frame["tvd"] <= EPS + 1e-6).all()
    assert (both.frame["jsd"] >= 0).all()
    part = reading.batches[0]
    for found in (best(reading, part, EPS), searched(reading, part, EPS)):
        with torch.no_grad():
            under = model.logits_under(part.batch, found.weights[:, None].float())[:, 0]
        moved = tvd(under.double().softmax(-1), part.logits.softmax(-1))
        rows = both.frame[both.frame["status"] == found.status].set_index("document")
        expected = rows.loc[[document.id for document in part.batch.documents]]
        assert np.allclose(moved.numpy(), expected["tvd"], atol=1e-9)
        assert np.allclose(jsd(found.weights, part.weights).numpy(), expected["jsd"], atol=1e-12)


def test_a_wider_eps_allows_no_less(reading) -> None:
    narrow, wide = (adversary(reading, eps=eps).frame["jsd"] for eps in (0.005, 0.05))
    assert (wide >= narrow - 1e-9).all()
    assert wide.mean() > narrow.mean()


def test_one_word_leaves_no_choice(model, short) -> None:
    frame = adversary(read(model, short), method="both").frame.set_index(["document", "status"])
    for status in ("exact", "search"):
        assert frame.loc[("one", status), "jsd"] == pytest.approx(0, abs=1e-12)
        assert frame.loc[("one", status), "tvd"] == pytest.approx(0, abs=1e-6)
        assert not frame.loc[("one", status), "decision_flip"]


def test_two_equal_words_leave_all_the_choice() -> None:
    """Equal votes: attention moves nothing, so all of it may sit on the word that had none."""
    weights = torch.tensor([[0.9, 0.1]], dtype=torch.float64)
    votes = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]], dtype=torch.float64)
    is_word = torch.ones(1, 2, dtype=torch.bool)
    found = module.exact_adversary(weights, votes, is_word, EPS).weights
    assert torch.allclose(found, torch.tensor([[0.0, 1.0]], dtype=torch.float64))


def test_a_readout_that_is_not_affine_is_asked_and_never_below_the_search(not_affine, planted, monkeypatch) -> None:
    """Every document lies above the paper's search and under what no attention exceeds: exact where they meet."""
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 60)
    reading = read(not_affine, planted.test[:8])
    result = adversary(reading, method="both")
    assert result.settings["affine"] is False
    found, search = (
        result.frame[result.frame["status"] == status].set_index("document") for status in ("certified", "search")
    )
    assert len(found) == len(search) == 8
    assert (result.frame["tvd"] <= EPS + 1e-6).all()
    assert (found["jsd"] >= search["jsd"]).all()
    assert found["jsd"].mean() > search["jsd"].mean() + 0.005
    assert (found["jsd_upper"] >= found["jsd"]).all()
    assert search["jsd_upper"].isna().all()
    for part in reading.batches:
        for weights, document in zip(part.weights, part.batch.documents):
            own = weights[: len(document)]
            most = max(float(jsd(corner, own)) for corner in torch.eye(len(own), dtype=torch.float64))
            assert found.loc[document.id, "jsd_upper"] == pytest.approx(most)


def test_pairs_balance_in_the_model_itself(not_affine, planted) -> None:
    """Two words or the model's own attention, and the output eps away: closer to it than to nothing."""
    part = read(not_affine, planted.test[:8]).batches[0]
    tried = balanced_pairs(part, EPS)
    moved = tvd(part.under(tried).softmax(-1), part.logits.softmax(-1)[:, None].expand(-1, tried.shape[1], -1))
    own = (tried == part.weights[:, None]).all(-1)
    assert (~own).any()
    assert ((tried > 0).sum(-1)[~own] <= 2).all()
    assert torch.allclose(tried.sum(-1), torch.ones_like(moved))
    assert (moved <= EPS).all()
    assert (moved[~own] > 0.9 * EPS).float().mean() > 0.9


def test_the_model_and_not_its_votes_is_asked_where_it_is_not_affine(not_affine, planted, changed, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 40)
    reading = read(not_affine, planted.test[:6])
    part = reading.batches[0]
    believed = changed(reading, affinity=Affinity(gap=0.0, spread=1.0, magnitude=1.0, documents=6))
    wrong, _ = search_adversary(believed, part, EPS)
    with torch.no_grad():
        under = not_affine.logits_under(part.batch, wrong[:, None].float())[:, 0]
    moved = tvd(under.double().softmax(-1), part.logits.softmax(-1))
    assert (moved > EPS).any()  # the votes would have been believed wrongly


def test_more_than_two_classes_are_certified_not_exact(three, three_reading) -> None:
    """The proved upper bound lies above what was attained, and above what the paper's search finds."""
    frame = adversary(three_reading.only(three.test[:23]), method="both").frame
    certified, search = (frame[frame["status"] == status].set_index("document") for status in ("certified", "search"))
    assert len(certified) == len(search) == 23
    assert (frame["tvd"] <= EPS + 1e-6).all()
    assert (certified["jsd_upper"] >= certified["jsd"]).all()
    assert (certified["jsd_upper"] >= search["jsd"] - 1e-9).all()
    assert search["jsd_upper"].isna().all()


def test_the_summary_is_the_plain_mean_and_median_by_status(both) -> None:
    summary = both.summary().query("grouping == 'all' and quantity == 'jsd'").set_index(["status", "statistic"])
    for status, frame in both.frame.groupby("status"):
        assert summary.loc[(status, "mean"), "estimate"] == pytest.approx(frame["jsd"].mean())
        assert summary.loc[(status, "median"), "estimate"] == pytest.approx(frame["jsd"].median())
        assert summary.loc[(status, "mean"), "low"] < frame["jsd"].mean() < summary.loc[(status, "mean"), "high"]
    groups = both.summary().query("grouping == 'predicted'")
    assert set(groups["group"]) == {"negative", "positive"}


@pytest.mark.parametrize("eps", [0, 1, -0.1, float("nan")])
def test_an_eps_without_meaning_is_refused(model, planted, eps) -> None:
    with pytest.raises(ValueError, match=r"eps must lie in \(0, 1\)"):
        adversary(read(model, planted.test), eps=eps)


def test_another_method_is_refused(model, planted) -> None:
    with pytest.raises(ValueError, match="got method='exact', expected one of best, both, search"):
        adversary(read(model, planted.test), method="exact")

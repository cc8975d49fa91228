"""What attention can and cannot do: against enumeration, one-hot attention and random attention."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.jain_wallace.adversary_curve import adversary_curve
from attn_interp.experiments.jain_wallace.same_shape import same_shape
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import read
from attn_interp.readout.affine_check import Affinity


@pytest.fixture(scope="module")
def frame(reading):
    return reach(reading).frame.set_index("document")


def test_unflippable_decisions_survive_every_attention(model, reading, frame) -> None:
    """No random or one-hot attention flips an unflippable decision; one-hot attention flips every other one."""
    draw = np.random.default_rng(0)
    seen = set()
    for part in reading.batches[:2]:
        for i, document in enumerate(part.batch.documents):
            count = len(document)
            tried = np.concatenate([np.eye(count), draw.dirichlet(np.full(count, 0.3), size=200)])
            logits = torch.as_tensor(tried) @ part.votes[i, :count]
            flips = bool((logits.argmax(-1) != part.predicted[i]).any())
            unflippable = bool(frame.loc[document.id, "unflippable"])
            assert flips != unflippable
            seen.add(unflippable)
    assert seen == {True, False}


def test_the_columns_fit_together(frame) -> None:
    assert (frame["margin_least"] <= frame["margin"] + 1e-9).all()
    assert (frame["margin"] <= frame["margin_most"] + 1e-9).all()
    assert (frame["never_erasable"] == frame["smallest_erasure"].isna()).all()
    assert (frame["never_erasable"] == frame["kl_margin"].isna()).all()  # every word of these documents has attention
    assert (frame.loc[frame["unflippable"], "never_erasable"]).all()
    assert (frame["equivalent_dimension"] == frame["words"] - 2).mean() > 0.9  # one difference pins one dimension


def test_spread_used_is_the_way_from_the_mean_as_a_share_of_the_way_there_is(reading, frame) -> None:
    for part in reading.batches:
        for i, document in enumerate(part.batch.documents):
            votes = part.votes[i, : len(document)]
            own = int(part.predicted[i])
            lead = votes[:, own] - votes[:, 1 - own]
            moved = (part.weights[i, : len(document)] * lead).sum() - lead.mean()
            room = lead.max() - lead.mean() if moved > 0 else lead.mean() - lead.min()
            assert frame.loc[document.id, "spread_used"] == pytest.approx(float(moved.abs() / room))
            assert 0 <= frame.loc[document.id, "spread_used"] <= 1


@pytest.mark.parametrize(("chosen", "share"), [("uniform", 0.0), ("best word", 1.0)])
def test_spread_used_at_its_ends(reading, changed, chosen, share) -> None:
    """The same votes read under uniform attention, and under all attention on the word that votes most strongly."""
    parts = []
    for part in reading.batches:
        lead = part.votes[..., 1] - part.votes[..., 0]
        weights = part.is_word / part.is_word.sum(-1, keepdim=True).double()
        if chosen == "best word":
            best = lead.masked_fill(~part.is_word, -torch.inf).argmax(-1)
            weights = torch.nn.functional.one_hot(best, lead.shape[1]).double()
        logits = torch.einsum("bw,bwc->bc", weights, part.votes)
        parts.append(changed(part, weights=weights, logits=logits, votes=part.votes, is_word=part.is_word))
    found = reach(changed(reading, batches=tuple(parts), affinity=reading.affinity)).frame
    assert np.allclose(found["spread_used"], share, atol=1e-9)


def test_degenerate_documents_have_defined_rows(model) -> None:
    documents = [
        Document(id="one", words=("film",), label=0),
        Document(id="same", words=("film",) * 2, label=0),
        Document(id="three", words=("a",) * 3, label=1),
    ]
    rows = reach(read(model, documents)).frame.set_index("document")
    assert bool(rows.loc["one", "unflippable"])
    assert rows.loc["one", "equivalent_dimension"] == 0
    assert rows.loc["one", "interval_width"] == 0
    assert np.isnan(rows.loc["one", "spread_used"])


def test_it_refuses_a_readout_that_is_not_affine(reading, changed) -> None:
    other = changed(reading, batches=reading.batches, affinity=Affinity(1.0, 1.0, 1.0, 5))
    with pytest.raises(ValueError, match="not affine in the attention at site 'pooling' \\(gap 1 logits"):
        reach(other)
    with pytest.raises(ValueError, match="same_shape: the readout is not affine in the attention; use adversary"):
        same_shape(other)


def test_the_same_shape_adversary_lies_below_the_free_one(reading) -> None:
    shape = same_shape(reading, eps=0.05).frame
    free = adversary_curve(reading, eps=(0.05,)).frame
    assert (shape["jsd"] <= shape["jsd_upper"] + 1e-9).all()
    assert (shape["jsd"] <= free["jsd"] + 1e-9).all()
    assert (shape["tvd"] <= 0.05 + 1e-6).all()
    assert set(shape["status"]) <= {"exact", "certified"}


def test_a_looser_tolerance_never_buys_less(model, planted) -> None:
    frame = adversary_curve(read(model, planted.test[:20]), eps=(0.001, 0.01, 0.2)).frame
    by_eps = frame.pivot(index="document", columns="eps", values="jsd").to_numpy()
    assert (np.diff(by_eps, axis=1) >= -1e-9).all()
    assert np.diff(by_eps, axis=1).max() > 1e-3
    assert (frame["tvd"] <= frame["eps"] + 1e-6).all()

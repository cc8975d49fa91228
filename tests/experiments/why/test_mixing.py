"""Own shares of states: full Jacobians, an encoder without context, and the taus of the method itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from attn_interp.attribution.pushed_back import pushed_back_attention
from attn_interp.experiments.reading import read
from attn_interp.experiments.why.mixing import mixing, own_share


@pytest.fixture(scope="module")
def few(reading):
    return reading.only(reading.documents[:8])


@pytest.fixture(scope="module")
def frame(few):
    return mixing(few).frame.set_index("document")


def test_by_full_jacobians(few, frame) -> None:
    model = few.model
    for document in few.documents:
        own = model.batch([document])
        jacobian = torch.autograd.functional.jacobian(
            lambda embeddings, own=own: model.module.encoder(embeddings, own.is_token)[0], model.embeddings(own)
        )[1:-1, :, 0, 1:-1]  # (W, D, W, E), of 12 directions: exact
        norms = jacobian.square().sum((1, 3)).sqrt().numpy()  # (W, W)
        shares = np.diag(norms) / norms.sum(1)
        weights = model.run(own).weights[0].numpy()
        assert frame.loc[document.id, "own_share"] == pytest.approx(shares.mean(), abs=1e-5)
        assert frame.loc[document.id, "own_share_attended"] == pytest.approx(shares @ weights, abs=1e-5)
        pushed = weights @ norms
        moved = abs(pushed / pushed.sum() - weights).sum() / 2
        assert frame.loc[document.id, "moved_attention"] == pytest.approx(moved, abs=1e-5)


def test_the_taus_are_those_of_attention_and_of_the_method(few, frame) -> None:
    model = few.model
    for batch, found in few.attributions(["leave-one-out"]):
        pushed = pushed_back_attention(model, batch.batch, batch.predicted).values
        for row, document in enumerate(batch.batch.documents):
            words, told = slice(len(document)), frame.loc[document.id]
            effect = found["leave-one-out"].values[row, words].abs()
            for name, values in (("tau", batch.weights), ("tau_pushed_back", pushed)):
                assert told[name] == pytest.approx(stats.kendalltau(values[row, words], effect).statistic, abs=1e-6)
            assert told["gain"] == told["tau_pushed_back"] - told["tau"]


def test_without_context_a_state_is_its_own_word(three_model, three) -> None:
    frame = mixing(read(three_model, three.test[:6], progress=False)).frame
    assert frame["own_share"].to_numpy() == pytest.approx(1)
    assert frame["own_share_attended"].to_numpy() == pytest.approx(1)


def test_shares_by_hand_and_states_that_no_word_moves() -> None:
    moved = torch.tensor([[[3.0, 1.0], [2.0, 2.0]], [[0.0, 0.0], [1.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    weights = torch.tensor([[0.2, 0.8], [0.9, 0.1], [0.5, 0.5]])
    found = own_share(moved, weights)
    assert found[:2].tolist() == pytest.approx([0.2 * 0.75 + 0.8 * 0.5, 0.8]) and found[2].isnan()


def test_equal_shares_are_one_over_the_words() -> None:
    assert own_share(torch.ones(1, 5, 5), torch.full((1, 5), 0.2)).item() == pytest.approx(0.2)


def test_one_word_and_no_states(model, planted, short, bert) -> None:
    frame = mixing(read(model, short, progress=False)).frame.set_index("document")
    assert frame.loc["one", "own_share"] == pytest.approx(1) and np.isnan(frame.loc["one", "gain"])
    with pytest.raises(ValueError, match="mixing: it needs the states of one head"):
        mixing(read(bert, planted.test[:2], progress=False))

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from attn_interp.measures import kl
from attn_interp.readout.affine import decisions, logits_of
from attn_interp.readout.erasure.erased_words import never_erasable
from attn_interp.readout.margin import attention_margin


def by_optimiser(alpha: np.ndarray, votes: np.ndarray) -> float:
    """The least KL over the rivals, found by a constrained solver on the attended words."""
    votes, alpha = votes[alpha > 0], alpha[alpha > 0]
    decision = int((alpha @ votes).argmax())
    best = math.inf
    for rival in range(votes.shape[1]):
        d = votes[:, decision] - votes[:, rival]
        if (d >= 0).all():
            continue
        for elsewhere in (1e-3, 1e-2, 1e-1):  # the solver gives up from some starts
            start = np.where(d < 0, alpha, elsewhere)
            found = minimize(
                lambda q: float((q * np.log(np.maximum(q, 1e-300) / alpha)).sum()),
                start / start.sum(),
                jac=lambda q: np.log(np.maximum(q, 1e-300) / alpha) + 1,
                bounds=[(1e-12, 1)] * len(alpha),
                constraints=[
                    {"type": "eq", "fun": lambda q: q.sum() - 1},
                    {"type": "ineq", "fun": lambda q, d=d: -q @ d},
                ],
                method="SLSQP",
                options={"ftol": 1e-12, "maxiter": 500},
            )
            if found.success:
                best = min(best, float(found.fun))
    return best


@pytest.mark.parametrize("classes", [2, 3])
def test_same_as_a_constrained_solver(draw, classes: int) -> None:
    documents = draw(0, count=20, classes=classes, lean=0.5)
    found = attention_margin(*documents)
    for row in range(20):
        alpha, votes = (each.numpy() for each in documents.one(row))
        assert found.kl[row].item() == pytest.approx(by_optimiser(alpha, votes), rel=1e-4, abs=1e-6)


def test_attained_and_level(draw) -> None:
    weights, votes, is_word = draw(1, count=40, classes=4, lean=1.0)
    found = attention_margin(weights, votes, is_word)
    finite = found.kl.isfinite()
    assert 5 < finite.sum() < 40
    q = found.weights[finite]
    assert (q[~is_word[finite]] == 0).all()
    torch.testing.assert_close(q.sum(-1), torch.ones(len(q), dtype=torch.float64))
    torch.testing.assert_close(kl(q, weights[finite]), found.kl[finite], atol=1e-9, rtol=1e-9)
    logits = logits_of(q, votes[finite])
    own = logits.gather(1, decisions(weights, votes)[finite, None])
    rival = logits.gather(1, found.rival[finite, None])
    torch.testing.assert_close(own, rival, atol=1e-9, rtol=0)
    assert found.weights[~finite].isnan().all() and (found.rival[~finite] == -1).all()


def test_two_words_by_hand() -> None:
    # level at q = (1/2, 1/2): KL = ln(1/2) - (ln .9 + ln .1) / 2
    votes = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    found = attention_margin(torch.tensor([[0.9, 0.1]], dtype=torch.float64), votes, torch.ones(1, 2, dtype=torch.bool))
    assert found.kl.item() == pytest.approx(math.log(0.5) - math.log(0.09) / 2)
    torch.testing.assert_close(found.weights, torch.full((1, 2), 0.5, dtype=torch.float64))


def test_infinite_exactly_where_nothing_can_be_erased(draw, degenerate) -> None:
    for documents in (draw(2, count=100, classes=3, lean=1.5), degenerate):
        found = attention_margin(*documents)
        assert (found.kl >= 0).all()
        assert torch.equal(found.kl.isinf(), never_erasable(*documents))


def test_scale_of_the_votes_does_not_matter(draw) -> None:
    weights, votes, is_word = draw(3)
    found = attention_margin(weights, votes, is_word).kl
    for scale in (1e-30, 1e30):
        torch.testing.assert_close(attention_margin(weights, votes * scale, is_word).kl, found)


def test_one_word_against_many_is_found_however_small(draw) -> None:
    # the multiplier is large where the only rival's vote is faint
    weights = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    votes = torch.tensor([[[1.0, 0.0], [0.0, 1e-8]]], dtype=torch.float64)
    found = attention_margin(weights, votes, torch.ones(1, 2, dtype=torch.bool))
    q = 1e-8 / (1 + 1e-8)
    expected = q * math.log(2 * q) + (1 - q) * math.log(2 * (1 - q))
    assert found.kl.item() == pytest.approx(expected)


def test_level_already_is_zero() -> None:
    votes = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert attention_margin(torch.tensor([[0.5, 0.5]]), votes, torch.ones(1, 2, dtype=torch.bool)).kl.item() == 0.0


def test_refuses_several_heads() -> None:
    with pytest.raises(ValueError, match="the attention margin is for one head"):
        attention_margin(torch.full((1, 2, 3), 1 / 3), torch.ones(1, 2, 3, 2), torch.ones(1, 3, dtype=torch.bool))


def test_a_rival_that_can_only_draw_level_is_reached() -> None:
    """Advantages (0, 1): all attention on the first word; of equal votes the rival is level."""
    weights = torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
    advantage = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
    votes = torch.stack([advantage, torch.zeros_like(advantage)], -1)
    found = attention_margin(weights, votes)
    assert found.kl.tolist() == pytest.approx([math.log(2), 0.0, math.inf])
    assert found.weights[0].tolist() == pytest.approx([1.0, 0.0])
    assert found.weights[1].tolist() == pytest.approx([0.5, 0.5])
    assert found.weights[2].isnan().all() and found.rival.tolist() == [1, 1, -1]

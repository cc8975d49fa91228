"""The best set of a given size against every set there is."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from attn_interp.readout.affine import decisions
from attn_interp.readout.erasure.best_words import best_subset


def probabilities(alpha: torch.Tensor, votes: torch.Tensor, decision: int, count: int) -> list[float]:
    """Probability of the decision with every set of `count` words kept that has attention."""
    found = []
    for kept in map(list, combinations(range(len(alpha)), count)):
        if alpha[kept].sum() > 0:
            logits = alpha[kept] @ votes[kept] / alpha[kept].sum()
            found.append(float(logits.softmax(-1)[decision]))
    return found


@pytest.mark.parametrize("highest", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_against_every_set(draw, classes: int, highest: bool) -> None:
    documents = draw(7, count=23, positions=9, classes=classes)
    decision = decisions(documents.weights, documents.votes)
    attained = 0
    for count in range(1, 9):
        found = best_subset(*documents, decision, torch.full((23,), count), highest)
        for row in range(23):
            alpha, votes = documents.one(row)
            every = probabilities(alpha, votes, int(decision[row]), count) if count <= len(alpha) else []
            if not every:
                assert found.probability[row].isnan() and found.bound[row].isnan()
                assert not found.kept[row].any()
                continue
            best = max(every) if highest else min(every)
            kept = found.kept[row]
            assert int(kept.sum()) == count and not (kept & ~documents.is_word[row]).any()
            own = documents.weights[row] * kept
            again = (own @ documents.votes[row] / own.sum()).softmax(-1)[decision[row]]
            assert float(found.probability[row]) == pytest.approx(float(again), abs=1e-12)
            sign = 1 if highest else -1
            assert sign * float(found.bound[row]) >= sign * best - 1e-12  # no set passes the bound
            if classes == 2:
                assert float(found.probability[row]) == pytest.approx(best, abs=1e-12)
                assert found.bound[row] == found.probability[row]
            attained += abs(float(found.probability[row]) - best) < 1e-12
    assert attained > 80  # of the 103 sets asked for; all of them with two classes


def test_sorting_by_votes_is_not_the_best() -> None:
    """Three words, two kept: the word with the largest vote has so little attention that it does not help."""
    weights = torch.tensor([[0.01, 0.49, 0.5]])
    votes = torch.tensor([[[9.0, 0.0], [2.0, 0.0], [1.0, 0.0]]])
    is_word = torch.ones(1, 3, dtype=torch.bool)
    found = best_subset(weights, votes, is_word, torch.tensor([0]), torch.tensor([2]), highest=True)
    assert found.kept.tolist() == [[True, True, False]]
    lead = (0.01 * 9 + 0.49 * 2) / 0.5
    assert float(found.probability) == pytest.approx(1 / (1 + torch.tensor(-lead).exp().item()))
    # and to make the decision weakest the words 0 and 2 are not kept although 0 alone would be strongest of all
    worst = best_subset(weights, votes, is_word, torch.tensor([0]), torch.tensor([2]), highest=False)
    assert worst.kept.tolist() == [[True, False, True]]  # (.09 + .5) / .51 = 1.157 < (.98 + .5) / .99 = 1.495


def test_all_words_kept_change_nothing_and_none_is_undefined(degenerate) -> None:
    decision = decisions(degenerate.weights, degenerate.votes)
    logits = (degenerate.weights[..., None] * degenerate.votes).sum(1)
    own = logits.softmax(-1).gather(1, decision[:, None])[:, 0]
    for highest in (True, False):
        whole = best_subset(*degenerate, decision, degenerate.is_word.sum(-1), highest)
        torch.testing.assert_close(whole.probability, own)
        assert torch.equal(whole.kept, degenerate.is_word)
        none = best_subset(*degenerate, decision, torch.zeros(5, dtype=torch.long), highest)
        assert none.probability.isnan().all()


def test_probabilities_that_round_to_one_are_still_told_apart() -> None:
    weights = torch.full((1, 4), 0.25)
    votes = torch.tensor([[[100.0, 0.0], [300.0, 0.0], [200.0, 0.0], [50.0, 0.0]]])
    is_word = torch.ones(1, 4, dtype=torch.bool)
    found = best_subset(weights, votes, is_word, torch.tensor([0]), torch.tensor([2]), highest=True)
    assert found.kept.tolist() == [[False, True, True, False]]


def test_several_heads_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one head; weights must be \(B, T\), got \(1, 2, 3\)"):
        best_subset(
            torch.full((1, 2, 3), 1 / 3),
            torch.zeros(1, 2, 3, 2),
            torch.ones(1, 3, dtype=torch.bool),
            torch.tensor([0]),
            torch.tensor([1]),
            True,
        )

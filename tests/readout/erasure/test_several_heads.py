import itertools
import math

import pytest
import torch

from attn_interp.readout.affine import decisions, logits_of
from attn_interp.readout.erasure.erased_words import smallest_erasure
from attn_interp.readout.erasure.several_heads import erased_in_one_head, fewest_weights, smallest_erasure_in_heads


def heads_of(draw, seed: int, heads: int, count: int, positions: int, classes: int, lean: float = 0.0):
    """Weights (B, H, T), some of them 0, votes (B, H, T, C) and words of unequal number."""
    parts = [draw(seed + 100 * head, count, positions, classes, lean) for head in range(heads)]
    is_word = parts[0].is_word
    weights, votes = [], []
    for part in parts:
        own = torch.where(is_word, part.weights, 0.0)
        own[:, 1] += 0.01
        weights.append(own / own.sum(-1, keepdim=True))
        votes.append(part.votes * is_word[..., None])
    return torch.stack(weights, 1), torch.stack(votes, 1), is_word


def changed(kept: torch.Tensor, votes: torch.Tensor, decision: int) -> bool:
    """Whether the kept weights (H, T) of one document, renormalised, decide otherwise; False if a head has none."""
    if (kept.sum(-1) == 0).any():
        return False
    logits = ((kept / kept.sum(-1, keepdim=True))[..., None] * votes).sum((0, 1))
    return bool((logits > logits[decision]).any())


def fewest(weights: torch.Tensor, votes: torch.Tensor, together: bool) -> float:
    """Size of the smallest set of weights, or of words in all heads together, by trying every set."""
    heads, positions = weights.shape
    decision = int(logits_of(weights[None], votes[None]).argmax())
    items = [(h, t) for h in range(heads) for t in range(positions) if weights[h, t] > 0]
    groups = [[item for item in items if item[1] == t] for t in range(positions)] if together else [[i] for i in items]
    groups = [group for group in groups if group]
    for size in range(1, len(groups)):
        for erased in itertools.combinations(groups, size):
            kept = weights.clone()
            for head, word in itertools.chain(*erased):
                kept[head, word] = 0
            if changed(kept, votes, decision):
                return size
    return math.inf


def test_two_heads_by_hand() -> None:
    """Head 0 leads by 3 and -1, head 1 by 1 and 0: the decision leads by 2, and by 0 and -.5 with words erased."""
    weights = torch.tensor([[[0.75, 0.25], [0.5, 0.5]]])
    votes = torch.tensor([[[[3.0, 0.0], [0.0, 1.5]], [[0.5, 0.0], [0.0, 0.0]]]])
    words = torch.ones(1, 2, dtype=torch.bool)
    found = erased_in_one_head(weights, votes, words)
    expected = torch.tensor([[[[0.25, 1.5], [3.25, 0.0]], [[2.25, 0.375], [2.75, 0.375]]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)
    assert fewest_weights(weights, votes, words).size.item() == 1
    bounds = smallest_erasure_in_heads(weights, votes, words)
    assert (bounds.least.item(), bounds.most.item(), bounds.erased.tolist()) == (1, 1, [[True, False]])


@pytest.mark.parametrize("classes", [2, 3])
def test_erasing_a_word_from_one_head_is_the_re_run(draw, classes: int) -> None:
    weights, votes, is_word = heads_of(draw, 0, 3, 7, 5, classes)
    found = erased_in_one_head(weights, votes, is_word)
    for row, head, word in itertools.product(range(7), range(3), range(5)):
        left = weights[row].clone()
        left[head, word] = 0
        if not is_word[row, word] or left[head].sum() == 0:
            assert found[row, head, word].isnan().all()
            continue
        left[head] /= left[head].sum()
        torch.testing.assert_close(found[row, head, word], torch.einsum("ht,htc->c", left, votes[row]))


@pytest.mark.parametrize(("classes", "lean"), [(2, 0.5), (3, 0.8)])
def test_fewest_weights_are_those_of_brute_force(draw, classes: int, lean: float) -> None:
    weights, votes, is_word = heads_of(draw, 3, 2, 40, 5, classes, lean)
    expected = [fewest(weights[row], votes[row], together=False) for row in range(40)]
    found = fewest_weights(weights, votes, is_word)
    assert found.size.tolist() == expected
    assert {1.0, 2.0, 3.0, math.inf} <= set(expected)
    assert torch.equal(found.rival == -1, found.size.isinf())


@pytest.mark.parametrize(("heads", "classes", "lean"), [(2, 2, 0.3), (3, 3, 0.5)])
def test_bounds_hold_the_smallest_set_of_words(draw, heads: int, classes: int, lean: float) -> None:
    weights, votes, is_word = heads_of(draw, 7, heads, 40, 7, classes, lean)
    found = smallest_erasure_in_heads(weights, votes, is_word)
    expected = torch.tensor([fewest(weights[row], votes[row], together=True) for row in range(40)])
    assert (found.least <= expected).all() and (expected <= found.most).all()
    assert (found.most == expected).sum() >= 36  # the search rarely misses
    assert (found.least == found.most).sum() >= 24
    attained = found.most.isfinite()
    torch.testing.assert_close(found.erased.sum(-1)[attained].double(), found.most[attained])
    assert not found.erased[~attained].any()
    decision = decisions(weights, votes)
    for row in attained.nonzero()[:, 0].tolist():
        assert changed(weights[row] * ~found.erased[row], votes[row], int(decision[row]))


@pytest.mark.parametrize("classes", [2, 4])
def test_one_head_is_the_smallest_erasure(draw, classes: int) -> None:
    documents = draw(5, count=60, positions=11, classes=classes, lean=1.0)
    expected = smallest_erasure(*documents).size
    weights, votes, is_word = documents.weights[:, None], documents.votes[:, None], documents.is_word
    found = smallest_erasure_in_heads(weights, votes, is_word)
    assert torch.equal(found.most, expected)
    assert torch.equal(fewest_weights(weights, votes, is_word).size, expected)
    # Where none does, or one head alone, the least lead of n erasures is what n erasures attain.
    assert torch.equal(found.least, expected)


def test_padding_and_company_change_nothing(draw) -> None:
    weights, votes, is_word = heads_of(draw, 9, 2, 12, 6, 3, 0.5)
    together = smallest_erasure_in_heads(weights, votes, is_word)
    for row in range(12):
        inside = is_word[row]
        alone = smallest_erasure_in_heads(weights[row : row + 1, :, inside], votes[row : row + 1, :, inside],
                                          torch.ones(1, int(inside.sum()), dtype=torch.bool))  # fmt: skip
        assert (alone.least.item(), alone.most.item()) == (together.least[row].item(), together.most[row].item())


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    twice = torch.stack([weights, weights], 1), torch.stack([votes, votes], 1), is_word
    one = smallest_erasure(*degenerate).size
    found = smallest_erasure_in_heads(*twice)
    assert torch.equal(found.most, one)
    assert (found.least <= found.most).all()
    assert (fewest_weights(*twice).size >= one).all()


def test_weights_without_heads_are_refused(draw) -> None:
    for function in (erased_in_one_head, fewest_weights, smallest_erasure_in_heads):
        with pytest.raises(ValueError, match=r"must be \(B, H, T\), one row for each head, got \(13, 7\)"):
            function(*draw(0))

import itertools
import math

import pytest
import torch

from attn_interp.readout.affine import decisions, logits_of
from attn_interp.readout.erasure.erased_words import (
    erased_logits,
    flips_when_erased,
    never_erasable,
    smallest_erasure,
    zeroed_logits,
)
from attn_interp.readout.logit_range import unflippable


def fewest(alpha: torch.Tensor, votes: torch.Tensor) -> float:
    """Size of the smallest set of attended words whose erasure changes the decision, by trying every set."""
    decision = int((alpha @ votes).argmax())
    attended = alpha.nonzero()[:, 0].tolist()
    for size in range(1, len(attended)):
        for erased in itertools.combinations(attended, size):
            kept = [t for t in attended if t not in erased]
            logits = alpha[kept] @ votes[kept] / alpha[kept].sum()
            if (logits > logits[decision]).any():
                return size
    return math.inf


def test_two_words_by_hand() -> None:
    weights, is_word = torch.tensor([[0.25, 0.75]]), torch.ones(1, 2, dtype=torch.bool)
    votes = torch.tensor([[[4.0, 0.0], [0.0, 2.0]]])
    torch.testing.assert_close(erased_logits(weights, votes, is_word), votes.double().flip(1))
    assert decisions(weights, votes).tolist() == [1]
    assert flips_when_erased(weights, votes, is_word).tolist() == [[False, True]]
    found = smallest_erasure(weights, votes, is_word)
    assert (found.size.item(), found.erased.tolist(), found.rival.item()) == (1.0, [[False, True]], 0)


@pytest.mark.parametrize("classes", [2, 4])
def test_closed_form_is_the_re_run(draw, classes: int) -> None:
    weights, votes, is_word = draw(0, classes=classes)
    bias = torch.randn(classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    erased, zeroed = erased_logits(weights, votes, is_word), zeroed_logits(weights, votes, is_word, bias)
    for row, word in itertools.product(range(13), range(7)):
        left = weights[row].clone()
        left[word] = 0
        if not is_word[row, word]:
            assert erased[row, word].isnan().all() and zeroed[row, word].isnan().all()
            continue
        torch.testing.assert_close(zeroed[row, word], left @ (votes[row] - bias) + bias)
        if left.sum() == 0:
            assert erased[row, word].isnan().all()
        else:
            torch.testing.assert_close(erased[row, word], left / left.sum() @ votes[row])


def test_word_with_nearly_all_attention_keeps_its_digits() -> None:
    weights = torch.tensor([[1.0, 3e-30, 1e-30]], dtype=torch.float64)
    votes = torch.tensor([[[5.0, 0.0], [0.0, 8.0], [4.0, 0.0]]], dtype=torch.float64)
    erased = erased_logits(weights, votes, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(erased[0, 0], torch.tensor([1.0, 6.0], dtype=torch.float64))


def test_erasing_in_every_head(draw) -> None:
    first, second = draw(1, classes=3), draw(2, classes=3)
    is_word = first.is_word
    uniform = is_word.double() / is_word.sum(-1, keepdim=True)
    weights = torch.stack([first.weights, uniform], 1)
    votes = torch.stack([first.votes, second.votes * is_word[..., None]], 1)
    erased = erased_logits(weights, votes, is_word)
    bias = torch.randn(13, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    zeroed = zeroed_logits(weights, votes, is_word, bias)
    for row in range(13):
        left = weights[row].clone()
        left[:, 1] = 0
        unnormalised = torch.einsum("ht,htc->c", left, votes[row] - bias[row][:, None]) + bias[row].sum(0)
        torch.testing.assert_close(zeroed[row, 1], unnormalised)
        if (left.sum(-1) > 0).all():
            left /= left.sum(-1, keepdim=True)
            torch.testing.assert_close(erased[row, 1], torch.einsum("ht,htc->c", left, votes[row]))
        else:
            assert erased[row, 1].isnan().all()


@pytest.mark.parametrize(("classes", "lean"), [(2, 0.0), (2, 1.5), (4, 0.0), (4, 2.0)])
def test_smallest_set_is_that_of_brute_force(draw, classes: int, lean: float) -> None:
    documents = draw(5, count=30, positions=11, classes=classes, lean=lean)
    found = smallest_erasure(*documents)
    expected = [fewest(*documents.one(row)) for row in range(30)]
    assert found.size.tolist() == expected
    assert len({*expected}) > 3 or lean == 0.0
    never = found.size.isinf()
    assert torch.equal(never_erasable(*documents), never)
    assert (found.rival[never] == -1).all() and not found.erased[never].any()
    torch.testing.assert_close(found.erased.sum(-1)[~never].double(), found.size[~never])
    assert not (found.erased & (documents.weights == 0)).any()
    kept = documents.weights * ~found.erased
    logits = logits_of(kept / kept.sum(-1, keepdim=True), documents.votes)
    decision = decisions(documents.weights, documents.votes)
    won = logits.gather(1, found.rival.clamp_min(0)[:, None]) > logits.gather(1, decision[:, None])
    assert torch.equal(won[:, 0], ~never)


def test_never_erasable_is_weaker_than_unflippable(draw) -> None:
    weights, votes, is_word = draw(6, count=200, positions=5, lean=1.5)
    powerless = unflippable(votes, decisions(weights, votes), is_word)
    never = never_erasable(weights, votes, is_word)
    assert (never | ~powerless).all() and (never & ~powerless).any()


def test_a_tie_is_no_change() -> None:
    votes = torch.tensor([[[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]])
    weights = torch.tensor([[0.5, 0.25, 0.25]])
    words = torch.ones(1, 3, dtype=torch.bool)
    assert smallest_erasure(weights, votes, words).size.item() == math.inf
    assert not flips_when_erased(weights, votes, words).any()


def test_edges(degenerate) -> None:
    weights, votes, is_word = degenerate
    found = smallest_erasure(weights, votes, is_word)
    erased, flips = erased_logits(weights, votes, is_word), flips_when_erased(weights, votes, is_word)
    left = (weights.sum(-1, keepdim=True) - weights > 1e-12) & is_word
    assert torch.equal(erased.isfinite().all(-1), left)
    assert not flips[~left].any()
    torch.testing.assert_close(found.size == 1, flips.any(-1))


def test_refuses_several_heads() -> None:
    heads = torch.full((1, 2, 3), 1 / 3), torch.ones(1, 2, 3, 2), torch.ones(1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"exact for one head; weights must be \(B, T\), got \(1, 2, 3\)"):
        smallest_erasure(*heads)
    with pytest.raises(ValueError, match=r"bias must be \(B, H, C\)"):
        zeroed_logits(*heads, torch.zeros(2))


def test_terms_that_cancel_are_a_tie_and_no_flip() -> None:
    """15 alpha s = (35, -9, 5, 4, 0): without the first word exactly 0 is left, without the first two terms -5."""
    weights = torch.tensor([[5, 3, 1, 1, 5]], dtype=torch.float64) / 15
    scores = torch.tensor([[7.0, -3.0, 5.0, 4.0, 0.0]], dtype=torch.float64)
    votes = torch.stack([scores, torch.zeros_like(scores)], -1)
    found = smallest_erasure(weights, votes, torch.ones(1, 5, dtype=torch.bool))
    assert found.size.tolist() == [2.0]
    assert found.erased.tolist() == [[True, False, True, False, False]]
    for scale in (1e-12, 1e9):
        assert smallest_erasure(weights, scale * votes, torch.ones(1, 5, dtype=torch.bool)).size.tolist() == [2.0]

import math

import pytest
import torch

from attn_interp.readout.affine_check import Affinity, affinity, pooled, probe_weightings

IDS = [f"document {n}" for n in range(13)]


def recorded(draw, bend: float) -> tuple[torch.Tensor, ...]:
    """Weightings, logits, votes, words of a model alpha.v + bend tanh(alpha.v), as float32 records them."""
    weights, states, is_word = draw(0, positions=9, classes=3)

    def model(context: torch.Tensor) -> torch.Tensor:
        return context + bend * torch.tanh(context)

    weightings = probe_weightings(weights, is_word, IDS, seed=5)
    return weightings, model(weightings @ states).float(), model(states).float(), is_word


def test_affine_model_passes_and_another_does_not(draw) -> None:
    straight, bent = affinity(*recorded(draw, 0.0)), affinity(*recorded(draw, 0.1))
    assert straight.affine and straight.relative_gap < 1e-5
    assert not bent.affine and bent.relative_gap > 0.01


def test_own_attention_on_one_word_proves_nothing(draw) -> None:
    weightings, logits, votes, is_word = recorded(draw, 0.1)
    one_hot = torch.zeros_like(weightings[:, :1])
    one_hot[:, 0, 1] = 1
    gap = affinity(one_hot, votes[:, 1:2], votes, is_word)
    assert gap.affine and not affinity(weightings[:, :1], logits[:, :1], votes, is_word).affine


def test_only_documents_of_three_words_are_tested(draw) -> None:
    weightings, logits, votes, is_word = recorded(draw, 0.1)
    short = is_word.sum(-1) < 3
    assert 0 < short.sum() < 13
    nothing = affinity(weightings[short], logits[short], votes[short], is_word[short])
    assert nothing.documents == 0
    with pytest.raises(ValueError, match="no document has 3 words or more, so affinity was not tested"):
        assert nothing.affine
    assert affinity(weightings, logits, votes, is_word).documents == int((~short).sum())


def test_gap_by_hand() -> None:
    is_word = torch.ones(1, 3, dtype=torch.bool)
    votes = torch.tensor([[[0.0, 3.0], [0.0, 0.0], [0.0, 0.0]]])
    found = affinity(torch.full((1, 1, 3), 1 / 3), torch.tensor([[[0.0, 1.5]]]), votes, is_word)
    assert found.gap == pytest.approx(0.5) and found.spread == pytest.approx(2.0)
    assert found.relative_gap == pytest.approx(0.25)


def test_votes_that_never_move_are_held_to_the_rounding() -> None:
    level = Affinity(gap=1e-6, spread=0.0, magnitude=3.0, documents=1)
    assert level.affine and level.relative_gap == math.inf
    assert not Affinity(gap=1e-3, spread=0.0, magnitude=3.0, documents=1).affine


def test_batches_pool_to_the_whole(draw) -> None:
    weightings, logits, votes, is_word = recorded(draw, 0.1)
    cut = [slice(0, 4), slice(4, 13)]
    parts = [affinity(weightings[rows], logits[rows], votes[rows], is_word[rows]) for rows in cut]
    whole = affinity(weightings, logits, votes, is_word)
    merged = pooled(parts)
    assert (merged.documents, merged.affine) == (whole.documents, whole.affine)
    assert merged.gap == pytest.approx(whole.gap) and merged.spread == pytest.approx(whole.spread)


def test_weightings_are_distributions_and_depend_on_seed_and_id_only(draw) -> None:
    weights, _, is_word = draw(1)
    tried = probe_weightings(weights, is_word, IDS, seed=2, draws=3)
    assert tried.shape == (13, 5, 7) and (tried[~is_word[:, None].expand_as(tried)] == 0).all()
    torch.testing.assert_close(tried.sum(-1), torch.ones(13, 5, dtype=torch.float64))
    torch.testing.assert_close(tried[:, 0], weights)
    back = list(reversed(range(13)))
    padded = torch.nn.functional.pad(is_word[back], (4, 0))
    other = probe_weightings(
        torch.nn.functional.pad(weights[back], (4, 0)), padded, [IDS[n] for n in back], seed=2, draws=3
    )
    torch.testing.assert_close(other[back][..., 4:], tried, rtol=0, atol=0)
    assert not torch.equal(probe_weightings(weights, is_word, IDS, seed=3, draws=3), tried)


def test_refuses_shapes_that_do_not_fit(draw) -> None:
    weightings, logits, votes, is_word = recorded(draw, 0.0)
    with pytest.raises(ValueError, match=r"weightings must be \(B, K, T\) and logits \(B, K, C\)"):
        affinity(weightings, logits[:, :2], votes, is_word)
    with pytest.raises(ValueError, match="12 ids for 13 documents"):
        probe_weightings(weightings[:, 0], is_word, IDS[1:])

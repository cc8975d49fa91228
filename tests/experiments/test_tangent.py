"""Votes from derivatives: those of an affine readout, refused where it bends before the corners or has no gradient."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.batch import Batch
from attn_interp.experiments.reading import read
from attn_interp.experiments.tangent import checked_votes, tangent_votes
from attn_interp.models.alternatives import Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.recording.one_word import on_each_word
from attn_interp.recording.replay import Replay

B, W, C = 5, 11, 3


@pytest.fixture
def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights (B, W), votes (B, W, C) and words, the last documents shorter."""
    generator = torch.Generator().manual_seed(5)
    is_word = torch.arange(W) < torch.tensor([[11], [11], [7], [2], [1]])
    weights = torch.randn(B, W, generator=generator, dtype=torch.float64).masked_fill(~is_word, -torch.inf).softmax(-1)
    votes = torch.randn(B, W, C, generator=generator, dtype=torch.float64) * 3
    return weights, votes * is_word[..., None], is_word


def test_of_an_affine_readout_they_are_its_votes(drawn) -> None:
    weights, votes, is_word = drawn
    found = checked_votes(lambda weightings: weightings @ votes + 2.0, weights, is_word)
    torch.testing.assert_close(found, (votes + 2.0) * is_word[..., None], atol=1e-12, rtol=0)


def test_at_the_model_s_own_weights_they_touch_any_readout(drawn) -> None:
    weights, votes, is_word = drawn

    def under(weightings: torch.Tensor) -> torch.Tensor:
        return torch.tanh(weightings @ votes)

    tangent = tangent_votes(under, weights, is_word)
    torch.testing.assert_close((weights[:, None] @ tangent)[:, 0], under(weights[:, None])[:, 0], atol=1e-12, rtol=0)
    step = 1e-5 * (torch.eye(W, dtype=torch.float64)[0] - weights) * is_word[:, :1]
    moved = ((weights + step)[:, None] @ tangent)[:, 0]
    torch.testing.assert_close(moved, under((weights + step)[:, None])[:, 0], atol=1e-8, rtol=0)


def test_a_readout_that_bends_before_the_corners_is_found_out(drawn) -> None:
    """A ReLU after pooling that no mixture of many words reaches: affine around the model itself, and no further."""
    weights, votes, is_word = drawn
    highest = (weights[:, None] @ votes)[:, 0, 0].max() + 0.5
    bent = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)

    def under(weightings: torch.Tensor) -> torch.Tensor:
        logits = weightings @ votes
        return logits - 5 * bent * torch.relu(logits - highest)

    assert checked_votes(under, weights, is_word) is None
    assert checked_votes(lambda weightings: weightings @ votes, weights, is_word) is not None


def test_the_mode_in_which_they_are_asked_for_does_not_matter(drawn) -> None:
    weights, votes, is_word = drawn
    expected = checked_votes(lambda weightings: weightings @ votes, weights, is_word)
    with torch.no_grad():
        found = checked_votes(lambda weightings: weightings @ votes, weights, is_word)
    assert found is not None and expected is not None and torch.equal(found, expected)


def test_without_a_gradient_there_are_none(drawn) -> None:
    weights, votes, is_word = drawn
    assert checked_votes(lambda weightings: (weightings @ votes).detach(), weights, is_word) is None
    silent = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert checked_votes(lambda weightings: (weightings.detach() @ votes) + silent, weights, is_word) is None


@pytest.mark.parametrize("cells", [1, 150, 10**6])
def test_one_word_at_a_time_in_blocks_of_any_size(drawn, monkeypatch, cells: int) -> None:
    _weights, votes, is_word = drawn
    monkeypatch.setattr("attn_interp.recording.one_word.CELLS", cells)
    seen = []

    def under(weightings: torch.Tensor) -> torch.Tensor:
        seen.append(weightings.shape[1])
        return weightings @ votes

    found = on_each_word(under, is_word)
    assert sum(seen) == W and max(seen) * B * W <= max(cells, B * W)
    for row, words in enumerate(is_word.sum(-1)):
        assert torch.equal(found[row, :words], votes[row, :words])
        assert torch.equal(found[row, words:], votes[row, words - 1].expand(W - words, C))


def test_runs_of_the_model_do_not_grow_with_the_words(reading, monkeypatch) -> None:
    """Two classes: the model's own weights and two corners for each, however long the documents are."""
    asked, encoded = [], []
    logits, replayed = Alternatives.logits, AttentionModel.replayed

    def counted(self: Alternatives, weightings: torch.Tensor) -> torch.Tensor:
        asked.append(weightings.shape[1])
        return logits(self, weightings)

    def once(self: AttentionModel, batch: Batch) -> Replay:
        encoded.append(batch)
        return replayed(self, batch)

    monkeypatch.setattr(Alternatives, "logits", counted)
    monkeypatch.setattr(AttentionModel, "replayed", once)
    again = read(reading.model, reading.documents)
    longest = 0
    for fresh, known in zip(again.batches, reading.batches, strict=True):
        asked.clear()
        encoded.clear()
        votes = fresh.votes
        assert sorted(asked) == [1, 4] and len(encoded) == 1
        expected = on_each_word(known.under, known.is_word) * known.is_word[..., None]
        torch.testing.assert_close(votes, expected, atol=2e-5, rtol=0)
        longest = max(longest, votes.shape[1])
    assert longest > 10


def test_the_mean_of_several_heads_is_asked_word_by_word(bert, planted) -> None:
    (batch,) = read(bert.at(head="mean", query="first"), planted.test[:4]).batches
    expected = on_each_word(batch.under, batch.is_word) * batch.is_word[..., None]
    assert torch.equal(batch.votes, expected)

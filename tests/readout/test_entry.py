import math

import pytest
import torch

from attn_interp.readout.entry import entered

WORDS = torch.tensor([[True, True, False], [True, True, True]])
WEIGHTS = torch.tensor([[0.25, 0.75, 0.0], [0.2, 0.3, 0.5]])
VOTES = torch.ones(2, 3, 5)


def changed(values: torch.Tensor, place: tuple[int, ...], value: float) -> torch.Tensor:
    copy = values.clone()
    copy[place] = value
    return copy


def test_float64_summing_to_one_and_zero_outside() -> None:
    # what float32 leaves of the sum is gone, and nothing outside the words counts
    weights, votes, is_word = entered(WEIGHTS * (1 + 1e-5), changed(VOTES, (0, 2, 1), math.nan), WORDS)
    assert weights.dtype == votes.dtype == torch.float64
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-15)
    assert (votes[0, 2] == 0).all() and (votes[1] == 1).all() and is_word is WORDS


def test_heads() -> None:
    weights, votes, _ = entered(WEIGHTS[:, None].expand(2, 4, 3), VOTES[:, None].expand(2, 4, 3, 5), WORDS)
    assert weights.shape == (2, 4, 3) and votes.shape == (2, 4, 3, 5)


@pytest.mark.parametrize(
    ("weights", "votes", "is_word", "message"),
    [
        (changed(WEIGHTS, (0, 2), 0.1), VOTES, WORDS, "row 0: attention weight on a position that is no word"),
        (changed(WEIGHTS, (1, 0), 0.9), VOTES, WORDS, "row 1: attention weights that do not sum to 1"),
        (changed(WEIGHTS, (1, 0), math.nan), VOTES, WORDS, "row 1: attention weights that do not sum to 1"),
        (changed(changed(WEIGHTS, (1, 0), -0.2), (1, 1), 0.7), VOTES, WORDS, "row 1: a negative attention weight"),
        (WEIGHTS, changed(VOTES, (1, 0, 4), math.inf), WORDS, "row 1: a vote that is not finite"),
        (WEIGHTS, VOTES, changed(changed(WORDS, (0, 0), 0), (0, 1), 0), "row 0: no word"),
        (WEIGHTS, VOTES[..., :1], WORDS, "votes have 1 class"),
        (WEIGHTS, VOTES[:, :2], WORDS, r"votes must be the shape of weights \(2, 3\)"),
        (WEIGHTS[:, :2], VOTES, WORDS, r"weights must be \(B, T\) or \(B, H, T\)"),
    ],
)
def test_refuses_naming_the_row(
    weights: torch.Tensor, votes: torch.Tensor, is_word: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        entered(weights, votes, is_word)


def test_refuses_a_mask_that_is_not_bool() -> None:
    with pytest.raises(TypeError, match="is_word must be bool"):
        entered(WEIGHTS, VOTES, WORDS.long())

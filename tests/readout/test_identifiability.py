import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from attn_interp.readout.affine import logits_of
from attn_interp.readout.identifiability import equivalent_dimension, weight_interval


def by_programs(alpha: np.ndarray, votes: np.ndarray, delta: float) -> np.ndarray:
    """(2, T) least and most of each weight, one linear program each."""
    classes = range(votes.shape[1])
    rows = np.array([votes[:, i] - votes[:, j] for i in classes for j in classes if i != j])
    ends = np.zeros((2, len(alpha)))
    for word in range(len(alpha)):
        for side, sign in enumerate((1, -1)):
            objective = sign * np.eye(len(alpha))[word]
            found = linprog(objective, A_ub=rows, b_ub=rows @ alpha + delta, A_eq=np.ones((1, len(alpha))), b_eq=[1])
            ends[side, word] = sign * found.fun
    return ends


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("delta", [0.0, 0.1, 2.0])
def test_intervals_are_those_of_linear_programs(draw, classes: int, delta: float) -> None:
    documents = draw(0, classes=classes)
    least, most = weight_interval(*documents, delta=delta)
    for row in range(13):
        low, high = by_programs(*(each.numpy() for each in documents.one(row)), delta)
        np.testing.assert_allclose(least[row, documents.is_word[row]], low, atol=1e-7)
        np.testing.assert_allclose(most[row, documents.is_word[row]], high, atol=1e-7)
    assert (least[~documents.is_word] == 0).all() and (most[~documents.is_word] == 0).all()
    assert (least <= documents.weights + 1e-9).all() and (documents.weights <= most + 1e-9).all()


@pytest.mark.parametrize("delta", [0.0, 0.3])
def test_edges(degenerate, delta: float) -> None:
    weights, votes, is_word = degenerate
    least, most = weight_interval(weights, votes, is_word, delta)
    for row in range(len(weights)):
        alpha, own = weights[row, is_word[row]], votes[row, is_word[row]]
        low, high = by_programs(
            alpha.numpy(), own.numpy() / max(1.0, float(own.abs().max())), delta / max(1.0, float(own.abs().max()))
        )
        np.testing.assert_allclose(least[row, is_word[row]], low, atol=1e-6)
        np.testing.assert_allclose(most[row, is_word[row]], high, atol=1e-6)


def test_two_words_are_pinned_down_and_three_are_not() -> None:
    weights = torch.tensor([[0.3, 0.7, 0.0], [0.3, 0.3, 0.4]])
    is_word = torch.tensor([[True, True, False], [True, True, True]])
    votes = torch.tensor([[[0.0, 1.0], [0.0, 3.0], [0.0, 2.0]]]).repeat(2, 1, 1) * is_word[..., None]
    assert equivalent_dimension(votes, is_word).tolist() == [0, 1]
    least, most = weight_interval(weights, votes, is_word)
    torch.testing.assert_close(least[0], most[0])
    torch.testing.assert_close(most[0, :2], torch.tensor([0.3, 0.7], dtype=torch.float64), rtol=1e-6, atol=0)
    assert (most[1] - least[1] > 0.3).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_dimension_is_that_of_the_null_space(draw, classes: int) -> None:
    documents = draw(1, classes=classes)
    found = equivalent_dimension(documents.votes, documents.is_word)
    for row in range(13):
        alpha, votes = documents.one(row)
        constraints = np.vstack([np.ones(len(alpha)), (votes[:, 1:] - votes[:, :1]).T.numpy()])
        assert found[row] == len(alpha) - np.linalg.matrix_rank(constraints)
        _, _, directions = np.linalg.svd(constraints)
        free = torch.from_numpy(directions[len(alpha) - int(found[row]) :])
        moved = logits_of(
            (alpha + 0.1 * free)[
                :,
                :,
            ],
            votes.expand(len(free), -1, -1),
        )
        differences = (moved - alpha @ votes).diff(dim=-1)
        assert (differences.abs() < 1e-10).all()


def test_rank_is_taken_at_the_precision_of_the_votes() -> None:
    # equal votes as float32 computes them differ in the last place, and that is no information
    votes = torch.tensor([0.3, 1.1]).expand(1, 9, 2) * (
        1 + 1e-7 * torch.randn(1, 9, 1, generator=torch.Generator().manual_seed(0))
    )
    words = torch.ones(1, 9, dtype=torch.bool)
    assert votes.dtype == torch.float32 and equivalent_dimension(votes, words).item() == 8
    assert equivalent_dimension(torch.zeros(1, 9, 2), words).item() == 8


def test_wider_tolerance_is_a_wider_interval(draw) -> None:
    documents = draw(2, classes=3)
    narrow, wide = weight_interval(*documents, delta=0.05), weight_interval(*documents, delta=0.5)
    assert (wide.least <= narrow.least + 1e-9).all() and (wide.most >= narrow.most - 1e-9).all()


def test_refusals(draw) -> None:
    with pytest.raises(ValueError, match="delta must be at least 0, got -1"):
        weight_interval(*draw(3), delta=-1.0)
    with pytest.raises(ValueError, match="the equivalent dimension is for one head"):
        equivalent_dimension(torch.ones(1, 2, 3, 2), torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="weight intervals are for one head"):
        weight_interval(torch.full((1, 2, 3), 1 / 3), torch.ones(1, 2, 3, 2), torch.ones(1, 3, dtype=torch.bool))

"""The readout as a library by itself: what it offers, and that arrays and lists are taken as tensors are."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from attn_interp import experiments, readout

ROOM = Path(readout.__file__).parent
WEIGHTS = [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]]
VOTES = [[[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 2.0], [9.0, 9.0]]]
IS_WORD = [[True, True, True], [True, True, False]]
IN_HEADS = ([[row] * 2 for row in WEIGHTS], [[row] * 2 for row in VOTES], IS_WORD)
ONE_HEAD = (WEIGHTS, VOTES, IS_WORD)
CALLS = {
    "advantages": (VOTES, [0, 1]),
    "affinity": ([[row] for row in WEIGHTS], [[[1.75, 0.5]], [[2.25, 0.5]]], VOTES, IS_WORD),
    "best_subset": (*ONE_HEAD, [0, 0], [1, 2], True),
    "decisions": (WEIGHTS, VOTES),
    "equivalent_dimension": (VOTES, IS_WORD),
    "erased_in_one_head": IN_HEADS,
    "exact_adversary_curve": (*ONE_HEAD, [0.01, 0.1]),
    "fewest_weights": IN_HEADS,
    "head_adversary": IN_HEADS,
    "head_votes": (VOTES[0], [IN_HEADS[1][0]] * 3),
    "logits_of": (WEIGHTS, VOTES),
    "probe_weightings": (WEIGHTS, IS_WORD, ["a", "b"]),
    "reachable": (VOTES, IS_WORD),
    "smallest_erasure_in_heads": IN_HEADS,
    "tanh_adversary": (WEIGHTS, VOTES, [[1.0, 0.5], [-1.0, 0.25]], [0.0, 0.5], IS_WORD),
    "unflippable": (VOTES, [0, 1], IS_WORD),
    "zeroed_logits": (*ONE_HEAD, [0.5, 0.25]),
}


def parts(found: object) -> list[object]:
    if isinstance(found, torch.Tensor):
        return [found]
    return list(found) if isinstance(found, tuple) else list(vars(found).values())


def as_tensors(value: object) -> object:
    is_array = isinstance(value, list) and not isinstance(value[0], str)
    return torch.from_numpy(np.array(value)) if is_array else value


@pytest.mark.parametrize("name", readout.__all__)
def test_arrays_and_lists_are_taken_as_tensors_are(name: str) -> None:
    arguments = CALLS.get(name, ONE_HEAD)
    function = getattr(readout, name)
    if name == "exact_adversary_curve":
        expected = function(*map(as_tensors, arguments[:3]), arguments[3])
    else:
        expected = function(*map(as_tensors, arguments))
    arrays = [np.array(each) if isinstance(as_tensors(each), torch.Tensor) else each for each in arguments]
    for given in (arguments, arrays):
        for own, other in zip(parts(function(*given)), parts(expected), strict=True):
            torch.testing.assert_close(own, other, rtol=0, atol=0, equal_nan=True)


WITHOUT_WORDS = {"advantages", "decisions", "head_votes", "logits_of", "probe_weightings"}


@pytest.mark.parametrize("name", sorted(set(readout.__all__) - WITHOUT_WORDS))
def test_without_is_word_every_position_is_a_word(name: str) -> None:
    arguments = CALLS.get(name, ONE_HEAD)
    function = getattr(readout, name)
    every = [[[True] * 3] * 2 if each is IS_WORD else each for each in arguments]
    none = [None if each is IS_WORD else each for each in arguments]
    for own, other in zip(parts(function(*none)), parts(function(*every)), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0, equal_nan=True)


def test_names_are_told_apart() -> None:
    """A function is not hidden by a module of its name, nor mistaken for the experiment that asks about a corpus."""
    modules = {path.stem for path in ROOM.rglob("*.py")} | {path.name for path in ROOM.rglob("*") if path.is_dir()}
    offered = set(readout.__all__)
    assert list(readout.__all__) == sorted(offered)
    assert offered & modules == set()
    assert offered & set(experiments.names()) == set()
    assert all(callable(getattr(readout, name)) for name in offered)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"weights: rows of different lengths; fill the shorter ones up with 0"):
        readout.erased_logits([[0.5, 0.5], [1.0]], VOTES)
    with pytest.raises(TypeError, match=r"is_word must be bool, true on real words, got torch.int64"):
        readout.reachable(VOTES, [[1, 1, 1], [1, 1, 0]])
    with pytest.raises(ValueError, match=r"row 1: a decision that is none of the classes 0..1"):
        readout.unflippable(VOTES, [0, 2])
    with pytest.raises(TypeError, match=r"decision must be class indices, whole numbers, got torch.float64"):
        readout.unflippable(VOTES, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"decision must be \(B,\) = \(2,\), got \(3,\)"):
        readout.advantages(VOTES, [0, 1, 1])
    with pytest.raises(ValueError, match=r"weights must be \(B, T\) or \(B, H, T\), got \(2,\)"):
        readout.exact_adversary([0.5, 0.5], VOTES)


def test_read_only_and_reversed_arrays_and_whole_numbers() -> None:
    votes = np.array(VOTES)[:, ::-1].astype(int)
    votes.setflags(write=False)
    found = readout.erased_logits(np.array(WEIGHTS)[:, ::-1], votes, np.array(IS_WORD)[:, ::-1])
    expected = readout.erased_logits(*ONE_HEAD).flip(1)
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert math.isnan(found[1, 0, 0])
    assert readout.equivalent_dimension(votes).tolist() == [1, 1]

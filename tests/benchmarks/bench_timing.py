"""Two ways to the same answer, timed in turns in one process, so that whatever else the machine does meets both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Work = Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Seconds of each round, ours and the reference's.

    Attributes:
        name: What is computed.
        reference: What it is held against.
        ours, theirs: (R,) seconds of each of R rounds.
    """

    name: str
    reference: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> np.ndarray:
        """(R,) how many times as long the reference took, round by round."""
        return np.array(self.theirs) / np.array(self.ours)


def seconds(work: Work) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(name: str, reference: str, ours: Work, theirs: Work, rounds: int) -> Comparison:
    """Each once to warm up, then in turns, and the one that goes first changes."""
    seconds(ours), seconds(theirs)
    taken: dict[Work, list[float]] = {ours: [], theirs: []}
    for number in range(rounds):
        for work in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            taken[work].append(seconds(work))
    return Comparison(name, reference, tuple(taken[ours]), tuple(taken[theirs]))


def growth(works: Sequence[Work], sizes: Sequence[int], rounds: int) -> float:
    """The exponent e of seconds ~ size^e: slope of a line through the logarithms of size and median seconds."""
    for work in works:
        work()
    taken = [[seconds(work) for work in works] for _ in range(rounds)]  # (R, sizes)
    return float(np.polyfit(np.log(sizes), np.log(np.median(taken, axis=0)), 1)[0])

"""Which of many ids stands there twice, in eight bytes an id."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np


def repeated(ids: Callable[[], Iterable[str]]) -> tuple[int, int] | None:
    """The first place of an id that was there before, and where it was, as (before, again); None where all differ.

    Args:
        ids: Gives the ids, each time from the first; it is called twice where some may repeat.

    >>> repeated(lambda: ["a", "b", "a"])
    (0, 2)
    """
    marks = np.fromiter(map(hash, ids()), np.int64)
    ordered = np.sort(marks)
    twice = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())  # other ids among them, by chance
    seen: dict[str, int] = {}
    for place, name in enumerate(ids()) if twice else ():
        if hash(name) in twice and seen.setdefault(name, place) != place:
            return seen[name], place
    return None

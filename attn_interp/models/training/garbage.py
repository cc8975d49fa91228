"""Objects that stay, such as a corpus, are not looked through again and again."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

NEW = 50_000  # objects until Python looks for garbage among them; by itself some hundreds or thousands

_LOCK = Lock()
_BEFORE: list[tuple[int, int, int]] = []
"""What was set outside, once for each that is inside: the process has one collector, and many threads."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Python looks for garbage less often inside; when the last thread leaves, as often as it did before.

    Where a quarter of all objects are new it looks through all of them: .2 s for a corpus of ten thousand documents,
    some dozen times in a study. What nothing refers to any more goes at once, here too; only cycles wait.
    """
    with _LOCK:
        before = gc.get_threshold()
        _BEFORE.append(_BEFORE[0] if _BEFORE else before)
        gc.set_threshold(max(NEW, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        with _LOCK:
            before = _BEFORE.pop()
            if not _BEFORE:
                gc.set_threshold(*before)


def unseen_at_exit() -> None:
    """Python does not look for cycles among what goes with the process anyway, which takes it a second. For a process
    of our own alone: what is written to a file only when a cycle goes would be lost."""
    atexit.register(gc.freeze)

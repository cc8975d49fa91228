"""A progress bar with the time left, for work that a person waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

QUIET_SECONDS = 2.0


_showing: list[Progress] = []  # the bar that is seen; what runs within it shows none of its own


@contextmanager
def progress_bar(label: str, total: int, shown: bool) -> Iterator[Callable[..., None]]:
    """Yields a function to call after each step, with a word on the state of things and how many of `total` it was
    (one, where nothing is said).

    The bar is written to the error stream, only if `shown` and once the work has taken over two seconds, and one at a
    time: what runs within other work that shows a bar shows none. In a notebook it moves where ipywidgets is installed;
    elsewhere its last state is written.
    """
    if not shown:
        yield lambda state, done=1: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[state]}"))
    in_notebook = None if find_spec("ipywidgets") else False  # None: rich finds out
    bar = Progress(*columns, console=Console(stderr=True, force_jupyter=in_notebook))
    task = bar.add_task(label, total=total, state="")
    begun = time.monotonic()

    def step(state: str, done: int = 1) -> None:
        bar.update(task, advance=done, state=state)
        if not _showing and time.monotonic() - begun > QUIET_SECONDS:
            _showing.append(bar)
            bar.start()

    try:
        yield step
    finally:
        if bar in _showing:
            _showing.remove(bar)
            bar.stop()

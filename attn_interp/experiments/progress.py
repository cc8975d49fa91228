"""Items one by one, with a bar and the time left for whoever waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from attn_interp.models.progress import progress_bar

Item = TypeVar("Item")


def track(items: Sequence[Item], title: str, shown: bool) -> Iterator[Item]:
    """The items in order; where `shown` and over two seconds, with a bar on the error stream."""
    with progress_bar(title, len(items), shown) as step:
        for item in items:
            yield item
            step("")

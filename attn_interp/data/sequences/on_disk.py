"""Items that memory should not hold: written to a file as they come, and each read when it is asked for."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, pairwise, starmap
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from typing import IO, Any, Generic, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")
Places = npt.NDArray[np.int64]
IN_MEMORY = 5_000_000
"""The weight, in words, up to which a sequence stays in memory: a word of a corpus takes 35 bytes there."""

ITEM = 32
"""What an item weighs beside its words."""

RUN = 128  # items that are read at a time where they follow one another


class _Written:
    """A file of M items, their ends in it after a 0, and their weights."""

    def __init__(self) -> None:
        self.ends, self.weights = array("q", [0]), array("q")
        with self._room():
            self.file = tempfile.TemporaryFile(prefix="attn_interp-")  # noqa: SIM115  (closed with the last reader)
        weakref.finalize(self, _close, self.file)

    def write(self, item: object, weight: int) -> None:
        content = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        with self._room():
            self.file.write(content)
        self.ends.append(self.ends[-1] + len(content))
        self.weights.append(weight)

    def flush(self) -> None:
        with self._room():
            self.file.flush()

    def read(self, first: int, last: int) -> Iterator[Any]:
        """The items from one place to another, both among them."""
        start = self.ends[first]
        page = start - start % ALLOCATIONGRANULARITY
        with mmap(self.file.fileno(), self.ends[last + 1] - page, access=ACCESS_READ, offset=page) as part:
            ends = [end - page for end in self.ends[first : last + 2]]
            yield from (pickle.loads(part[start:end]) for start, end in pairwise(ends))

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(
                f"{tempfile.gettempdir()}: takes what is too large for memory, and could not after "
                f"{self.ends[-1] / 1e9:.1f} GB ({error.strerror}); name a folder with more room as TMPDIR in the "
                "environment"
            ) from error


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what could not be written before cannot be now
        file.close()


class OnDisk(Sequence[Item], Generic[Item]):
    """N items in a temporary file. An item is read anew each time it is asked for: equal, and not the same object.

    The file has no name. It is gone with the last sequence that looks into it, also where the process is killed.
    """

    def __init__(self, written: _Written, places: Places) -> None:
        self._written = written
        self._places = places  # (N,) where the N items stand among all that are written

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Item]:
        places = self._places.tolist()
        runs: Iterable[tuple[int, int]]
        if places and places == list(range(places[0], places[0] + len(places))):  # as they were written
            runs = ((first, min(first + RUN - 1, places[-1])) for first in places[::RUN])
        else:
            runs = zip(places, places)
        return chain.from_iterable(starmap(self._written.read, runs))

    @overload
    def __getitem__(self, place: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Item | Sequence[Item]:
        if isinstance(place, slice):
            return self.chosen(range(len(self))[place])
        found = int(self._places[place])
        (item,) = self._written.read(found, found)
        return item

    def chosen(self, places: Sequence[int] | Places) -> Sequence[Item]:
        """The items at these places: in memory where they weigh little, else still on disk."""
        part = OnDisk[Item](self._written, self._places[np.asarray(places, dtype=np.int64)])
        weight = np.frombuffer(self._written.weights, np.int64)[part._places].sum()
        return part if weight > IN_MEMORY else tuple(part)

    def __reduce__(self) -> tuple[object, ...]:
        return tuple, (list(self),)  # the file is of this process


def gathered(items: Iterable[Item], words: Callable[[Item], int]) -> Sequence[Item]:
    """All items in order: a tuple where they weigh at most `IN_MEMORY` words, else `OnDisk`.

    Args:
        items: They are asked for once.
        words: How many words an item has; it weighs `ITEM` more.

    Raises:
        OSError: the folder of temporary files has no room for them.
    """
    held: list[Item] = []
    weight, rest = 0, iter(items)
    for item in rest:
        held.append(item)
        weight += words(item) + ITEM
        if weight > IN_MEMORY:
            break
    else:
        return tuple(held)
    written = _Written()
    for items in (held, rest):
        for item in items:
            written.write(item, words(item) + ITEM)
        held.clear()
    written.flush()
    return OnDisk(written, np.arange(len(written.weights)))


def chosen(items: Sequence[Item], places: Sequence[int] | Places) -> Sequence[Item]:
    """The items at these places, in this order; of a split still a split."""
    own: Callable[[Sequence[int] | Places], Sequence[Item]] | None = getattr(items, "chosen", None)
    return tuple([items[place] for place in places]) if own is None else own(places)

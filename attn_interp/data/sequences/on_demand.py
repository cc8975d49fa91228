"""Items that are made when they are asked for, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Generic, SupportsIndex, TypeVar, overload

Item = TypeVar("Item")


class OnDemand(Sequence[Item], Generic[Item]):
    """`count` items, of which `make` makes the one at a place.

    >>> OnDemand(3, lambda place: place * place)[1:]
    [1, 4]
    """

    def __init__(self, count: int, make: Callable[[int], Item]) -> None:
        self._places, self._make = range(count), make

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            return [self._make(each) for each in self._places[place]]
        return self._make(self._places[index(place)])

"""A world of persons, rooms and things that keeps account of what follows from which sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

PERSONS = ("Ada", "Ben", "Cleo", "Dov")
THINGS = ("lamp", "kettle", "rope", "basket")
ROOMS = ("attic", "cellar", "library", "pantry", "porch", "workshop")
GOES = ("went to", "walked to", "hurried to")
TAKES = ("took", "picked up")
DROPS = ("dropped", "put down")
GOING = 0.4  # probability of a move, where something else could happen
DROPPING = 0.7  # and of putting something down, where something could be taken

Known = tuple[str, str, tuple[int, ...]]
"""A question, its answer, and the indices of the sentences that decide it, in order."""


@dataclass
class World:
    """Who is where, who has what, and by which sentences that is known. It changes with every sentence.

    Attributes:
        sentences: What was told.
        room: Person -> its room, and the sentence that said so.
        held: Thing -> who has it, and the sentence that said so.
        lies: Thing -> the room in which it was put down, and the two sentences from which that follows.
        carried: Thing -> the room it was last carried from, the room it came to, and the three sentences from which
            that follows.
    """

    sentences: list[str] = field(default_factory=list)
    room: dict[str, tuple[str, int]] = field(default_factory=dict)
    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    lies: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    carried: dict[str, tuple[str, str, tuple[int, ...]]] = field(default_factory=dict)

    def tell(self, draw: np.random.Generator) -> None:
        """One more sentence: a move, or with things at hand that something is taken or put down."""
        person = _one_of(PERSONS, draw)
        mine = [thing for thing, (holder, _) in self.held.items() if holder == person]
        near = [thing for thing in THINGS if self._may_take(person, thing)]
        if person not in self.room or not mine + near or draw.random() < GOING:
            own = self.room.get(person, ("", 0))[0]
            self._go(person, _one_of([room for room in ROOMS if room != own], draw), _one_of(GOES, draw))
        elif mine and (not near or draw.random() < DROPPING):
            self._drop(person, _one_of(mine, draw), _one_of(DROPS, draw))
        else:
            self._take(person, _one_of(near, draw), _one_of(TAKES, draw))

    def known(self, task: int) -> list[Known]:
        """What can be asked now, by its number of facts."""
        if task == 1:
            return [(f"Where is {person}?", room, (at,)) for person, (room, at) in self.room.items()]
        if task == 2:
            lying = [(f"Where is the {thing}?", room, facts) for thing, (room, facts) in self.lies.items()]
            return lying + [self._with_its_holder(thing) for thing in self.held]
        return [
            (f"Where was the {thing} before the {after}?", before, facts)
            for thing, (before, after, facts) in self.carried.items()
        ]

    @property
    def _last(self) -> int:
        return len(self.sentences) - 1

    def _may_take(self, person: str, thing: str) -> bool:
        """Nobody has it, and it was not seen yet or lies in the person's room."""
        if thing in self.held or person not in self.room:
            return False
        return thing not in self.lies or self.lies[thing][0] == self.room[person][0]

    def _say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def _go(self, person: str, room: str, verb: str) -> None:
        self._say(f"{person} {verb} the {room}")
        if person in self.room:
            before, came = self.room[person]
            for thing, (holder, taken) in self.held.items():
                if holder == person:
                    self.carried[thing] = before, room, tuple(sorted((came, taken, self._last)))
        self.room[person] = room, self._last

    def _take(self, person: str, thing: str, verb: str) -> None:
        self._say(f"{person} {verb} the {thing}")
        self.lies.pop(thing, None)
        self.held[thing] = person, self._last

    def _drop(self, person: str, thing: str, verb: str) -> None:
        self._say(f"{person} {verb} the {thing}")
        room, came = self.room[person]
        del self.held[thing]
        self.lies[thing] = room, (came, self._last)

    def _with_its_holder(self, thing: str) -> Known:
        holder, taken = self.held[thing]
        room, came = self.room[holder]
        return f"Where is the {thing}?", room, tuple(sorted((taken, came)))


def _one_of(choices: Sequence[str], draw: np.random.Generator) -> str:
    return choices[int(draw.integers(len(choices)))]

"""What a study is made of: cells, what each does in steps, and models that are kept.

A cell is what decides the numbers of one run, as plain values. Its work is the same while it runs. A step is one result
of it, under a name: that of the experiment and, after a comma, a variant ("faithfulness, delete").
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from attn_interp.data.corpus import Corpus
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.trained import Trained
from attn_interp.report.run_directory import place_of

Say = Callable[[str], None]


def say_aloud(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def nothing_against() -> str:
    """The step applies."""
    return ""


@dataclass(frozen=True)
class Step:
    """One result of a cell.

    Attributes:
        name: The experiment, and after a comma the variant.
        make: Computes it.
        why_not: Why it does not apply, or "".
        decided_by: What decides it beside the model, as plain JSON values. Cells of one model whose step of this name
            has the same share the result.
        by_name: Whether it is run only where it is named.
        drawn: Whether it has a figure of its own; a part of what several cells say together has none.
    """

    name: str
    make: Callable[[], Result]
    why_not: Callable[[], str] = nothing_against
    decided_by: Mapping[str, Any] = field(default_factory=dict)
    by_name: bool = False
    drawn: bool = True

    @property
    def experiment(self) -> str:
        return self.name.partition(", ")[0]

    def place(self, folder: Path) -> Path:
        """The folder of the result: that of the cell, or of the variant in it."""
        return place_of(self.name, folder)


def chosen(steps: Sequence[Step], names: Sequence[str] | None) -> list[Step]:
    """The steps of these names, or, where none are given, all but those that are run by name alone."""
    return [step for step in steps if (not step.by_name if names is None else step.name in names)]


class Work(Protocol):
    """A cell while it runs: everything is made when it is first asked for."""

    def prepare(self) -> None:
        """Train or load what every step needs."""

    def steps(self) -> Sequence[Step]:
        """The steps in their order; making the list computes nothing."""


@dataclass(frozen=True)
class StudyWork:
    """A study of one corpus while it runs; each kind has its own `model`, which every step needs, and `steps`.

    Attributes:
        study: What is asked, a dataclass.
        corpus: Of what.
        models: Folder of the models that are kept.
        progress: Whether long work shows a bar.
        say: Is told what a person should know.
    """

    study: Any
    corpus: Corpus
    models: Path
    progress: bool
    say: Say = say_aloud

    @property
    def model(self) -> AttentionModel:
        raise NotImplementedError

    def prepare(self) -> None:
        _ = self.model


class Cell(Protocol):
    """What decides the numbers of one run; goes to worker processes as it is."""

    @property
    def seed(self) -> int: ...

    @property
    def labels(self) -> dict[str, str]:
        """What tells its model from the others in a table, but for the seed."""

    def folder_name(self) -> str:
        """Readable, and unique by the first digits of a key of all that decides it."""

    def model_name(self) -> str:
        """The same of what decides the models alone: cells that share them wait for each other."""

    def about(self) -> dict[str, Any]:
        """What settings.json says: everything that decides the numbers, as plain JSON values."""

    def work(self, models: Path, progress: bool) -> Work:
        """The cell while it runs; `models` is the folder of what it trains."""


def key_of(content: Any) -> str:
    """Equal exactly where the content is, as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def kept(place: Path, make: Callable[[Path], Trained], say: Say = lambda text: None, device: str = "cpu") -> Trained:
    """The model that stands at `place`, or is made and put there.

    Args:
        make: File for the state of an unfinished training, beside the place -> the model. A training that was
            interrupted goes on from there.
        say: Is told what begins.
        device: Where it is loaded to.
    """
    state = place.with_name(f"{place.name}.state")
    if not place.exists():
        say(f"{place.parent.name}: training {place.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(make(state), place)
    state.unlink(missing_ok=True)
    return load_checkpoint(place, device)

"""A study as it is declared: a grid of corpora, encoders, attentions, seeds and experiments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from attn_interp.data.document import shortened
from attn_interp.data.formats.schema import checked
from attn_interp.models.classifiers.settings import STEPS, ClassifierSettings, TrainingSettings
from attn_interp.studies.cell import Cell
from attn_interp.studies.questions import asked_of_a_reading, default_names

CORPUS = "corpus"


@dataclass(frozen=True)
class Grid:
    """Every combination of corpora, encoders, attentions and seeds, each put to the same experiments.

    Attributes:
        corpora: Names or paths, as `load` takes them; with options a mapping {"corpus": name or path, option: value}.
        encoders, attentions: As in `ClassifierSettings`.
        seeds: Of training and of everything drawn.
        experiments: Those to run, by name.
        settings: The other fields of `ClassifierSettings`, the same for all.
        training: Fields of `TrainingSettings`, the same for all; steps is 1,000 where they name neither it nor epochs.
        embeddings, documents, draws, eps, search, device: As in `Cell`, the same for all.

    Raises:
        TypeError: a setting that there is not.
        ValueError: an axis without values or with one twice, an unknown experiment, or a value out of its range.
    """

    corpora: tuple[str | Mapping[str, Any], ...] = ("movies",)
    encoders: tuple[str, ...] = ("lstm",)
    attentions: tuple[str, ...] = ("additive",)
    seeds: tuple[int, ...] = (0,)
    experiments: tuple[str, ...] = field(default_factory=default_names)
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    embeddings: str | None = None
    documents: int | None = None
    draws: int = 100
    eps: float = 0.01
    search: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("corpora", "encoders", "attentions", "seeds", "experiments"):
            values = getattr(self, name)
            object.__setattr__(self, name, tuple(values))
            if not values:
                raise ValueError(f"{name}: there are none; give at least one")
            if twice := [value for index, value in enumerate(values) if value in values[:index]]:
                raise ValueError(f"{name}: {twice[0]!r} is given twice")
        known = [experiment.name for experiment in asked_of_a_reading()]
        for name in self.experiments:
            if name not in known:
                raise ValueError(f"experiments: got {shortened(repr(name), 60)}, expected some of {', '.join(known)}")
        object.__setattr__(self, "experiments", tuple(name for name in known if name in self.experiments))
        if twice := sorted({"encoder", "attention"} & set(self.settings)):
            raise TypeError(f"settings: {twice[0]!r} is unknown; it is an axis of its own, {twice[0]}s")
        self.cells()

    def cells(self) -> tuple[Cell, ...]:
        """The cells in the order of the axes, the last one (seeds) changing fastest."""
        length = {} if {"epochs", "steps"} & set(self.training) else {"steps": STEPS}
        training = checked({**length, **self.training}, TrainingSettings, "training")
        found = []
        for corpus, encoder, attention, seed in product(self.corpora, self.encoders, self.attentions, self.seeds):
            name, options = _corpus(corpus)
            asked = {"encoder": encoder, "attention": attention, **self.settings}
            settings = checked(asked, ClassifierSettings, "settings")
            same = ("embeddings", "documents", "draws", "eps", "search", "device")
            own = {each: getattr(self, each) for each in same}
            found.append(Cell(name, options, settings, training, seed, **own))
        return tuple(found)


def read_grid(path: Path | str) -> Grid:
    """The grid of a TOML file, whose keys are the attributes of `Grid`; paths in it count from the working folder.

    Example:
        corpora = ["movies", { corpus = "reviews.csv", text = "body", label = "stars" }]
        encoders = ["lstm", "average"]
        seeds = [0, 1, 2]
        experiments = ["quality", "agreement"]

        [training]
        epochs = 4

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: an unknown key, naming the file.
        ValueError: it is not TOML, or the grid refuses its values; naming the file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; expected the declaration of a study")
    if not path.is_file():
        raise ValueError(f"{path}: is no plain file but a folder, a pipe or a device")
    try:
        declared = tomllib.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or numbers of thousands of digits
        raise ValueError(f"{path}: is not TOML: {error}") from error
    try:
        return checked(declared, Grid, str(path))
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from error


def _corpus(given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name or path, and options."""
    if isinstance(given, str):
        return given, {}
    if CORPUS not in given:
        raise ValueError(f"corpora: {dict(given)!r} names no corpus; expected {{ corpus = name or path, ... }}")
    return str(given[CORPUS]), {name: value for name, value in given.items() if name != CORPUS}

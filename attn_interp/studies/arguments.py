"""What the scripts in analyses/ can be told: the options that they share, each said once."""

from __future__ import annotations

from argparse import (
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.studies.cell import Cell

OPTIONS: dict[str, dict[str, Any]] = {
    "corpus": {"help": "name or path of a corpus"},
    "path": {"help": "folder of a named corpus that you have to have, as sst; with --corpus hub its name there"},
    "embeddings": {"help": "file of pretrained word vectors of that width, as GloVe; None: learned from the corpus"},
    "width": {"type": int, "help": "width of the word vectors"},
    "train": {"type": int, "help": "planted documents to train on"},
    "epochs": {"type": int, "help": "passes over the training documents"},
    "documents": {"type": int, "help": "test documents that are looked at, at most; None: all"},
    "seed": {"type": int, "help": "the first, of training and of everything drawn; the others follow it"},
    "seeds": {"type": int, "help": "how many, each trained anew"},
    "jobs": {"type": int, "help": "models at the same time"},
    "results": {"type": Path, "help": "folder to write to; what stands there is not done again"},
}


class _Help(RawDescriptionHelpFormatter, ArgumentDefaultsHelpFormatter):
    """The description as it is written, and every default."""


def parser_of(description: str | None, results: str, **defaults: Any) -> ArgumentParser:
    """A parser with the named options of `OPTIONS` and their defaults; a default of several takes several values.

    Every script has --corpus, --path, --seed, --seeds (1 unless given), --jobs and --results.
    """
    parser = ArgumentParser(description=description, formatter_class=_Help)
    shared = {"corpus": None, "path": None, "seed": 0, "seeds": 1, "jobs": 2, "results": results}
    for name in (name for name in OPTIONS if name in {**shared, **defaults}):
        default = {**shared, **defaults}[name]
        nargs = "+" if isinstance(default, tuple) else None
        parser.add_argument(f"--{name}", default=default, nargs=nargs, **OPTIONS[name])
    return parser


def names(text: str) -> tuple[str, ...]:
    """The type of an option that takes names with commas between; none where nothing is said."""
    return tuple(text.split(",")) if text else ()


def numbers(text: str) -> tuple[int, ...]:
    """The type of an option that takes whole numbers with commas between."""
    return _each(text, int, "whole numbers")


def shares(text: str) -> tuple[float, ...]:
    """The type of an option that takes numbers with commas between."""
    return _each(text, float, "numbers")


def _each(text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    try:
        return tuple(map(kind, text.split(",")))
    except ValueError as error:
        raise ArgumentTypeError(f"got {text!r}, expected {what} with commas between") from error


def pairs(text: str) -> dict[str, str]:
    """The type of an option that takes name=value with commas between, each name once; blanks are kept."""
    parts = [part.partition("=") for part in text.split(",")]
    found = {name: value for name, _, value in parts}
    if not all(name and value for name, _, value in parts) or len(found) < len(parts):
        raise ArgumentTypeError(f"got {text!r}, expected name=value with commas between, each name once")
    return found


def told(parser: ArgumentParser, **counts: str) -> Namespace:
    """What the command line says; `seeds` are the seeds themselves, and `options` the further arguments of `load`.

    An option that counts only with or without another one, as in learning_rate="with model", is refused where it would
    be ignored.
    """
    found = parser.parse_args()
    for name, when in counts.items():
        kind, other = when.split(" ")
        if getattr(found, name) != parser.get_default(name) and (kind == "with") == (getattr(found, other) is None):
            remedy = f"give --{other} too" if kind == "with" else f"leave --{other} out"
            option = name.replace("_", "-")
            parser.error(f"--{option}: counts only {kind} --{other}; {remedy}, or do without --{option}")
    if found.seeds < 1:
        parser.error(f"--seeds: got {found.seeds}, expected at least 1")
    found.seeds = range(found.seed, found.seed + found.seeds)
    found.options = {} if found.path is None else {"path": found.path}
    return found


def cells(asked: Namespace, networks: Sequence[Mapping[str, Any]] = ({},), kind: type[Cell] = Cell) -> list[Any]:
    """A cell for each corpus, network and seed that is asked for.

    Args:
        asked: What `told` returns, with corpus, embeddings, width and documents.
        networks: Fields of `ClassifierSettings`, and `site` as in `Cell`.
        kind: Of the cells.
    """
    corpora = [asked.corpus] if isinstance(asked.corpus, str) else asked.corpus
    made = []
    for corpus in corpora:
        for network in networks:
            own = {name: value for name, value in network.items() if name != "site"}
            settings = ClassifierSettings(embedding_width=asked.width, **own)
            made += [
                kind(
                    corpus=corpus,
                    corpus_options=asked.options,
                    settings=settings,
                    seed=seed,
                    embeddings=asked.embeddings,
                    site=network.get("site"),
                    documents=asked.documents,
                    search=getattr(asked, "search", False),
                )
                for seed in asked.seeds
            ]
    return made

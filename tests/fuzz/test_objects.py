"""What a person types: constructors, settings, the command line and the declaration of a study."""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attn_interp.cli import main
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.data.formats.jsonlines import load_jsonlines
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.studies.grid import Grid, read_grid
from tests.fuzz.hostile import ODD, PLAIN, changed_bytes, put_at
from tests.fuzz.judge import Trial

DOCUMENT: dict[str, Any] = {
    **{"text": "a film", "words": ["a", "film"], "label": 1, "id": "d", "spans": [[0, 1], [2, 6]]},
    **{"rationales": [[0, 1]], "signals": {"s": [1, 2.5]}, "second": "is it?"},
}


def of_documents(folder: Path, number: int) -> Iterator[Trial]:
    """A document in which one argument is another, alone or inside the one that was."""
    inside = {"words": (0,), "spans": (1, 0), "rationales": (0, 1), "signals": ("s", 0)}
    for seed in range(number):
        rng = random.Random(seed)
        name, value = rng.choice(list(DOCUMENT)), rng.choice((*ODD, *PLAIN, "01", "1", ["1", "0"], ["01"], {"s": "12"}))
        path = (name, *inside[name]) if name in inside and rng.random() < 0.5 else (name,)
        given = put_at(DOCUMENT, path, value)

        def says(taken: Document, given: dict[str, Any] = given) -> bool:
            """Numbers are numbers, texts are texts, and each is the one that was given."""
            numbers = [
                each for row in (given["rationales"], (given["signals"] or {}).values()) for r in row for each in r
            ]
            kinds = all(isinstance(each, float | int | np.number) for each in numbers)
            words = given["words"] is None or list(given["words"]) == list(taken.words)
            named = given["id"] is None or taken.id == given["id"]
            same = taken.label == given["label"] and taken.text == given["text"]
            beside = given["second"] == (taken.second and taken.second.text)
            return kinds and words and named and same and beside and all(isinstance(key, str) for key in taken.signals)

        yield Trial(
            lambda given=given: Document(**given), f"document {seed} {path} {value!r}", None, ("document",), says
        )


def of_corpora(folder: Path, number: int) -> Iterator[Trial]:
    documents = {
        split: [Document(f"a film {n}", label=n % 2, id=f"{split}{n}") for n in range(4)]
        for split in ("train", "dev", "test")
    }
    base: dict[str, Any] = {"name": "x", "classes": ["no", "yes"], "splits": documents, "licence": "MIT", "source": "s"}
    inside = {"classes": (0,), "splits": ("dev",)}
    deeper = ("splits", "dev", 1)
    for seed in range(number):
        rng = random.Random(seed)
        name, value = rng.choice(list(base)), rng.choice((*ODD, *PLAIN, "yes", documents["test"], documents["test"][0]))
        path = (
            deeper
            if rng.random() < 0.2
            else (name, *inside[name])
            if name in inside and rng.random() < 0.6
            else (name,)
        )
        given = put_at(base, path, value)

        def says(taken: Corpus, given: dict[str, Any] = given) -> bool:
            texts = (taken.name, *taken.classes, taken.licence, taken.source)
            splits = all(isinstance(each, Document) for part in taken.splits.values() for each in part)
            taken.fingerprint(), taken.to_frame(), repr(taken)
            return all(isinstance(each, str) for each in texts) and splits and taken.classes == tuple(given["classes"])

        yield Trial(
            lambda given=given: Corpus(**given), f"corpus {seed} {path} {value!r}", None, ("corpus", "document"), says
        )


def of_samples(folder: Path, number: int) -> Iterator[Trial]:
    documents = [Document(f"a film {n}", id=f"d{n}") for n in range(7)]
    for seed in range(number):
        rng = random.Random(seed)
        count, of = rng.choice((*ODD, 3, 7, 10**6)), rng.choice([0, 1, 5, *ODD[:6]])
        wrong = None if isinstance(count, int) or count is None or isinstance(count, np.integer) else True

        def says(taken: Any, count: Any = count) -> bool:
            least = 7 if count is None else min(7, count)
            return not taken or (len(taken) == least and list(taken) == [d for d in documents if d in taken])

        given = documents if rng.random() < 0.7 else rng.choice((*ODD, documents[0], [*documents, "a film"]))
        if given is not documents:
            wrong = None if isinstance(given, list | tuple | set | dict | range) and not len(given) else True
        yield Trial(
            lambda g=given, c=count, s=of: sample(g, c, s),
            f"sample {given!r} {count!r}",
            wrong,
            ("sample", "seed"),
            says,
        )


def of_settings(folder: Path, number: int) -> Iterator[Trial]:
    """One setting of a classifier or of a training that is another; one of a wrong kind is wrong."""
    bounds = {"dropout": (0, 1), "warm_up": (0, 1)}
    for seed in range(number):
        rng = random.Random(seed)
        kind = rng.choice([ClassifierSettings, TrainingSettings, FineTuningSettings])
        field = rng.choice(fields(kind))
        value = rng.choice((*ODD, *PLAIN, 2, 6, 64, 10**5 + 1, 0.25, 1e-4, [1, 3], (1, 2), (1.0, 3)))
        default = field.default
        assert default is not MISSING
        number_like = isinstance(value, int | np.integer) and not isinstance(value, bool)
        fits = {
            int: number_like,
            float: number_like or isinstance(value, float | np.floating),
            bool: isinstance(value, bool | np.bool_),
            str: isinstance(value, str),
            type(None): value is None or number_like,  # a number that may be left out
            tuple: isinstance(value, tuple | list | range | np.ndarray) and all(type(each) is int for each in value),
        }[type(default)]
        if fits and type(default) in (int, float, type(None)) and value is not None:
            low, high = bounds.get(field.name, (0, math.inf))
            fits = bool(low <= value < high) and math.isfinite(value)

        def says(taken: Any, name: str = field.name, value: Any = value) -> bool:
            return getattr(taken, name) == (tuple(value) if isinstance(value, list | range | np.ndarray) else value)

        about = f"{kind.__name__} {field.name}={value!r}"
        names = (field.name, "heads", "hidden")
        yield Trial(lambda k=kind, n=field.name, v=value: k(**{n: v}), about, None if fits else True, names, says)


GRID = """
corpora = ["planted", { corpus = "reviews.csv", text = "body", label = "stars" }]
encoders = ["average", "cnn"]
attentions = ["additive"]
seeds = [0, 1]
experiments = ["quality", "reach"]
documents = 12
draws = 6
eps = 0.05
search = false

[settings]
embedding_width = 8
hidden = 8

[training]
epochs = 2
learning_rate = 1e-3
"""


def of_grids(folder: Path, number: int) -> Iterator[Trial]:
    """A file that declares a study, with bytes changed; what is taken is what TOML says."""
    for seed in range(number):
        content = changed_bytes(random.Random(seed), GRID.encode())

        def call(content: bytes = content) -> Grid:
            (folder / "grid.toml").write_bytes(content)
            return read_grid(folder / "grid.toml")

        def says(taken: Grid, content: bytes = content) -> bool:
            declared = tomllib.loads(content.decode())
            for name, value in declared.items():
                held = getattr(taken, name)
                alike = (
                    set(held) == set(value)
                    if name == "experiments"
                    else list(held) == value
                    if isinstance(value, list)
                    else held == value
                )
                if not alike or (isinstance(held, bool) != isinstance(value, bool)):
                    return False
            return bool(taken.cells())

        yield Trial(call, f"grid {seed} {content!r}", None, ("grid.toml",), says)


def of_command_lines(folder: Path, number: int) -> Iterator[Trial]:
    """Options of `attn-interp data`, `study` and `report` with values that cannot be; what is right is taken."""
    table = folder / "reviews.csv"
    table.write_text("body,stars\n" + "".join(f"a film {n},{n % 2}\n" for n in range(20)), "utf-8")
    (folder / "grid.toml").write_text(GRID, "utf-8")
    odd = (
        "",
        " ",
        "x",
        "-1",
        "0",
        "1e3",
        "2.0",
        "nan",
        "true",
        ",",
        "0,",
        "9" * 50,
        "../x",
        "x" * 300,
        "é" * 200,
        "=",
        "a=b",
        "\udcff",
    )
    right = ["data", str(table), "--text", "body", "--label", "stars"]
    lists = {
        "data": (
            "--text",
            "--words",
            "--label",
            "--id",
            "--split",
            "--task",
            "--least-words",
            "--seed",
            "--option",
            "--classes",
            "--path",
            "--no-such",
        ),
        "study": (
            "--encoder",
            "--attention",
            "--seed",
            "--seeds",
            "--experiments",
            "--documents",
            "--width",
            "--eps",
            "--name",
            "--jobs",
            "--device",
            "--embeddings",
            "--option",
            "--path",
        ),
        "report": ("--output", "--no-such"),
    }
    for seed in range(number):
        rng = random.Random(seed)
        command, value = rng.choice(["data", "data", "study", "study", "study", "report"]), rng.choice(odd)
        option = rng.choice(lists[command])
        if command == "data":
            arguments = [*right, option, value] if rng.random() < 0.8 else ["data", value]
            target = folder / f"out{seed}.jsonl"
            arguments += ["--convert", str(target)]
        elif command == "study":
            absent = rng.choice(
                ["--corpus", "--experiments"]
            )  # nothing is trained: each is refused at the latest there
            arguments = ["study", "--results", str(folder / "results"), absent, "absent", option, value]
            if rng.random() < 0.3:
                arguments = [
                    "study",
                    str(folder / rng.choice(["grid.toml", "absent.toml", "reviews.csv"])),
                    option,
                    value,
                ]
                arguments += ["--results", str(folder / "results"), "--status"]
        else:
            arguments = ["report", str(folder / rng.choice([value or "x", "reviews.csv", "."])), option, value]
        wrong = None if command == "data" else True
        yield Trial(lambda given=arguments: main(given), f"{arguments}", wrong, (), folder=folder, whole=_whole)
    for seed in range(4):
        target = folder / f"right{seed}.jsonl"
        yield Trial(
            lambda t=target, s=seed: main([*right, "--seed", str(s), "--convert", str(t)]),
            "right",
            False,
            folder=folder,
            whole=_whole,
        )


def _whole(path: Path) -> object:
    return load_jsonlines(path, least_words=1) if path.suffix == ".jsonl" else path.read_bytes()


KINDS = {
    "documents": (of_documents, 200),
    "corpora": (of_corpora, 120),
    "samples": (of_samples, 40),
    "settings": (of_settings, 150),
    "grids": (of_grids, 120),
    "command lines": (of_command_lines, 100),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_person_types(kind: str, throw, tmp_path: Path) -> None:
    trials, number = KINDS[kind]
    throw(trials(tmp_path, number - 4 if kind == "command lines" else number), number)

"""Where the results of a run stand on disk: settings, a Parquet file and a summary per step, failures and figures."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Required

from typing_extensions import TypedDict

from attn_interp.data.formats.schema import LONGEST_NAME, checked, read_json
from attn_interp.data.whole_files import replace_file

MODEL, MODELS, SETTINGS = "model", "models", "settings.json"
FORMAT = 3
REMEDY = "damaged or of an older version; delete the folder and run again"


class Failure(TypedDict):
    """What stands in the file of a step that failed."""

    step: str
    error: str
    traceback: str


class CorpusFacts(TypedDict):
    """What settings.json says of the corpus; a report tells it."""

    name: str
    classes: list[str]
    documents: dict[str, int]
    source: str


class NetworkFacts(TypedDict):
    """The settings of a classifier that have an option of the command line."""

    encoder: str
    attention: str
    embedding_width: int


class CellFacts(TypedDict):
    """What settings.json says of a cell of a study: what a command needs to repeat it."""

    corpus: str
    corpus_options: dict[str, Any]
    settings: NetworkFacts
    training: dict[str, Any]
    seed: int
    embeddings: str | None
    site: str | None
    documents: int | None
    draws: int
    eps: float
    search: bool


class RunSettings(TypedDict, total=False):
    """What settings.json says, beside what a cell adds of its own; `cell` is that of a classifier."""

    format: Required[int]
    labels: dict[str, str]
    seed: int
    steps: dict[str, dict[str, Any]]
    model: str
    corpus: str | CorpusFacts
    cell: CellFacts


def place_of(step: str, folder: Path) -> Path:
    """Where the result of a step stands in the folder of its cell."""
    variant = step.partition(", ")[2]
    return folder / as_name(variant) if variant else folder


def as_name(text: str) -> str:
    """The text as the name of a file or folder, its end cut off where no file system could store it."""
    name = "".join(character if character.isalnum() or character in "-._" else "_" for character in text)
    return name.encode()[: LONGEST_NAME - 60].decode(errors="ignore")


def file_of(folder: Path, step: str) -> Path:
    """The file of a step's result."""
    return place_of(step, folder) / f"{as_name(step.partition(', ')[0])}.parquet"


def failure(folder: Path, step: str) -> Path:
    """The file that says why a step of a cell failed; absent where it did not."""
    return folder / f"{as_name(step)}.failed.json"


def failures(folder: Path) -> dict[str, str]:
    """Step -> why it failed."""
    found = [read_failure(path) for path in sorted(folder.glob("*.failed.json"))]
    return {each["step"]: each["error"] for each in found}


def read_failure(path: Path) -> Failure:
    """What `write_failure` wrote."""
    return read_json(path, Failure, "delete the file and run again")


def left_out(folder: Path, step: str) -> Path:
    """The file that says why an experiment does not apply to a cell; absent where it does."""
    return folder / f"{as_name(step)}.left_out.txt"


def write_failure(folder: Path, step: str, error: str, trace: str = "") -> None:
    content = {"step": step, "error": error, "traceback": trace}
    replace_file(failure(folder, step), (json.dumps(content, indent=2) + "\n").encode())


def settle(folder: Path, about: Mapping[str, Any]) -> None:
    """Write settings.json where there is none.

    Raises:
        ValueError: there is one of another version of this package, or of other settings.
    """
    path = folder / SETTINGS
    content = json.loads(json.dumps({"format": FORMAT, **about}))
    if not path.exists():
        replace_file(path, (json.dumps({**content, "versions": versions()}, indent=2) + "\n").encode())
        return
    settled = read_settings(folder)
    steps = {**settled["steps"], **content["steps"]}
    same = {**settled, "steps": steps, "versions": None} == {**content, "steps": steps, "versions": None}
    if not same:
        raise ValueError(f"{path}: the folder holds results of other settings; name another one with --results")
    if steps != settled["steps"]:
        replace_file(path, (json.dumps({**settled, "steps": steps}, indent=2) + "\n").encode())


def read_settings(folder: Path) -> dict[str, Any]:
    """What `settle` wrote.

    Raises:
        ValueError: it is damaged, or of another version of this package.
    """
    path = folder / SETTINGS
    content = read_json(path, dict[str, Any], REMEDY)
    found = content.get("format", FORMAT)
    if type(found) is int and found != FORMAT:
        raise ValueError(
            f"{path}: written in format {found}, this version reads format {FORMAT}; delete the folder "
            "or give another one, and run again"
        )
    return dict(checked(content, RunSettings, str(path), REMEDY, "allow"))


def versions() -> dict[str, str]:
    """Of Python and of what computes."""
    packages = ("attn-interp", "torch", "numpy", "scipy", "pandas", "captum", "scikit-learn", "matplotlib")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}

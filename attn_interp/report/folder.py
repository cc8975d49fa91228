"""A folder of results as a report sees it: the models or runs in it, what each found, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.data.document import shortened
from attn_interp.experiments.result import Result
from attn_interp.report.run_directory import failures, file_of, read_settings

PAGE = "report.html"
NOT_RUNS = ("models", "figures", "tables")
MAKE = "`attn-interp study` makes one, and Result.save puts a result into any folder"


@dataclass(frozen=True)
class Found:
    """One saved result: what it is, its summary, and its figure where it was drawn."""

    path: Path
    result: Result
    summary: pd.DataFrame
    figure: Path | None
    variant: str = ""

    @property
    def experiment(self) -> str:
        return self.result.experiment

    @property
    def name(self) -> str:
        """The experiment, and the variant where there is one."""
        return f"{self.experiment}, {self.variant}" if self.variant else self.experiment


@dataclass(frozen=True)
class Run:
    """A folder that holds results, as a rule of one model.

    Attributes:
        folder: Its place.
        name: What tells it from the others: the model where settings.json says which, else the folder's name.
        settings: settings.json, empty where there is none.
        found: Its results, by name.
        not_run: Experiment -> why it failed or was left out.
        figures: Pictures that belong to no result.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]
    found: tuple[Found, ...]
    not_run: Mapping[str, str]
    figures: tuple[Path, ...]


@dataclass(frozen=True)
class ResultsFolder:
    """What a report tells of.

    Attributes:
        path: The folder.
        runs: Those in the folder itself and in the folders directly below.
        tables: Table by its path inside the folder.
        deeper: Paths of results further below, which are listed and not told.
    """

    path: Path
    runs: tuple[Run, ...]
    tables: Mapping[str, pd.DataFrame]
    deeper: tuple[str, ...]


def read_folder(path: Path) -> ResultsFolder:
    """Read the results of a study, of an analysis, of one model, or results that were saved by hand.

    Raises:
        FileNotFoundError: there is no such folder, no result in it, or only several studies, which are named.
        ValueError: a result is damaged or of another format, or its summary beside it says something else.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such folder; a report is made from a folder of results: {MAKE}")
    if studies := _studies(path):
        raise FileNotFoundError(f"{path}: holds several studies; name one of them: {', '.join(studies)}")
    places = [path, *sorted(each for each in path.iterdir() if each.is_dir() and each.name not in NOT_RUNS)]
    runs = [run for place in places if (run := _read_run(place, path)) is not None]
    told = {each.path for run in runs for each in run.found}
    below = [each for each in sorted(path.rglob("*.parquet")) if each not in told]
    if not any(run.found for run in runs):
        raise FileNotFoundError(f"{path}: holds no results; {MAKE}")
    files = [*path.glob("*.csv"), *(path / "tables").glob("*.csv")]
    tables = {
        str(file.relative_to(path)): _read_table(file) for file in sorted(files) if not file.match("*.summary.csv")
    }
    return ResultsFolder(path, tuple(_told_apart(runs)), tables, tuple(str(each.relative_to(path)) for each in below))


def _studies(path: Path) -> list[str]:
    """The folders directly below that hold models with results of their own."""
    models = {file.parent for file in path.glob("*/*/settings.json") if any(file.parent.glob("*.parquet"))}
    return sorted({str(model.parent) for model in models})


def _read_run(place: Path, root: Path) -> Run | None:
    """The results directly in a folder; None where it holds nothing of a run."""
    settings_file = place / "settings.json"
    files = dict.fromkeys(sorted(place.glob("*.parquet")), "")
    if not files and not settings_file.exists():
        return None
    settings = read_settings(place) if settings_file.exists() else {}
    for step in settings.get("steps", {}):
        if step.partition(", ")[2] and file_of(place, step).exists():
            files[file_of(place, step)] = step.partition(", ")[2]
    found = tuple(_read_result(file, variant) for file, variant in files.items())
    not_run = {
        file.name.removesuffix(".left_out.txt"): file.read_text("utf-8") for file in place.glob("*.left_out.txt")
    }
    not_run |= {step: f"failed: {error}" for step, error in failures(place).items()}
    own = {each.figure for each in found}
    figures = tuple(file for file in sorted((place / "figures").glob("*.png")) if file not in own)
    name = ", ".join(part for part in _model_parts(settings) if part) or (
        root.resolve().name if place == root else place.name
    )
    return Run(place, name, settings, found, dict(sorted(not_run.items())), figures)


def _read_result(file: Path, variant: str) -> Found:
    result = Result.load(file)
    summary = result.summary()
    _check_summary(file.with_name(f"{result.experiment}.summary.csv"), summary, file)
    figure = file.parent / "figures" / f"{result.experiment}.png"
    return Found(file, result, summary, figure if figure.exists() else None, variant)


def _read_table(file: Path | StringIO) -> pd.DataFrame:
    """A CSV in which only an empty cell is undefined: a class may be called NA."""
    try:
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (ValueError, OSError) as error:
        why = shortened(str(error), 200)
        raise ValueError(f"{file}: is no table in UTF-8 with commas between: {why}; mend or remove it") from error


def _check_summary(file: Path, summary: pd.DataFrame, source: Path) -> None:
    """That a summary beside a result, where there is one, says what the result says."""
    if not file.exists():
        return
    difference = _difference(_read_table(file), _read_table(StringIO(summary.to_csv(index=False))))
    if difference:
        raise ValueError(
            f"{file}: {difference} by {source.name} beside it; remove the file, the result holds its numbers"
        )


def _difference(saved: pd.DataFrame, own: pd.DataFrame) -> str:
    """The first thing in which a saved table is not that of the result; "" where there is none."""
    if list(saved.columns) != list(own.columns):
        return f"has the columns {', '.join(saved.columns) or '(none)'}, but {', '.join(own.columns)}"
    if len(saved) != len(own):
        return f"has {len(saved)} rows, but {len(own)}"
    for name in own.columns:
        values, expected = saved[name], own[name]
        same = (values == expected) | (values.isna() & expected.isna())
        if all(map(pd.api.types.is_any_real_numeric_dtype, (values, expected))):
            same |= (values - expected).abs() <= 1e-6 * expected.abs() + 1e-12  # another machine rounds otherwise
        if not same.all():
            row = int(same.argmin())
            return f"row {row + 1}: {name} is {values[row]}, but {expected[row]}"
    return ""


def _model_parts(settings: Mapping[str, Any]) -> list[str]:
    """What tells models apart: the labels of the model and its seed; [] if unknown."""
    if not settings.get("labels"):
        return []
    return [*map(str, settings["labels"].values()), f"seed {settings['seed']}"]


def _told_apart(runs: list[Run]) -> list[Run]:
    """Several models are called by the parts that differ, and by their folder too where none does."""
    parts = {run.folder: _model_parts(run.settings) for run in runs}
    models = [own for own in parts.values() if own]
    if len(models) > 1:
        differs = [len(set(values)) > 1 for values in zip(*models, strict=True)]
        called = {
            place: ", ".join(part for part, kept in zip(own, differs, strict=False) if kept and part)
            for place, own in parts.items()
        }
        runs = [replace(run, name=called[run.folder] or run.name) for run in runs]
    names = [run.name for run in runs]
    return [run if names.count(run.name) == 1 else replace(run, name=f"{run.name} ({run.folder.name})") for run in runs]

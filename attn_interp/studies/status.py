"""Where a study stands, read from its folder: no corpus is loaded and nothing computed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from attn_interp.data.formats.schema import FileName, read_json
from attn_interp.data.whole_files import replace_file
from attn_interp.report.run_directory import MODEL, MODELS, failure, file_of, left_out, read_failure
from attn_interp.studies.alone import alone_in, is_taken, remove_drafts
from attn_interp.studies.cell import Cell
from attn_interp.studies.steps import say_aloud
from attn_interp.studies.work import CHECKPOINT

DONE, LEFT_OUT, FAILED, RUNNING, WAITING = "done", "left out", "failed", "running", "waiting"
PLAN = "study.json"


@dataclass(frozen=True)
class Planned:
    """A cell of a study by name: its labels, its folder, that of its model, and its experiments."""

    corpus: str
    encoder: str
    attention: str
    seed: int
    cell: FileName
    model: FileName
    experiments: tuple[str, ...]

    @property
    def labels(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("corpus", "encoder", "attention", "seed")}


def plan(cells: Sequence[Cell], experiments: Sequence[str]) -> list[Planned]:
    """The names of the cells; loads their corpora.

    Raises:
        ValueError: two cells have the same labels, so that no table could tell them apart.
    """
    planned = []
    for cell in cells:
        labels = cell.labels
        names = (cell.folder_name(), cell.model_name())
        planned.append(Planned(**labels, seed=cell.seed, cell=names[0], model=names[1], experiments=tuple(experiments)))
        if planned[-1].labels in (each.labels for each in planned[:-1]):
            called = labels["corpus"]
            raise ValueError(f"corpora: two are called {called!r}; rename a file, or give each a study of its own")
    return planned


def write_plan(planned: Sequence[Planned], folder: Path) -> None:
    rows = [asdict(each) for each in planned]
    with alone_in(folder, say_aloud):
        remove_drafts(folder, below=False)
        replace_file(folder / PLAN, (json.dumps(rows, indent=2) + "\n").encode())


def read_plan(folder: Path) -> list[Planned]:
    """What `write_plan` wrote.

    Raises:
        FileNotFoundError: no study was begun in this folder.
        ValueError: the file is damaged.
    """
    path = folder / PLAN
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is none, so no study was begun here; --results and --name say where")
    return read_json(path, list[Planned], "delete the file and start the study again, what is done stays")


def states(planned: Sequence[Planned], folder: Path) -> pd.DataFrame:
    """One row per cell and step (the model, then each experiment): corpus, encoder, attention, seed, cell, step, state
    and error.

    States: done, left out (it does not apply to this model; error says why), failed (error says how), running (the
    next step of a cell whose model some process is at work on) and waiting.
    """
    rows = []
    for each in planned:
        place = folder / each.cell
        found = [(MODEL, *_state_of_model(each, folder))]
        found += [(name, *_state(place, name)) for name in each.experiments]
        if all(state in (DONE, LEFT_OUT) for _, state, _ in found[1:]):
            found[0] = (MODEL, DONE, "")  # nothing is left that needs it
        begun = next((index for index, (_, state, _) in enumerate(found) if state == WAITING), None)
        if begun is not None and is_taken(folder / MODELS / each.model):
            found[begun] = (found[begun][0], RUNNING, "")
        rows += [{**each.labels, "cell": each.cell, "step": step, "state": s, "error": e} for step, s, e in found]
    return pd.DataFrame(rows)


def by_cell(found: pd.DataFrame) -> pd.DataFrame:
    """One row per cell: its labels, how many steps are in each state, what runs, and the first error."""
    rows = []
    for _, own in found.groupby("cell", sort=False):
        row = {name: own[name].iloc[0] for name in ("corpus", "encoder", "attention", "seed")}
        counts: dict[str, object] = {
            state: int((own["state"] == state).sum()) for state in (DONE, LEFT_OUT, FAILED, WAITING)
        }
        running, failed = own[own["state"] == RUNNING], own[own["state"] == FAILED]
        now = running["step"].iloc[0] if len(running) else ""
        error = f"{failed['step'].iloc[0]}: {failed['error'].iloc[0]}" if len(failed) else ""
        rows.append({**row, **counts, RUNNING: now, "error": error})
    return pd.DataFrame(rows)


def _state_of_model(each: Planned, folder: Path) -> tuple[str, str]:
    if (folder / MODELS / each.model / CHECKPOINT).exists():
        return DONE, ""
    return _failed_or_waiting(folder / each.cell, MODEL)


def _state(place: Path, name: str) -> tuple[str, str]:
    if failure(place, name).exists():
        return _failed_or_waiting(place, name)
    if left_out(place, name).exists():
        return LEFT_OUT, left_out(place, name).read_text("utf-8").strip()
    if file_of(place, name).exists() and (place / "figures" / f"{name}.csv").exists():
        return DONE, ""
    return _failed_or_waiting(place, name)


def _failed_or_waiting(place: Path, step: str) -> tuple[str, str]:
    path = failure(place, step)
    return (FAILED, read_failure(path)["error"]) if path.exists() else (WAITING, "")

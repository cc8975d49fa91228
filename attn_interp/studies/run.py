"""The runner: what is missing of a cell is computed, saved and drawn; what stands on disk is not done again."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from attn_interp.data.corpus import Corpus
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.checkpoint import check_checkpoint
from attn_interp.models.training.garbage import collected_seldom
from attn_interp.models.training.threads import one_thread
from attn_interp.report.run_directory import (
    MODEL,
    MODELS,
    SETTINGS,
    as_name,
    failure,
    failures,
    file_of,
    left_out,
    read_settings,
    settle,
    write_failure,
)
from attn_interp.studies.alone import alone_in, remove_drafts
from attn_interp.studies.jobs import in_processes
from attn_interp.studies.steps import Cell, Say, Step, chosen, key_of, say_aloud

Failed = Callable[[str, Exception], None]


@dataclass(frozen=True)
class CellRun:
    """The results of a cell, by step, and the folder where they stand."""

    cell: Cell
    folder: Path
    results: dict[str, Result]

    @property
    def labels(self) -> dict[str, str]:
        """What tells this model from the others in a table."""
        return self.cell.labels


def run_cell(cell: Cell, results: Path, progress: bool = True, say: Say = say_aloud) -> CellRun:
    """Run what is missing of a cell and return all its results; see `complete`."""
    complete(cell, results, progress=progress, say=say)
    return finished(cell, results)


def complete(
    cell: Cell,
    results: Path,
    names: Sequence[str] | None = None,
    progress: bool = False,
    say: Say = say_aloud,
    keep_going: bool = False,
) -> None:
    """Run what is missing of a cell.

    The folder `results`/<name of the cell> holds settings.json, one Parquet file and summary per step (of a variant in
    a folder of its own), and figures/; models stand in `results`/models/<name of the model>, for every cell that has
    them. Every file is moved into place whole and training keeps its state after each epoch, so a killed run is taken
    up where it stopped. All computes on one thread, so that the numbers do not depend on how many cells run beside.

    Args:
        names: The steps to run; None: all.
        progress: Whether long work shows a bar.
        say: Is told what begins.
        keep_going: What fails is written to <step>.failed.json and the others go on, instead of raising.

    Raises:
        ValueError: the folder holds results of another version or of other settings.
    """
    folder, models = results / cell.folder_name(), results / MODELS / cell.model_name()
    with one_thread(), threadpool_limits(limits=1), collected_seldom(), alone_in(models, say):
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, models):
            remove_drafts(place)
        work = cell.work(models, progress)
        steps = chosen(work.steps(), names)
        decided = {step.name: dict(step.decided_by) for step in steps}
        labels = {"labels": cell.labels, "seed": cell.seed}
        settle(folder, {**cell.about(), **labels, MODEL: models.name, "steps": decided})
        _complete(work.prepare, models, steps, folder, say, _writing_down(folder) if keep_going else _raising)


def finished(cell: Cell, results: Path, names: Sequence[str] | None = None) -> CellRun:
    """What stands of a cell, read from disk; without the steps that failed."""
    folder = results / cell.folder_name()
    steps = chosen(cell.work(results / MODELS / cell.model_name(), False).steps(), names)
    found = [step.name for step in steps if not failure(folder, step.name).exists()]
    return CellRun(
        cell, folder, {name: Result.load(file_of(folder, name)) for name in found if file_of(folder, name).exists()}
    )


@dataclass(frozen=True)
class Task:
    """What one process does at a time: all cells that share their models, one after the other.

    Attributes:
        cells: The cells.
        names: The steps to run; None: all.
        results: Folder of all cells.
        working_folder: From where relative paths count.
    """

    cells: tuple[Cell, ...]
    names: tuple[str, ...] | None
    results: Path
    working_folder: Path


def tasks(cells: Sequence[Cell], results: Path, names: Sequence[str] | None = None) -> list[Task]:
    """The cells by model, in the order of the first cell of each."""
    by_model: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        by_model.setdefault(cell.model_name(), {})[cell.folder_name()] = cell
    chosen = None if names is None else tuple(names)
    return [Task(tuple(own.values()), chosen, results, Path.cwd()) for own in by_model.values()]


def work_on(task: Task) -> None:
    """Complete the cells of the task; whatever fails is written down and the rest goes on."""
    with chdir(task.working_folder):
        for cell in task.cells:
            try:
                complete(cell, task.results, task.names, say=lambda text: None, keep_going=True)
            except Exception as error:  # before the first step: the corpus cannot be read, the disk is full
                give_up(cell, task.results, one_line(error))


def give_up(cell: Cell, results: Path, error: str) -> None:
    """Write down why nothing of the cell could be run."""
    write_failure(results / cell.folder_name(), MODEL, error)


class StepsFailed(RuntimeError):
    """Some steps of some models failed; all others are done."""


def run_cells(
    cells: Sequence[Cell], results: Path, jobs: int = 1, names: Sequence[str] | None = None, progress: bool = False
) -> list[CellRun]:
    """Run several cells, `jobs` at a time, each model in a process of its own; the runs in the order of the cells.

    Raises:
        StepsFailed: something failed; raised after everything else is done, naming each failure.
    """
    from attn_interp.models.progress import progress_bar

    results = results.resolve()
    todo = tasks(cells, results, names)
    with progress_bar(f"{len(todo)} models", len(todo), progress) as step:

        def lost(task: Task, error: str) -> None:
            for cell in task.cells:
                give_up(cell, results, error)

        in_processes(work_on, todo, min(jobs, max(1, len(todo))), lambda task: step(task.cells[0].folder_name()), lost)
    runs = [finished(cell, results, names) for cell in cells]
    errors = [f"{run.folder.name}: {name}: {error}" for run in runs for name, error in failures(run.folder).items()]
    if errors:
        raise StepsFailed("\n".join([f"{len(errors)} steps failed, the others are done:", *errors]))
    return runs


def group_steps(steps: Sequence[Step], folder: Path) -> dict[str, Result]:
    """What several cells say together: computed, saved and drawn in a folder, anew each time."""
    found = {}
    with one_thread(), threadpool_limits(limits=1), alone_in(folder, say_aloud):
        for step in steps:
            if not step.why_not():
                found[step.name] = step.make()
                found[step.name].save(step.place(folder))
                figures = step.place(folder) / "figures"
                (figures / f"{step.experiment}.csv").unlink(missing_ok=True)  # of other cells, perhaps
                draw(found[step.name], figures)
    return found


def _raising(step: str, error: Exception) -> None:
    raise error


def _writing_down(folder: Path) -> Failed:
    return lambda step, error: write_failure(folder, step, one_line(error), "".join(traceback.format_exception(error)))


def one_line(error: Exception) -> str:
    """What went wrong, as `ValueError: message`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _complete(
    prepare: Callable[[], None], models: Path, steps: Sequence[Step], folder: Path, say: Say, failed: Failed
) -> None:
    """Train unless that is done, then run and draw every step that is not there."""
    for step in steps:
        _take_over(step, folder)
    try:
        for saved in sorted(models.glob(f"*/{SETTINGS}")):
            check_checkpoint(saved.parent)
        if not all(_is_settled(folder, step.name) for step in steps):
            prepare()
    except Exception as error:
        failed(MODEL, error)
        return
    failure(folder, MODEL).unlink(missing_ok=True)
    for step in steps:
        try:
            if not _is_settled(folder, step.name):
                _compute(step, folder, say)
            if step.drawn and (path := file_of(folder, step.name)).exists():
                draw(Result.load(path), step.place(folder) / "figures")
        except Exception as error:
            failed(step.name, error)
        else:
            failure(folder, step.name).unlink(missing_ok=True)


def _is_settled(folder: Path, name: str) -> bool:
    return file_of(folder, name).exists() or left_out(folder, name).exists()


def _compute(step: Step, folder: Path, say: Say) -> None:
    if reason := step.why_not():
        say(f"{folder.name}: {step.name} left out: {reason}")
        replace_file(left_out(folder, step.name), f"{reason}\n".encode())
    else:
        say(f"{folder.name}: {step.name}")
        step.make().save(step.place(folder))


def _take_over(step: Step, folder: Path) -> None:
    """Copy the result from another cell with the same models whose step is decided by the same, if there is one."""
    if _is_settled(folder, step.name):
        return
    own = read_settings(folder)
    for path in sorted(folder.parent.glob(f"*/{SETTINGS}")):
        other, source = read_settings(path.parent), file_of(path.parent, step.name)
        same = other[MODEL] == own[MODEL] and other["steps"].get(step.name) == own["steps"][step.name]
        if same and source.exists():
            target = file_of(folder, step.name)
            for name in (f"{step.experiment}.summary.csv", source.name):
                replace_file(target.with_name(name), source.with_name(name).read_bytes())
            return


def draw(result: Result, folder: Path) -> None:
    """The figure of a result as PDF, PNG and CSV, unless it stands there already."""
    path = folder / result.experiment
    if not path.with_suffix(".csv").exists():
        result.save_figure(path)


def corpus_facts(corpus: Corpus) -> dict[str, Any]:
    """What settings.json says of the corpus."""
    return {
        "name": corpus.name,
        "classes": list(corpus.classes),
        "documents": {split: len(documents) for split, documents in corpus.splits.items()},
        "licence": corpus.licence,
        "source": corpus.source,
        "fingerprint": corpus.fingerprint(),
    }


def study_facts(study: Any, corpus: Corpus) -> dict[str, Any]:
    """What settings.json says of a study, a dataclass, of one corpus."""
    return {"study": json.loads(json.dumps(asdict(study))), "corpus": corpus_facts(corpus)}


def name_of(labels: Mapping[str, str], seed: int, decisive: Any) -> str:
    """The name of a folder: readable, and unique by the first digits of the key of what decides it."""
    return as_name("-".join([*labels.values(), f"seed{seed}", key_of(decisive)[:8]]))


@dataclass(frozen=True)
class StudyCell:
    """A study of one corpus as a cell; each kind has its own `labels`, `model_name` and `work`.

    Attributes:
        study: A dataclass with a seed.
    """

    study: Any
    corpus: Corpus

    @property
    def seed(self) -> int:
        return int(self.study.seed)

    @property
    def labels(self) -> dict[str, str]:
        raise NotImplementedError

    def folder_name(self) -> str:
        return name_of(self.labels, self.seed, self.about())

    def about(self) -> dict[str, Any]:
        return study_facts(self.study, self.corpus)

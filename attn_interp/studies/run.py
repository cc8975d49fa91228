"""Running a cell: train once, run every experiment, draw the figures. What stands on disk is not done again."""

from __future__ import annotations

import json
import platform
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from attn_interp.data.corpus import Corpus
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import module_of
from attn_interp.experiments.result import Result
from attn_interp.models.threads import one_thread
from attn_interp.studies.alone import alone_in, remove_drafts
from attn_interp.studies.cell import Cell
from attn_interp.studies.parallel import in_processes
from attn_interp.studies.work import STEPS, Work, why_not

MODEL = "model"
MODELS = "models"
Say = Callable[[str], None]
Failed = Callable[[str, Exception], None]


@dataclass(frozen=True)
class CellRun:
    """The results of a cell, by experiment, and the folder where they stand."""

    cell: Cell
    corpus: str
    folder: Path
    results: dict[str, Result]

    @property
    def labels(self) -> dict[str, str]:
        """What tells this model from the others in a table."""
        settings = self.cell.settings
        encoder = settings.encoder if self.cell.site is None else f"{settings.encoder}, {self.cell.site}"
        return {"corpus": self.corpus, "encoder": encoder, "attention": settings.attention}


def say_aloud(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_cell(cell: Cell, results: Path, progress: bool = True, say: Say = say_aloud) -> CellRun:
    """Run what is missing of a cell, with every experiment, and return all its results; see `complete`."""
    complete(cell, results, progress=progress, say=say)
    return finished(cell, results)


def complete(
    cell: Cell,
    results: Path,
    experiments: Sequence[str] = tuple(STEPS),
    progress: bool = False,
    say: Say = say_aloud,
    keep_going: bool = False,
) -> None:
    """Run what is missing of a cell.

    The folder `results`/<name of the cell> holds settings.json, one Parquet file and summary per experiment, and
    figures/; the trained model stands in `results`/models/<name of the model>, for every cell that has it. Every file
    is moved into place whole and training keeps its state after each epoch, so a killed run is taken up where it
    stopped. All computes on one thread, so that the numbers do not depend on how many cells run beside.

    Args:
        experiments: Which of `STEPS` to run.
        progress: Whether long work shows a bar.
        say: Is told what begins.
        keep_going: What fails is written to <step>.failed.json and the others go on, instead of raising.
    """
    corpus = cell.load_corpus()
    folder, model_folder = results / cell.folder_name(corpus), results / MODELS / cell.model_name(corpus)
    with one_thread(), threadpool_limits(limits=1), alone_in(model_folder, say):
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, model_folder):
            remove_drafts(place)
        _write_settings(cell, corpus, folder)
        failed = _writing_down(folder) if keep_going else _raising
        _complete(Work(cell, corpus, model_folder, progress), folder, experiments, say, failed)


def finished(cell: Cell, results: Path, experiments: Sequence[str] = tuple(STEPS)) -> CellRun:
    """What stands of a cell, read from disk; without the experiments that failed."""
    corpus = cell.load_corpus()
    folder = results / cell.folder_name(corpus)
    paths = {name: folder / f"{name}.parquet" for name in experiments if not failure(folder, name).exists()}
    results_found = {name: Result.load(path) for name, path in paths.items() if path.exists()}
    return CellRun(cell, corpus.name, folder, results_found)


@dataclass(frozen=True)
class Task:
    """What one process does at a time: all cells that share a trained model, one after the other.

    Attributes:
        cells: The cells.
        experiments: Those to run.
        results: Folder of all cells.
        working_folder: From where relative paths count.
    """

    cells: tuple[Cell, ...]
    experiments: tuple[str, ...]
    results: Path
    working_folder: Path


def tasks(cells: Sequence[Cell], experiments: Sequence[str], results: Path) -> list[Task]:
    """The cells by model, in the order of the first cell of each."""
    by_model: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        corpus = cell.load_corpus()
        by_model.setdefault(cell.model_name(corpus), {})[cell.folder_name(corpus)] = cell
    return [Task(tuple(own.values()), tuple(experiments), results, Path.cwd()) for own in by_model.values()]


def work_on(task: Task) -> None:
    """Complete the cells of the task; whatever fails is written down and the rest goes on."""
    with chdir(task.working_folder):
        for cell in task.cells:
            try:
                complete(cell, task.results, task.experiments, say=lambda text: None, keep_going=True)
            except Exception as error:  # before the first step: the corpus cannot be read, the disk is full
                give_up(cell, task.results, one_line(error))


def give_up(cell: Cell, results: Path, error: str) -> None:
    """Write down why nothing of the cell could be run."""
    write_failure(results / cell.folder_name(cell.load_corpus()), MODEL, error)


def run_cells(
    cells: Sequence[Cell], results: Path, jobs: int = 1, experiments: Sequence[str] = tuple(STEPS)
) -> list[CellRun]:
    """Run several cells, `jobs` at a time, each model in a process of its own; the runs in the order of the cells.

    Args:
        experiments: Which of `STEPS` to run.

    Raises:
        RuntimeError: something failed; raised after everything else is done, naming each failure.
    """

    def lost(task: Task, error: str) -> None:
        for cell in task.cells:
            give_up(cell, results, error)

    in_processes(work_on, tasks(cells, experiments, results), jobs, lambda task: None, lost)
    errors = []
    for cell in cells:
        folder = results / cell.folder_name(cell.load_corpus())
        for step in (MODEL, *experiments):
            if failure(folder, step).exists():
                errors.append(f"{folder.name}: {step}: {json.loads(failure(folder, step).read_bytes())['error']}")
    if errors:
        raise RuntimeError("\n".join([f"{len(errors)} steps failed, the others are done:", *errors]))
    return [finished(cell, results, experiments) for cell in cells]


def failure(folder: Path, step: str) -> Path:
    """The file that says why a step of a cell failed; absent where it did not."""
    return folder / f"{step}.failed.json"


def left_out(folder: Path, step: str) -> Path:
    """The file that says why an experiment does not apply to a cell; absent where it does."""
    return folder / f"{step}.left_out.txt"


def write_failure(folder: Path, step: str, error: str, trace: str = "") -> None:
    content = {"error": error, "traceback": trace}
    replace_file(failure(folder, step), (json.dumps(content, indent=2) + "\n").encode())


def _raising(step: str, error: Exception) -> None:
    raise error


def _writing_down(folder: Path) -> Failed:
    return lambda step, error: write_failure(folder, step, one_line(error), "".join(traceback.format_exception(error)))


def one_line(error: Exception) -> str:
    """What went wrong, as `ValueError: message`."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _complete(work: Work, folder: Path, experiments: Sequence[str], say: Say, failed: Failed) -> None:
    """Train unless that is done, then run and draw every experiment that is not there."""
    for name in experiments:
        _take_over(name, work, folder)
    if any(not _is_settled(folder, name) for name in experiments):
        if not work.is_trained:
            say(f"{folder.name}: {MODEL}")
        try:
            _ = work.trained
        except Exception as error:
            failed(MODEL, error)
            return
    failure(folder, MODEL).unlink(missing_ok=True)
    for name in experiments:
        try:
            if not _is_settled(folder, name):
                _compute(name, work, folder, say)
            if (path := folder / f"{name}.parquet").exists():
                draw(Result.load(path), folder / "figures")
        except Exception as error:
            failed(name, error)
        else:
            failure(folder, name).unlink(missing_ok=True)


def _is_settled(folder: Path, name: str) -> bool:
    return (folder / f"{name}.parquet").exists() or left_out(folder, name).exists()


def _compute(name: str, work: Work, folder: Path, say: Say) -> None:
    if reason := why_not(name, work):
        say(f"{folder.name}: {name} left out: {reason}")
        replace_file(left_out(folder, name), f"{reason}\n".encode())
    else:
        say(f"{folder.name}: {name}")
        STEPS[name](work).save(folder)


def _take_over(name: str, work: Work, folder: Path) -> None:
    """Copy the result from another cell with the same model and the same settings of this experiment, if there is."""
    if _is_settled(folder, name):
        return
    for path in sorted(folder.parent.glob(f"*/{name}.parquet")):
        other = json.loads((path.parent / "settings.json").read_bytes())
        if other.get("model") == work.model_folder.name and work.cell.shares(name, other["cell"]):
            summary = f"{name}.summary.csv"
            replace_file(folder / summary, (path.parent / summary).read_bytes())
            replace_file(folder / path.name, path.read_bytes())
            return


def draw(result: Result, folder: Path) -> None:
    """The figure of a result as PDF, PNG and CSV, unless it stands there already."""
    path = folder / result.experiment
    if path.with_suffix(".csv").exists():
        return
    from attn_interp.figures.draw.files import save_figure

    module = module_of("figures", result.experiment)
    save_figure(module.figure(result), path, module.drawn(result))


def _write_settings(cell: Cell, corpus: Corpus, folder: Path) -> None:
    about = {"cell": cell.described(), "key": cell.key(corpus), "model": cell.model_name(corpus)}
    path = folder / "settings.json"
    if not path.exists():
        replace_file(path, (json.dumps(about | facts(corpus), indent=2) + "\n").encode())


def facts(corpus: Corpus) -> dict[str, Any]:
    """What settings.json says of the corpus and of the versions of what computes."""
    packages = ("attn-interp", "torch", "numpy", "scipy", "pandas", "captum", "scikit-learn", "matplotlib")
    return {
        "corpus": {
            "name": corpus.name,
            "classes": list(corpus.classes),
            "documents": {split: len(documents) for split, documents in corpus.splits.items()},
            "licence": corpus.licence,
            "source": corpus.source,
            "fingerprint": corpus.fingerprint(),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }

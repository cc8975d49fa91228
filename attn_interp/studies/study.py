"""Running a study: its cells in parallel, then its tables. Run again, it goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from attn_interp.data.whole_files import replace_file
from attn_interp.models.progress import progress_bar
from attn_interp.studies.alone import alone_in, remove_drafts
from attn_interp.studies.grid import Grid
from attn_interp.studies.jobs import in_processes, on_cluster
from attn_interp.studies.run import Task, finished, give_up, tasks, work_on
from attn_interp.studies.status import plan, states, write_plan
from attn_interp.studies.steps import say_aloud
from attn_interp.studies.tables import study_tables

TABLES = "tables"


def run_study(
    grid: Grid, folder: Path, jobs: int = 1, dask: str | None = None, progress: bool = True
) -> dict[str, pd.DataFrame]:
    """Run what is missing of a study and write its tables; what fails is a row of `cells` and the others go on.

    The folder holds one folder per cell, models/ with one per trained model, study.json (what is planned) and tables/,
    one CSV each. The tables depend on the grid and its inputs alone: not on the number of jobs, nor on how often and
    where former runs were killed.

    Args:
        jobs: Processes, each on one thread. 1: all in this one.
        dask: Address of a Dask scheduler, which is then used instead; its workers need the same folders.
        progress: Whether to show a bar over cells with the time left.

    Returns:
        The tables by name: `cells` (`states`), and those of `study_tables`.

    Raises:
        ValueError: jobs below 1, or an input that cannot be read, before anything is run.
    """
    if jobs < 1:
        raise ValueError(f"jobs: got {jobs}, expected at least 1")
    cells, folder = grid.cells(), folder.resolve()
    planned = plan(cells, grid.experiments)
    write_plan(planned, folder)
    work = tasks(cells, folder, grid.experiments)
    with progress_bar(f"{len(cells)} cells", len(cells), progress) as step:

        def done(task: Task) -> None:
            for cell in task.cells:
                step(f"done: {cell.labels['encoder']}, seed {cell.seed}")

        def lost(task: Task, error: str) -> None:
            for cell in task.cells:
                give_up(cell, folder, error)
            done(task)

        if dask is not None:
            on_cluster(work_on, work, dask, done, lost)
        else:
            in_processes(work_on, work, min(jobs, len(work)), done, lost)
    runs = [finished(cell, folder, grid.experiments) for cell in cells]
    tables = {"cells": states(planned, folder), **study_tables(runs)}
    with alone_in(folder, say_aloud):
        remove_drafts(folder / TABLES)
        for name, table in tables.items():
            content = table.to_csv(index=False, lineterminator="\n")
            replace_file(folder / TABLES / f"{name}.csv", content.encode())
    return tables

"""Recurrent networks, directions and poolings put to the measures of recency, several seeds of each.

Each cell is kept where it was measured; what stands on disk is not done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from attn_interp.experiments.recency.recency import together
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import POOLINGS, require_option
from attn_interp.models.progress import progress_bar
from attn_interp.models.threads import one_thread
from attn_interp.studies.parallel import in_processes
from attn_interp.studies.recency.recency_cell import RECURRENT, Cell, Sizes, measured, settings_of
from attn_interp.studies.run import draw

CELLS = "cells"
DIRECTIONS = (1, 2)
LONG_POOLINGS = ("last", "attention")


def cells(
    seeds: Sequence[int], sizes: Sizes, recurrent: Sequence[str] = tuple(RECURRENT), poolings: Sequence[str] = POOLINGS
) -> list[Cell]:
    """All cells, those of a seed together since they share its documents.

    Raises:
        ValueError: a recurrent network or pooling that there is not, or no seeds.
    """
    for pooling in poolings:
        require_option("poolings", pooling, POOLINGS)
    if unknown := [name for name in recurrent if name not in RECURRENT]:
        raise ValueError(f"recurrent: got {unknown[0]!r}, expected some of {', '.join(map(repr, sorted(RECURRENT)))}")
    if not seeds or not recurrent or not poolings:
        raise ValueError("recency: give at least one seed, one recurrent network and one pooling")
    long_poolings = [pooling for pooling in LONG_POOLINGS if pooling in poolings]
    found = []
    for seed in seeds:
        for name, directions, pooling in product(recurrent, DIRECTIONS, poolings):
            found.append(Cell(name, directions, pooling, seed, sizes.lengths[0]))
        for length, directions, pooling in product(sizes.long, DIRECTIONS, long_poolings):
            found.append(Cell(recurrent[0], directions, pooling, seed, length))
    return found


def run_recency(
    seeds: Sequence[int],
    sizes: Sizes,
    results: Path,
    jobs: int = 1,
    recurrent: Sequence[str] = tuple(RECURRENT),
    poolings: Sequence[str] = POOLINGS,
    progress: bool = True,
) -> Result:
    """The measures of every cell, `jobs` at a time; saved with the figures in the folder of the results.

    Raises:
        ValueError: as `cells`; or the corpus cannot be read.
        RuntimeError: a process was killed, and again when its cell ran alone.
    """
    todo = cells(seeds, sizes, recurrent, poolings)
    settings = settings_of(sizes)
    folders = [results / CELLS / _folder_name(cell, settings) for cell in todo]
    lost: list[str] = []
    with progress_bar("recurrent networks", len(todo), progress) as step:
        in_processes(
            partial(_complete, sizes),
            list(zip(todo, folders)),
            min(jobs, len(todo)),
            lambda task: step(f"{task[0].recurrent}, seed {task[0].seed}"),
            lambda task, error: lost.append(f"{task[1].name}: {error}"),
        )
    if lost:
        raise RuntimeError("\n".join(["recency: the other cells are done, run again for these:", *lost]))
    result = together([Result.load(folder) for folder in folders])
    result.save(results)
    (results / "figures" / "recency.csv").unlink(missing_ok=True)  # of another set of cells, perhaps
    draw(result, results / "figures")
    for name in recurrent[1:]:  # the figure of a result is that of its first network
        _draw_network(result, name, results / "figures")
    return result


def _draw_network(result: Result, recurrent: str, folder: Path) -> None:
    from attn_interp.figures.draw.files import save_figure
    from attn_interp.figures.recency.recency import drawn, figure

    save_figure(figure(result, recurrent), folder / f"recency-{_as_name(recurrent)}", drawn(result))


def _as_name(text: str) -> str:
    return text.replace(", ", "-").replace(" ", "-").replace("(", "").replace(")", "")


def _folder_name(cell: Cell, settings: Mapping[str, Any]) -> str:
    key = hashlib.sha256(json.dumps([asdict(cell), settings], sort_keys=True).encode()).hexdigest()[:8]
    return _as_name(f"{cell.recurrent}-{cell.directions}-{cell.pooling}-{cell.length}-seed{cell.seed}-{key}")


def _complete(sizes: Sizes, task: tuple[Cell, Path]) -> None:
    cell, folder = task
    if not (folder / "recency.parquet").exists():
        with one_thread():
            measured(cell, sizes).save(folder)

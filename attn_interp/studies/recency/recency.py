"""Recurrent networks, directions and poolings put to the measures of recency, several seeds of each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from attn_interp.experiments.recency.recency import together
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import POOLINGS, require_option
from attn_interp.report.run_directory import as_name
from attn_interp.studies.recency.recency_cell import RECURRENT, RecencyCell, Sizes
from attn_interp.studies.run import group_steps, run_cells
from attn_interp.studies.steps import Step

DIRECTIONS = (1, 2)
LONG_POOLINGS = ("last", "attention")


def cells(
    seeds: Sequence[int], sizes: Sizes, recurrent: Sequence[str] = tuple(RECURRENT), poolings: Sequence[str] = POOLINGS
) -> list[RecencyCell]:
    """All cells, those of a seed together since they share its documents; long documents are trained on at those
    lengths that are tested.

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
    long = [length for length in sizes.long if length in sizes.lengths[1:]]
    found = []
    for seed in seeds:
        for name, directions, pooling in product(recurrent, DIRECTIONS, poolings):
            found.append(RecencyCell(name, directions, pooling, seed, sizes.lengths[0], sizes))
        for length, directions, pooling in product(long, DIRECTIONS, long_poolings):
            found.append(RecencyCell(recurrent[0], directions, pooling, seed, length, sizes))
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
        RuntimeError: a cell failed; the others are done.
    """
    runs = run_cells(cells(seeds, sizes, recurrent, poolings), results, jobs, progress=progress)
    found = [run.results["recency"] for run in runs]
    result = group_steps([Step("recency", lambda: together(found))], results)["recency"]
    for name in recurrent[1:]:  # the figure of a result is that of its first network
        _draw_network(result, name, results / "figures")
    return result


def _draw_network(result: Result, recurrent: str, folder: Path) -> None:
    from attn_interp.figures.draw.files import save_figure
    from attn_interp.figures.recency.recency import drawn, figure

    save_figure(figure(result, recurrent), folder / f"recency-{as_name(recurrent)}", drawn(result))

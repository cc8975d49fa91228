"""The tables of a study: each experiment over all models, with intervals over seeds and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.record.overview import overview
from attn_interp.experiments.result import Result
from attn_interp.report.sentence import sentence
from attn_interp.report.tables.wide import stacked
from attn_interp.statistics.clusters import SEED
from attn_interp.studies.run import CellRun


def pooled_names() -> list[str]:
    """The experiments that have a table over seeds."""
    return [name for name in names() if experiment_of(name).pooling is not None]


def by_model(runs: Sequence[CellRun]) -> list[tuple[dict[str, str], dict[int, CellRun]]]:
    """The labels of each model with its runs by seed, in the order of the runs."""
    models: dict[tuple[str, ...], dict[int, CellRun]] = {}
    for run in runs:
        models.setdefault(tuple(run.labels.values()), {})[run.cell.seed] = run
    return [(next(iter(seeds.values())).labels, seeds) for seeds in models.values()]


def results_by_seed(runs: Sequence[CellRun], step: str) -> list[tuple[dict[str, str], dict[int, Result]]]:
    """The labels of each model with its results of a step by seed."""
    return [(labels, {seed: run.results[step] for seed, run in seeds.items()}) for labels, seeds in by_model(runs)]


def pooled(runs: Sequence[CellRun], step: str) -> list[tuple[dict[str, str], Result]]:
    """The labels of each model with its result of a step: of one seed as it is, of several as `over_seeds`."""
    return [
        (labels, over_seeds(found) if len(found) > 1 else next(iter(found.values())))
        for labels, found in results_by_seed(runs, step)
    ]


def study_tables(runs: Sequence[CellRun]) -> dict[str, pd.DataFrame]:
    """Name -> table: `overview`, `sentences` (what is said of each model) and each experiment over seeds;
    <experiment>_by_seed with the summaries of each run.

    Every table begins with the labels of the models. Estimates over seeds are means over seeds and documents with 95 %
    intervals over both (`crossed_mean`), over documents alone where there is one seed; sd_seeds is the standard
    deviation between seeds. Models of which a seed is not there yet are in the tables with the others.
    """
    tables: dict[str, list[tuple[Mapping[str, str], pd.DataFrame]]] = {}
    for labels, seeds in by_model(runs):
        together: dict[str, Result] = {}
        for name in pooled_names():
            found = {seed: run.results[name] for seed, run in seeds.items() if name in run.results}
            if found:
                together[name] = over_seeds(found)
                tables.setdefault(name, []).append((labels, together[name].summary().drop(columns="grouping")))
        if together:
            answers = overview(together).assign(seeds=len(seeds))
            told = pd.DataFrame({"seeds": [len(seeds)], "sentence": sentence(together)})
            tables.setdefault("sentences", []).append((labels, told))
            tables.setdefault("overview", []).append((labels, answers))
    for run in runs:
        for name in pooled_names():
            if name in run.results:
                labels = {**run.labels, SEED: str(run.cell.seed)}
                tables.setdefault(f"{name}_by_seed", []).append((labels, run.results[name].summary()))
    return {name: stacked(parts) for name, parts in tables.items()}

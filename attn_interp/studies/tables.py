"""The tables of a study: each experiment over all models, with intervals over seeds and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.record import Pooling
from attn_interp.experiments.record.overview import overview
from attn_interp.experiments.result import Result
from attn_interp.statistics.clusters import SEED
from attn_interp.studies.run import CellRun


@dataclass(frozen=True, repr=False)
class OverSeeds(Result):
    """The results of one experiment on models that differ in nothing but the seed, one below the other."""

    pooling: Pooling = field(default_factory=lambda: Pooling(()))

    def summary(self) -> pd.DataFrame:
        """Means with 95 % intervals over seeds and documents: `Pooling.summary`."""
        return self.pooling.summary(self.frame, self.columns)


def over_seeds(results: Mapping[int, Result]) -> OverSeeds:
    """Seed -> result of the same experiment, as one.

    Raises:
        ValueError: the experiment does not pool over seeds.
    """
    first = results[min(results)]
    pooling = experiment_of(first.experiment).pooling
    if pooling is None:
        raise ValueError(f"{first.experiment}: its results do not pool over seeds")
    columns = pooling.columns(first.columns)
    return OverSeeds(first.experiment, pooling.frame(results), first.settings, columns, pooling)


def pooled_names() -> list[str]:
    """The experiments that have a table over seeds."""
    return [name for name in names() if experiment_of(name).pooling is not None]


def study_tables(runs: Sequence[CellRun]) -> dict[str, pd.DataFrame]:
    """Name -> table: `overview` and each experiment over seeds; <experiment>_by_seed with the summaries of each run.

    Every table begins with the labels of the models. Estimates over seeds are means over seeds and documents with 95 %
    intervals over both (`crossed_mean`), over documents alone where there is one seed; sd_seeds is the standard
    deviation between seeds. Models of which a seed is not there yet are in the tables with the others.
    """
    models: dict[tuple[str, ...], dict[int, CellRun]] = {}
    for run in runs:
        models.setdefault(tuple(run.labels.values()), {})[run.cell.seed] = run
    tables: dict[str, list[pd.DataFrame]] = {}
    for seeds in models.values():
        labels = next(iter(seeds.values())).labels
        pooled: dict[str, Result] = {}
        for name in pooled_names():
            found = {seed: run.results[name] for seed, run in seeds.items() if name in run.results}
            if found:
                pooled[name] = over_seeds(found)
                tables.setdefault(name, []).append(_labelled(pooled[name].summary().drop(columns="grouping"), labels))
        if pooled:
            answers = overview(pooled).assign(seeds=len(seeds))
            tables.setdefault("overview", []).append(_labelled(answers, labels))
    for run in runs:
        for name in pooled_names():
            if name in run.results:
                labels = {**run.labels, SEED: str(run.cell.seed)}
                tables.setdefault(f"{name}_by_seed", []).append(_labelled(run.results[name].summary(), labels))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items() if parts}


def _labelled(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame(labels, index=table.index), table], axis=1)

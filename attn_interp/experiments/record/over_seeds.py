"""The results of one experiment on several seeds as one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.pooling import Pooling
from attn_interp.experiments.result import Result


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

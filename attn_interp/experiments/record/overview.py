"""The answers of several experiments in one table: each question with its statistic, interval, n and status."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.statement import COLUMNS, stated
from attn_interp.experiments.result import Result


def overview(results: Mapping[str, Result]) -> pd.DataFrame:
    """One row for each statement of the results that belongs into an overview, in the order of the results.

    Returns:
        question, statistic, estimate, low, high (95 % interval), n, status.
    """
    parts = []
    for result in results.values():
        experiment = experiment_of(result.experiment)
        chosen = [each for each in experiment.statements if each.in_overview]
        parts.append(stated(experiment, result.summary(), result.settings, chosen).drop(columns="undefined"))
    columns = [name for name in COLUMNS if name != "undefined"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

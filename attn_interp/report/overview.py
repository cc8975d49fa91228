"""The answer of a study in one table: each question with its statistic, interval, n and status."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.report.statements import statements

ASKED = ("quality", "agreement", "permutation", "adversary", "same_shape", "reach", "erasure")
"""The experiments of the overview, in its order; those that were not run have no rows."""


def overview(results: Mapping[str, Result]) -> pd.DataFrame:
    """One row per statement of `statements`: question, statistic, estimate, low, high (95 % interval), n, status."""
    parts = [statements(name, results[name].summary(), results[name].settings) for name in ASKED if name in results]
    table = pd.concat(parts, ignore_index=True)
    shown = table[table["overview"].astype(bool)].reset_index(drop=True)
    return shown[["question", "statistic", "estimate", "low", "high", "n", "status"]]

"""The power of the tests as a table to be read."""

from __future__ import annotations

import pandas as pd


def power_layout(table: pd.DataFrame) -> pd.DataFrame:
    """A summary of verdicts; claim and rule (measure and threshold in one cell) stand in the first row of each claim.

    Columns claim, found where, case, rate, estimate, low, high, n and undefined, the last only where some trial is.
    """
    rules = pd.Series(
        [f"{measure} > {threshold:.3g}" for measure, threshold in zip(table["measure"], table["threshold"])],
        index=table.index,
    )
    repeated = table["claim"] == table["claim"].shift()
    shown = table.copy()
    shown["claim"] = table["claim"].mask(repeated, "")
    shown["found where"] = rules.mask(repeated, "")
    columns = ["claim", "found where", "case", "rate", "estimate", "low", "high", "n"]
    return shown[[*columns, "undefined"] if table["undefined"].any() else columns]

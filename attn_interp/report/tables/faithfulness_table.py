"""Plausibility and faithfulness side by side: two questions, and whether their answers go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from attn_interp.experiments.people.faithfulness import AOPC, ATTENTION, HUMAN, OPTIMUM, RANDOM, per_document
from attn_interp.experiments.result import Result
from attn_interp.statistics.over_methods import correlation_over_methods

PLAUSIBLE, COMPREHENSIVE, SUFFICIENT = "plausibility", "comprehensiveness", "sufficiency"
MEANINGS = {
    PLAUSIBLE: "agreement with the words that people marked (here: mean of the measure named in the caption); says "
    "nothing about the model",
    COMPREHENSIVE: "loss of the decision's probability when the first words are erased, mean over the shares of words; "
    "high where they were needed",
    SUFFICIENT: "the same loss when all other words are erased; low where the first words are enough",
}
"""For the legend of a table."""


def side_by_side(
    plausibility: pd.DataFrame, faithfulness: pd.DataFrame, quantity: str = "average_precision"
) -> pd.DataFrame:
    """One row per method: plausibility, comprehensiveness and sufficiency (AOPC), each with low, high, n and undefined.

    Methods stand by falling comprehensiveness, the references (optimum, human rationale, random) under them. A method
    that one of the experiments did not measure has NaN there and n = 0.

    Args:
        plausibility, faithfulness: what `summary()` of their results returns.
        quantity: the measure of plausibility.

    Raises:
        ValueError: the summary has no means of the quantity; the message lists those it has.
    """
    plain = plausibility.query("grouping == 'all' and statistic == 'mean'")
    if quantity not in set(plain["quantity"]):
        raise ValueError(
            f"no measure {quantity!r} of plausibility; choose from {', '.join(sorted(set(plain.quantity)))}"
        )
    areas = faithfulness[(faithfulness["grouping"] == "all") & (faithfulness["size"] == AOPC)].set_index("method")
    of_people = plain[plain["quantity"] == quantity].set_index("scorer")
    parts = {
        PLAUSIBLE: of_people,
        COMPREHENSIVE: areas[areas["quantity"] == COMPREHENSIVE],
        SUFFICIENT: areas[areas["quantity"] == SUFFICIENT],
    }
    order = parts[COMPREHENSIVE]["estimate"].sort_values(ascending=False, kind="stable").index
    references = [name for name in (OPTIMUM, HUMAN, RANDOM) if name in order]
    others = [name for name in of_people.index if name not in order]
    names = [name for name in order if name not in references] + references + others
    table = pd.DataFrame({"method": names})
    for heading, part in parts.items():
        own = part[["estimate", "low", "high", "n", "undefined"]].reindex(names).reset_index(drop=True)
        own[["n", "undefined"]] = own[["n", "undefined"]].fillna(0).astype(int)
        table[heading] = own["estimate"]
        for name in ("low", "high", "n", "undefined"):
            table[f"{heading} {name}"] = own[name]
    return table


def correlations(plausibility: Result, faithfulness: Result, quantity: str = "average_precision") -> pd.DataFrame:
    """Spearman's rho over the methods between plausibility and each side of faithfulness, one row each.

    Columns: plausibility, faithfulness, rho, low, high (over documents), p_value, exact, methods, documents, left_out:
    see `OverMethods`. Sufficiency enters with its sign turned, so that rho > 0 always says: the more plausible method
    is the more faithful one. The methods are attention and the attributions; references and baselines explain no model.
    Each result ranks attributions by value or by absolute value, as its setting `attributions_ranked_by` says; measure
    both with the same `signed`.

    Raises:
        ValueError: as `correlation_over_methods`; KeyError: the quantity is not a measure of plausibility.
    """
    methods = [ATTENTION, *faithfulness.settings["methods"]]
    # A document's plausibility is its mean over the annotators.
    marked = plausibility.frame.pivot_table(index="document", columns="scorer", values=quantity, dropna=False)
    areas = per_document(faithfulness)
    areas = areas[areas["size"] == AOPC]
    rows = []
    for side, sign in ((COMPREHENSIVE, 1.0), (SUFFICIENT, -1.0)):
        carried = sign * areas.pivot_table(index="document", columns="method", values=side, dropna=False)
        found = correlation_over_methods(
            marked[[name for name in methods if name in marked]],
            carried[[name for name in methods if name in carried]],
            int(faithfulness.settings["seed"]),
        )
        rows.append({PLAUSIBLE: quantity, "faithfulness": side if sign > 0 else f"minus {side}", **vars(found)})
    return pd.DataFrame(rows)


def correlation_text(row: pd.Series[Any]) -> str:
    """A row of `correlations` as a sentence that says how little a few methods can show."""
    if np.isnan(row["rho"]):
        return f"{row['plausibility']} and {row['faithfulness']}: no correlation over {row['methods']} methods"
    kind = "exact" if row["exact"] else "sampled"
    return (
        f"{row['plausibility']} and {row['faithfulness']}: Spearman's rho {row['rho']:.2f} "
        f"[{row['low']:.2f}, {row['high']:.2f}] over documents (n = {row['documents']:,}), p = {row['p_value']:.3f} "
        f"({kind} over the orders of only {row['methods']} methods)"
    )

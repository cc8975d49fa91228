"""The tables of Serrano & Smith 2019 for any set of models, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import ATTENTION, OPTIMUM, PRODUCT, RANDOM

Labelled = Iterable[tuple[Mapping[str, str], Result]]

OUTCOMES = {
    "neither": "flip_neither",
    "only most attended": "flip_only_most_attended",
    "only other": "flip_only_other",
    "both": "flip_both",
}
FIRST_ORDERS = (OPTIMUM, PRODUCT, "gradient", "leave-one-out", "integrated gradients", ATTENTION, RANDOM)
QUANTITIES = {
    "fraction erased": "fraction",
    "minus attention": "minus_attention",
    "regret": "regret",
    "never changed": "never",
}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with each estimate and its interval in one cell of text, `0.74 [0.72, 0.76]`: for paper and terminal.

    A column `x` goes with `x low` and `x high`, the column `share` with `low` and `high`. Undefined estimates are "--".
    """
    shown = table.copy()
    for name in table.columns:
        low, high = ("low", "high") if name == "share" else (f"{name} low", f"{name} high")
        if low in table.columns:
            shown[name] = [_text(*row) for row in table[[name, low, high]].itertuples(index=False)]
            shown = shown.drop(columns=[low, high])
    return shown


def _text(estimate: float, low: float, high: float) -> str:
    if pd.isna(estimate):
        return "--"
    written, lower, upper = (f"{round(value, 2) + 0.0:.2f}" for value in (estimate, low, high))  # no minus before 0.00
    return written if pd.isna(low) else f"{written} [{lower}, {upper}]"


def single_table(models: Labelled) -> pd.DataFrame:
    """One row per model and outcome of erasing the most attended word (or sentence: unit) and another: labels, unit,
    decision changed by, share, low, high, n and undefined (documents of one), from results of `single_erasure`."""
    rows = []
    for labels, result in models:
        summary = result.summary().query("grouping == 'all'").set_index("quantity")
        for outcome, quantity in OUTCOMES.items():
            found = summary.loc[quantity, ["estimate", "low", "high", "n", "undefined"]]
            named = {"unit": _unit(result), "decision changed by": outcome}
            rows.append({**labels, **named, **found.rename({"estimate": "share"})})
    return pd.DataFrame(rows).astype({"n": int, "undefined": int})


def sets_table(models: Labelled) -> pd.DataFrame:
    """One row per model and order of erasing words or sentences (unit): labels, unit, order, for each quantity its mean
    with low and high, n, and undefined (documents of one, which has nothing to erase), from results of `erasure`; the
    orders from the optimum down to random."""
    rows = []
    for labels, result in models:
        summary = result.summary().query("grouping == 'all'").set_index(["ordering", "quantity"])
        present = set(summary.index.get_level_values("ordering"))
        for ordering in (name for name in FIRST_ORDERS if name in present):
            row: dict[str, object] = {**labels, "unit": _unit(result), "order": ordering}
            for heading, quantity in QUANTITIES.items():
                found = summary.loc[[(ordering, quantity)]].iloc[0]
                row |= {heading: found["estimate"], f"{heading} low": found["low"], f"{heading} high": found["high"]}
            rows.append({**row, "n": int(found["n"]), "undefined": int(found["undefined"])})
    return pd.DataFrame(rows)


def _unit(result: Result) -> str:
    """What the attention weighs and what is erased: "word" or "sentence"."""
    return str(result.settings.get("unit", "word"))

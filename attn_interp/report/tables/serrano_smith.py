"""The tables of Serrano & Smith 2019 for any set of models, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import ATTENTION, OPTIMUM, PRODUCT, RANDOM
from attn_interp.report.tables.wide import in_order, stacked, wide

Labelled = Iterable[tuple[Mapping[str, str], Result]]

OUTCOMES = {
    "flip_neither": "neither",
    "flip_only_most_attended": "only most attended",
    "flip_only_other": "only other",
    "flip_both": "both",
}
FIRST_ORDERS = (OPTIMUM, PRODUCT, "gradient", "leave-one-out", "integrated gradients", ATTENTION, RANDOM)
QUANTITIES = {
    "fraction erased": {"quantity": "fraction"},
    "minus attention": {"quantity": "minus_attention"},
    "regret": {"quantity": "regret"},
    "never changed": {"quantity": "never"},
}


def single_table(models: Labelled) -> pd.DataFrame:
    """One row per model and outcome of erasing the most attended word (or sentence: unit) and another: labels, unit,
    decision changed by, share, share low, share high, n and undefined (documents of one), from results of
    `single_erasure`."""

    def of(result: Result) -> pd.DataFrame:
        summary = result.summary().query("grouping == 'all'")
        outcomes = in_order(summary, "quantity", OUTCOMES).rename(columns={"quantity": "decision changed by"})
        return wide(
            outcomes.replace({"decision changed by": OUTCOMES}), ["decision changed by"], {"share": {}}, "share"
        )

    return stacked(({**labels, "unit": _unit(result)}, of(result)) for labels, result in models)


def sets_table(models: Labelled) -> pd.DataFrame:
    """One row per model and order of erasing words or sentences (unit): labels, unit, order, for each quantity its mean
    with low and high, n, and undefined (documents of one, which has nothing to erase), from results of `erasure`; the
    orders from the optimum down to random."""

    def of(result: Result) -> pd.DataFrame:
        summary = result.summary().query("grouping == 'all'")
        orders = in_order(summary, "ordering", FIRST_ORDERS).rename(columns={"ordering": "order"})
        return wide(orders, ["order"], QUANTITIES, "fraction erased")

    return stacked(({**labels, "unit": _unit(result)}, of(result)) for labels, result in models)


def _unit(result: Result) -> str:
    """What the attention weighs and what is erased: "word" or "sentence"."""
    return str(result.settings.get("unit", "word"))

"""A summary as a table of a paper: what stands in rows of numbers is put side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

NUMBERS = ["estimate", "low", "high", "n", "undefined"]


def wide(
    summary: pd.DataFrame, rows: Sequence[str], columns: Mapping[str, Mapping[str, Any]], counted: str | None = None
) -> pd.DataFrame:
    """One row per combination of the values of `rows`, and in it several estimates of the summary side by side.

    Args:
        summary: What `summary()` of a result returns: one row per estimate.
        rows: Columns of the summary that name a row of the table.
        columns: Heading -> which rows of the summary stand under it, as {column: value}.
        counted: The heading whose n and undefined stand at the end, for all; None: each heading has its own.

    Returns:
        The columns of `rows`, in the order of the summary; for each heading `x` the columns x, x low and x high,
        and x n and x undefined, or n and undefined at the end. What the summary does not have is NaN with n = 0.

    Raises:
        ValueError: several estimates of the summary would stand in one cell.

    >>> numbers = {"low": 0.0, "high": 1.0, "n": 9, "undefined": 0}
    >>> summary = pd.DataFrame([{"order": "random", "quantity": "fraction", "estimate": 0.9, **numbers}])
    >>> wide(summary, ["order"], {"erased": {"quantity": "fraction"}}, "erased").to_numpy().tolist()
    [['random', 0.9, 0.0, 1.0, 9, 0]]
    """
    rows = list(rows)
    table = summary[rows].drop_duplicates(ignore_index=True)
    for heading, wanted in columns.items():
        own = summary[(summary[list(wanted)] == pd.Series(wanted, dtype=object)).all(axis=1)]
        if (twice := own.duplicated(rows)).any():
            key = own[twice][rows].iloc[0].to_dict()
            raise ValueError(f"table: {heading!r} of {key} is in several rows of the summary; got {dict(wanted)}")
        named = {name: heading if name == "estimate" else f"{heading} {name}" for name in NUMBERS}
        table = table.merge(own[[*rows, *NUMBERS]].rename(columns=named), how="left", on=rows)
        counts = [named["n"], named["undefined"]]
        table[counts] = table[counts].fillna(0).astype(int)
    if counted is None:
        return table
    ends = [f"{heading} {count}" for heading in columns for count in ("n", "undefined")]
    return table.drop(columns=ends).assign(n=table[f"{counted} n"], undefined=table[f"{counted} undefined"])


def stacked(parts: Iterable[tuple[Mapping[str, Any], pd.DataFrame]]) -> pd.DataFrame:
    """Tables of several models under one another, each with the labels of its model in front."""
    labelled = [pd.concat([pd.DataFrame(labels, index=part.index), part], axis=1) for labels, part in parts]
    return pd.concat(labelled, ignore_index=True)


def in_order(table: pd.DataFrame, column: str, order: Iterable[str]) -> pd.DataFrame:
    """The rows whose value of the column is in `order`, in that order."""
    places = {name: place for place, name in enumerate(order)}
    own = table[table[column].isin(places)]
    return own.sort_values(column, key=lambda names: names.map(places), kind="stable", ignore_index=True)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with each estimate and its interval in one cell of text, `0.74 [0.72, 0.76]`: for paper and terminal.

    A column `x` goes with `x low` and `x high`. Undefined estimates are "--".
    """
    shown = table.copy()
    for name in table.columns:
        if f"{name} low" in table.columns:
            ends = [f"{name} low", f"{name} high"]
            shown[name] = [_text(*row) for row in table[[name, *ends]].itertuples(index=False)]
            shown = shown.drop(columns=ends)
    return shown


def _text(estimate: float, low: float, high: float) -> str:
    if pd.isna(estimate):
        return "--"
    written, lower, upper = (f"{round(value, 2) + 0.0:.2f}" for value in (estimate, low, high))  # no minus before 0.00
    return written if pd.isna(low) else f"{written} [{lower}, {upper}]"

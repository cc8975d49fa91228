"""Recency as a table to be read, and as one sentence."""

from __future__ import annotations

import pandas as pd

from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.recency import EVERYWHERE, FIRST, LAST, LATE, REAL
from attn_interp.figures.draw.style import interval_text

ARCHITECTURE = ["recurrent", "directions", "pooling"]
NAMES = {1: "last state", 2: "both ends"}


def recency_layout(summary: pd.DataFrame) -> pd.DataFrame:
    """One row per architecture and quantity: estimate, low, high, n seeds and undefined.

    Quantities: half-lives before and after training; accuracy of the earliest and the latest keyword and the three
    indices, at the longest test length of models whose keywords stood everywhere and late in training, and of models
    trained at a longer length; the attention on the earliest keyword; decisions for the later of two keywords furthest
    apart; decisions changed by the most padding.
    """
    parts = []
    shortest = summary["trained_length"].min()
    for name, own in _quantities(summary):
        longer = own["trained_length"] > shortest
        for long, rows in ((False, own[~longer]), (True, own[longer])):
            where = rows["length"].map(lambda words: "" if pd.isna(words) else f", {words:g} words")
            trained = ", trained at that length" if long else ""
            parts.append(rows.assign(quantity=[f"{name}{words}{trained}" for words in where]))
    table = summary[ARCHITECTURE].drop_duplicates().merge(pd.concat(parts), on=ARCHITECTURE)
    table["pooling"] = [pooling_name(*key) for key in zip(table["pooling"], table["directions"])]
    return table[[*ARCHITECTURE, "quantity", "estimate", "low", "high", "n", "undefined"]]


def pooling_name(pooling: str, directions: int) -> str:
    """What a pooling is called where its directions are known."""
    return NAMES[directions] if pooling == "last" else pooling


def _quantities(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    def of(measure: str, trained_at: str, x: float | None = None) -> pd.DataFrame:
        rows = summary[(summary["measure"] == measure) & (summary["trained_at"] == trained_at)]
        if x is not None:
            rows = rows[rows["x"] == x]
        longest = rows.groupby([*ARCHITECTURE, "trained_length"], dropna=False)["length"].transform("max")
        return rows[(rows["length"] == longest) | rows["length"].isna()]

    found = [(f"{measures.HALF_LIFE}{when} (words)", of(measures.HALF_LIFE + when, EVERYWHERE)) for when in WHEN]
    for trained_at in (EVERYWHERE, LATE):
        about = f", keyword {trained_at} in training"
        for name, x in (("earliest", FIRST), ("latest", LAST)):
            found.append((f"accuracy, {name} keyword{about}", of(measures.ACCURACY, trained_at, x)))
        for index in (measures.RECENCY, measures.PRIMACY, measures.ENDS):
            found.append((f"{index}{about}", of(index, trained_at)))
    found.append(("attention on the earliest keyword", of(measures.MASS, EVERYWHERE, FIRST)))
    found.append(("decided by the later of two keywords", of(measures.LATER, EVERYWHERE, LAST)))
    padding = summary[summary["measure"] == measures.PADDING]
    most = padding["x"].max()
    found.append((f"decisions changed by {most:g} neutral words", of(measures.PADDING, REAL, most)))
    return found


WHEN = (measures.AT_START, "")


def recency_sentence(summary: pd.DataFrame) -> str:
    """What attention repairs and what it does not, with numbers, of the first recurrent network in one direction; and
    what the two ends of two directions do.

    A loss is repaired where the interval of attention lies above that of the last state.
    """
    first = summary["recurrent"].iloc[0]
    own = summary[summary["recurrent"] == first]
    shortest, longest = own["trained_length"].min(), own["trained_length"].max()
    late = own[(own["measure"] == measures.ACCURACY) & (own["trained_at"] == LATE)]["length"].max()
    most = own[own["measure"] == measures.PADDING]["x"].max()
    seeds = int(own["n"].max())

    def found(
        measure: str, trained_at: str, x: float | None, pooling: str, directions: int = 1, long: bool = False
    ) -> pd.Series | None:
        rows = own[(own["measure"] == measure) & (own["trained_at"] == trained_at)]
        rows = rows[(rows["pooling"] == pooling) & (rows["directions"] == directions)]
        rows = rows[(rows["trained_length"] > shortest) == long]
        rows = rows if x is None else rows[rows["x"] == x]
        return None if rows.empty else rows.loc[rows["length"].fillna(0.0).idxmax()]

    def pair(measure: str, trained_at: str, x: float, long: bool = False) -> tuple[str, str]:
        """The values of the last state and of attention, and the verdict on them."""
        last, attention = (found(measure, trained_at, x, name, long=long) for name in ("last", "attention"))
        repaired = last is not None and attention is not None and attention["low"] > last["high"]
        return f"{_said(last)} against {_said(attention)}", "repaired" if repaired else "not shown to be repaired"

    places, verdict = pair(measures.ACCURACY, LATE, FIRST)
    parts = [
        f"{first}, one direction, last state against attention, means over {seeds} seed{'s' * (seeds != 1)} "
        f"[95 % interval]: accuracy for a keyword at {FIRST:g} of {late:g} words, keywords late in training, "
        f"{places} ({verdict} by attention)"
    ]
    if longest > shortest:
        places, verdict = pair(measures.ACCURACY, EVERYWHERE, FIRST, long=True)
        parts.append(f"; the same trained at {longest:g} words, {places} ({verdict})")
    parts.append(f"; decisions for the later of two keywords, {pair(measures.LATER, EVERYWHERE, LAST)[0]}")
    parts.append(f"; decisions that {most:g} neutral words after a real document change, under attention too, ")
    parts.append(pair(measures.PADDING, REAL, most)[0])
    ends, recent = (found(name, LATE, None, "last", 2) for name in (measures.ENDS, measures.RECENCY))
    parts.append(f"; last states of two directions, both ends: U index {_said(ends)}, recency index {_said(recent)}.")
    return "".join(parts)


def _said(row: pd.Series | None) -> str:
    return "not measured" if row is None else interval_text(row["estimate"], row["low"], row["high"])

"""Recency as a table to be read, and as one sentence."""

from __future__ import annotations

import pandas as pd

from attn_interp.experiments import recency as measures
from attn_interp.experiments.recency import EVERYWHERE, FIRST, LAST, LATE, REAL

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
    table = pd.concat(parts, ignore_index=True)
    order = {key: place for place, key in enumerate(dict.fromkeys(summary[ARCHITECTURE].itertuples(index=False)))}
    place = [order[key] for key in table[ARCHITECTURE].itertuples(index=False)]
    table = table.iloc[pd.Series(place).argsort(kind="stable")].reset_index(drop=True)
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
    what the two ends of two directions do."""
    first = summary["recurrent"].iloc[0]
    own = summary[summary["recurrent"] == first]
    shortest = own["trained_length"].min()

    def said(measure: str, trained_at: str, pooling: str, directions: int, x: float | None, long: bool = False) -> str:
        rows = own[(own["measure"] == measure) & (own["trained_at"] == trained_at)]
        rows = rows[(rows["pooling"] == pooling) & (rows["directions"] == directions)]
        if trained_at != REAL:
            rows = rows[(rows["trained_length"] > shortest) == long]
        if x is not None:
            rows = rows[rows["x"] == x]
        if rows.empty:
            return "not measured"
        row = rows.loc[rows["length"].fillna(0.0).idxmax()]
        return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"

    late = own[(own["measure"] == measures.ACCURACY) & (own["trained_at"] == LATE)]["length"].max()
    long = own["trained_length"].max()
    most = own[own["measure"] == measures.PADDING]["x"].max()
    seeds = int(own["n"].max())

    def pair(measure: str, trained_at: str, x: float | None, long: bool = False) -> str:
        return " against ".join(said(measure, trained_at, pooling, 1, x, long) for pooling in ("last", "attention"))

    parts = [
        f"{first}, one direction, last state against attention, means over {seeds} seed{'s' * (seeds != 1)} "
        f"[95 % interval]: attention repairs what is lost on the way (accuracy for a keyword at {FIRST:g} of {late:g} "
        f"words, keywords late in training: {pair(measures.ACCURACY, LATE, FIRST)}",
    ]
    if long > shortest:
        parts.append(f"; trained at {long:g} words: {pair(measures.ACCURACY, EVERYWHERE, FIRST, True)}")
    parts.append(
        f"; decisions for the later of two keywords: {pair(measures.LATER, EVERYWHERE, LAST)}), and does not keep a "
        f"decision from moving with {most:g} neutral words after a real document "
        f"({pair(measures.PADDING, REAL, most)}); of two directions the last states at both ends have the U index "
        f"{said(measures.ENDS, LATE, 'last', 2, None)} and the recency index "
        f"{said(measures.RECENCY, LATE, 'last', 2, None)}."
    )
    return "".join(parts)

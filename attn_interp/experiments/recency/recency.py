"""What the last state forgets, and what attention over all states repairs: four measures of recency, over seeds.

The rows are models: each value is a model's mean over its documents, and every model has its own seed for training and
documents, so that intervals over models speak of the architecture. The measures are those of `recency_gradient`,
`recency_replacement`, `recency_planted` and `recency_padding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.experiments.record import Card, Column, Experiment
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.clusters import crossed_mean

GRADIENT, DECAY, AT_START = "gradient", "decay", " at initialisation"
REPLACEMENT, ACCURACY, MASS, LATER = "replacement", "accuracy", "attention mass", "later keyword"
PADDING, QUALITY = "padding", "quality"
RECENCY, PRIMACY, ENDS, HALF_LIFE = "recency index", "primacy index", "U index", "half-life"
EVERYWHERE, EARLY, LATE, REAL = "everywhere", "early", "late", "real documents"

POSITIONS = tuple(round(0.05 + 0.1 * step, 2) for step in range(10))
FIRST, LAST, MIDDLE = POSITIONS[0], POSITIONS[-1], (0.45, 0.55)

RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys((GRADIENT, GRADIENT + AT_START, ACCURACY, MASS, LATER, PADDING, QUALITY), (0.0, 1.0)),
    **dict.fromkeys((RECENCY, PRIMACY, ENDS), (-1.0, 1.0)),
    REPLACEMENT: (0.0, float(len(POSITIONS))),
}
"""Of the values of a measure; a measure without one is unbounded."""

MODEL = ["recurrent", "directions", "pooling", "trained_at", "trained_length"]
COLUMNS = {
    "recurrent": Column("the recurrent network, and the bias that its forget gates were given"),
    "directions": Column("1: left to right; 2: both", "", 1, 2),
    "pooling": Column("how the states become one vector; last: after the last word, of two directions at both ends"),
    "trained_at": Column(
        f"where the keyword stood in training: {EVERYWHERE}, {EARLY} or {LATE} third; {REAL}: no keyword"
    ),
    "trained_length": Column("words of the documents in training; NaN for real ones", "words", 1),
    "seed": Column("of training and of all documents"),
    "measure": Column(
        f"{GRADIENT}, {GRADIENT}{AT_START}: share of the gradient norm at the x-th word from the end; {DECAY}, "
        f"{DECAY}{AT_START}: its halvings per word; {REPLACEMENT}: |dz| when the word at x is replaced, over its mean "
        f"over x; {ACCURACY}: with the keyword at x; {MASS}: attention on it; {LATER}: share of decisions for the "
        f"later of two keywords, at 1 - x and x; {PADDING}: share of decisions that x appended neutral words change; "
        f"{QUALITY}: accuracy on test documents as in training"
    ),
    "length": Column("words of the test documents; NaN where they differ", "words", 1),
    "x": Column("relative position, distance from the end in words, or number of words; NaN where there is none"),
    "value": Column("mean over the documents"),
    "documents": Column("documents with a value", "documents", 0),
    "undefined": Column("documents without", "documents", 0),
}


def row(measure: str, values: Floats, length: float = np.nan, x: float = np.nan) -> dict[str, object]:
    """A model's value of one measure: the mean of the documents' values (N,), those that are NaN counted."""
    defined = values[~np.isnan(values)]
    mean = float(defined.mean()) if len(defined) else np.nan
    counts = {"documents": len(defined), "undefined": len(values) - len(defined)}
    return {"measure": measure, "length": length, "x": x, "value": mean, **counts}


def recency(rows: Sequence[Mapping[str, object]], settings: Mapping[str, object]) -> Result:
    """What does the last state of a recurrent network forget? Rows with the keys of `COLUMNS` as a result.

    Raises:
        ValueError: there are none, or a value lies outside the range of its measure.
    """
    if not rows:
        raise ValueError("recency: got no rows; measure at least one model")
    frame = pd.DataFrame(rows)[list(COLUMNS)]
    for measure, (low, high) in RANGES.items():
        own = frame.loc[frame["measure"] == measure, "value"]
        if ((own < low - 1e-6) | (own > high + 1e-6)).any():
            raise ValueError(f"recency: {measure} is {own.min():g} to {own.max():g}, outside [{low:g}, {high:g}]")
    return Result("recency", frame, dict(settings), COLUMNS)


def together(results: Sequence[Result]) -> Result:
    """The models of several results as one, in their order; its settings are those of the first.

    Raises:
        ValueError: there are none, or a model stands there twice.
    """
    if not results:
        raise ValueError("recency: got no results; measure at least one model")
    frame = pd.concat([result.frame for result in results], ignore_index=True)
    if (twice := frame.duplicated([*MODEL, "seed", "measure", "length", "x"])).any():
        raise ValueError(f"recency: a model of seed {frame['seed'][twice].iloc[0]} stands there twice")
    return Result("recency", frame, results[0].settings, COLUMNS)


def indices(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the three indices of every model and test length, from its accuracies by position.

    With acc(.5) the mean of the two positions next to the middle: recency is acc(.95) - acc(.05), primacy
    acc(.05) - acc(.5), and U the mean of acc(.05) and acc(.95) minus acc(.5); each in [-1, 1] and 0 where position does
    not matter.
    """
    own = frame[frame["measure"] == ACCURACY]
    keys = [*MODEL, "seed", "length"]
    table = own.pivot_table(index=keys, columns="x", values="value")
    if not {FIRST, LAST, *MIDDLE} <= set(table.columns):
        return frame.iloc[:0]
    first, last, middle = table[FIRST], table[LAST], table[list(MIDDLE)].mean(axis=1, skipna=False)
    found = {RECENCY: last - first, PRIMACY: first - middle, ENDS: (first + last) / 2 - middle}
    parts = [values.rename("value").reset_index().assign(measure=name) for name, values in found.items()]
    return pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))


def summarise(result: Result) -> pd.DataFrame:
    """Mean over models of every measure in every condition, and of the indices, with Student's 95 % interval.

    n is the number of seeds with a value. Intervals are cut off where a measure cannot be; where all seeds agree they
    are a point. The half-life in words is the inverse of the mean decay, and infinite where that is not above 0.

    Returns:
        The columns of `MODEL`, then measure, length, x, estimate, low, high, n and undefined, in the order of the
        models and measures.
    """
    frame = pd.concat([result.frame, indices(result.frame)], ignore_index=True)
    keys = [*MODEL, "measure", "length", "x"]
    rows = []
    for key, own in frame.groupby(keys, sort=False, dropna=False, observed=True):
        measure = str(key[len(MODEL)])
        found = interval_over_seeds(own["value"].to_numpy(np.float64), RANGES.get(measure, (-np.inf, np.inf)))
        rows.append((*key, *found))
        if measure.startswith(DECAY):
            name = measure.replace(DECAY, HALF_LIFE)
            rate, low, high, *counts = found
            life = (_inverse(rate), _inverse(high), _inverse(low), *counts)
            rows.append((*key[: len(MODEL)], name, *key[len(MODEL) + 1 :], *life))
    return pd.DataFrame(rows, columns=[*keys, "estimate", "low", "high", "n", "undefined"])


def _inverse(rate: float) -> float:
    if np.isnan(rate):
        return np.nan
    return 1 / rate if rate > 0 else np.inf


def interval_over_seeds(values: Floats, ends: tuple[float, float]) -> tuple[float, float, float, int, int]:
    """Mean, Student's 95 % interval within the ends, and how many values (S,) are defined and undefined; the interval
    is NaN with one value, everything with none."""
    defined = values[~np.isnan(values)]
    undefined = len(values) - len(defined)
    if not len(defined):
        return np.nan, np.nan, np.nan, 0, undefined
    found = crossed_mean(defined[None])  # one row: Student's interval over its columns
    low, high = np.clip(found.interval(), *ends)
    return found.estimate, float(low), float(high), len(defined), undefined


EXPERIMENT = Experiment(
    recency,
    "plan",
    Card(
        "What does the last state of a recurrent network forget?",
        "Words at the beginning count for less than those at the end, and attention repairs that.",
        "One keyword decides, and where it stands is known.",
        "How well a keyword is found, by its place and by what pools the states.",
        "What a network does on texts whose evidence is spread over many words.",
    ),
    summarise,
    example="analyses/recency_bias.py trains the networks",
)

"""Do the tests find what is there, and nothing else? Verdicts on planted corpora where the truth is known.

A trial is one planted corpus with one model trained on it. On trials where a claim is true by construction the share
of verdicts that it holds is the detection rate, the power of the test; where it is false, the false-alarm rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.experiments.record import Card, Column, Experiment, Statement
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import Interval
from attn_interp.statistics.bootstrap import summarise as summarise_columns

DETECTION, FALSE_ALARM = "detection", "false alarm"

COLUMNS = {
    "claim": Column("what is claimed of a model's attention"),
    "measure": Column("what is measured of it"),
    "threshold": Column("the claim is found where the whole 95 % interval of the measure lies above"),
    "case": Column("planted corpus and model"),
    "truth": Column("whether the claim is true there, by construction"),
    "seed": Column("seed of corpus and training: one trial", "", 0),
    "estimate": Column("the measure on the test documents of the trial"),
    "low": Column("lower end of its 95 % interval over documents; NaN where undefined"),
    "high": Column("upper end"),
    "n": Column("documents with a value", "documents", 0),
    "found": Column("1 where low > threshold, else 0; NaN where low is undefined", "", 0, 1),
}
CLAIM = ["claim", "measure", "threshold", "case", "truth"]


def verdict(about: Mapping[str, object], threshold: float, measured: Interval) -> dict[str, object]:
    """One row of the frame: `about` holds claim, measure, case, truth and seed."""
    return {
        **about,
        "threshold": threshold,
        "estimate": measured.estimate,
        "low": measured.low,
        "high": measured.high,
        "n": measured.n,
        "found": np.nan if np.isnan(measured.low) else float(measured.low > threshold),
    }


def validity(rows: Sequence[Mapping[str, object]], settings: Mapping[str, object]) -> Result:
    """Do the tests find what is there, and nothing else? The rows of `verdict` as a result.

    Raises:
        ValueError: there are none.
    """
    if not rows:
        raise ValueError("validity: got no rows; at least one trial of one claim is needed")
    return Result("validity", pd.DataFrame(rows)[list(COLUMNS)], dict(settings), COLUMNS)


def together(results: Mapping[int, Result]) -> Result:
    """The verdicts of several trials, by seed, as one result; its settings are those of the first, with all seeds.

    Raises:
        ValueError: there are none, or two hold the same trial.
    """
    if not results:
        raise ValueError("validity: got no results; at least one trial is needed")
    frame = pd.concat([results[seed].frame for seed in sorted(results)], ignore_index=True)
    if (twice := frame.duplicated([*CLAIM, "seed"])).any():
        raise ValueError(f"validity: seed {frame['seed'][twice].iloc[0]} stands there twice; each trial counts once")
    seeds = [int(seed) for seed in dict.fromkeys(frame["seed"])]
    return Result("validity", frame, {**results[min(results)].settings, "seeds": seeds}, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """For each claim and case, in the order of the frame: the rate at which the claim is found, "detection" where it is
    true and "false alarm" where it is not, with Wilson's 95 % interval over n trials. Trials without a verdict are
    counted as undefined."""
    table = summarise_columns(result.frame, CLAIM, ["found"], ("share",))
    table = result.frame[CLAIM].drop_duplicates().merge(table, on=CLAIM)
    rate = np.where(table["truth"], DETECTION, FALSE_ALARM)
    return table.drop(columns=["truth", "quantity", "statistic"]).assign(rate=rate)


EXPERIMENT = Experiment(
    validity,
    "plan",
    Card(
        "Do the tests find what is there, and nothing else?",
        "Each test finds its claim where it is true by construction, and not where it is false.",
        "Planted corpora, where the truth is known.",
        "Detection and false-alarm rates over trials.",
        "Power on other data.",
    ),
    summarise,
    statements=(Statement("{rate}: {claim} ({case})"),),
    example="analyses/validity.py plants the corpora and trains the models",
)

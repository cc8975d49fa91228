"""How far do attention and outputs move when nothing but the seed of training changes?

Wiegreffe & Pinter 2019, section 3.2: the variation between seeds is the yardstick for any adversary. And since a claim
about an architecture is a claim about its seeds, `conclusions` says how far those of the other experiments move.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Rule, Statement, rows_of
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.compared import COLUMNS as COMPARED_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.compared import compared, within_ranges
from attn_interp.models.attention_model import AttentionModel
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.clusters import summarise_crossed

COLUMNS = {"seed": Column("seed of the other model"), **COMPARED_COLUMNS}
PROOF = ("exact", "certified", "search")  # strongest first


def seeds(reading: Reading, others: Mapping[int, AttentionModel]) -> Result:
    """How far does attention move when nothing but the seed of training changes?

    Args:
        reading: The base model's attention over documents, from `read`; its seed is that of the base.
        others: Seed -> the same model trained with it.

    Returns:
        A result with one row per other seed and document: jsd (nats), kl, tvd, decision_flip, correct.

    Raises:
        ValueError: no other seed, the base's own among them, or models of other classes.

    Reference: Wiegreffe & Pinter 2019, section 3.2.
    """
    if not others or reading.seed in others:
        raise ValueError(
            f"seeds: the base has seed {reading.seed}, the others {sorted(others)}; give at least one other seed"
        )
    frames = [compared(reading, other).assign(seed=seed) for seed, other in sorted(others.items())]
    frame = pd.concat(frames, ignore_index=True)[list(COLUMNS)]
    return Result("seeds", frame, {**reading.settings, "others": sorted(others)}, COLUMNS)


def per_document(result: Result) -> pd.DataFrame:
    """One row per document: the median of jsd and the mean of tvd over the other seeds, as the paper has them."""
    keys = ["document", "label", "predicted", "words", "max_attention"]
    return result.frame.groupby(keys, sort=False, as_index=False, dropna=False).agg(
        jsd=("jsd", "median"), tvd=("tvd", "mean")
    )


def summarise(result: Result) -> pd.DataFrame:
    """Means over other seeds and documents with intervals over both, and the median over documents of the median over
    seeds with its interval over documents alone; over all documents and by predicted class."""
    frame = rows_of(result)
    medians = per_document(result)
    tables = []
    for grouping in ("all", "predicted"):
        by = ["grouping", "group"]
        rows, middle = (
            part.assign(grouping=grouping, group="all" if grouping == "all" else part["predicted"])
            for part in (frame, medians)
        )
        tables.append(within_ranges(summarise_crossed(rows, by, ["jsd", "tvd", "decision_flip"])))
        table = summarise_columns(middle, by, ["jsd"], ("median",), int(result.settings["seed"]))
        tables.append(table.assign(seeds=len(result.settings["others"])))
    return pd.concat(tables, ignore_index=True)


def conclusions(results: Mapping[int, Mapping[str, Result]]) -> pd.DataFrame:
    """How far what other experiments find moves between seeds.

    Args:
        results: Seed -> results of agreement, permutation and adversary (any of them), on the same documents.

    Returns:
        One row per experiment and quantity: the mean over seeds and documents with its interval over both, the standard
        deviation between seeds, and the least and the largest mean of a seed.
    """
    frames = []
    for seed, by_name in results.items():
        for name, result in by_name.items():
            if name not in QUANTITIES:
                raise ValueError(f"conclusions: got a result of {name!r}, expected some of {', '.join(QUANTITIES)}")
            frames.append(QUANTITIES[name](result.frame).assign(experiment=name, seed=seed))
    frame = pd.concat(frames, ignore_index=True)
    table = summarise_crossed(frame, ["experiment", "finding"], ["value"])
    by_seed = frame.groupby(["experiment", "finding", "seed"])["value"].mean()
    extremes = by_seed.groupby(level=[0, 1]).agg(least_seed="min", most_seed="max").reset_index()
    return table.drop(columns=["quantity", "statistic"]).merge(extremes, on=["experiment", "finding"])


def _agreement(frame: pd.DataFrame) -> pd.DataFrame:
    own = frame[frame["first"] == "attention"]
    return own.assign(finding="tau with " + own["second"], value=own["tau"])[["document", "finding", "value"]]


def _permutation(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(finding="median TVD", value=frame["median_tvd"])[["document", "finding", "value"]]


def _adversary(frame: pd.DataFrame) -> pd.DataFrame:
    """The row of each document whose status proves most."""
    rank = frame["status"].map({status: index for index, status in enumerate(PROOF)})
    best = frame.loc[rank.groupby(frame["document"], sort=False).idxmin()]
    return best.assign(finding="eps-max JSD (nats)", value=best["jsd"])[["document", "finding", "value"]]


QUANTITIES = {"agreement": _agreement, "permutation": _permutation, "adversary": _adversary}
"""Experiment -> its frame as document, finding, value."""


MOVED = Statement("mean JSD between two seeds", "jsd", question="Does attention move with the seed?")

EXPERIMENT = Experiment(
    seeds,
    "models",
    Card(
        "How far does attention move with the seed?",
        "Attention is a property of the task and not of the seed.",
        "The models differ in nothing but the seed of training.",
        "The yardstick for any adversary: what chance alone does to attention and to outputs.",
        "Which seed attends rightly.",
    ),
    summarise,
    statements=(MOVED, Statement("mean TVD between two seeds", "tvd", question="Do outputs move with the seed?")),
    rules=(
        Rule(
            MOVED,
            0.05,
            "attention changes with the seed (above 0.05)",
            "attention hardly changes with the seed (below 0.05)",
        ),
    ),
    example="ai.seeds(reading, others={1: ai.train(corpus, seed=1)})",
)

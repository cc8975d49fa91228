"""How far do attention and outputs move when nothing but the seed of training changes?

Wiegreffe & Pinter 2019, section 3: the variation between seeds is the yardstick for any adversary. And since a claim
about an architecture is a claim about its seeds, `conclusions` says how far those of the other experiments move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.reading import Reading, read, reading_settings
from attn_interp.experiments.result import Column, Result
from attn_interp.experiments.wiegreffe_pinter.parts.compared import COLUMNS as COMPARED_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.compared import compared, within_ranges
from attn_interp.models.attention_model import AttentionModel
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.clusters import summarise_crossed

COLUMNS = {"seed": Column("seed of the other model"), **COMPARED_COLUMNS}
PROOF = ("exact", "certified", "search")  # strongest first


def seeds(
    base: AttentionModel,
    others: Mapping[int, AttentionModel],
    documents: Sequence[Document],
    seed: int = 0,
    reading: Reading | None = None,
) -> Result:
    """The base model against the same model trained with other seeds. One row per other seed and document.

    Args:
        base: Its seed is not among the others.
        others: Seed -> the model trained with it.
        seed: Of the base model.
        reading: what `read` returned for the base and the documents, to save reading them again.

    Raises:
        ValueError: no documents, no other seed, the base's own among them, or models of other classes.
    """
    if not others or seed in others:
        raise ValueError(f"seeds: the base has seed {seed}, the others {sorted(others)}; give at least one other seed")
    reading = reading or read(base, documents, seed)
    frames = [compared(base, reading, other).assign(seed=other_seed) for other_seed, other in sorted(others.items())]
    frame = pd.concat(frames, ignore_index=True)[list(COLUMNS)]
    return Result("seeds", frame, {**reading_settings(base, reading, seed), "others": sorted(others)}, COLUMNS)


def per_document(result: Result) -> pd.DataFrame:
    """One row per document: the median of jsd and the mean of tvd over the other seeds, as the paper has them."""
    keys = ["document", "label", "predicted", "words", "max_attention"]
    return result.frame.groupby(keys, sort=False, as_index=False).agg(jsd=("jsd", "median"), tvd=("tvd", "mean"))


def summarise(result: Result) -> pd.DataFrame:
    """Means over other seeds and documents with intervals over both, and the median over documents of the median over
    seeds with its interval over documents alone; over all documents and by predicted class."""
    frame = result.frame.assign(decision_flip=result.frame["decision_flip"].astype(float))
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

"""How much divergence does a looser output buy? The adversary at every tolerance, from a thousandth to a half."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.groupings import grouped
from attn_interp.experiments.jain_wallace.adversary import COLUMNS, check_eps, find_adversaries, measured
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import Reading, document_frame, in_order, read, reading_settings
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.statistics.bootstrap import summarise as summarise_columns

EPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def adversary_curve(
    model: AttentionModel,
    documents: Sequence[Document],
    eps: Sequence[float] = EPS,
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """The eps-max divergence of each document at each tolerance. One row per document and eps; see `adversary`.

    Where the readout is not affine every tolerance is a search of its own.

    Args:
        eps: The tolerances, each in (0, 1).
        reading: what `read` returned for the same model and documents, to save reading them again.
    """
    for each in eps:
        check_eps("adversary_curve", each)
    reading = reading or read(model, documents, seed)
    frames = []
    for read_batch in track(reading.batches, "adversary at every tolerance", progress):
        about = document_frame(model, read_batch)
        found = [find_adversaries(model, reading, read_batch, each, "best", seed)[0] for each in eps]
        frames += [about.assign(eps=each, **row) for each, row in zip(eps, measured(model, read_batch, found))]
    settings = {**reading_settings(model, reading, seed), "eps": list(eps)}
    return Result("adversary_curve", in_order(frames, reading), settings, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Mean divergence and mean upper bound with intervals at each eps, over all documents and by predicted class."""
    seed = int(result.settings["seed"])
    tables = []
    for rows in grouped(result.frame):
        by = ["eps", "status", "grouping", "group"]
        tables.append(summarise_columns(rows, by, ["jsd", "jsd_upper"], ("mean",), seed))
    return pd.concat(tables, ignore_index=True)

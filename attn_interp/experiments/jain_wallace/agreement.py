"""Does attention rank the words as other explanations do? And do those agree with each other?

Jain & Wallace 2019, section 4.1: Kendall's tau per document between the attention weights and the absolute values of
gradient and leave-one-out attributions. The pairs among the attributions are the ceiling: where two attributions do
not agree with each other, attention cannot agree with both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.attribution import Method
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.groupings import BY_EITHER_CLASS, grouped
from attn_interp.experiments.reading import (
    DOCUMENT_COLUMNS,
    Reading,
    document_frame,
    in_order,
    read,
    reading_settings,
)
from attn_interp.experiments.result import Column, Result
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.overlap import rank_biased_overlap, top_k_overlap
from attn_interp.measures.rank import spearman, weighted_tau
from attn_interp.models.attention_model import AttentionModel
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.multiplicity import benjamini_hochberg, share_of_true_nulls

TOP_K = 5
INTEGRATED = "integrated gradients"  # other methods that promise a sum miss it by chance or rounding, not by steps

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "first": Column("one ranking of the words"),
    "second": Column("the other ranking, by absolute value"),
    "tau": Column("Kendall's tau-b between the two; NaN where one of them is constant", "", -1, 1),
    "p_value": Column("two-sided p-value of tau under independence, as scipy.stats.kendalltau gives it", "", 0, 1),
    "weighted_tau": Column("tau with hyperbolic weight on the top ranks (Vigna 2015)", "", -1, 1),
    "spearman": Column("Spearman's rank correlation", "", -1, 1),
    "top_k_overlap": Column(f"share of the {TOP_K} highest words that both have in common", "", 0, 1),
    "rank_biased_overlap": Column("rank-biased overlap, persistence .9 (Webber et al. 2010)", "", 0, 1),
    "completeness_gap": Column(
        "what integrated gradients miss of the probability they should sum to (rows with that method)", "", -1, 1
    ),
}


def agreement(
    model: AttentionModel,
    documents: Sequence[Document],
    methods: Mapping[str, Method] = METHODS,
    seed: int = 0,
    reading: Reading | None = None,
    attributed: Attributed | None = None,
    progress: bool = False,
) -> Result:
    """Rank agreement of attention with each attribution, and of the attributions with each other.

    Every attribution explains the probability of the predicted class, and its absolute value is ranked. One row per
    document and pair of rankings, over the words alone.

    Args:
        methods: the attributions, by name.
        reading: what `read` returned for the same model and documents, to save reading them again.
        attributed: what `attribute` returned for this reading, to save computing it again; `methods` is then not used.
    """
    reading = reading or read(model, documents, seed)
    frames = []
    attributed = attributed or attribute(model, reading, methods, progress)
    for read_batch, found in zip(reading.batches, attributed.batches):
        rankings = {"attention": read_batch.weights, **{name: each.values.abs() for name, each in found.items()}}
        gaps = {
            name: each.completeness_gap.numpy()
            for name, each in found.items()
            if name == INTEGRATED and each.completeness_gap is not None
        }
        about = document_frame(model, read_batch)
        for first, second in combinations(rankings, 2):
            pair = _compare(rankings[first], rankings[second], read_batch.is_word)
            gap = gaps.get(first, gaps.get(second, np.full(len(about), np.nan)))
            frames.append(about.assign(first=first, second=second, **pair, completeness_gap=gap))
    settings = {**reading_settings(model, reading, seed), "methods": attributed.names, "top_k": TOP_K}
    return Result("agreement", in_order(frames, reading), settings, COLUMNS)


def _compare(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> dict[str, np.ndarray]:
    tau, p_value = kendall_tau(x, y, is_word)
    values = {
        "tau": tau,
        "p_value": p_value,
        "weighted_tau": weighted_tau(x, y, is_word),
        "spearman": spearman(x, y, is_word),
        "top_k_overlap": top_k_overlap(x, y, is_word, TOP_K),
        "rank_biased_overlap": rank_biased_overlap(x, y, is_word),
    }
    return {name: value.numpy() for name, value in values.items()}


LEVEL = 0.05
MEASURES = ("tau", "weighted_tau", "spearman", "top_k_overlap", "rank_biased_overlap")
PAIR = ["first", "second", "grouping", "group"]


def summarise(result: Result) -> pd.DataFrame:
    """Mean and interval of each measure by pair, over all documents, by predicted and by gold class; the spread of tau;
    the paper's share of p <= .05, the share that survives Benjamini-Hochberg at .05, and the estimated share of true
    nulls."""
    seed = int(result.settings["seed"])
    tables = []
    for frame in grouped(result.frame, BY_EITHER_CLASS):
        tables.append(summarise_columns(frame, PAIR, MEASURES, ("mean",), seed))
        tables.append(summarise_columns(frame, PAIR, ["tau"], ("std",), seed))
        tables.append(_significance(frame, seed))
    gap = result.frame[result.frame["completeness_gap"].notna()].drop_duplicates("document")
    if len(gap):
        gap = gap.assign(completeness_gap=gap["completeness_gap"].abs(), first=INTEGRATED, second="")
        gap = gap.assign(grouping="all", group="all")
        tables.append(summarise_columns(gap, PAIR, ["completeness_gap"], ("mean",), seed))
    return pd.concat(tables, ignore_index=True)


def _significance(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    defined = frame["p_value"].notna()
    adjusted = frame.groupby(PAIR, sort=False)["p_value"].transform(benjamini_hochberg)
    counted = frame.assign(
        significant=(frame["p_value"] <= LEVEL).where(defined).astype(float),
        significant_after_bh=(adjusted <= LEVEL).where(defined).astype(float),
    )
    shares = summarise_columns(counted, PAIR, ["significant", "significant_after_bh"], ("share",), seed)
    rows = []
    for key, group in frame.groupby(PAIR, sort=True):
        p_values = group["p_value"].to_numpy()
        estimate = share_of_true_nulls(p_values)
        n = int(np.isfinite(p_values).sum())
        rows.append((*key, "true_nulls", "share", estimate, np.nan, np.nan, n, len(group) - n))
    return pd.concat([shares, pd.DataFrame(rows, columns=shares.columns)], ignore_index=True)

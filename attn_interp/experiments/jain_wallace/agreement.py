"""Does attention rank the words as other explanations do? And do those agree with each other?

Jain & Wallace 2019, section 4.1: Kendall's tau per document between the attention weights and the absolute values of
gradient and leave-one-out attributions. The pairs among the attributions are the ceiling: where two attributions do
not agree with each other, attention cannot agree with both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.integrated import LARGEST_GAP
from attn_interp.attribution.methods import METHODS
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, grouped
from attn_interp.experiments.result import Result
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.overlap import rank_biased_overlap, top_k_overlap
from attn_interp.measures.rank import spearman, weighted_tau
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.multiplicity import benjamini_hochberg, share_of_true_nulls

TOP_K = 5
LEVEL = 0.05
ATTENTION, GRADIENT, LEAVE_ONE_OUT = "attention", "gradient x input (detached)", "leave-one-out"
INTEGRATED = "integrated gradients"  # other methods that promise a sum miss it by chance or rounding, not by steps
MINUS_CEILING = "attention minus the ceiling"
DIFFERENCE = "tau_minus_ceiling"
PAIR = ["first", "second", "grouping", "group"]

Measure = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

FURTHER: Mapping[str, tuple[Measure, Column]] = {
    "weighted_tau": (weighted_tau, Column("tau with hyperbolic weight on the top ranks (Vigna 2015)", "", -1, 1)),
    "spearman": (spearman, Column("Spearman's rank correlation", "", -1, 1)),
    "top_k_overlap": (
        partial(top_k_overlap, k=TOP_K),
        Column(f"share of the {TOP_K} highest words that both have in common", "", 0, 1),
    ),
    "rank_biased_overlap": (
        rank_biased_overlap,
        Column("rank-biased overlap, persistence .9 (Webber et al. 2010)", "", 0, 1),
    ),
}
"""Measures of two rankings beside tau: (B, W) values, (B, W) values and (B, W) words -> (B,). A new one is its line."""

MEASURES = ("tau", *FURTHER)

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "first": Column("one ranking of the words"),
    "second": Column("the other ranking, by absolute value"),
    "tau": Column("Kendall's tau-b between the two; NaN where one of them is constant", "", -1, 1),
    "p_value": Column("two-sided p-value of tau under independence, as scipy.stats.kendalltau gives it", "", 0, 1),
    **{name: column for name, (_, column) in FURTHER.items()},
    "compared": Column("words that are ranked: all, or the sample that one of the two has", "words", 0),
    "completeness_gap": Column(
        "what integrated gradients miss of the probability they should sum to (rows with that method); above "
        f"{LARGEST_GAP} they have not converged and tau is NaN",
        "",
        -1,
        1,
    ),
}


def agreement(reading: Reading, *, methods: Methods = METHODS) -> Result:
    """Does attention rank the words of a document as other explanations do?

    Kendall's tau-b between the attention weights and the absolute value of each attribution of the predicted class's
    probability, over the words alone; and between every two attributions, which is the ceiling. A tau is undefined
    (NaN, counted) where one of the two rankings is constant, as for a document of one word. Of long documents
    "leave-one-out (sampled)" asks for 100 words only, and its tau is over these.

    Args:
        reading: A model's attention over documents, from `read`.
        methods: Names of attributions, as `list_methods` lists them, or a mapping of names of your own to functions.

    Returns:
        A result with one row per document and pair of rankings: first, second, tau in [-1, 1], p_value, weighted_tau,
        spearman, top_k_overlap, rank_biased_overlap, compared (words), completeness_gap.

    Raises:
        ValueError: a name is no method's.

    Reference: Jain & Wallace 2019, section 4.1.
    """
    frames, names = [], [ATTENTION]
    for batch, found in reading.attributions(methods, "agreement"):
        names = [ATTENTION, *found]
        rankings = {ATTENTION: batch.weights, **{name: each.values.abs() for name, each in found.items()}}
        gaps = {
            name: each.completeness_gap.numpy()
            for name, each in found.items()
            if name == INTEGRATED and each.completeness_gap is not None
        }
        asked = {name: batch.is_word if each.asked is None else each.asked for name, each in found.items()}
        asked[ATTENTION] = batch.is_word
        for first, second in combinations(rankings, 2):
            words = asked[first] & asked[second]
            pair = {**_compare(rankings[first], rankings[second], words), "compared": words.sum(-1).numpy()}
            gap = gaps.get(first, gaps.get(second, np.full(len(batch.rows), np.nan)))
            frames.append(batch.about(first=first, second=second, **pair, completeness_gap=gap))
    if not frames:
        raise ValueError("agreement: no methods were given; name at least one, as methods=['leave-one-out']")
    settings = {**reading.settings, "methods": names[1:], "top_k": TOP_K}
    return Result("agreement", reading.in_order(frames), settings, COLUMNS)


def _compare(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> dict[str, np.ndarray]:
    tau, p_value = kendall_tau(x, y, is_word)
    further = {name: measure(x, y, is_word) for name, (measure, _) in FURTHER.items()}
    return {name: value.numpy() for name, value in {"tau": tau, "p_value": p_value, **further}.items()}


def summarise(result: Result) -> pd.DataFrame:
    """Mean and interval of each measure by pair, over all documents, by predicted and by gold class; the spread of tau;
    the paper's share of p <= .05, the share that survives Benjamini-Hochberg at .05, and the estimated share of true
    nulls; how far integrated gradients are from converged, where they were asked for; and by how much attention's tau
    is above the ceiling on the same documents."""
    seed = int(result.settings["seed"])
    tables = []
    for frame in grouped(result.frame, ("all", "predicted", "label")):
        tables.append(summarise_columns(frame, PAIR, MEASURES, ("mean",), seed))
        tables.append(summarise_columns(frame, PAIR, ["tau"], ("std",), seed))
        tables.append(_significance(frame, seed))
    gap = result.frame[result.frame["completeness_gap"].notna()].drop_duplicates("document")
    if len(gap):
        size = gap["completeness_gap"].abs()
        gap = gap.assign(completeness_gap=size, not_converged=(size > LARGEST_GAP).astype(float))
        gap = gap.assign(first=INTEGRATED, second="", grouping="all", group="all")
        tables.append(summarise_columns(gap, PAIR, ["completeness_gap"], ("mean", "largest"), seed))
        tables.append(summarise_columns(gap, PAIR, ["not_converged"], ("share",), seed))
    held = _with_ceiling(result.frame).query("held").assign(first=MINUS_CEILING, grouping="all", group="all")
    tables.append(summarise_columns(held.assign(tau=held[DIFFERENCE]), PAIR, ["tau"], ("mean",), seed))
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _with_ceiling(frame: pd.DataFrame) -> pd.DataFrame:
    """With attention's tau with the gradient and with leave-one-out minus the tau of those two in the document."""
    ceiling = frame[(frame["first"] == GRADIENT) & (frame["second"] == LEAVE_ONE_OUT)].set_index("document")["tau"]
    held = (frame["first"] == ATTENTION) & frame["second"].isin((GRADIENT, LEAVE_ONE_OUT)) & (len(ceiling) > 0)
    return frame.assign(**{DIFFERENCE: (frame["tau"] - frame["document"].map(ceiling)).where(held), "held": held})


def _significance(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    defined = frame["p_value"].notna()
    adjusted = frame.groupby(PAIR, sort=False)["p_value"].transform(benjamini_hochberg)
    counted = frame.assign(
        significant=_at_level(frame["p_value"]), significant_after_bh=(adjusted <= LEVEL).where(defined).astype(float)
    )
    shares = summarise_columns(counted, PAIR, ["significant", "significant_after_bh"], ("share",), seed)
    rows = []
    for key, group in frame.groupby(PAIR, sort=True):
        p_values = group["p_value"].to_numpy()
        estimate = share_of_true_nulls(p_values)
        n = int(np.isfinite(p_values).sum())
        rows.append((*key, "true_nulls", "share", estimate, np.nan, np.nan, n, len(group) - n))
    return pd.concat([shares, pd.DataFrame(rows, columns=shares.columns)], ignore_index=True)


def _at_level(p_values: pd.Series) -> pd.Series:
    return (p_values <= LEVEL).where(p_values.notna()).astype(float)


TAU = "mean Kendall's tau"
AS_GRADIENTS, AS_LEAVE_ONE_OUT, CEILING = (
    Statement(TAU, "tau", question=question, where={"first": first, "second": second})
    for question, first, second in (
        ("Does attention rank words as gradients do?", ATTENTION, GRADIENT),
        ("Does attention rank words as leave-one-out does?", ATTENTION, LEAVE_ONE_OUT),
        ("Do those two agree with each other (the ceiling)?", GRADIENT, LEAVE_ONE_OUT),
    )
)
ABOVE_CEILING = tuple(
    Statement(
        f"tau with {other}, attention - ceiling",
        quantity,
        question="Does attention agree with them as far as they agree with each other?",
        in_overview=False,
        where={"first": first, "second": second},
    )
    for first, quantity in ((MINUS_CEILING, "tau"), (ATTENTION, DIFFERENCE))  # of one seed, and over seeds
    for other, second in (("gradients", GRADIENT), ("leave-one-out", LEAVE_ONE_OUT))
)

EXPERIMENT = Experiment(
    agreement,
    "reading",
    Card(
        "Does attention rank the words as other explanations do?",
        "Attention agrees with gradients and with leave-one-out as far as those two agree with each other.",
        "Gradients and leave-one-out each say something of which words matter.",
        "How alike the rankings are, beside the ceiling: the two attributions with each other.",
        "Which ranking is right. A long tail of small weights lowers tau where the first words agree.",
    ),
    summarise,
    statements=(AS_GRADIENTS, AS_LEAVE_ONE_OUT, CEILING, *ABOVE_CEILING),
    rules=tuple(
        Rule(
            statement,
            0.0,
            f"above the ceiling with {other}",
            f"below the ceiling with {other}",
            f"not told apart from the ceiling with {other}",
            (shown, CEILING),
            "ceiling: those two with each other",
        )
        for statement, other, shown in zip(
            ABOVE_CEILING, 2 * ("gradients", "leave-one-out"), 2 * (AS_GRADIENTS, AS_LEAVE_ONE_OUT)
        )
    ),
    pooling=Pooling(
        (*MEASURES, "significant", DIFFERENCE),
        ("first", "second"),
        lambda result: _with_ceiling(result.frame).assign(significant=_at_level(result.frame["p_value"])),
        {
            "significant": Column(f"whether the p-value of tau is at most {LEVEL}", "", 0, 1),
            DIFFERENCE: Column("attention's tau minus that of the two attributions, where these are held", "", -2, 2),
        },
    ),
    of_answers=True,
)

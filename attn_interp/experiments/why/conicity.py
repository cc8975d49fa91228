"""Why permuted weights change little: where all states of a document point the same way, any mixture is the same.

Mohankumar et al. 2020 find it of LSTMs, whose states are alike, and take it for the reason why permuting their
attention does nothing. Here both are measured on every document, and so is how far the one goes with the other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.states import ENCODER, states_of_words, why_no_states
from attn_interp.experiments.jain_wallace.permutation import COLUMNS as OF_PERMUTATION
from attn_interp.experiments.jain_wallace.permutation import DRAWS, sampled_changes
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary, rows_of
from attn_interp.experiments.result import Result
from attn_interp.measures.states import conicity as conicity_of
from attn_interp.statistics.over_documents import rank_correlation, standardised_ranks

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "conicity": Column("mean cosine of the states of the words with their mean", "", -1, 1),
    "votes_alike": Column(
        "size of the mean of the votes' differences between decision and rival, over their root mean square: 1 where "
        "all are the same, 0 where they cancel; NaN where all are 0",
        "",
        0,
        1,
    ),
    "median_tvd": OF_PERMUTATION["median_tvd"],
}

ALIKE = ("conicity", "votes_alike")
RHO = "Spearman's rho"
OVER_SEEDS = {name: f"{name}_with_tvd" for name in ALIKE}


def conicity(reading: Reading, *, states: str = ENCODER) -> Result:
    """Are the states so alike that it does not matter which of them is attended to?

    Conicity is the mean cosine between the states that attention pools and their mean; 1 where all point the same way.
    Votes are alike where the mean over the words of v_a - v_k is large beside its spread, v_t being the logits with all
    attention on word t, a the decision and k the class with the second highest logit: |mean| / root mean square. Beside
    both stands the median TVD of the output over 100 permutations of the weights, the numbers of the experiment
    permutation under the same seed. The summary says how the first two go with the third over the documents of two
    words or more; with one, permuting does nothing by construction.

    Args:
        reading: A model's attention over documents, from `read`.
        states: Path of the module whose output (B, T, D) the attention weighs, where the model is a module of your own.

    Returns:
        A result with one row per document: conicity in [-1, 1], votes_alike and median_tvd in [0, 1].

    Raises:
        ValueError: the states that the view weighs cannot be had: it is a mean over heads, weighs pieces of words, or
            is part of that module, or there is no such module.

    Reference: Mohankumar et al. 2020, section 3.
    """
    if reason := why_no_states(reading.model, reading.model.batch(reading.documents[:1]), states):
        raise ValueError(f"conicity: {reason}")
    frames = []
    for batch in reading.each_batch("conicity"):
        pooled = states_of_words(reading.model, batch.batch, "conicity is of", states).double().cpu()
        median_tvd, _ = sampled_changes(reading, batch, DRAWS)
        values = {"conicity": conicity_of(pooled, batch.is_word), "votes_alike": votes_alike(batch)}
        frames.append(batch.about(**{name: value.numpy() for name, value in values.items()}, median_tvd=median_tvd))
    settings = {**reading.settings, "draws": DRAWS, "states": states}
    return Result("conicity", reading.in_order(frames), settings, COLUMNS)


def why_not(reading: Reading) -> str:
    """It needs the states that the view weighs."""
    return why_no_states(reading.model, reading.model.batch(reading.documents[:1]))


def votes_alike(batch: ReadBatch) -> torch.Tensor:
    """(B,) |mean| / root mean square over the words of v_decision - v_rival."""
    lead = batch.leads * batch.is_word  # (B, W)
    count = batch.is_word.sum(-1)
    return ((lead.sum(-1) / count).abs() / (lead.square().sum(-1) / count).sqrt()).clamp(max=1)


def summarise(result: Result) -> pd.DataFrame:
    """Mean and median of each column over all documents and by predicted class; and Spearman's rho of conicity, and of
    votes_alike, with median_tvd over the documents of two words or more."""
    seed = int(result.settings["seed"])
    longer = result.frame[result.frame["words"] > 1]
    table = Summary(dict.fromkeys((*ALIKE, "median_tvd"), ("mean", "median")))(result)
    rows = []
    for name in ALIKE:
        found = rank_correlation(longer[name], longer["median_tvd"], seed)
        rows.append(("all", "all", name, RHO, found.estimate, found.low, found.high, found.n, found.undefined))
    return pd.concat([table, pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def _with_products(result: Result) -> pd.DataFrame:
    """With what a document adds to each correlation: the product of its standardised ranks, whose mean is rho."""
    frame = rows_of(result)
    for name, product in OVER_SEEDS.items():
        both = frame.loc[frame["words"] > 1, [name, "median_tvd"]].dropna()
        ranks = [standardised_ranks(both[each].to_numpy()) for each in both] if len(both) else [np.empty(0)] * 2
        frame[product] = pd.Series(ranks[0] * ranks[1], both.index).reindex(frame.index)
    return frame


CONICITY = Statement("mean conicity of the states", "conicity", question="Do the states point the same way?")
PREDICTS = "Does conicity predict where permuting does nothing?"
RELATION = tuple(
    Statement("Spearman's rho, conicity with TVD, permuted", quantity, "sampled", PREDICTS, where=where)
    for quantity, where in (("conicity", {"statistic": RHO}), (OVER_SEEDS["conicity"], {}))  # of one seed, over seeds
)
VOTES = Statement(
    "Spearman's rho, votes alike with TVD, permuted",
    "votes_alike",
    "sampled",
    "Does it change less where the votes are alike?",
    in_overview=False,
    where={"statistic": RHO},
)

EXPERIMENT = Experiment(
    conicity,
    "reading",
    Card(
        "Are the states so alike that it does not matter which is attended to?",
        "Where states point the same way, permuting the weights does nothing.",
        "The states that the attention pools can be had, and documents differ in how alike theirs are.",
        "How alike states and votes are, and whether documents with more alike states move less.",
        "That conicity is the cause: long documents may have both, and a state also has a length.",
    ),
    summarise,
    statements=(CONICITY, *RELATION, VOTES),
    rules=tuple(
        Rule(
            statement,
            0.0,
            "permuting does more where the states are alike (rho above 0)",
            "conicity predicts where permuting does nothing (rho below 0)",
            "conicity does not tell where permuting does nothing",
        )
        for statement in RELATION
    ),
    why_not=why_not,
    pooling=Pooling(
        (*ALIKE, "median_tvd", *OVER_SEEDS.values()),
        rows=_with_products,
        made={
            product: Column(f"product of the standardised ranks of {name} and median_tvd; its mean is Spearman's rho")
            for name, product in OVER_SEEDS.items()
        },
    ),
    by_name="it says why, beside what permutation finds",
)

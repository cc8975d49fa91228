"""How much of a state is its own word? Attention on a state is attention on its word only as far as it is.

The states of a recurrent encoder hold their neighbours' words too. How much each word moves each state is the norm of a
Jacobian, of which attention pushed back is made; here the share of the state's own word is told, and whether attention
that is pushed back to the words agrees with leave-one-out where plain attention does not.
"""

from __future__ import annotations

import pandas as pd
import torch

from attn_interp.attribution.methods import METHODS
from attn_interp.attribution.pushed_back import contributions, pushed_back
from attn_interp.attribution.states import ENCODER, why_no_states
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.measures.kendall import kendall_tau

LEAVE_ONE_OUT = "leave-one-out"
MOST = 100  # documents that `ask` puts it to: each takes up to 16 gradients for each of its words

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "own_share": Column("share of what words move a state by that is its own word's, mean over the states", "", 0, 1),
    "own_share_attended": Column("the same, weighted by the attention", "", 0, 1),
    "moved_attention": Column("total variation distance of attention and attention pushed back", "", 0, 1),
    "tau": Column("Kendall's tau-b of attention with leave-one-out, by absolute value", "", -1, 1),
    "tau_pushed_back": Column("the same of attention pushed back to the words", "", -1, 1),
    "gain": Column("tau_pushed_back - tau", "", -2, 2),
}
VALUES = ("own_share", "own_share_attended", "moved_attention", "tau", "tau_pushed_back", "gain")


def mixing(reading: Reading, *, states: str = ENCODER) -> Result:
    """How much of a state is its own word?

    c_ti = ||dh_t/de_i||, the Frobenius norm of the Jacobian of state h_t by the embedding of word i, is how much word i
    moves state t. The own share of a state is c_tt / sum_i c_ti: 1 where an encoder has no context, 1 / T where all
    T words move it alike. A state that no word moves has none, and is left out. Attention pushed back is
    sum_t alpha_t c_ti, shared out; both it and attention are held against leave-one-out.

    Args:
        reading: A model's attention over documents, from `read`.
        states: Path of the module whose output (B, T, D) the attention weighs, where the model is a module of your own.

    Returns:
        A result with one row per document: own_share, own_share_attended and moved_attention in [0, 1]; tau,
        tau_pushed_back and gain, NaN where one of the two rankings is constant, as for one word.

    Raises:
        ValueError: the states that the view weighs cannot be had: it is a mean over heads, weighs pieces of words, or
            is part of that module, or there is no such module.

    Reference: Brunner et al. 2020, section 4, for shares of what moves a state; Mohankumar et al. 2020, section 3.
    """
    if reason := why_no_states(reading.model, reading.model.batch(reading.documents[:1]), states):
        raise ValueError(f"mixing: {reason}")
    frames = [_of_batch(batch, reading.seed, states) for batch in reading.each_batch("mixing")]
    return Result("mixing", reading.in_order(frames), {**reading.settings, "states": states}, COLUMNS)


def why_not(reading: Reading) -> str:
    """It needs the states that the view weighs."""
    return why_no_states(reading.model, reading.model.batch(reading.documents[:1]))


def _of_batch(batch: ReadBatch, seed: int, states: str) -> pd.DataFrame:
    batch.check()
    moved = contributions(batch.model, batch.batch, seed, states).double().cpu()  # (B, W, W)
    weights, is_word = batch.weights, batch.is_word
    pushed = pushed_back(weights, moved).masked_fill(~is_word, 0.0)
    effect = batch.attribution(LEAVE_ONE_OUT, METHODS[LEAVE_ONE_OUT]).values.abs()
    tau, _ = kendall_tau(weights, effect, is_word)
    tau_pushed_back, _ = kendall_tau(pushed, effect, is_word)
    values = {
        "own_share": own_share(moved, is_word.double()),
        "own_share_attended": own_share(moved, weights),
        "moved_attention": (pushed - weights).abs().sum(-1) / 2,
        "tau": tau,
        "tau_pushed_back": tau_pushed_back,
        "gain": tau_pushed_back - tau,
    }
    return batch.about(**{name: value.numpy() for name, value in values.items()})


def own_share(moved: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(B,) the mean of c_tt / sum_i c_ti over the states that some word moves, by weights (B, W); c is (B, W, W). NaN
    where no weight is on such a state."""
    own = moved.diagonal(dim1=1, dim2=2) / moved.sum(-1)  # (B, W)
    counted = weights * own.isfinite()
    return (counted * own.nan_to_num(0.0)).sum(-1) / counted.sum(-1)


OWN = Statement("mean own share of a state", "own_share", "sampled")
ATTENDED = Statement("the same, of states that are attended to", "own_share_attended", "sampled", in_overview=False)
GAIN = Statement(
    "tau with leave-one-out, attention pushed back - attention",
    "gain",
    "sampled",
    "Does attention pushed back to the words agree better with leave-one-out?",
)

EXPERIMENT = Experiment(
    mixing,
    "reading",
    Card(
        "How much of a state is its own word?",
        "Attention on a state is not attention on its word, since other words move the state as well.",
        "The norm of a Jacobian is how much a word moves a state: first order, at these embeddings.",
        "The share of its own word in what moves a state, and whether attention on words agrees better.",
        "That a word which hardly moves a state is not read from it: a small move may decide.",
    ),
    Summary(dict.fromkeys(VALUES, ("mean",))),
    statements=(OWN, ATTENDED, GAIN),
    rules=(
        Rule(
            OWN,
            0.5,
            "a state is mostly its own word's (above half)",
            "a state is mostly other words' (below half)",
        ),
        Rule(
            GAIN,
            0.0,
            "pushed back to the words, attention agrees better with leave-one-out",
            "pushed back to the words, attention agrees less with leave-one-out",
            "pushed back or not, attention agrees with leave-one-out alike as far as can be told",
        ),
    ),
    why_not=why_not,
    pooling=Pooling(VALUES),
    documents=lambda reading: MOST,
    by_name="it takes up to 16 gradients for each word",
    of_answers=True,
)

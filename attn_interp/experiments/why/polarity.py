"""Does a word that an explanation counts for the decision speak for it? Attention has no sign to say otherwise.

Liu et al. 2022 call it a violation of faithfulness where the sign of an explanation weight is not that of the word's
effect. A weight of attention is never negative, so it counts every word for the decision, those against it too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.methods import ALL_METHODS, METHODS
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result

ATTENTION, GRADIENT, LEAVE_ONE_OUT = "attention", "gradient x input (detached)", "leave-one-out"
DEFAULT = (GRADIENT, LEAVE_ONE_OUT)
ROUNDING = 1e-5  # logits: a smaller effect has the sign of rounding, and speaks neither for nor against
EFFECTS = {
    "deletion": "deleting it makes the class more likely",
    "vote": "all attention on it would put the rival before the decision; NaN unless affine",
}
PARTS = {
    "words": "share of the words counted for the decision",
    "weight": "share of the weight counted for the decision that is on words",
    "top": "whether the word of the largest such weight is one",
}

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "method": Column("what weighs the words; in bars, |method|: the absolute values"),
    "counted": Column("share of the words with a weight above 0, which counts them for the decision", "", 0, 1),
    **{
        f"{effect}_{part}": Column(f"{says} that speaks against it: {how}", "", 0, 1)
        for effect, how in EFFECTS.items()
        for part, says in PARTS.items()
    },
}
VALUES = ("counted", *(f"{effect}_{part}" for effect in EFFECTS for part in PARTS))


def polarity(reading: Reading, *, methods: Methods = DEFAULT) -> Result:
    """Does a word that an explanation counts for the decision speak for it?

    A weight above 0 counts a word for the decision; so every weight of attention and every absolute value does. The
    word speaks against it where its effect is below 0. The effect is p(document) - p(document without the word) of the
    predicted class (leave-one-out), or, where the readout is affine, the word's vote v_a - v_k: the logit of the
    decision a minus that of the class k with the second highest logit, with all attention on the word. Each is said of
    the words that are counted for the decision, of their weight, and of the word with the largest weight. The two
    effects differ: without a neutral word the others have more attention, so its deletion may raise the probability.
    An effect that is less than 0.00001 in logits has the sign of rounding, and is taken as none.

    Leave-one-out never speaks against its own deletion effect: 0 by construction.

    Args:
        reading: A model's attention over documents, from `read`.
        methods: Names of attributions, as `list_methods` lists them, or a mapping of names of your own to functions.
            Those with a sign are also asked without it.

    Returns:
        A result with one row per document and method: counted, deletion_words, deletion_weight, deletion_top,
        vote_words, vote_weight, vote_top, in [0, 1]. NaN where no word is counted, or the effect of one is undefined,
        as the deletion of an only word.

    Raises:
        ValueError: a name is no method's.

    Reference: Liu et al. 2022, section 3.
    """
    frames, names = [], [ATTENTION]
    leave_one_out = METHODS[LEAVE_ONE_OUT]
    for batch, found in reading.attributions(methods, "polarity"):
        weights = {ATTENTION: batch.weights, **{name: each.values for name, each in found.items()}}
        weights |= {f"|{name}|": found[name].values.abs() for name in found if _has_sign(name)}
        names = list(weights)
        effects = {
            "deletion": batch.attribution(LEAVE_ONE_OUT, leave_one_out).values / _slope(batch),
            "vote": batch.leads if reading.affine else torch.full_like(batch.weights, torch.nan),
        }
        for name, own in weights.items():
            frames.append(batch.about(method=name, **dict(_columns(own, effects, batch.is_word))))
    return Result("polarity", reading.in_order(frames), {**reading.settings, "methods": names[1:]}, COLUMNS)


def _has_sign(name: str) -> bool:
    return name not in ALL_METHODS or ALL_METHODS[name].signed


def _slope(batch: ReadBatch) -> torch.Tensor:
    """(B, 1) p (1 - p) of the decision: what a small change of its logit is multiplied with in its probability."""
    log_p = batch.logits.log_softmax(-1).amax(-1, keepdim=True)
    return (log_p.exp() * -log_p.expm1()).clamp(min=torch.finfo(torch.float64).tiny)


def _columns(
    weights: torch.Tensor, effects: dict[str, torch.Tensor], is_word: torch.Tensor
) -> Iterator[tuple[str, np.ndarray]]:
    """Column -> its values (B,), of weights (B, W) and effects (B, W) in logits."""
    counted = (weights > 0) & is_word  # NaN, where a sample of the words was asked, counts for nothing
    number = counted.sum(-1).double()
    mass = weights.where(counted, 0.0)
    top = mass.argmax(-1, keepdim=True)
    yield "counted", (number / is_word.sum(-1)).numpy()
    for name, effect in effects.items():
        undefined = (effect.isnan() & counted).any(-1) | (number == 0)
        against = counted & (effect < -ROUNDING)
        shares = {
            "words": against.sum(-1) / number,
            "weight": mass.where(against, 0.0).sum(-1) / mass.sum(-1),
            "top": against.gather(-1, top)[:, 0].double(),
        }
        for part, share in shares.items():
            yield f"{name}_{part}", share.double().masked_fill(undefined, torch.nan).numpy()


AGAINST = "Is attention on words that speak against the decision?"
BY_VOTE, BY_DELETION = (
    Statement(f"mean share of the attention on words {which}", quantity, question=AGAINST, where={"method": ATTENTION})
    for which, quantity in (
        ("whose votes are for the rival", "vote_weight"),
        ("whose deletion helps the decision", "deletion_weight"),
    )
)
FIRST = Statement(
    "share of first words whose deletion helps the decision, {method}",
    "deletion_top",
    question="Does the first word speak against the decision?",
    in_overview=False,
)


def summarise(result: Result) -> pd.DataFrame:
    """Mean of each share and share of the first words, by method, over all documents and by predicted class; those of
    votes where there are any."""
    shares, first = ([name for name in VALUES if name.endswith("_top") == is_top] for is_top in (False, True))
    values = {**dict.fromkeys(shares, ("mean",)), **dict.fromkeys(first, ("share",))}
    table = Summary(values, ("method",), in_order=True)(result)
    return table[result.settings["affine"] | ~table["quantity"].str.startswith("vote")].reset_index(drop=True)


EXPERIMENT = Experiment(
    polarity,
    "reading",
    Card(
        "Does a word that an explanation counts for the decision speak for it?",
        "Attention is on words that speak against the decision.",
        "All attention on a word, or its deletion, shows for which class it speaks. A deletion also gives the others "
        "more attention: of words that all say the same about half seem to speak against it, each by little.",
        "How much of an explanation's support is on words that oppose.",
        "That attention is wrong there: it says how much a word is read, never for what.",
    ),
    summarise,
    statements=(BY_VOTE, BY_DELETION, FIRST),
    rules=(
        Rule(
            BY_VOTE,
            0.1,
            "more than a tenth of the attention is on words that speak against the decision",
            "less than a tenth of the attention is on words that speak against the decision",
        ),
    ),
    pooling=Pooling(VALUES, ("method",)),
    by_name="it says why, beside what agreement finds",
    of_answers=True,
)

"""How many words must be erased, in which order, until the decision changes?

Serrano & Smith 2019, section 5: weights are set to 0 in the order of attention, of the gradient at the
attention, of their product, or at random, the rest renormalised, until another class is predicted. An order that finds
the words that matter needs few. Beside them stands the optimum: no order needs fewer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from attn_interp.data.draws import generator
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.parts.keeping import logits_of_each
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import kept_sums, smallest_erasure

RANDOM_DRAWS = 10
ATTENTION, GRADIENT, PRODUCT, RANDOM, OPTIMUM = "attention", "gradient", "attention x gradient", "random", "optimum"
ATTRIBUTIONS = ("leave-one-out",)

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "ordering": Column(
        "what orders the words: attention; gradient (signed, of the decision's probability at the attention weights); "
        "their product; an attribution (signed); random; optimum (smallest set, exact)"
    ),
    "draw": Column("number of the random order, 0 for the others", "", 0),
    "removed": Column("words erased when the decision changes; NaN where it never does", "words", 1),
    "fraction": Column(
        "removed / words; 1 where the decision never changes (censored); NaN for one word, which cannot be erased, and "
        "where the attribution has no value",
        "",
        0,
        1,
    ),
    "flipped": Column("whether the decision changes before nothing is left"),
    "regret": Column("fraction minus that of the optimum; NaN unless affine", "", 0, 1),
}


def erasure(reading: Reading, *, methods: Methods = ATTRIBUTIONS) -> Result:
    """How many words must be erased until the decision changes?

    Weights are set to 0 in an order and the rest renormalised, until a rival's logit exceeds that of the decision. What
    cannot be changed by erasing in an order stays in the sample, censored at fraction 1; the last words, whose erasure
    would leave no attention, are never erased. So there is nothing to erase in a document of one word: its values are
    NaN and counted.

    Args:
        reading: A model's attention over documents, from `read`.
        methods: Attributions that order the words by their signed value, beside attention, the gradient at the
            attention, their product, ten random orders, and the optimum where the readout is affine.

    Returns:
        A result with one row per document and ordering (ten random ones): removed (words), fraction in [0, 1], flipped,
        regret against the optimum.

    Raises:
        ValueError: a name is no method's, or is that of an order which is always tried.

    Reference: Serrano & Smith 2019, section 5.
    """
    frames = []
    model = reading.model
    for batch, found in reading.attributions(methods, "erasure"):
        if taken := sorted({ATTENTION, GRADIENT, PRODUCT, RANDOM, OPTIMUM} & set(found)):
            raise ValueError(f"erasure: the order {taken[0]!r} is always tried; leave it out of methods")
        gradient = model.gradient_at_weights(batch.batch, batch.predicted.to(model.device)).double().cpu()
        orders = [
            (ATTENTION, 0, batch.weights),
            (GRADIENT, 0, gradient),
            (PRODUCT, 0, batch.weights * gradient),
            *((name, 0, each.values) for name, each in found.items()),
            *((RANDOM, draw, scores) for draw, scores in enumerate(_random_scores(batch, reading.seed))),
        ]
        optimum = np.full(len(batch.rows), np.nan)
        if reading.affine:
            size = smallest_erasure(batch.weights, batch.votes, batch.is_word).size.numpy()
            optimum = _fractions(size, batch)
            frames.append(_rows(batch, OPTIMUM, 0, size, optimum))
        for name, draw, scores in orders:
            frames.append(_rows(batch, name, draw, until_flip(reading, batch, scores), optimum))
    settings = {
        **reading.settings,
        "erasure": "weights are set to 0 and the rest renormalised",
        "random_draws": RANDOM_DRAWS,
        "optimum": _known(reading),
    }
    return Result("erasure", reading.in_order(frames), settings, COLUMNS)


def _known(reading: Reading) -> str:
    """What the optimum is, or why there is none."""
    if reading.affine:
        return "exact"
    if reading.affinity.documents == 0:
        return "not known: no document is long enough to tell whether the readout is affine"
    return "not known: the readout is not affine"


def until_flip(reading: Reading, batch: ReadBatch, scores: torch.Tensor) -> np.ndarray:
    """(B,) words erased by falling score when the decision first changes; infinite where it never does, NaN where a
    word has no score."""
    missing = (scores.isnan() & batch.is_word).any(-1)
    order = scores.nan_to_num(-torch.inf).masked_fill(~batch.is_word, -torch.inf)
    order = order.argsort(stable=True, dim=-1, descending=True)  # padding goes last: erasing it changes nothing
    flips = _lead_after_each(reading, batch, order) < 0
    first = flips.to(torch.uint8).argmax(-1) + 1 if flips.shape[1] else torch.zeros(len(flips))
    return torch.where(flips.any(-1), first.double(), torch.inf).masked_fill(missing, torch.nan).numpy()


def _lead_after_each(reading: Reading, batch: ReadBatch, order: torch.Tensor) -> torch.Tensor:
    """(B, W - 1) least lead of the decision over a rival after 1, 2, ... erasures in the order (B, W), up to a positive
    factor; 0 where nothing is left."""
    weights = batch.weights.gather(1, order)
    width = weights.shape[1]
    if reading.affine:
        votes = batch.votes.gather(1, order[..., None].expand_as(batch.votes))
        terms = weights[..., None] * advantages(votes, batch.predicted)
        return kept_sums(terms).amin(-1)
    place = order.argsort(-1)[:, None]  # (B, 1, W) of each word in the order
    logits = logits_of_each(reading, batch, width - 1, lambda last: place > last[:, None])
    left = ~logits.isnan().any(-1)
    return torch.where(left, advantages(logits.nan_to_num(), batch.predicted).amin(-1), 0.0)


def _random_scores(batch: ReadBatch, seed: int) -> torch.Tensor:
    """(draws, B, W) uniform numbers, drawn from (seed, document id)."""
    scores = torch.zeros(RANDOM_DRAWS, *batch.weights.shape, dtype=torch.float64)
    for row, document in enumerate(batch.batch.documents):
        drawn = generator(seed, f"erasure {document.id}").random((RANDOM_DRAWS, len(document)))
        scores[:, row, : len(document)] = torch.as_tensor(drawn)
    return scores


def _fractions(removed: np.ndarray, batch: ReadBatch) -> np.ndarray:
    words = batch.is_word.sum(-1).numpy()
    fraction = np.where(np.isfinite(removed), removed / words, 1.0)
    return np.where((words == 1) | np.isnan(removed), np.nan, fraction)


def _rows(batch: ReadBatch, ordering: str, draw: int, removed: np.ndarray, optimum: np.ndarray) -> pd.DataFrame:
    fraction = _fractions(removed, batch)
    flipped = np.isfinite(removed)
    return batch.about(
        ordering=ordering,
        draw=draw,
        removed=np.where(flipped, removed, np.nan),
        fraction=fraction,
        flipped=flipped,
        regret=fraction - optimum,
    )


def per_document(result: Result) -> pd.DataFrame:
    """One row per document and ordering: random orders averaged over their draws; and the difference to attention. NaN
    where there is nothing to erase."""
    keys = [*DOCUMENT_COLUMNS, "ordering"]
    never = (~result.frame["flipped"]).astype(float).where(result.frame["fraction"].notna())
    frame = result.frame.assign(never=never)
    means = frame.groupby(keys, sort=False, dropna=False)[["fraction", "never", "regret"]].mean().reset_index()
    attention = means[means["ordering"] == ATTENTION].set_index("document")["fraction"]
    return means.assign(minus_attention=means["fraction"] - means["document"].map(attention))


VALUES = ("fraction", "never", "minus_attention", "regret")
SOONER = Statement(
    "fraction erased, random - attention", "minus_attention", "sampled", in_overview=False, where={"ordering": RANDOM}
)

EXPERIMENT = Experiment(
    erasure,
    "reading",
    Card(
        "How many words must be erased until the decision changes?",
        "Erasing words by falling attention changes decisions sooner than erasing at random.",
        "Erasing is setting the weight (of a hierarchical model: of a sentence) to 0; what never changes counts 1.",
        "How early each order finds the words that the decision hangs on; no order is earlier than the optimum.",
        "What the model would decide on the text without these words: states are not computed anew.",
    ),
    # a decision that never changes counts 1: a restricted mean
    Summary(dict.fromkeys(VALUES, ("mean",)), ("ordering",), rows=per_document),
    statements=(
        *(
            Statement(
                f"fraction erased, {ordering}",
                "fraction",
                "exact" if ordering == OPTIMUM else "measured",
                where={"ordering": ordering},
            )
            for ordering in (ATTENTION, PRODUCT, RANDOM, OPTIMUM)
        ),
        SOONER,
    ),
    rules=(
        Rule(
            SOONER,
            0.05,
            "attention is sooner than chance (by more than 0.05)",
            "attention is not sooner than chance by 0.05",
        ),
    ),
    pooling=Pooling(
        VALUES,
        ("ordering",),
        per_document,
        {
            "never": Column("whether the decision never changes", "", 0, 1),
            "minus_attention": Column("fraction minus that of attention", "", -1, 1),
        },
    ),
)

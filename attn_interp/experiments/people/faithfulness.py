"""Do the words that a method ranks first carry the decision? They are erased, and they alone are kept.

DeYoung et al. 2020 (ERASER), section 4. Comprehensiveness is what the probability of the decision loses when the first
k % of a ranking are erased: high where they were needed. Sufficiency is what it loses when all others are erased: low
where they are enough. Both say what the model does on edited texts; neither says whether a reader would agree.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.methods import METHODS
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE, OPERATORS, check_operator
from attn_interp.experiments.people.parts.first_words import without_and_alone
from attn_interp.experiments.people.parts.ranked import DRAWS
from attn_interp.experiments.people.parts.soft import HOW, SOFT
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement, grouped
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import tvd
from attn_interp.readout.erasure.best_words import best_subset
from attn_interp.statistics.bootstrap import summarise as summarise_columns

PERCENT = (1, 5, 10, 20, 50)
ATTENTION, RANDOM, HUMAN, OPTIMUM = "attention", "random", "human rationale", "optimum"
OWN_LENGTH = "rationale"  # the size at which every method has as many words as the human rationale
AOPC = "AOPC"
MARKED = 0.5  # a word belongs to the human rationale if the annotators' mean is at least this

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "method": Column(
        "what ranks the words: attention; an attribution of the decision's probability; human rationale "
        "(mean of the annotators); random; optimum (no ranking: the best set of each size, among all sets)"
    ),
    "size": Column("share of the words that are first: k %, or as many as the human rationale has"),
    "first": Column("how many words that is: k % of the words rounded up, at least one", "words", 0),
    "comprehensiveness": Column("loss of the decision's probability when the first words are erased", "", -1, 1),
    "sufficiency": Column("loss of the decision's probability when all but the first words are erased", "", -1, 1),
    "comprehensiveness_bound": Column("what no set of this size can pass (optimum)", "", -1, 1),
    "sufficiency_bound": Column("what no set of this size can go below (optimum)", "", -1, 1),
    "decision_flip": Column(
        "share of the draws in which the decision changes when the first words are erased", "", 0, 1
    ),
    "tvd": Column("total variation distance of the output when the first words are erased", "", 0, 1),
    "reason": Column("why a value is NaN; empty where none is"),
}
MEASURES = ("comprehensiveness", "sufficiency", "decision_flip", "tvd")
BOUNDS = ("comprehensiveness_bound", "sufficiency_bound")


def faithfulness(
    reading: Reading, *, methods: Methods = METHODS, operator: str = DELETE, signed: bool = True
) -> Result:
    """Do the words that a method ranks first carry the decision?

    Comprehensiveness and sufficiency by method at 1, 5, 10, 20 and 50 % of the words. k % of T words are ceil(k T /
    100) words, so at least one: of a short text several sizes are the same words, and methods are compared at equal
    length always. Words that a method ranks equally are ordered at random, and values are means over five draws;
    `random` ranks all words equally. Sufficiency keeps at least one word. Where erasing leaves nothing (one word, under
    deletion; no attention, under the attention mask) the value is NaN and has a reason.

    Where documents have human rationales these are one more method, and every method is measured at one more size, the
    length of the rationale. Under the attention mask, for a model whose logits are affine in the attention, the optimum
    stands beside them: exact for two classes; for more a set that was found and a bound that none can pass.

    Under "soft" no word is wholly erased or kept (Zhao & Aletras 2023): each value of a word's input embedding is kept
    with a chance, and set to 0 otherwise. The chance is min(1, c s) for a word of score s (0 for a score below 0). The
    factor c makes the mean chance over the words the share of words that the other operators keep; `random` has that
    share as the chance of every word. For comprehensiveness these are the chances with which values are set to 0. So
    all methods keep the same mass at a size, which scores that are taken as chances as they are do not. Values are
    means over five draws, the same numbers for all methods and sizes.

    The erased text may be one that the model never meets. `tvd` of the random ranking says how far the operator alone
    moves the output at each size; it does not say whether such a text is likely.

    Args:
        reading: A model's attention over documents, from `read`.
        methods: Names of attributions, or a mapping of names of your own to functions.
        operator: How words are erased: "delete", "mask", "mean embedding", "attention mask" or "soft".
        signed: Rank attributions by value, so that words that speak against the decision come last; otherwise by
            absolute value. Attention has no sign: what it loses to signed attributions is partly that.

    Returns:
        A result with one row per document, method and size: first (words), comprehensiveness, sufficiency, their bounds
        (optimum), decision_flip, tvd, reason.

    Raises:
        ValueError: a name that is no method's, or an operator that is unknown or does not fit the view.

    Reference: DeYoung et al. 2020, section 4.
    """
    check_operator(reading.model, operator, also=[SOFT])
    # Of the documents as the model sees them: a view over sentences has no rationales of words.
    with_rationales = sum(bool(document.rationales) for each in reading.batches for document in each.batch.documents)
    with_optimum = operator == ATTENTION_MASK and reading.affine
    frames, names = [], []
    for batch, found in reading.attributions(methods, "faithfulness"):
        names = list(found)
        human = _human(batch)
        scores = {ATTENTION: batch.weights}
        scores |= {name: each.values if signed else each.values.abs() for name, each in found.items()}
        if with_rationales:
            scores[HUMAN] = human
        scores[RANDOM] = torch.zeros_like(batch.weights)
        sizes = _sizes(batch, human if with_rationales else None)
        about = batch.about()
        frames.extend(_measured(reading, batch, scores, sizes, operator, about))
        if with_optimum:
            frames.append(_optimum(batch, sizes, about))
    settings = {
        **reading.settings,
        "operator": operator,
        "erasure": {**OPERATORS, SOFT: HOW}[operator],
        "methods": names,
        "attributions_ranked_by": "value for the predicted class" if signed else "absolute value",
        "percent": list(PERCENT),
        "rounding": "k % of the words, rounded up, at least one word",
        "draws": DRAWS,
        "documents_with_rationales": with_rationales,
        "status": f"sampled, {DRAWS} draws"
        if operator == SOFT
        else f"measured; random and words of equal rank: sampled, {DRAWS} draws",
        "optimum": _optimum_status(reading, operator),
    }
    return Result("faithfulness", reading.in_order(frames), settings, COLUMNS)


def _optimum_status(reading: Reading, operator: str) -> str:
    if operator != ATTENTION_MASK:
        return "not known: only under the attention mask"
    if not reading.affine:
        return "not known: the readout is not affine"
    return "exact" if len(reading.model.classes) == 2 else "certified: attained by a set that was found, and a bound"


def _human(batch: ReadBatch) -> torch.Tensor:
    """(B, W) mean of the annotators; NaN for a document without any."""
    result = torch.zeros_like(batch.weights)
    for row, document in enumerate(batch.batch.documents):
        marked = torch.tensor(document.rationales, dtype=torch.float64)
        result[row, : len(document)] = marked.mean(0) if document.rationales else torch.nan
    return result


def _sizes(batch: ReadBatch, human: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """(B,) how many words come first, by size; 0 where there is no human rationale or it is empty."""
    words = batch.is_word.sum(-1)
    sizes = {f"{percent} %": -(-percent * words // 100) for percent in PERCENT}
    if human is not None:
        sizes[OWN_LENGTH] = ((human >= MARKED) & batch.is_word).sum(-1)
    return sizes


def _measured(
    reading: Reading,
    batch: ReadBatch,
    scores: Mapping[str, torch.Tensor],
    sizes: Mapping[str, torch.Tensor],
    operator: str,
    about: pd.DataFrame,
) -> list[pd.DataFrame]:
    """The rows of one batch by method."""
    count = torch.stack(list(sizes.values()), -1)  # (B, L)
    frames = []
    for name, (erased, alone) in without_and_alone(reading, batch, scores, count, operator).items():
        values = {"first": count.double(), **_losses(batch, erased, alone)}
        missing = (scores[name].isnan() & batch.is_word).any(-1) & (batch.is_word.sum(-1) > 1)
        frames.append(_rows(about, name, list(sizes), values, missing))
    return frames


def _losses(batch: ReadBatch, erased: torch.Tensor, alone: torch.Tensor) -> dict[str, torch.Tensor]:
    """(B, L) each measure, averaged over the draws; from the logits (B, D, L, C) without, and with only, the first."""
    own = batch.logits.softmax(-1)[:, None, None]
    without, only = erased.softmax(-1), alone.softmax(-1)
    chosen = batch.predicted[:, None, None, None].expand(*erased.shape[:3], 1)

    def probability(of: torch.Tensor) -> torch.Tensor:
        return of.expand_as(without).gather(-1, chosen)[..., 0]

    defined = ~erased.isnan().any(-1)
    flips = erased.nan_to_num(0.0).argmax(-1) != chosen[..., 0]
    distance = tvd(without.nan_to_num(0.5), own.expand_as(without)) if defined.any() else torch.zeros(defined.shape)
    values = {
        "comprehensiveness": probability(own) - probability(without),
        "sufficiency": probability(own) - probability(only),
        "decision_flip": torch.where(defined, flips.double(), torch.nan),
        "tvd": torch.where(defined, distance, torch.nan),
    }
    return {name: value.mean(1) for name, value in values.items()}


def _optimum(batch: ReadBatch, sizes: Mapping[str, torch.Tensor], about: pd.DataFrame) -> pd.DataFrame:
    """The rows of the best sets: for comprehensiveness the words to keep are those that are worst for the decision."""
    is_word, decision = batch.is_word, batch.predicted
    entry = batch.weights, batch.votes, is_word, decision
    own = batch.logits.softmax(-1).gather(1, decision[:, None])[:, 0]
    names = ("first", "comprehensiveness", "sufficiency", *BOUNDS)
    values: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    for count in sizes.values():
        worst = best_subset(*entry, is_word.sum(-1) - count, highest=False)
        best = best_subset(*entry, count, highest=True)
        values["first"].append(count.double())
        values["comprehensiveness"].append(own - worst.probability)
        values["comprehensiveness_bound"].append(own - worst.bound)
        values["sufficiency"].append(own - best.probability)
        values["sufficiency_bound"].append(own - best.bound)
    stacked = {name: torch.stack(each, -1) for name, each in values.items()}
    return _rows(about, OPTIMUM, list(sizes), stacked, torch.zeros(len(about), dtype=torch.bool))


def _rows(
    about: pd.DataFrame, method: str, sizes: list[str], values: Mapping[str, torch.Tensor], missing: torch.Tensor
) -> pd.DataFrame:
    """The frame of one method from values (B, L); `missing` (B,) where the method has no ranking."""
    frame = about.loc[about.index.repeat(len(sizes))].reset_index(drop=True)
    frame = frame.assign(method=method, size=sizes * len(about))
    for name in ("first", *MEASURES[:2], *BOUNDS, *MEASURES[2:]):
        frame[name] = values[name].flatten().numpy() if name in values else np.nan
    undefined = missing.repeat_interleave(len(sizes)).numpy()
    empty = (frame["first"] == 0).to_numpy()
    frame.loc[undefined | empty, [*MEASURES, *BOUNDS]] = np.nan
    nothing_left = (frame["comprehensiveness"].isna() | frame["sufficiency"].isna()).to_numpy()
    none = "no human rationale" if method == HUMAN else "the method has no value"
    frame["reason"] = np.select(
        [undefined, empty, nothing_left], [none, "no word in a human rationale", "nothing is left"], ""
    )
    return frame[list(COLUMNS)]


def per_document(result: Result) -> pd.DataFrame:
    """One row per document, method and size, the size AOPC being the mean over the five shares; with the differences to
    the random ranking of the same document.

    AOPC, the area over the perturbation curve, is NaN where one of the five values is. It is the mean over the shares,
    as the authors' code takes it; with the point at 0 % counted as well it would be 5/6 of this.
    """
    frame = result.frame
    keys = [*DOCUMENT_COLUMNS, "method"]
    values = [*MEASURES, *BOUNDS]
    shares = frame[frame["size"].isin([f"{percent} %" for percent in result.settings["percent"]])]
    groups = shares.groupby(keys, sort=False, dropna=False)[values]
    area = groups.sum().div(len(result.settings["percent"])).where(groups.count() == len(result.settings["percent"]))
    rows = pd.concat([area.reset_index().assign(size=AOPC), frame[[*keys, "size", *values]]], ignore_index=True)
    random = rows[rows["method"] == RANDOM].set_index(["document", "size"])
    matched = random.reindex(pd.MultiIndex.from_frame(rows[["document", "size"]]))
    for name in MEASURES[:2]:
        rows[f"{name}_minus_random"] = rows[name] - matched[name].to_numpy()
    return rows


DIFFERENCES = ("comprehensiveness_minus_random", "sufficiency_minus_random")


def summarise(result: Result) -> pd.DataFrame:
    """Means with intervals by method and size: over all documents, and the AOPC also by predicted class.

    The quantity `tvd` of the random ranking is the shift that the operator itself causes.
    """
    frame = per_document(result)
    seed = int(result.settings["seed"])
    by = ["method", "size", "grouping", "group"]
    tables = []
    for rows in grouped(frame):
        if (rows["grouping"] == "predicted").all():
            rows = rows[rows["size"] == AOPC]
        measured, optimum = rows[rows["method"] != OPTIMUM], rows[rows["method"] == OPTIMUM]
        tables.append(summarise_columns(measured, by, [*MEASURES, *DIFFERENCES], ("mean",), seed))
        if len(optimum):
            values = [*MEASURES[:2], *BOUNDS, *DIFFERENCES]
            tables.append(summarise_columns(optimum, by, values, ("mean",), seed))
    return pd.concat(tables, ignore_index=True)


EXPERIMENT = Experiment(
    faithfulness,
    "reading",
    Card(
        "Do the words that a method ranks first carry the decision?",
        "The first words are needed and are enough.",
        "The model answers edited texts as it would real ones.",
        "What the model does on texts with and without these words.",
        "Whether a reader would agree.",
    ),
    summarise,
    statements=tuple(
        Statement(
            f"{quantity}, {{method}}",
            quantity,
            question=f"Are the words {said}?",
            in_overview=False,
            where={"size": AOPC},
        )
        for quantity, said in (("comprehensiveness", "needed"), ("sufficiency", "enough"))
    ),
    decided_by=("operator", "methods"),
    by_name="it runs some hundred edited texts for each document",
)

"""Claims about attention, each with the test that decides it and the situations where it is true and where it is not.

A claim is found where the 95 % interval of its measure lies above its threshold. A new claim is one entry in `CLAIMS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.other_question import other_question, why_not
from attn_interp.experiments.people.faithfulness import AOPC, ATTENTION, faithfulness
from attn_interp.experiments.people.faithfulness import per_document as areas_of
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.experiments.reach import reach
from attn_interp.experiments.record import HALF_LN2
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import OPTIMUM, RANDOM, erasure, per_document
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.experiments.why.polarity import polarity
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.experiments.wiegreffe_pinter.seeds import seeds
from attn_interp.models.classifiers.frozen_attention import uniform
from attn_interp.models.classifiers.trained import UnderAttention
from attn_interp.statistics.bootstrap import Interval, interval
from attn_interp.statistics.scores import ACCURACY, DIFFERENCE
from attn_interp.studies.planted.situations import AGAIN, GRADIENT, LEAVE_ONE_OUT, Case


@dataclass(frozen=True)
class Claim:
    """A statement about attention and how it is decided.

    Attributes:
        name: The statement.
        measure: What is measured, in words.
        threshold: The claim is found where the whole interval lies above.
        measured: Case -> the measure with its 95 % interval over test documents.
        true: Situations in which the claim holds by construction.
        false: Situations in which it does not.
    """

    name: str
    measure: str
    threshold: float
    measured: Callable[[Case], Interval]
    true: tuple[str, ...]
    false: tuple[str, ...]


def tau_with(method: str) -> Callable[[Case], Interval]:
    """Mean Kendall's tau between attention and the method."""

    def measured(case: Case) -> Interval:
        frame = agreement(case.reading, methods=(GRADIENT, LEAVE_ONE_OUT)).frame
        own = frame[(frame["first"] == "attention") & (frame["second"] == method)]
        return interval(own["tau"], seed=case.seed)

    return measured


def change_under_permutation(case: Case) -> Interval:
    return interval(permutation(case.reading).frame["median_tvd"], seed=case.seed)


def adversarial_divergence(case: Case) -> Interval:
    return interval(adversary(case.reading).frame["jsd"], seed=case.seed)


def unflippable_share(case: Case) -> Interval:
    return interval(reach(case.reading).frame["unflippable"], "share")


def gain_over_random_order(case: Case) -> Interval:
    """Fraction of the words erased in random order minus that in the order of attention."""
    frame = per_document(_erased(case))
    return interval(frame.loc[frame["ordering"] == RANDOM, "minus_attention"], seed=case.seed)


def one_word_erasures(case: Case) -> Interval:
    """Share of the decisions which some erasure changes where one word is enough."""
    frame = _erased(case).frame
    removed = frame.loc[frame["ordering"] == OPTIMUM, "removed"]
    return interval((removed == 1).astype(float).where(removed.notna()), "share")


def _erased(case: Case) -> Result:
    """Erasure in the orders that need no attribution."""
    return erasure(case.reading, methods=())


def effect_of_most_attended(case: Case) -> Interval:
    return interval(single_erasure(case.reading).frame["js_difference"], seed=case.seed)


def gain_by_attention(case: Case) -> Interval:
    result = necessity(
        {"attention": {case.seed: case.trained}, "uniform attention": {case.seed: case.without_attention}},
        case.documents,
    )
    return _difference(result)


def gain_by_guide(case: Case) -> Interval:
    guided = {
        "uniform": {case.seed: UnderAttention(case.under_uniform, uniform)},
        "guide": {case.seed: UnderAttention(case.trained, case.attention)},
    }
    return _difference(guide(guided, case.documents))


def divergence_between_seeds(case: Case) -> Interval:
    result = seeds(case.reading, {case.seed + AGAIN: case.again})
    return interval(result.frame["jsd"], seed=case.seed)


def mass_on_evidence(case: Case) -> Interval:
    """Attention on the words of the rationale minus their share of the words, which is what chance gives them."""
    gains = []
    for read_batch in case.reading.batches:
        for document, weights in zip(read_batch.batch.documents, read_batch.weights.numpy()):
            rationale = np.asarray(document.rationales[0])
            gains.append(float(weights[: len(document)] @ rationale - rationale.mean()))
    return interval(gains, seed=case.seed)


def plausibility_of_attention(case: Case) -> Interval:
    """Chance that a word of the rationale has more attention than another word of its document."""
    frame = plausibility(case.reading, baselines={}, methods=()).frame
    return interval(frame.loc[frame["scorer"] == ATTENTION, "auroc"], seed=case.seed)


def mass_that_leaves(case: Case) -> Interval:
    """Attention on the word that decides, minus what it has there under the other question; undefined where all
    documents are asked the same."""
    if why_not(case.reading):
        return Interval(np.nan, np.nan, np.nan, 0, len(case.documents))
    return interval(other_question(case.reading).frame["left"], seed=case.seed)


def mass_on_rivals(case: Case) -> Interval:
    """Attention on words that, read alone, put the rival before the decision."""
    return interval(polarity(case.reading, methods=()).frame["vote_weight"], seed=case.seed)


def faithfulness_of_attention(case: Case) -> Interval:
    """Comprehensiveness of the order of attention minus that of random orders, words deleted, mean over the shares."""
    frame = areas_of(faithfulness(case.reading, methods=()))
    own = frame[(frame["method"] == ATTENTION) & (frame["size"] == AOPC)]
    return interval(own["comprehensiveness_minus_random"], seed=case.seed)


def _difference(result: Result) -> Interval:
    """The one difference in accuracy in the summary."""
    summary: pd.DataFrame = result.summary()
    (row,) = summary[(summary["statistic"] == DIFFERENCE) & (summary["quantity"] == ACCURACY)].to_dict("records")
    return Interval(row["estimate"], row["low"], row["high"], row["n"], 0)


KEYWORD, EVERYWHERE, ORNAMENT = "one keyword", "everywhere", "ornament"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "Attention ranks words as leave-one-out does",
        "mean Kendall's tau",
        0.0,
        tau_with(LEAVE_ONE_OUT),
        ("random scores",),
        (ORNAMENT,),
    ),
    Claim(
        "Attention ranks words as gradients do",
        "mean Kendall's tau",
        0.0,
        tau_with(GRADIENT),
        ("random scores",),
        (ORNAMENT,),
    ),
    Claim(
        "It matters which word gets which weight",
        "mean of median TVD, permuted",
        0.1,
        change_under_permutation,
        (KEYWORD,),
        (EVERYWHERE, ORNAMENT),
    ),
    Claim(
        "Attention can be quite another at the same output",
        "mean eps-max JSD, eps 0.01",
        HALF_LN2,
        adversarial_divergence,
        (EVERYWHERE,),
        ("three words",),
    ),
    Claim(
        "No attention can change most decisions",
        "share unflippable",
        0.75,
        unflippable_share,
        (EVERYWHERE, ORNAMENT),
        (KEYWORD, "counting"),
    ),
    Claim(
        "Erasing by attention changes decisions sooner than chance",
        "fraction erased, random - attention",
        0.05,
        gain_over_random_order,
        (KEYWORD,),
        (EVERYWHERE, ORNAMENT),
    ),
    Claim(
        "One word carries the decision",
        "share of smallest erasures of 1 word",
        0.75,
        one_word_erasures,
        (KEYWORD,),
        ("five copies",),
    ),
    Claim(
        "The most attended word moves the output more than others",
        "mean difference of JS divergences",
        0.02,
        effect_of_most_attended,
        (KEYWORD,),
        ("five copies", EVERYWHERE, ORNAMENT),
    ),
    Claim(
        "Attention is needed",
        "accuracy, attention - uniform",
        0.02,
        gain_by_attention,
        ("much noise",),
        (EVERYWHERE, "labels shuffled"),
    ),
    Claim(
        "The attention guides a context-free model",
        "accuracy, guide - uniform",
        0.02,
        gain_by_guide,
        ("much noise, evidence as attention",),
        ("much noise, random attention",),
    ),
    Claim(
        "Attention changes with the seed",
        "mean JSD between two seeds",
        0.05,
        divergence_between_seeds,
        ("random attention",),
        (EVERYWHERE,),
    ),
    Claim(
        "Attention marks the evidence (any margin)",
        "mean weight on it - its share",
        0.0,
        mass_on_evidence,
        (KEYWORD,),
        ("random attention", "labels shuffled"),
    ),
    Claim(
        "Attention marks the evidence (by 0.1)",
        "mean weight on it - its share",
        0.1,
        mass_on_evidence,
        (KEYWORD,),
        ("random attention", "labels shuffled"),
    ),
    Claim(
        "Attention is plausible: it ranks marked words first",
        "mean AUROC against the rationale",
        0.6,
        plausibility_of_attention,
        ("much noise, evidence as attention",),  # a learned attention may mark the keyword of one class alone
        ("random attention", ORNAMENT),
    ),
    Claim(
        "Attention is faithful: the decision needs its first words",
        "comprehensiveness (AOPC), attention - random",
        0.02,
        faithfulness_of_attention,
        (KEYWORD,),
        (ORNAMENT, EVERYWHERE),
    ),
    Claim(
        "Attention depends on the question",
        "mean weight that leaves the word asked for",
        0.1,
        mass_that_leaves,
        ("question, its word as attention",),
        ("question, random attention",),
    ),
    Claim(
        "Attention is on words that speak against the decision",
        "mean weight whose votes are for the rival",
        0.1,
        mass_on_rivals,
        ("counting",),  # one of three words is for the rival, and attention knows of no majority
        (EVERYWHERE,),
    ),
)

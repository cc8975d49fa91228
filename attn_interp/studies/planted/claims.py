"""Claims about attention, each with the test that decides it and the situations where it is true and where it is not.

A claim is found where the 95 % interval of its measure lies above its threshold. A new claim is one entry in `CLAIMS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attn_interp.experiments.record import HALF_LN2
from attn_interp.statistics.bootstrap import Interval
from attn_interp.studies.planted.measured import (
    adversarial_divergence,
    change_under_permutation,
    conicity_without_change,
    divergence_between_seeds,
    effect_of_most_attended,
    faithfulness_of_attention,
    gain_by_attention,
    gain_by_guide,
    gain_over_random_order,
    mass_on_evidence,
    mass_on_rivals,
    mass_that_leaves,
    missed_when_trained_again,
    one_word_erasures,
    own_share,
    plausibility_of_attention,
    tau_with,
    unflippable_share,
)
from attn_interp.studies.planted.situations import GRADIENT, LEAVE_ONE_OUT, Case


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
    Claim(
        "Conicity predicts where permuting does nothing",
        "minus Spearman's rho, conicity with TVD",
        0.0,
        conicity_without_change,
        ("states towards their mean",),
        ("states alike, votes are not",),
    ),
    Claim(
        "A state is mostly its own word's",
        "mean own share of a state",
        0.5,
        own_share,
        (KEYWORD,),
        ("states mixed",),
    ),
    Claim(
        "A model that is trained again misses attention's first words",
        "area, random - attention removed",
        0.0,
        missed_when_trained_again,
        ("much noise, evidence as attention",),
        ("random attention",),
    ),
)

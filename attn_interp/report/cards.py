"""What each experiment tests and what its numbers mean: the words of the verdict cards of a report.

A rule decides by a whole 95 % interval, never by an estimate: above a threshold, below it, or not decided. Thresholds
are those whose power and false alarms the experiment validity measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HALF_LN2 = 0.3466  # nats: half of what two distributions can differ by


@dataclass(frozen=True)
class Rule:
    """How a statement becomes a verdict.

    Attributes:
        statistic: The statement, by the beginning of its statistic; with `question` by that of its question too.
        against: The threshold, or the question of the statement whose interval it is held against.
        above, below: What holds where the whole interval lies above or below; "" where that decides nothing.
        between: What is said where it does neither; "" for nothing.
        kinds: Only statements of these statuses; none: all. A search, for one, proves no absence.
    """

    statistic: str
    against: float | str
    above: str
    below: str
    between: str = ""
    question: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """Claim tested, on which assumption, and what the numbers mean and do not mean."""

    title: str
    claim: str
    assumption: str
    means: str
    means_not: str
    rules: tuple[Rule, ...] = ()


CEILING = "Do those two agree"
CARDS: Mapping[str, Card] = {
    "quality": Card(
        "Does the model classify?",
        "The model decides unseen documents better than the majority class, and than a bag of words.",
        "The test documents are drawn as those that it will be used on.",
        "Whether there is a decision worth explaining.",
        "That its attention explains anything.",
        tuple(
            Rule(
                "accuracy",
                f"accuracy, {statistic}",
                f"better than {baseline}",
                f"worse than {baseline}",
                f"not told apart from {baseline}",
            )
            for statistic, baseline in (("majority class", "the majority class"), ("bag of words", "a bag of words"))
        ),
    ),
    "agreement": Card(
        "Does attention rank the words as other explanations do?",
        "Attention agrees with gradients and with leave-one-out as far as those two agree with each other.",
        "Gradients and leave-one-out each say something of which words matter.",
        "How alike the rankings are, beside the ceiling: the two attributions with each other.",
        "Which ranking is right. A long tail of small weights lowers tau where the first words agree.",
        tuple(
            Rule(
                "mean Kendall's tau",
                CEILING,
                f"above the ceiling with {other}",
                f"below the ceiling with {other}",
                f"not told apart from the ceiling with {other}",
                question=question,
            )
            for question, other in (
                ("Does attention rank words as gradients do?", "gradients"),
                ("Does attention rank words as leave-one-out does?", "leave-one-out"),
            )
        ),
    ),
    "permutation": Card(
        "Does it matter which word gets which weight?",
        "Permuting the weights over the words moves the output.",
        "The states of the words are held as they are.",
        "How far the output moves (total variation) when the weights are dealt out anew.",
        "That attention is unimportant where it moves little: the words of a document may all say the same.",
        (
            Rule(
                "mean of median TVD",
                0.1,
                "it matters which word gets which weight (above 0.1)",
                "it hardly matters which word gets which weight (below 0.1)",
            ),
        ),
    ),
    "adversary": Card(
        "Can attention be another at the same output?",
        "Quite another attention gives the same output.",
        "An attention may be chosen freely for each document; no model need attend so.",
        "How far (Jensen-Shannon, at most ln 2) attention can move while the output stays within eps.",
        "That the model could have learned that attention, or that its own is arbitrary for it.",
        (
            Rule("mean eps-max JSD", HALF_LN2, "quite another attention gives the same output", ""),
            Rule("mean eps-max JSD", HALF_LN2, "", "no attention is quite another at this output", kinds=("exact",)),
            Rule("its proved upper bound", HALF_LN2, "", "no attention is quite another at this output"),
        ),
    ),
    "same_shape": Card(
        "And with its weights only permuted?",
        "A permutation of the model's own weights is quite another attention at the same output.",
        "The adversary keeps the entropy and the largest weight of the model's attention.",
        "How far attention can move without becoming sharper or flatter than the model's.",
        "That a trained model would attend so.",
        (
            Rule("mean eps-max JSD, attained", HALF_LN2, "a permutation is quite another attention", ""),
            Rule("mean eps-max JSD, upper bound", HALF_LN2, "", "no permutation is quite another attention"),
        ),
    ),
    "reach": Card(
        "What can attention do to a decision at all?",
        "No attention whatever changes most decisions.",
        "The logits are affine in the attention, as was measured on this model.",
        "In how many documents every word votes for the decision, so that attention is powerless.",
        "That attention is useless: it may still set how sure the model is.",
        (
            Rule(
                "decisions that no attention can change",
                0.75,
                "no attention changes most decisions (above 0.75)",
                "attention has a say in more than a quarter of the decisions",
            ),
        ),
    ),
    "erasure": Card(
        "How many words must be erased until the decision changes?",
        "Erasing words by falling attention changes decisions sooner than erasing at random.",
        "Erasing is setting the weight (of a hierarchical model: of a sentence) to 0; what never changes counts 1.",
        "How early each order finds the words that the decision hangs on; no order is earlier than the optimum.",
        "What the model would decide on the text without these words: states are not computed anew.",
        (
            Rule(
                "fraction erased, random - attention",
                0.05,
                "attention is sooner than chance (by more than 0.05)",
                "attention is not sooner than chance by 0.05",
            ),
        ),
    ),
    "single_erasure": Card(
        "Does the most attended word matter more than another?",
        "Erasing the most attended word moves the output more than erasing another.",
        "Erasing is setting the weight (of a hierarchical model: of a sentence) to 0 and renormalising.",
        "Effect of the most attended word less the mean effect of all others (Jensen-Shannon, nats).",
        "That a word without effect is unused: another may say the same.",
        (
            Rule(
                "mean difference of JS divergences",
                0.02,
                "it moves the output more (by more than 0.02)",
                "it moves the output more by less than 0.02, or not",
            ),
        ),
    ),
    "adversary_curve": Card(
        "How much divergence does a looser output buy?",
        "The divergence rises with the tolerance of the output.",
        "An attention may be chosen freely for each document.",
        "The largest divergence from the model's attention at each tolerance.",
        "That any one tolerance is the right one.",
    ),
    "necessity": Card(
        "Is attention needed?",
        "The classifier is better with attention than without.",
        "The rivals are trained in the same way, on the same seeds.",
        "Whether there is a gain that the weights could explain; the verdict is against a stated margin.",
        "That attention explains, where it is needed.",
    ),
    "guide": Card(
        "Does the attention point at what matters?",
        "A context-free model does better with this attention than with uniform weights.",
        "The model sees each word alone, so it profits only from weights on words that decide.",
        "What the guide adds to uniform weights.",
        "That the model which the attention comes from uses those words.",
    ),
    "seeds": Card(
        "How far does attention move with the seed?",
        "Attention is a property of the task and not of the seed.",
        "The models differ in nothing but the seed of training.",
        "The yardstick for any adversary: what chance alone does to attention and to outputs.",
        "Which seed attends rightly.",
        (
            Rule(
                "mean JSD between two seeds",
                0.05,
                "attention changes with the seed (above 0.05)",
                "attention hardly changes with the seed (below 0.05)",
            ),
        ),
    ),
    "imitation": Card(
        "Can a whole model attend otherwise and decide the same?",
        "One model gives the same outputs with quite different attention, on unseen documents.",
        "Imitators are found by training: another might go further.",
        "How different (JSD) a model's attention can be at which cost in output (TVD).",
        "The farthest possible: a search is a lower bound.",
    ),
    "ladder": Card(
        "How different can attention be, and at what cost in output?",
        "What an adversary does document by document, a model can do too.",
        "The rungs differ in how far a rival must be a model.",
        "How much of the adversary's divergence needs a free choice for every document.",
        "That the rungs are the only models there could be.",
    ),
    "validity": Card(
        "Do the tests find what is there, and nothing else?",
        "Each test finds its claim where it is true by construction, and not where it is false.",
        "Planted corpora, where the truth is known.",
        "Detection and false-alarm rates over trials.",
        "The same rates on real texts.",
    ),
    "external": Card(
        "Does attention rank the words as outside data do?",
        "Attention follows signals from outside the model.",
        "Ratings of single words stand for what people would say of them in context.",
        "How plausible the ranking is.",
        "That it is faithful to the model.",
    ),
    "faithfulness": Card(
        "Do the words that a method ranks first carry the decision?",
        "The first words are needed and are enough.",
        "The model answers edited texts as it would real ones.",
        "What the model does on texts with and without these words.",
        "Whether a reader would agree.",
    ),
    "plausibility": Card(
        "Do attention and people mark the same words?",
        "The words that people marked have the higher scores.",
        "The marks are people's reasons for the label.",
        "Plausibility: whether an explanation looks right to a reader; .5 by chance.",
        "That the model used those words. Plausible is not faithful.",
    ),
    "human_agreement": Card(
        "Do people mark the same words as each other?",
        "One annotator's marks are found by another's.",
        "Annotators were asked the same and did not confer.",
        "The ceiling of plausibility.",
        "Anything about a model.",
    ),
}

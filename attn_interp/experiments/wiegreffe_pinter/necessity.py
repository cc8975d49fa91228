"""Is attention needed? The same classifier trained with attention and without, over seeds and documents.

Wiegreffe & Pinter 2019, section 3.1: where frozen uniform attention does as well, there is nothing that the weights
could explain. That two models do equally well is a claim of its own, so it is tested against a margin.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.record import Card, Experiment, Statement
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import MARGIN, Models, of_conditions
from attn_interp.statistics.scores import compare

ATTENTION = "attention"


def necessity(
    models: Models, documents: Sequence[Document], *, margin: float = MARGIN, reference: str = ATTENTION
) -> Result:
    """Is attention needed?

    The summary says of each rival whether attention is "needed" (better by more than the margin), "not needed" (not
    better by the margin) or "undecided"; over new seeds and documents either of the first two is wrong in at most 5 %
    of samples. `p_equivalent` is the p-value of the two one-sided tests of no difference beyond the margin either way.

    Args:
        models: Condition -> seed -> model: {"attention": {0: model}, "uniform": {0: rival}}, the same seeds in all. Any
            model serves that has `classes` and `logits(documents)`.
        documents: Labelled documents that no model has seen.
        margin: The smallest difference in accuracy or macro F1 that counts.
        reference: The condition with attention.

    Returns:
        A result with one row per condition, seed and document: label, predicted, correct, probability_label.

    Raises:
        TypeError: the models are not given as {condition: {seed: model}}.
        ValueError: no documents or one without a label, seeds or classes that differ between conditions, an unknown
            reference, margin <= 0.

    Reference: Wiegreffe & Pinter 2019, section 3.1.
    """
    return of_conditions("necessity", "condition", models, documents, margin, reference)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy and macro F1 of each condition, and the paired difference to attention with its verdict: `compare`."""
    return compare(result.frame, "condition", str(result.settings["reference"]), float(result.settings["margin"]))


EXPERIMENT = Experiment(
    necessity,
    "models",
    Card(
        "Is attention needed?",
        "The classifier is better with attention than without.",
        "The rivals are trained in the same way, on the same seeds.",
        "Whether there is a gain that the weights could explain; the verdict is against a stated margin.",
        "That attention explains, where it is needed.",
    ),
    summarise,
    statements=(
        Statement("{quantity}, {condition}", where={"statistic": "score"}),
        Statement("{quantity}, {reference} - {condition} ({verdict})", where={"statistic": "difference"}),
    ),
    example='ai.necessity({"attention": {0: model}, "uniform": {0: rival}}, corpus.test)',
)

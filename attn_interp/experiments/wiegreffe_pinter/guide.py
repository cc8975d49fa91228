"""Does an attention point at what matters? A context-free model is given it and has to classify with it.

Wiegreffe & Pinter 2019, section 3.3: the model sees each word alone, so it can profit from a guide only as far as the
guide weighs the words that decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.record import Card, Experiment, Statement
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import MARGIN, Models, of_conditions
from attn_interp.statistics.scores import DIFFERENCE, compare

UNIFORM = "uniform"


def guide(models: Models, documents: Sequence[Document], *, margin: float = MARGIN, reference: str = UNIFORM) -> Result:
    """Does the attention point at what matters?

    Args:
        models: Guide -> seed -> the context-free model that was trained under it, with the attention of that seed's
            guide on the documents (`UnderAttention`); a model that learned its own attention stands as it is.
        documents: Labelled documents that no model has seen.
        margin: The smallest difference that counts, for the test of equivalence with the reference.
        reference: The guide that says nothing.

    Returns:
        A result with one row per guide, seed and document: label, predicted, correct, probability_label.

    Raises:
        TypeError: the models are not given as {guide: {seed: model}}.
        ValueError: no documents or one without a label, seeds or classes that differ between guides, an unknown
            reference, margin <= 0.

    Reference: Wiegreffe & Pinter 2019, section 3.3.
    """
    return of_conditions("guide", "guide", models, documents, margin, reference)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy and macro F1 under each guide, and what the guide adds to the reference (guide minus reference), with
    the p-value of the two one-sided tests that it adds nothing beyond the margin."""
    table = compare(result.frame, "guide", str(result.settings["reference"]), float(result.settings["margin"]))
    turned = table.assign(estimate=-table["estimate"], low=-table["high"], high=-table["low"])
    is_difference = table["statistic"].to_numpy() == DIFFERENCE
    for name in ("estimate", "low", "high"):
        table[name] = np.where(is_difference, turned[name], table[name])
    return table.drop(columns=["p_above", "verdict"])


EXPERIMENT = Experiment(
    guide,
    "models",
    Card(
        "Does the attention point at what matters?",
        "A context-free model does better with this attention than with uniform weights.",
        "The model sees each word alone, so it profits only from weights on words that decide.",
        "What the guide adds to uniform weights.",
        "That the model which the attention comes from uses those words.",
    ),
    summarise,
    statements=(
        Statement("{quantity}, {guide}", where={"statistic": "score"}),
        Statement("{quantity}, {guide} - {reference}", where={"statistic": "difference"}),
    ),
    example="analyses/wiegreffe_pinter_2019.py trains the models under each guide",
)

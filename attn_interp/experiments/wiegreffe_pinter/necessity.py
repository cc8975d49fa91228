"""Is attention needed? The same classifier trained with attention and without, over seeds and documents.

Wiegreffe & Pinter 2019, section 3: where frozen uniform attention does as well, there is nothing that the weights
could explain. That two models do equally well is a claim of its own, so it is tested against a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.result import Column, Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import COLUMNS as PREDICTION_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import Guided, predictions
from attn_interp.models.classifiers.trained import Trained
from attn_interp.statistics.scores import LEVEL, compare

ATTENTION = "attention"
MARGIN = 0.02

COLUMNS = {"condition": Column("what pools the states of the words"), **PREDICTION_COLUMNS}


def necessity(
    models: Mapping[str, Sequence[Trained]],
    documents: Sequence[Document],
    margin: float = MARGIN,
    reference: str = ATTENTION,
) -> Result:
    """Predictions of the classifier with attention and of its rivals. One row per condition, seed and document.

    The summary says of each rival whether attention is "needed" (better by more than the margin), "not needed" (not
    better by the margin) or "undecided"; over new seeds and documents either of the first two is wrong in at most 5 %
    of samples. `p_equivalent` is the p-value of the two one-sided tests of no difference beyond the margin either way.

    Args:
        models: Condition -> its classifiers, one for each seed; the same seeds in all.
        documents: Documents that no model has seen.
        margin: The smallest difference in accuracy or macro F1 that counts.
        reference: The condition with attention.

    Raises:
        ValueError: no documents, seeds or classes that differ between conditions, an unknown reference, margin <= 0.
    """
    if reference not in models:
        raise ValueError(f"necessity: there is no condition {reference!r}; given are {', '.join(map(repr, models))}")
    if not margin > 0:
        raise ValueError(f"necessity: margin must be above 0, got {margin}; state the smallest difference that counts")
    runs = {name: [Guided(trained) for trained in each] for name, each in models.items()}
    frame = predictions("condition", runs, documents)
    settings = {
        "documents": len(documents),
        "conditions": list(models),
        "reference": reference,
        "margin": margin,
        "level": LEVEL,
        "seeds": sorted(trained.seed for trained in models[reference]),
    }
    return Result("necessity", frame, settings, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy and macro F1 of each condition, and the paired difference to attention with its verdict: `compare`."""
    return compare(result.frame, "condition", str(result.settings["reference"]), float(result.settings["margin"]))

"""Does an attention point at what matters? A context-free model is given it and has to classify with it.

Wiegreffe & Pinter 2019, section 3: the model sees each word alone, so it can profit from a guide only as far as the
guide weighs the words that decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.result import Column, Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import COLUMNS as PREDICTION_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import Guided, predictions
from attn_interp.statistics.scores import DIFFERENCE, compare

UNIFORM = "uniform"
MARGIN = 0.02

COLUMNS = {"guide": Column("whose attention the context-free model was trained under"), **PREDICTION_COLUMNS}


def guide(
    models: Mapping[str, Sequence[Guided]],
    documents: Sequence[Document],
    margin: float = MARGIN,
    reference: str = UNIFORM,
) -> Result:
    """Predictions of the context-free model under each guide. One row per guide, seed and document.

    Args:
        models: Guide -> the classifiers trained under it, one for each seed, each with the attention of that seed's
            guide on the documents.
        documents: Documents that no model has seen.
        margin: The smallest difference that counts, for the test of equivalence with the reference.
        reference: The guide that says nothing.

    Raises:
        ValueError: no documents, seeds or classes that differ between guides, an unknown reference, margin <= 0.
    """
    if reference not in models:
        raise ValueError(f"guide: there is no guide {reference!r}; given are {', '.join(map(repr, models))}")
    if not margin > 0:
        raise ValueError(f"guide: margin must be above 0, got {margin}; state the smallest difference that counts")
    settings = {
        "documents": len(documents),
        "guides": list(models),
        "reference": reference,
        "margin": margin,
        "seeds": sorted(model.trained.seed for model in models[reference]),
    }
    return Result("guide", predictions("guide", models, documents), settings, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy and macro F1 under each guide, and what the guide adds to the reference (guide minus reference), with
    the p-value of the two one-sided tests that it adds nothing beyond the margin."""
    table = compare(result.frame, "guide", str(result.settings["reference"]), float(result.settings["margin"]))
    turned = table.assign(estimate=-table["estimate"], low=-table["high"], high=-table["low"])
    is_difference = table["statistic"].to_numpy() == DIFFERENCE
    for name in ("estimate", "low", "high"):
        table[name] = np.where(is_difference, turned[name], table[name])
    return table.drop(columns=["p_above", "verdict"])

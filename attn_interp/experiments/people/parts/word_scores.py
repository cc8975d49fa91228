"""Every score of the words of documents by name: attention, attributions and baselines, computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.people.parts.word_baselines import Baseline, word_baselines
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.statistics.bootstrap import Floats

ATTENTION, ATTRIBUTION, BASELINE, HUMAN = "attention", "attribution", "baseline", "human"


@dataclass(frozen=True)
class WordScores:
    """Scores of the words of N documents.

    Attributes:
        documents: The documents, as the model saw them.
        about: One row per document, in their order: `DOCUMENT_COLUMNS`.
        scores: Name of the scorer -> for each document (T,) scores, the larger the more important; NaN where undefined.
        kinds: Name of the scorer -> "attention", "attribution" or "baseline".
        settings: Of the model, and how attributions are ranked.
    """

    documents: Sequence[Document]
    about: pd.DataFrame
    scores: Mapping[str, Sequence[Floats]]
    kinds: Mapping[str, str]
    settings: Mapping[str, object]


def word_scores(
    reading: Reading, methods: Methods = METHODS, baselines: Mapping[str, Baseline] | None = None, signed: bool = False
) -> WordScores:
    """The attention weights, the attributions of the predicted class and the baselines, on the words of each document.

    Args:
        methods: The attributions.
        baselines: By name; None: those that the training documents of the reading allow (`word_baselines`).
        signed: Rank attributions as they are, words that speak against the predicted class last; otherwise by absolute
            value, so that such a word counts as evidence too.

    Raises:
        ValueError: two scorers have the same name.
    """
    if baselines is None:
        baselines = word_baselines(reading.training or (), seed=reading.seed)
    seen: dict[int, Document] = {}
    scores: dict[str, dict[int, Floats]] = {}
    frames = []
    names: list[str] = []
    for batch, found in reading.attributions(methods, "scores of words"):
        if not names:
            names = [ATTENTION, *found, *baselines]
            if len(set(names)) < len(names):
                listed = ", ".join(names)
                raise ValueError(f"names of scorers repeat: {listed}; give every baseline a name of its own")
            scores = {name: {} for name in names}
        tables = {ATTENTION: batch.weights}
        tables |= {name: each.values if signed else each.values.abs() for name, each in found.items()}
        for place, (row, document) in enumerate(zip(batch.rows, batch.batch.documents)):
            seen[row] = document
            for name, table in tables.items():
                scores[name][row] = table[place, : len(document)].to(torch.float64).numpy()
            for name, baseline in baselines.items():
                scores[name][row] = baseline(document)
        frames.append(batch.about())
    kinds = dict.fromkeys(names, ATTRIBUTION) | {ATTENTION: ATTENTION} | dict.fromkeys(baselines, BASELINE)
    settings = reading.settings
    settings["attributions_ranked_by"] = "value for the predicted class" if signed else "absolute value"
    rows = range(len(seen))
    in_rows = {name: [found[row] for row in rows] for name, found in scores.items()}
    return WordScores(tuple(seen[row] for row in rows), reading.in_order(frames), in_rows, kinds, settings)

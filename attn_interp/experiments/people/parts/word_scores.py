"""Every score of the words of documents by name: attention, attributions and baselines, computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from attn_interp.attribution.attribution import Method
from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.people.parts.word_baselines import Baseline, word_baselines
from attn_interp.experiments.reading import Reading, document_frame, in_order, read, reading_settings
from attn_interp.models.attention_model import AttentionModel
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

    documents: tuple[Document, ...]
    about: pd.DataFrame
    scores: Mapping[str, Sequence[Floats]]
    kinds: Mapping[str, str]
    settings: Mapping[str, object]


def word_scores(
    model: AttentionModel,
    documents: Sequence[Document],
    methods: Mapping[str, Method] = METHODS,
    baselines: Mapping[str, Baseline] | None = None,
    signed: bool = False,
    seed: int = 0,
    reading: Reading | None = None,
    attributed: Attributed | None = None,
    progress: bool = False,
) -> WordScores:
    """The attention weights, the attributions of the predicted class and the baselines, on the words of each document.

    Args:
        methods: the attributions, by name.
        baselines: by name; None: those that need no training documents (`word_baselines`).
        signed: rank attributions as they are, words that speak against the predicted class last; otherwise by absolute
            value, so that such a word counts as evidence too.
        reading: what `read` returned for the same model and documents, to save reading them again.
        attributed: what `attribute` returned for this reading; `methods` is then not used.

    Raises:
        ValueError: two scorers have the same name.
    """
    reading = reading or read(model, documents, seed)
    attributed = attributed or attribute(model, reading, methods, progress)
    baselines = word_baselines(seed=seed) if baselines is None else baselines
    names = [ATTENTION, *attributed.names, *baselines]
    if len(set(names)) < len(names):
        raise ValueError(f"names of scorers repeat: {', '.join(names)}; give every baseline a name of its own")
    seen: dict[int, Document] = {}
    scores: dict[str, dict[int, Floats]] = {name: {} for name in names}
    frames = []
    for read_batch, found in zip(reading.batches, attributed.batches):
        tables = {ATTENTION: read_batch.weights}
        tables |= {name: each.values if signed else each.values.abs() for name, each in found.items()}
        for place, (row, document) in enumerate(zip(read_batch.rows, read_batch.batch.documents)):
            seen[row] = document
            for name, table in tables.items():
                scores[name][row] = table[place, : len(document)].to(torch.float64).numpy()
            for name, baseline in baselines.items():
                scores[name][row] = baseline(document)
        frames.append(document_frame(model, read_batch))
    kinds = dict.fromkeys(names, ATTRIBUTION) | {ATTENTION: ATTENTION} | dict.fromkeys(baselines, BASELINE)
    settings = reading_settings(model, reading, seed)
    settings["attributions_ranked_by"] = "value for the predicted class" if signed else "absolute value"
    rows = range(len(seen))
    in_rows = {name: [found[row] for row in rows] for name, found in scores.items()}
    return WordScores(tuple(seen[row] for row in rows), in_order(frames, reading), in_rows, kinds, settings)

"""Where in a document do people mark words, and where do attention and attributions put their mass?

Agreement with people may come from the place of a word alone: people mark more near the end of a review (Sen et al.
2020), and so may a recurrent network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.experiments.people.parts.word_scores import BASELINE, HUMAN, word_scores
from attn_interp.experiments.people.plausibility import why_not
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.bootstrap import summarise as summarise_columns

BINS = 10
PEOPLE = "people"

COLUMNS = {
    "document": Column("id of the document"),
    "words": Column("length of the document", "words", 1),
    "scorer": Column(
        f"attention, the absolute value of an attribution, or {PEOPLE} (mean over those who marked a word)"
    ),
    "kind": Column("attention, attribution or human"),
    "tenth": Column("tenth of the document, 0 the first", "", 0, BINS - 1),
    "mass": Column("share of the scorer's total in this tenth of the document; .1 where it is even", "", 0, 1),
    "centre": Column("mean relative position weighted by the scores, 0 the start and 1 the end", "", 0, 1),
    "reason": Column("why mass and centre are NaN; empty where they are not"),
}


def positions(reading: Reading, *, methods: Methods = METHODS) -> Result:
    """Where in a document do people mark words, and where do attention and attributions put their mass?

    Word t of T covers the relative positions from (t-1)/T to t/T, and shares its score out among the tenths that it
    covers: short documents have no holes. Documents without rationales have undefined rows of people, and a scorer
    whose scores are all 0, or one of them NaN, has undefined rows.

    Args:
        reading: A model's attention over documents, from `read`.
        methods: Names of attributions, or a mapping of names of your own to functions.

    Returns:
        A result with one row per document, scorer and tenth: mass in [0, 1], centre in [0, 1], reason.
    """
    scored = word_scores(reading, methods, {})
    shown = [name for name, kind in scored.kinds.items() if kind != BASELINE]
    frames = []
    for row, document in enumerate(scored.documents):
        for name in shown:
            scores = np.abs(scored.scores[name][row])
            frames.append(_rows(document, name, scored.kinds[name], [scores]))
        frames.append(_rows(document, PEOPLE, HUMAN, [np.asarray(own) for own in document.rationales]))
    settings = {**scored.settings, "scorers": [*shown, PEOPLE], "bins": BINS, "status": "measured"}
    return Result("positions", pd.concat(frames, ignore_index=True)[list(COLUMNS)], settings, COLUMNS)


def _rows(document: Document, scorer: str, kind: str, maps: Sequence[Floats]) -> pd.DataFrame:
    """The tenths of the mean of the maps, each scaled to a total of 1; maps without any score are left out."""
    known = [scores / scores.sum() for scores in maps if scores.sum() > 0]  # false where a score is NaN
    share = np.mean(known, 0) if known else np.full(len(document), np.nan)
    reason = "" if known else "no rationale" if not maps else "no word is marked" if kind == HUMAN else "no scores"
    edges = np.arange(len(document) + 1) / len(document)
    tenths = np.arange(BINS + 1) / BINS
    overlap = np.minimum(edges[1:, None], tenths[1:]) - np.maximum(edges[:-1, None], tenths[:-1])  # (T, bins)
    mass = share @ (overlap.clip(min=0) * len(document))
    return pd.DataFrame(
        {
            "document": document.id,
            "words": len(document),
            "scorer": scorer,
            "kind": kind,
            "tenth": np.arange(BINS),
            "mass": mass,
            "centre": float(share @ (edges[1:] + edges[:-1]) / 2),
            "reason": reason,
        }
    )


def summarise(result: Result) -> pd.DataFrame:
    """Mean mass by scorer and tenth, and mean centre by scorer (tenth empty), with intervals over documents and n."""
    seed = int(result.settings["seed"])
    mass = summarise_columns(result.frame, ["scorer", "tenth"], ["mass"], ("mean",), seed)
    centres = summarise_columns(result.frame[result.frame["tenth"] == 0], ["scorer"], ["centre"], ("mean",), seed)
    centres.insert(1, "tenth", np.nan)
    return pd.concat([centres, mass.astype({"tenth": float})], ignore_index=True)


EXPERIMENT = Experiment(
    positions,
    "reading",
    Card(
        "Where in a document do people mark words, and where is the attention?",
        "Attention lies where people mark.",
        "Where a word stands may tell of its weight, whatever the word.",
        "The share of each tenth of the document in the marks and in the scores.",
        "That the same words are meant: two maps may lie in one place and mark other words.",
    ),
    summarise,
    decided_by=("methods",),
    why_not=why_not,
    of_answers=True,
)

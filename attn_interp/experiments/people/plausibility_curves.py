"""ROC and precision-recall curves of scores against the words that people marked, averaged over documents.

Plausibility, whether a score looks right, and not faithfulness: see `plausibility`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.attribution.methods import METHODS
from attn_interp.data.batch import batches_by_length
from attn_interp.experiments.people.parts.annotators import PEOPLE, PERSON, comparisons
from attn_interp.experiments.people.parts.matching import BATCH, EACH, Marks, padded, targets
from attn_interp.experiments.people.parts.word_baselines import Baseline
from attn_interp.experiments.people.parts.word_scores import HUMAN, word_scores
from attn_interp.experiments.people.plausibility import why_not
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment
from attn_interp.experiments.result import Result
from attn_interp.measures.rationale_scores import curve_points
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.means import bootstrapped_means, interval_of

ROC, PRECISION_RECALL = "ROC", "precision-recall"
GRID = np.linspace(0.0, 1.0, 41)

COLUMNS = {
    "scorer": Column("what scores the words, as in the experiment plausibility"),
    "kind": Column("attention, attribution, baseline or human"),
    "curve": Column(f"{ROC} or {PRECISION_RECALL}"),
    "x": Column(
        f"share of the unmarked words that are taken ({ROC}); of the marked words ({PRECISION_RECALL})", "", 0, 1
    ),
    "y": Column(f"share of the marked words that are taken ({ROC}); of the taken words that are marked", "", 0, 1),
    "low": Column("lower end of the 95 % bootstrap interval of y over documents; NaN for one document", "", 0, 1),
    "high": Column("upper end", "", 0, 1),
    "n": Column("documents with a curve", "documents", 0),
    "undefined": Column(
        "documents without one: no, an empty or a full rationale, or an undefined score", "documents", 0
    ),
}


def plausibility_curves(
    reading: Reading,
    *,
    methods: Methods = METHODS,
    baselines: Mapping[str, Baseline] | None = None,
    rationale: str = EACH,
    signed: bool = False,
) -> Result:
    """How do scores and people find the marked words, at every threshold?

    ROC and precision-recall curves. The curve of a document is the mean over its annotators, and the one given the mean
    over documents. Between thresholds a ROC curve runs straight, which is what random breaks of ties give on average;
    precision at recall x is that at the first threshold whose recall reaches x (at 0: exceeds it). The areas under a
    document's curves are then its AUROC and its average precision.

    Args:
        reading, methods, baselines, rationale, signed: As in `plausibility`.

    Returns:
        A result with one row per scorer, curve and x of a grid of 41: y with its interval, n, undefined.

    Raises:
        ValueError: as `plausibility`; or every rationale is empty or full.
    """
    seed = reading.seed
    targets(reading.documents, rationale)
    scored = word_scores(reading, methods, baselines, signed)
    wanted = [target for target in targets(scored.documents, rationale) if not target.reason]
    found = comparisons(scored.documents, rationale)
    marked, rows = [target.marked for target in wanted], [target.row for target in wanted]
    curves = {
        name: (_curves([scores[row] for row in rows], marked), rows, scored.kinds[name])
        for name, scores in scored.scores.items()
    }
    for scorer in (PERSON, PEOPLE):
        own = [each for each in found if (each.judge == PEOPLE) == (scorer == PEOPLE)]
        values = _curves([each.scores for each in own], [each.marked for each in own])
        curves[scorer] = (values, [each.row for each in own], HUMAN)
    frames = []
    for name, (values, of, kind) in curves.items():
        by_document = pd.DataFrame(values).groupby(np.array(of, dtype=np.int64)).mean().dropna()
        if len(by_document):
            drawn = bootstrapped_means(by_document.to_numpy(), seed).T
            frames.append(_rows(name, kind, drawn, len(by_document), len(scored.documents)))
    settings = {
        **scored.settings,
        "says": "plausibility: agreement with people's rationales. Not faithfulness",
        "status": "measured",
        "rationale": rationale,
    }
    if not frames:
        raise ValueError("every rationale is empty or full; a curve needs words that are marked and words that are not")
    return Result("plausibility_curves", pd.concat(frames, ignore_index=True), settings, COLUMNS)


def _curves(scores: Sequence[Floats], marked: Sequence[Marks]) -> Floats:
    """(N, 2 grid) of each pair: recall at the false positive rates of the grid, then precision at its recalls."""
    found = np.full((len(scores), 2 * len(GRID)), np.nan)
    for rows in batches_by_length([len(values) for values in scores], BATCH):
        own = [scores[row] for row in rows]
        is_word = padded([np.ones(len(values), dtype=bool) for values in own])
        points = curve_points(padded(own), padded([marked[row] for row in rows]), is_word)
        for row, recall, false_positives, precision in zip(rows, *(table.numpy() for table in points)):
            if not np.isnan(recall[0]):
                x, y = np.concatenate([[0.0], false_positives]), np.concatenate([[0.0], recall])
                found[row, : len(GRID)] = np.interp(GRID, x, y)  # where it rises upright: the upper end
                reached = np.searchsorted(recall, np.maximum(GRID - 1e-12, 1e-12))
                found[row, len(GRID) :] = precision[np.minimum(reached, len(precision) - 1)]
    return found


def _rows(name: str, kind: str, drawn: Floats, n: int, documents: int) -> pd.DataFrame:
    estimates = np.array([interval_of(samples) for samples in drawn])
    return pd.DataFrame(
        {
            "scorer": name,
            "kind": kind,
            "curve": np.repeat([ROC, PRECISION_RECALL], len(GRID)),
            "x": np.tile(GRID, 2),
            "y": estimates[:, 0],
            "low": estimates[:, 1],
            "high": estimates[:, 2],
            "n": n,
            "undefined": documents - n,
        }
    )


def summarise(result: Result) -> pd.DataFrame:
    """The curves themselves: every point with its interval and n."""
    return result.frame


EXPERIMENT = Experiment(
    plausibility_curves,
    "reading",
    Card(
        "How do scores and people find the marked words, at every threshold?",
        "At every threshold attention finds marked words better than chance, and as well as people do.",
        "The marks are people's reasons for the label.",
        "The whole curves behind AUROC and average precision, with the band of people.",
        "That the model used those words. Plausible is not faithful.",
    ),
    summarise,
    decided_by=("methods",),
    why_not=why_not,
    of_answers=True,
)

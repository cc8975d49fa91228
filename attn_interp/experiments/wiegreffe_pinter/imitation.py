"""Can a whole model be trained to give the same outputs with different attention, and how different?

Wiegreffe & Pinter 2019, section 4: an adversary per document proves little, since no model need attend so. Here one set
of weights has to do it for all documents, unseen ones too. Cheaper imitators may learn only a part of the model.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement, rows_of
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.compared import COLUMNS as COMPARED_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.compared import compared, within_ranges
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.training.imitating import FREE
from attn_interp.statistics.clusters import summarise_crossed

COLUMNS = {
    "free": Column(f"parts of the imitator that could learn: {', '.join(FREE)}"),
    "strength": Column("lambda in the loss TVD - lambda KL(imitator || base), with the true TVD", "", 0),
    "seed": Column("seed of the base model"),
    **COMPARED_COLUMNS,
}


def imitation(reading: Reading, imitators: Mapping[tuple[str, float], AttentionModel]) -> Result:
    """Can a whole model attend otherwise and decide the same?

    Args:
        reading: The base model's attention over documents that no model has seen, from `read`; its seed is the base's.
        imitators: (what could learn, strength of the divergence in the objective) -> the imitator.

    Returns:
        A result with one row per imitator and document: jsd (nats), kl, tvd, decision_flip, correct.

    Raises:
        ValueError: no imitators, or one of other classes.

    Reference: Wiegreffe & Pinter 2019, section 4.
    """
    if not imitators:
        raise ValueError("imitation: no imitators were given; give at least one, as {(free, strength): model}")
    frames = [
        compared(reading, other).assign(free=free, strength=strength, seed=reading.seed)
        for (free, strength), other in imitators.items()
    ]
    settings = {
        **reading.settings,
        "objective": "TVD(p_imitator, p_base) - strength KL(attention of the imitator || attention of the base)",
        "imitators": [{"free": free, "strength": strength} for free, strength in imitators],
    }
    return Result("imitation", pd.concat(frames, ignore_index=True)[list(COLUMNS)], settings, COLUMNS)


def together(results: Mapping[int, Result]) -> Result:
    """Results of several base models, each under its own seed, as one.

    Raises:
        ValueError: there are none, or two are of the same seed.
    """
    if not results:
        raise ValueError("imitation: got no results; give at least one")
    frame = pd.concat([results[seed].frame for seed in sorted(results)], ignore_index=True)
    if (twice := frame.duplicated(["free", "strength", "seed", "document"])).any():
        raise ValueError(f"imitation: seed {frame['seed'][twice].iloc[0]} stands there twice; each counts once")
    return Result("imitation", frame, {**results[min(results)].settings, "seeds": sorted(results)}, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Mean divergence, output distance, flips and accuracy of each imitator, with intervals over seed and document."""
    frame = rows_of(result)
    return within_ranges(summarise_crossed(frame, ["free", "strength"], ["jsd", "tvd", "decision_flip", "correct"]))


EXPERIMENT = Experiment(
    imitation,
    "models",
    Card(
        "Can a whole model attend otherwise and decide the same?",
        "One model gives the same outputs with quite different attention, on unseen documents.",
        "Imitators are found by training: another might go further.",
        "How different (JSD) a model's attention can be at which cost in output (TVD).",
        "The farthest possible: a search is a lower bound.",
    ),
    summarise,
    statements=(
        Statement("mean JSD, {free} free, strength {strength}", "jsd", "search"),
        Statement("mean TVD, {free} free, strength {strength}", "tvd", "search"),
    ),
    example="analyses/wiegreffe_pinter_2019.py trains the imitators",
)

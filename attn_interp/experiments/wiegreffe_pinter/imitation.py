"""Can a whole model be trained to give the same outputs with different attention, and how different?

Wiegreffe & Pinter 2019, section 4: an adversary per document proves little, since no model need attend so. Here one set
of weights has to do it for all documents, unseen ones too. Cheaper imitators may learn only a part of the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import Reading, read, reading_settings
from attn_interp.experiments.result import Column, Result
from attn_interp.experiments.wiegreffe_pinter.parts.compared import COLUMNS as COMPARED_COLUMNS
from attn_interp.experiments.wiegreffe_pinter.parts.compared import compared, within_ranges
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.training.imitating import FREE, Imitator
from attn_interp.models.wrap import wrap
from attn_interp.statistics.clusters import summarise_crossed

COLUMNS = {
    "free": Column(f"parts of the imitator that could learn: {', '.join(FREE)}"),
    "strength": Column("lambda in the loss TVD - lambda KL(imitator || base), with the true TVD", "", 0),
    "seed": Column("seed of the base model"),
    **COMPARED_COLUMNS,
    "correct": Column("whether the imitator predicts the gold class"),
}


def imitation(
    base: AttentionModel,
    imitators: Sequence[Imitator],
    documents: Sequence[Document],
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """Imitators of a base model on documents that none of them has seen. One row per imitator and document.

    Args:
        base: The model they imitate.
        imitators: Of any freedom and strength, one for each pair.
        seed: Of the base model.
        reading: what `read` returned for the base and the documents, to save reading them again.

    Raises:
        ValueError: no documents, no imitators, two of the same freedom and strength, or of other classes.
    """
    pairs = [(each.free, each.strength) for each in imitators]
    if not pairs or len(set(pairs)) < len(pairs):
        raise ValueError(f"imitation: got imitators {pairs}; give at least one, and one for each freedom and strength")
    reading = reading or read(base, documents, seed)
    frames = []
    for each in track(imitators, "imitators", progress):
        other = wrap(each.trained, device=base.device)
        frame = compared(base, reading, other)
        decided = other.logits(documents).argmax(-1).tolist()
        frame["correct"] = [
            None if document.label is None else index == document.label
            for index, document in zip(decided, documents, strict=True)
        ]
        frames.append(frame.assign(free=each.free, strength=each.strength, seed=seed))
    settings = {
        **reading_settings(base, reading, seed),
        "objective": "TVD(p_imitator, p_base) - strength KL(attention of the imitator || attention of the base)",
        "imitators": [{"free": free, "strength": strength} for free, strength in pairs],
    }
    return Result("imitation", pd.concat(frames, ignore_index=True)[list(COLUMNS)], settings, COLUMNS)


def together(results: Sequence[Result]) -> Result:
    """Results of several base models, each of its own seed, as one.

    Raises:
        ValueError: there are none, or two have the same seed.
    """
    seeds = [int(result.settings["seed"]) for result in results]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"imitation: got results of seeds {seeds}; give at least one, each of another seed")
    frame = pd.concat([result.frame for result in results], ignore_index=True)
    return Result("imitation", frame, {**results[0].settings, "seeds": seeds}, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Mean divergence, output distance, flips and accuracy of each imitator, with intervals over seed and document."""
    columns = ["jsd", "tvd", "decision_flip", "correct"]
    frame = result.frame.assign(**{name: result.frame[name].astype(float) for name in columns})
    return within_ranges(summarise_crossed(frame, ["free", "strength"], columns))

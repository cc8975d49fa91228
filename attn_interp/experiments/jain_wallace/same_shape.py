"""How different can attention be at the same output if it keeps its shape? Only permutations of it are allowed.

An adversary of the largest divergence puts all attention on one or two words, which no trained model does. This one has
the entropy and the maximum of the model's own attention, so the objection does not reach it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.data.document import Document
from attn_interp.experiments.jain_wallace.adversary import (
    CERTIFIED,
    EXACT,
    Adversaries,
    check_eps,
    measured,
)
from attn_interp.experiments.jain_wallace.adversary import (
    COLUMNS as ADVERSARY_COLUMNS,
)
from attn_interp.experiments.jain_wallace.adversary import (
    summarise as summarise_adversary,
)
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import Reading, document_frame, in_order, read, reading_settings
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.adversary.same_shape import permutation_adversary

COLUMNS = ADVERSARY_COLUMNS
CLOSED = 1e-9


def same_shape(
    model: AttentionModel,
    documents: Sequence[Document],
    eps: float = 0.01,
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """The eps-max divergence over the permutations of the model's attention. One row per document.

    Status is exact where the interval [jsd, jsd_upper] has closed, certified elsewhere.

    Args:
        eps: The output may move by at most this total variation distance, in (0, 1).
        reading: what `read` returned for the same model and documents, to save reading them again.

    Raises:
        ValueError: eps outside (0, 1), more than two classes, or a readout that is not affine.
    """
    check_eps("same_shape", eps)
    reading = reading or read(model, documents, seed)
    if not reading.affine or len(model.classes) != 2:
        raise ValueError(
            f"same_shape: needs an affine readout ({'given' if reading.affine else 'not given'}) and two classes, got "
            f"{len(model.classes)} classes; use adversary, which has no such limits"
        )
    frames = []
    for read_batch in track(reading.batches, "adversary of the same shape", progress):
        found = permutation_adversary(read_batch.weights, read_batch.votes, read_batch.is_word, eps)
        (row,) = measured(model, read_batch, [Adversaries(found.weights, CERTIFIED, found.jsd_upper)])
        closed = (found.jsd_upper - found.jsd < CLOSED).tolist()
        row["status"] = [EXACT if each else CERTIFIED for each in closed]
        frames.append(document_frame(model, read_batch).assign(eps=eps, **row))
    settings = {**reading_settings(model, reading, seed), "eps": eps}
    return Result("same_shape", in_order(frames, reading), settings, COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """As for the adversary, exact and certified documents together: jsd is attained, jsd_upper is proved."""
    together = Result("same_shape", result.frame.assign(status=CERTIFIED), result.settings, result.columns)
    return summarise_adversary(together)

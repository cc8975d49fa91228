"""Does the word with the largest weight matter more than another? One weight is erased, the rest renormalised.

Serrano & Smith 2019, section 4: the effect of erasing the most attended word i* is set against that of another word r.
The paper draws one r per document; here every r is tried and the mean over all of them is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.groupings import grouped
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import (
    DOCUMENT_COLUMNS,
    ReadBatch,
    Reading,
    document_frame,
    in_order,
    logits_under,
    read,
    reading_settings,
)
from attn_interp.experiments.result import Column, Result
from attn_interp.measures.divergence import LN2, jsd
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import erased_logits
from attn_interp.statistics.bootstrap import summarise as summarise_columns

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "weight_difference": Column("weight of the most attended word minus another's, mean over the others", "", 0, 1),
    "js_difference": Column(
        "JS divergence of the output when the most attended word is erased minus when another is, mean over the others",
        "nats",
        -LN2,
        LN2,
    ),
    "js_most_attended": Column("JS divergence of the output when the most attended word is erased", "nats", 0, LN2),
    "js_other": Column("JS divergence of the output when another word is erased, mean over the others", "nats", 0, LN2),
    "other_has_more_effect": Column("share of the other words whose erasure moves the output more", "", 0, 1),
    "flip_both": Column("chance that both erasures change the decision, the other word drawn at random", "", 0, 1),
    "flip_only_most_attended": Column("chance that only the erasure of the most attended word does", "", 0, 1),
    "flip_only_other": Column("chance that only the erasure of the other word does", "", 0, 1),
    "flip_neither": Column("chance that neither does", "", 0, 1),
}


def single_erasure(
    model: AttentionModel,
    documents: Sequence[Document],
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """The most attended word against every other one. One row per document.

    Where several words share the largest weight the first is taken. A document of one word has no other: its values
    are NaN. A document with all attention on one word has nothing left without it: NaN too.

    Args:
        reading: what `read` returned for the same model and documents, to save reading them again.
    """
    reading = reading or read(model, documents, seed)
    frames = []
    for read_batch in track(reading.batches, "erasure of one word", progress):
        logits = _erased(model, reading, read_batch)  # (B, W, C), NaN where undefined
        own = read_batch.logits.softmax(-1)[:, None]
        defined = ~logits.isnan().any(-1)
        divergence = torch.where(defined, jsd(logits.nan_to_num().softmax(-1), own), torch.nan)  # (B, W)
        lead = advantages(logits, read_batch.predicted)
        flips = torch.where(defined, (lead < 0).any(-1).double(), torch.nan)
        frames.append(document_frame(model, read_batch).assign(**_compared(read_batch, divergence, flips)))
    settings = {
        **reading_settings(model, reading, seed),
        "erasure": "the weight is set to 0 and the rest renormalised",
        "status": "exact" if reading.affine else "every erasure run through the model",
    }
    return Result("single_erasure", in_order(frames, reading), settings, COLUMNS)


def _erased(model: AttentionModel, reading: Reading, read_batch: ReadBatch) -> torch.Tensor:
    """(B, W, C) logits with the weight of word w erased; NaN where there is no word or nothing is left."""
    if reading.affine:
        return erased_logits(read_batch.weights, read_batch.votes, read_batch.is_word)
    width = read_batch.weights.shape[1]
    others = 1 - torch.eye(width, dtype=read_batch.weights.dtype)
    kept = read_batch.weights[:, None] * others  # (B, W, W)
    left = kept.sum(-1, keepdim=True)
    possible = (left > 0) & read_batch.is_word[..., None]
    kept = torch.where(possible, kept / left, read_batch.weights[:, None])
    with torch.no_grad():
        logits = logits_under(model, reading, read_batch, kept)
    return torch.where(possible, logits, torch.nan)


def _compared(read_batch: ReadBatch, divergence: torch.Tensor, flips: torch.Tensor) -> dict[str, np.ndarray]:
    weights, is_word = read_batch.weights, read_batch.is_word
    top = weights.argmax(-1, keepdim=True)
    other = is_word.scatter(-1, top, False)
    count = other.sum(-1)

    def mean_over_others(values: torch.Tensor) -> torch.Tensor:
        total = torch.where(other, values, 0.0).sum(-1)
        return torch.where(count > 0, total / count, torch.nan)

    top_divergence, top_flip = divergence.gather(1, top).squeeze(1), flips.gather(1, top).squeeze(1)
    # Where nothing is left without the most attended word the comparison has one side only: undefined.
    usable = (count > 0) & ~top_divergence.isnan()
    share = mean_over_others(flips)
    values = {
        "weight_difference": weights.amax(-1) - mean_over_others(weights),
        "js_difference": top_divergence - mean_over_others(divergence),
        "js_most_attended": top_divergence,
        "js_other": mean_over_others(divergence),
        "other_has_more_effect": mean_over_others((divergence > top_divergence[:, None]).double()),
        "flip_both": top_flip * share,
        "flip_only_most_attended": top_flip * (1 - share),
        "flip_only_other": (1 - top_flip) * share,
        "flip_neither": (1 - top_flip) * (1 - share),
    }
    return {name: torch.where(usable, value, torch.nan).numpy() for name, value in values.items()}


def summarise(result: Result) -> pd.DataFrame:
    """Means with intervals: the 2x2 table of flips, the difference of effects, and how often another word has more."""
    values = list(COLUMNS)[len(DOCUMENT_COLUMNS) :]
    seed = int(result.settings["seed"])
    tables = []
    for frame in grouped(result.frame):
        tables.append(summarise_columns(frame, ["grouping", "group"], values, ("mean",), seed))
    return pd.concat(tables, ignore_index=True)

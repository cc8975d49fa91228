"""What can attention do to a decision at all? Every answer is exact, from the votes alone; no attention is tried.

A decision is unflippable when every word votes for it: no attention whatever changes it. Where it can be changed, the
attention margin says how far (KL) the attention would have to move, and the smallest erasure how many words it would
have to lose. The spread of the votes is what attention has to work with; how much of it the model's own attention uses
says whether attention selects or merely averages.
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
    read,
    reading_settings,
)
from attn_interp.experiments.result import Column, Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import smallest_erasure
from attn_interp.readout.identifiability import equivalent_dimension, weight_interval
from attn_interp.readout.logit_range import reachable, unflippable
from attn_interp.readout.margin import attention_margin
from attn_interp.statistics.bootstrap import summarise as summarise_columns

DELTA = 0.1

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "margin": Column("logit of the predicted class minus that of its strongest rival", "nats"),
    "margin_least": Column("smallest such margin over all attentions, same rival", "nats"),
    "margin_most": Column("largest such margin over all attentions, same rival", "nats"),
    "unflippable": Column("whether no attention whatever changes the decision"),
    "never_erasable": Column("whether no erasure of attended words changes the decision"),
    "smallest_erasure": Column("fewest words whose erasure changes the decision; NaN where none does", "words", 1),
    "kl_margin": Column("smallest KL(q || attention) at which a rival draws level; NaN where none can", "nats", 0),
    "spread_used": Column(
        "how far attention moves the margin from the mean of the votes, as a share of how far it could in that "
        "direction; NaN where all votes are equal",
        "",
        0,
        1,
    ),
    "equivalent_dimension": Column("dimension of the set of attentions with the same output", "", 0),
    "interval_width": Column(
        f"mean width of a weight's interval over the attentions that move no logit difference by more than {DELTA}",
        "",
        0,
        1,
    ),
}


def reach(
    model: AttentionModel,
    documents: Sequence[Document],
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """What attention can and cannot do to each decision. One row per document.

    Args:
        reading: what `read` returned for the same model and documents, to save reading them again.

    Raises:
        ValueError: the readout is not affine, so that votes do not determine the output.
    """
    reading = reading or read(model, documents, seed)
    if not reading.affine:
        raise ValueError(
            f"reach: the logits are not affine in the attention at site {model.view.site!r} (gap "
            f"{reading.affinity.gap:.2g} logits, votes spread over {reading.affinity.spread:.2g}), so the votes do not "
            "determine them; adversary, permutation and erasure search instead"
        )
    frames = [
        document_frame(model, read_batch).assign(**_measured(read_batch))
        for read_batch in track(reading.batches, "reach", progress)
    ]
    settings = {**reading_settings(model, reading, seed), "delta": DELTA, "status": "exact"}
    return Result("reach", in_order(frames, reading), settings, COLUMNS)


def _measured(read_batch: ReadBatch) -> dict[str, np.ndarray]:
    weights, votes, is_word = read_batch.weights, read_batch.votes, read_batch.is_word
    lead = advantages(votes, read_batch.predicted)  # (B, W, C)
    rival = read_batch.logits.topk(2).indices[:, 1:]
    ends = reachable(lead, is_word)
    margin = (weights[..., None] * lead).sum(1).gather(1, rival).squeeze(1)
    mean = (lead.sum(1) / is_word.sum(-1, keepdim=True)).gather(1, rival).squeeze(1)
    least, most = (end.gather(1, rival).squeeze(1) for end in ends)
    selected = margin - mean
    room = torch.where(selected > 0, most - mean, mean - least)
    erased = smallest_erasure(weights, votes, is_word).size
    kl = attention_margin(weights, votes, is_word).kl
    interval = weight_interval(weights, votes, is_word, DELTA)
    width = ((interval.most - interval.least) * is_word).sum(-1) / is_word.sum(-1)
    values = {
        "margin": margin,
        "margin_least": least,
        "margin_most": most,
        "unflippable": unflippable(votes, read_batch.predicted, is_word),
        "never_erasable": erased.isinf(),
        "smallest_erasure": torch.where(erased.isinf(), torch.nan, erased),
        "kl_margin": torch.where(kl.isinf(), torch.nan, kl),
        "spread_used": torch.where(room > 0, (selected.abs() / room).clamp(0, 1), torch.nan),
        "equivalent_dimension": equivalent_dimension(votes.float(), is_word),
        "interval_width": width,
    }
    return {name: value.numpy() for name, value in values.items()}


def summarise(result: Result) -> pd.DataFrame:
    """Shares, medians and means with intervals, over all documents and by predicted class. The median of the KL margin
    and of the smallest erasure is over the documents that have one; the others are counted as undefined."""
    flags = ["unflippable", "never_erasable"]
    frame = result.frame.assign(**{name: result.frame[name].astype(float) for name in flags})
    seed = int(result.settings["seed"])
    tables = []
    for rows in grouped(frame):
        by = ["grouping", "group"]
        tables.append(summarise_columns(rows, by, flags, ("share",), seed))
        tables.append(summarise_columns(rows, by, ["spread_used", "interval_width"], ("mean",), seed))
        tables.append(summarise_columns(rows, by, ["kl_margin", "smallest_erasure"], ("median",), seed))
    return pd.concat(tables, ignore_index=True)

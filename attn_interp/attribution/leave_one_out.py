"""Leave-one-out: the output of the whole model on the document without one word."""

from __future__ import annotations

from functools import partial

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.data.edit import delete_words
from attn_interp.models.attention_model import AttentionModel


def leave_one_out(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """p_class(document) - p_class(document without word w), by deletion. NaN for a document of one word.

    Models that know a faster way to the same logits go it (`AttentionModel.without_each_word`); others are run on every
    shortened document.

    Reference: Jain & Wallace 2019, section 4.1.
    """
    known = model.without_each_word or partial(logits_by_deletion, model)
    # In double precision, where the probabilities of a very sure model still differ.
    own, without = (logits.double().softmax(-1) for logits in known(batch))  # (B, C), (B, W, C)
    present = torch.arange(without.shape[1], device=own.device) < batch.is_word.sum(1, keepdim=True)
    change = (own[:, None] - without)[torch.arange(len(batch), device=own.device), :, classes]  # (B, W)
    return Attribution(change.masked_fill(~present, 0.0).float())


def logits_by_deletion(model: AttentionModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits (B, C) of each document, and those (B, W, C) of it without its w-th word, each a run of the model on
    the shortened document; NaN for a document of one word, 0 past the last word."""
    with torch.no_grad():
        own = model.batch_logits(batch)
    edits = [
        (row, position)
        for row, document in enumerate(batch.documents)
        if len(document) > 1
        for position in range(len(document))
    ]
    longest = max(len(document) for document in batch.documents)
    result = torch.zeros(len(batch), longest, len(model.classes), device=model.device)
    result[[row for row, document in enumerate(batch.documents) if len(document) == 1], 0] = torch.nan
    if edits:
        rows, positions = zip(*edits)
        shortened = [delete_words(batch.documents[row], {position}) for row, position in edits]
        result[list(rows), list(positions)] = model.logits(shortened, size=256)
    return own, result

"""Leave-one-out: the whole model is run again on the document without one word."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.data.edit import delete_words
from attn_interp.models.wrapper import AttentionModel


def leave_one_out(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """p_class(document) - p_class(document without word w), by deletion. NaN for a document of one word.

    Reference: Jain & Wallace 2019, section 4.1.
    """
    edits = [
        (row, position)
        for row, document in enumerate(batch.documents)
        if len(document) > 1
        for position in range(len(document))
    ]
    logits = model.logits([delete_words(batch.documents[row], {position}) for row, position in edits], size=256)
    with torch.no_grad():
        own = model.batch_logits(batch).softmax(-1).gather(1, classes[:, None]).squeeze(1)  # (B,)
    longest = max(len(document) for document in batch.documents)
    values = torch.zeros(len(batch), longest, device=own.device)
    for row, document in enumerate(batch.documents):
        if len(document) == 1:
            values[row, 0] = torch.nan
    if edits:
        row_of, position_of = (torch.tensor(column, device=own.device) for column in zip(*edits))
        without = logits.softmax(-1).gather(1, classes[row_of][:, None]).squeeze(1)
        values[row_of, position_of] = own[row_of] - without
    return Attribution(values)

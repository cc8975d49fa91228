"""All heads of a site together: what each attends to, and the logits under other weights of every head.

For views whose query is an index or found for each document, and models that see one position for each word.
"""

from __future__ import annotations

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.wrapper import AttentionModel, Change, to_positions, to_words
from attn_interp.recording import replay


def logits_under_heads(model: AttentionModel, batch: Batch, weightings: torch.Tensor) -> torch.Tensor:
    """The logits (B, K, C) under K alternative weightings (B, K, H, W) of all heads at the site and query of the view.

    As `AttentionModel.logits_under`: without re-encoding, attention on special tokens stays as it is, and the words of
    each head share out that head's own mass anew.
    """
    kept = replay(model.module, model.site, *model.inputs(batch))
    return torch.stack(
        [model.logits_of(kept.under(_put(model, batch, weighting))) for weighting in weightings.unbind(1)], 1
    )


def head_weights(model: AttentionModel, batch: Batch) -> torch.Tensor:
    """The weights (B, H, W) of every head over the words, each row summing to 1."""
    with torch.no_grad():
        weights = replay(model.module, model.site, *model.inputs(batch)).weights
    documents, query = _rows(model, batch)
    rows = weights[documents, :, query].transpose(1, 2)  # (B, T, H)
    words = to_words(rows, batch.is_word)[0].transpose(1, 2)  # (B, H, W)
    return words / words.sum(-1, keepdim=True)


def _put(model: AttentionModel, batch: Batch, weighting: torch.Tensor) -> Change:
    """The change of the site's weights that puts `weighting` (B, H, W) at the words of every head."""
    positions = torch.stack([to_positions(head, batch.is_word) for head in weighting.unbind(1)], 1)  # (B, H, T)
    documents, query = _rows(model, batch)
    is_word = batch.is_word[:, None]

    def change(weights: torch.Tensor) -> torch.Tensor:
        rows = weights[documents, :, query]  # (B, H, T)
        mass = 1 - (rows * ~is_word).sum(-1, keepdim=True)
        changed = weights.clone()
        changed[documents, :, query] = torch.where(is_word, positions.to(rows.dtype) * mass, rows)
        return changed

    return change


def _rows(model: AttentionModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Index of each document, and of its query in weights (B, H, queries, keys)."""
    documents = torch.arange(len(batch), device=batch.ids.device)
    query = torch.full_like(documents, int(model.view.query)) if model.query_of is None else model.query_of(batch)
    return documents, query

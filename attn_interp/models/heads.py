"""All heads of a site together: what each attends to, and the logits under other weights of every head.

For views of one query for each document.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.rows_of_attention import Window
from attn_interp.models.view import MEAN, Change, word_of
from attn_interp.recording.discovery.dry_run import in_eval_mode


def logits_under_heads(model: AttentionModel, batch: Batch, weightings: torch.Tensor) -> torch.Tensor:
    """The logits (B, K, C) under K alternative weightings (B, K, H, W) of all heads at the site and query of the view.

    As `AttentionModel.logits_under`: without re-encoding, attention on special tokens stays as it is, and the words of
    each head share out that head's own mass anew.
    """
    kept = model.replayed(batch)
    with in_eval_mode(model.module):
        return torch.stack(
            [model.logits_of(kept.under(_put(model, batch, weighting))) for weighting in weightings.unbind(1)], 1
        )


def head_weights(model: AttentionModel, batch: Batch) -> torch.Tensor:
    """The weights (B, H, W) of every head over the words, each row summing to 1."""
    with torch.no_grad():
        weights = model.replayed(batch).weights
    words = _heads(model, batch).rows(weights).words
    return words / words.sum(-1, keepdim=True)


def _put(model: AttentionModel, batch: Batch, weighting: torch.Tensor) -> Change:
    """The change of the site's weights that puts `weighting` (B, H, W) at the words of every head."""
    window = _heads(model, batch)

    def change(weights: torch.Tensor) -> torch.Tensor:
        return window.put(weights, window.rows(weights).each_under(weighting))

    return change


def _heads(model: AttentionModel, batch: Batch) -> Window:
    """Every head at the query of the view.

    Raises:
        ValueError: the view is a mean over queries.
    """
    at = model.query_at(batch)
    if at is None:
        raise ValueError(
            "the heads are taken at one query, and the view is the mean over the queries of all words; choose query= "
            "'first', 'last' or an index"
        )
    return Window(replace(model.view, head=MEAN), model.site, word_of(batch), at)

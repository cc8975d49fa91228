"""What a model says under other attention: the logits of one batch under many weightings of the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch

from attn_interp.data.batch import Batch
from attn_interp.recording.discovery.dry_run import in_eval_mode
from attn_interp.recording.one_word import CELLS
from attn_interp.recording.query_replay import QueryReplay
from attn_interp.recording.replay import Replay

if TYPE_CHECKING:
    from attn_interp.models.attention_model import AttentionModel

Under = Callable[[torch.Tensor], torch.Tensor]
"""Weightings (B, K, W) -> logits (B, K, C)."""

FEW = 4  # weightings that are run as they are: a trial costs two
ROUNDING = 64  # units in the last place, of the largest logit


class Alternatives:
    """One batch, encoded once, and its logits under other weightings of the view.

    Where what follows the attention reads the view's query alone, as in the last layer of a classifier that reads its
    first or last token, it is run for that position alone, all weightings as one batch. That it is so is tried on each
    batch; elsewhere all positions are run, one weighting after the other.
    """

    def __init__(self, model: AttentionModel, batch: Batch) -> None:
        self.model = model
        self.batch = batch

    @cached_property
    def kept(self) -> Replay:
        return self.model.replayed(self.batch)

    def logits(self, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) under weightings (B, K, W)."""
        at_query = self.at_query(weightings) if weightings.shape[1] > FEW else None
        if at_query is None:
            return torch.stack([self.whole(self.kept, self.batch, each) for each in weightings.unbind(1)], 1)
        at_once = max(1, CELLS // self.kept.weights[:, :, 0].numel())
        return torch.cat([at_query(part) for part in weightings.split(at_once, 1)], 1)

    def many(self, count: int) -> Under:
        """`logits` as a function of `count` weightings that is called many times."""
        at_query = self.at_query(self.model.run(self.batch).weights[:, None])
        if at_query is not None:
            return at_query
        copies = self.batch.rows(torch.arange(len(self.batch), device=self.batch.ids.device).repeat_interleave(count))
        kept = self.model.replayed(copies)
        return lambda weightings: self.whole(kept, copies, weightings.flatten(0, 1)).unflatten(0, (-1, count))

    def whole(self, kept: Replay, batch: Batch, weighting: torch.Tensor) -> torch.Tensor:
        """The logits (B, C) under the weighting (B, W), all positions run."""
        change = partial(self.model.window(batch).under, weighting=weighting)
        # each step of a loop sees its own row alone: change the rows before
        with in_eval_mode(self.model.module):
            return self.model.logits_of(kept.under(change if kept.site.line is None else change(kept.weights)))

    def at_query(self, weightings: torch.Tensor) -> Under | None:
        """The logits under many weightings, run for the view's query alone; None where that is not the same, as tried
        on the first of the weightings and on that turned around."""
        at = self.model.query_at(self.batch)
        if at is None:
            return None
        window = self.model.window(self.batch)

        def under(weightings: torch.Tensor) -> torch.Tensor:
            rows = window.many_put(self.kept.weights, weightings)  # (B, K, H, T)
            return self.model.logits_of(part.under(rows)).unflatten(0, rows.shape[:2])

        words = self.batch.is_word.sum(-1, keepdim=True)  # (B, 1)
        first = weightings[:, 0].detach()
        place = torch.arange(first.shape[1], device=first.device)
        turned = first.gather(1, torch.where(place < words, words - 1 - place, place))
        with torch.no_grad():
            try:
                part = QueryReplay(self.kept, at)
                found = under(torch.stack([first, turned], 1))
            except Exception:  # another way to the same: whatever it fails of, all positions are run
                return None
            expected = torch.stack([self.whole(self.kept, self.batch, tried) for tried in (first, turned)], 1)
        rounding = ROUNDING * torch.finfo(expected.dtype).eps * expected.abs().max()
        return under if found.shape == expected.shape and bool((found - expected).abs().max() <= rounding) else None

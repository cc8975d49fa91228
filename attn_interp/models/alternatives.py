"""What a model says under other attention: the logits of one batch under many weightings of the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.transformers.prefix import prefixes_of
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


def same_but_for_rounding(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two ways to the same logits agree."""
    rounding = ROUNDING * torch.finfo(expected.dtype).eps * expected.abs().max()
    return found.shape == expected.shape and bool((found - expected).abs().max() <= rounding)


class Alternatives:
    """One batch, encoded once, and its logits under other weightings of the view.

    Where what follows the attention reads the view's query alone, it is run for that position alone, all weightings as
    one batch: where attention pools the states, and in the last layer of a classifier that reads its first or last
    token. So it is in any layer of a causal decoder that reads its last token, where layers above read the tokens
    before it from the model's own cache. Either is tried on each batch; elsewhere all positions are run, one weighting
    after the other.
    """

    def __init__(self, model: AttentionModel, batch: Batch) -> None:
        self.model = model
        self.batch = batch

    @cached_property
    def kept(self) -> Replay:
        return self.model.replayed(self.batch)

    def logits(self, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) under weightings (B, K, W)."""
        if weightings.shape[1] > FEW and self.at_query is not None:
            return self._in_parts(self.at_query, weightings, self.kept.weights[:, :, 0].numel())
        if weightings.shape[1] > FEW and self.by_cache is not None and self.kept.values is not None:
            return self._in_parts(self.by_cache, weightings, self.kept.values.numel())
        return torch.stack([self.whole(self.kept, self.batch, each) for each in weightings.unbind(1)], 1)

    def many(self, count: int) -> Under:
        """`logits` as a function of `count` weightings that is called many times."""
        at_once = self.at_query or self.by_cache
        if at_once is not None:
            return at_once
        copies = self.batch.rows(torch.arange(len(self.batch), device=self.batch.ids.device).repeat_interleave(count))
        kept = self.model.replayed(copies)
        return lambda weightings: self.whole(kept, copies, weightings.flatten(0, 1)).unflatten(0, (-1, count))

    def whole(self, kept: Replay, batch: Batch, weighting: torch.Tensor) -> torch.Tensor:
        """The logits (B, C) under the weighting (B, W), all positions run."""
        change = partial(self.model.window(batch).under, weighting=weighting)
        # each step of a loop sees its own row alone: change the rows before
        with in_eval_mode(self.model.module):
            return self.model.logits_of(kept.under(change if kept.site.line is None else change(kept.weights)))

    @cached_property
    def at_query(self) -> Under | None:
        """The logits under many weightings, run for the view's query alone; None where that is not the same."""
        return self._tried(partial(QueryReplay, self.kept))

    @cached_property
    def by_cache(self) -> Under | None:
        """As `at_query`, with the tokens before the query in the cache of a causal decoder."""
        return self._tried(self._behind_prefixes)

    def _behind_prefixes(self, at: torch.Tensor) -> QueryReplay:
        prefixes = prefixes_of(self.kept.root, self.model.inputs(self.batch))

        def beside(ways: int) -> dict[str, Any]:
            rows = torch.arange(len(at), device=at.device).repeat_interleave(ways)
            return prefixes.followed(rows, at[rows], torch.ones_like(rows)[:, None])

        return QueryReplay(self.kept, at, beside)

    @cached_property
    def _trial(self) -> torch.Tensor:
        """(B, 2, W) weightings that give each word more, or less, than the word before."""
        count = self.batch.is_word.sum(-1, keepdim=True)  # (B, 1)
        place = torch.arange(int(count.max()), device=count.device)
        tried = torch.stack([(place + 1) * (place < count), (count - place).clamp(min=0)], 1)
        return tried / tried.sum(-1, keepdim=True)

    @cached_property
    def _expected(self) -> torch.Tensor:
        """(B, 2, C) the logits under the weightings of the trial, all positions run."""
        with torch.no_grad():
            return torch.stack([self.whole(self.kept, self.batch, each) for each in self._trial.unbind(1)], 1)

    def _tried(self, replay_at: Callable[[torch.Tensor], QueryReplay]) -> Under | None:
        """The logits under many weightings by a replay at the query, where the trial finds the same as the whole."""
        at = self.model.query_at(self.batch)
        if at is None:
            return None
        if self.kept.weights.shape[2] == 1:  # attention that pools: any word stands for its document
            at = self.batch.is_word.to(torch.uint8).argmax(-1)
        window = self.model.window(self.batch)

        def under(weightings: torch.Tensor) -> torch.Tensor:
            rows = window.many_put(self.kept.weights, weightings)  # (B, K, H, T)
            return self.model.logits_of(part.under(rows)).unflatten(0, rows.shape[:2])

        try:
            part = replay_at(at)
            with torch.no_grad():
                found = under(self._trial.repeat(1, FEW, 1))  # more ways than two, for what depends on their number
            expected = self._expected.repeat(1, FEW, 1)
        except Exception:  # another way to the same: whatever it fails of, all positions are run
            return None
        return under if same_but_for_rounding(found, expected) else None

    def _in_parts(self, under: Under, weightings: torch.Tensor, cells_each: int) -> torch.Tensor:
        return torch.cat([under(part) for part in weightings.split(max(1, CELLS // cells_each), 1)], 1)

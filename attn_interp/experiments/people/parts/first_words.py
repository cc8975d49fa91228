"""The logits of documents without the words that scores put first, and with these alone, by any way of erasing."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from attn_interp.experiments.people.parts.edited import edited_logits
from attn_interp.experiments.people.parts.ranked import drawn_for, ranks
from attn_interp.experiments.people.parts.soft import SOFT, chances, soft_logits
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading

Logits = tuple[torch.Tensor, torch.Tensor]


def without_and_alone(
    reading: Reading, batch: ReadBatch, scores: Mapping[str, torch.Tensor], count: torch.Tensor, operator: str
) -> dict[str, Logits]:
    """By the name of the scores (B, W) the logits (B, D, L, C) without the first words, `count` (B, L) of them, and
    those with the first words alone, in D draws."""
    if operator == SOFT:
        return _in_part(reading, batch, scores, count)
    return _whole(reading, batch, scores, count, operator)


def _whole(
    reading: Reading, batch: ReadBatch, scores: Mapping[str, torch.Tensor], count: torch.Tensor, operator: str
) -> dict[str, Logits]:
    """The sets of all scores are run together, so that equal ones are run once."""
    drawn, is_word = drawn_for(batch, reading.seed), batch.is_word[:, None, None]
    sets = []  # (B, 2, D, L, W) each
    for each in scores.values():
        first = ranks(each, batch.is_word, drawn)[:, :, None] < count[:, None, :, None]
        sets.append(torch.stack([is_word & ~first, is_word & first], 1))
    logits = edited_logits(reading, batch, torch.cat([each.flatten(1, 3) for each in sets], 1), operator)
    parts = logits.split([each[0, ..., 0].numel() for each in sets], 1)
    found = {}
    for name, each, own in zip(scores, sets, parts):
        erased, alone = own.unflatten(1, each.shape[1:4]).unbind(1)
        found[name] = (erased, alone)
    return found


def _in_part(
    reading: Reading, batch: ReadBatch, scores: Mapping[str, torch.Tensor], count: torch.Tensor
) -> dict[str, Logits]:
    share = count / batch.is_word.sum(-1, keepdim=True)
    first = [chances(each, batch.is_word, share) for each in scores.values()]  # (B, L, W) each
    logits = soft_logits(reading, batch, torch.cat([each for own in first for each in (1 - own, own)], 1))
    parts = logits.transpose(1, 2).split(count.shape[1], 2)  # (B, D, L, C) each
    return dict(zip(scores, zip(parts[::2], parts[1::2])))

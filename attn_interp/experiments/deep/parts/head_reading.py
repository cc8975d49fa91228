"""What experiments on several heads need to know of a model and its documents: the weights and votes of every head."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from attn_interp.data.batch import Batch
from attn_interp.experiments.reading import Reading
from attn_interp.models.heads import head_weights, logits_under_heads
from attn_interp.readout.affine import head_votes
from attn_interp.readout.affine_check import LEAST_WORDS, Affinity, affinity, pooled, probe_weightings


@dataclass(frozen=True)
class HeadBatch:
    """One batch in words; float64 on the CPU where it is a number.

    Attributes:
        batch: What the model saw.
        weights: (B, H, W), each row summing to 1.
        logits: (B, C) of the model on its own.
        votes: (B, H, W, C): the logits are the sum over heads of weights times votes. What a head adds whatever it
            attends to is known up to constants that add up to 0; the mean vote of every head is made the same.
        is_word: (B, W).
    """

    batch: Batch
    weights: torch.Tensor  # (B, H, W)
    logits: torch.Tensor  # (B, C)
    votes: torch.Tensor  # (B, H, W, C)
    is_word: torch.Tensor  # (B, W)


@dataclass(frozen=True)
class HeadReading:
    """The attention of all heads over documents, in batches of similar length."""

    batches: tuple[HeadBatch, ...]
    affinity: Affinity

    @property
    def affine(self) -> bool:
        """Whether closed forms over the votes hold; false where no document was long enough to tell."""
        return self.affinity.documents > 0 and self.affinity.affine


def read_heads(reading: Reading) -> HeadReading:
    """Read the weights and votes of every head, and measure whether the logits are affine in all of them together.

    The votes take H (W - 1) + 1 runs of what follows the attention: all heads on the first word, then each head alone
    on each other word.
    """
    model, seed = reading.model, reading.seed
    batches, parts = [], []
    for each in reading.each_batch("votes of every head"):
        batch, is_word, own = each.batch, each.is_word, each.logits
        weights = head_weights(model, batch).double().cpu()  # (B, H, W)
        weights = weights / weights.sum(-1, keepdim=True)
        ids = [document.id for document in batch.documents]
        heads = range(weights.shape[1])
        probes = torch.stack(
            [probe_weightings(weights[:, h], is_word, [f"{name} head {h}" for name in ids], seed) for h in heads], 2
        )  # (B, K, H, W)
        alternatives = torch.cat([_one_head_moved(is_word, len(heads)), probes], 1)
        with torch.no_grad():
            logits = logits_under_heads(model, batch, alternatives.float().to(model.device)).double().cpu()
        votes = _votes(logits[:, : -probes.shape[1]], len(heads), is_word)
        long = is_word.sum(-1) >= LEAST_WORDS
        # Words of all heads side by side: the logits are one sum over them.
        parts.append(
            affinity(
                probes.flatten(2)[long],
                logits[long][:, -probes.shape[1] :],
                votes.flatten(1, 2)[long],
                is_word.repeat(1, len(heads))[long],
            )
        )
        batches.append(HeadBatch(batch, weights, own, votes, is_word))
    return HeadReading(tuple(batches), pooled(parts))


def _one_head_moved(is_word: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, 1 + H (W - 1), H, W): every head on the first word, then one head on another; past the end the last one."""
    longest = is_word.shape[1]
    which = torch.arange(longest).minimum(is_word.sum(-1, keepdim=True) - 1)  # (B, W)
    one_hot = torch.nn.functional.one_hot(which, longest).double()  # (B, W, W)
    first = one_hot[:, :1].expand(-1, heads, -1)  # (B, H, W)
    moved = [first]
    for head in range(heads):
        for word in range(1, longest):
            each = first.clone()
            each[:, head] = one_hot[:, word]
            moved.append(each)
    return torch.stack(moved, 1)


def _votes(logits: torch.Tensor, heads: int, is_word: torch.Tensor) -> torch.Tensor:
    """The logits (B, 1 + H (W - 1), C) under `_one_head_moved` -> votes (B, H, W, C), of one mean in all heads."""
    reference = logits[:, 0]
    others = logits[:, 1:].unflatten(1, (heads, is_word.shape[1] - 1))  # (B, H, W - 1, C)
    reads = torch.cat([reference[:, None, None].expand(-1, heads, 1, -1), others], 2)
    inside = is_word[:, None, :, None]
    votes = head_votes(reference, reads) * inside
    mean = votes.sum(2, keepdim=True) / is_word.sum(-1)[:, None, None, None]  # (B, H, 1, C)
    return (votes - mean + mean.mean(1, keepdim=True)) * inside

"""What experiments on several heads need to know of a model and its documents: the weights and votes of every head."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from attn_interp.data.batch import Batch
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.tangent import checked_votes
from attn_interp.models.alternatives import Under
from attn_interp.models.heads import head_weights, logits_under_heads
from attn_interp.readout.affine import head_votes
from attn_interp.readout.affine_check import LEAST_WORDS, Affinity, affinity, pooled, probe_weightings
from attn_interp.recording.one_word import blocks


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

    The votes are one derivative for each class, checked at the corners; where they do not hold there they are
    H (W - 1) + 1 runs of what follows the attention: all heads on the first word, then each head alone on each other
    word.
    """
    batches, parts = [], []
    for each in reading.each_batch("votes of every head"):
        found, probed = _read_batch(reading, each)
        batches.append(found)
        parts.append(probed)
    return HeadReading(tuple(batches), pooled(parts))


def _read_batch(reading: Reading, each: ReadBatch) -> tuple[HeadBatch, Affinity]:
    model, batch, is_word = reading.model, each.batch, each.is_word
    weights = head_weights(model, batch).double().cpu()  # (B, H, W)
    weights = weights / weights.sum(-1, keepdim=True)
    heads = weights.shape[1]

    def under(weightings: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(weightings.requires_grad):
            return logits_under_heads(model, batch, weightings.float().to(model.device)).double().cpu()

    votes = checked_votes(under, weights, is_word)
    if votes is None:
        votes = _votes_by_runs(under, heads, is_word)
    votes = _of_one_mean(votes, is_word)
    ids = [document.id for document in batch.documents]
    probes = torch.stack(
        [
            probe_weightings(weights[:, h], is_word, [f"{name} head {h}" for name in ids], reading.seed)
            for h in range(heads)
        ],
        2,
    )  # (B, K, H, W)
    # Words of all heads side by side: the logits are one sum over them.
    long = is_word.sum(-1) >= LEAST_WORDS
    probed = affinity(
        probes.flatten(2)[long], under(probes)[long], votes.flatten(1, 2)[long], is_word.repeat(1, heads)[long]
    )
    return HeadBatch(batch, weights, each.logits, votes, is_word), probed


def _votes_by_runs(under: Under, heads: int, is_word: torch.Tensor) -> torch.Tensor:
    """(B, H, W, C): all heads on the first word, then one head on another (past the end the last one), in blocks of
    bounded memory."""
    longest = is_word.shape[1]
    first = torch.zeros(len(is_word), 1, heads, dtype=torch.long)  # the word that each head attends to
    reference = under(torch.nn.functional.one_hot(first, longest).double())  # (B, 1, C)
    last = is_word.sum(-1, keepdim=True) - 1
    reads = []
    for which in blocks(heads * longest, is_word.numel() * heads):
        chosen = first.repeat(1, len(which), 1)  # (B, n, H)
        chosen[:, torch.arange(len(which)), which // longest] = (which % longest).minimum(last)
        reads.append(under(torch.nn.functional.one_hot(chosen, longest).double()))
    return head_votes(reference[:, 0], torch.cat(reads, 1).unflatten(1, (heads, longest)))


def _of_one_mean(votes: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """The votes (B, H, W, C) moved by constants that add up to 0, to one mean in all heads."""
    inside = is_word[:, None, :, None]
    votes = votes * inside
    mean = votes.sum(2, keepdim=True) / is_word.sum(-1)[:, None, None, None]  # (B, H, 1, C)
    return (votes - mean + mean.mean(1, keepdim=True)) * inside

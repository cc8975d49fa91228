"""Are a model's logits affine in its attention? Measured on the model, never assumed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from attn_interp.data.draws import generator
from attn_interp.readout.entry import Array, as_tensor, entered_votes, entered_words

LEAST_WORDS = 3
RELATIVE_TOLERANCE = 1e-3
ROUNDING = 64 * torch.finfo(torch.float32).eps  # the models run in float32


@dataclass(frozen=True)
class Affinity:
    """How far recorded logits are from attention times votes, over the documents of a model.

    Attributes:
        gap: Largest |z - alpha.votes| over documents of three words or more, weightings and classes; in logits.
        spread: Largest distance of a vote from the mean vote of its document: how far attention can move a logit.
        magnitude: Largest absolute logit, which bounds the rounding of the recorded logits; but for those that no
            attention moves, as that of an answer which is not allowed.
        documents: How many documents of three words or more were tested.
    """

    gap: float
    spread: float
    magnitude: float
    documents: int

    @property
    def relative_gap(self) -> float:
        """gap / spread: 0 for an affine model, of order 1 for a clearly non-affine one; 0 where both are 0."""
        return self.gap / self.spread if self.spread > 0 else (0.0 if self.gap == 0 else float("inf"))

    @property
    def tolerance(self) -> float:
        """The gap allowed, in logits: a thousandth of the spread, or what float32 cannot resolve at this magnitude."""
        return max(RELATIVE_TOLERANCE * self.spread, ROUNDING * self.magnitude)

    @property
    def affine(self) -> bool:
        """True where the gap is within the tolerance: closed forms over votes then hold for this model.

        Raises:
            ValueError: where no document had three words, for then nothing was tested.
        """
        if self.documents == 0:
            raise ValueError(
                f"no document has {LEAST_WORDS} words or more, so affinity was not tested; give longer documents"
            )
        return self.gap <= self.tolerance


def affinity(weightings: Array, logits: Array, votes: Array, is_word: Array | None = None) -> Affinity:
    """Compares recorded logits with attention times votes. The verdict is per model: pool the batches first.

    Args:
        weightings: (B, K, T) attention put into the model, see `probe_weightings`.
        logits: (B, K, C) what the model answered.
        votes: (B, T, C) its logits with all attention on one word.
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        An `Affinity`, whose `affine` is the verdict.

    Raises:
        ValueError, TypeError: as `entered_votes`, and for shapes that do not fit.

    >>> votes = [[[4.0, 0.0], [0.0, 8.0], [1.0, 1.0]]]
    >>> found = affinity([[[0.2, 0.3, 0.5]]], [[[1.3, 2.9]]], votes)
    >>> found.affine, round(found.gap, 9)
    (True, 0.0)
    """
    weightings, logits = as_tensor(weightings, "weightings"), as_tensor(logits, "logits")
    votes, is_word = entered_votes(votes, is_word)
    batch, positions, classes = votes.shape
    ways = weightings.shape[1]
    if tuple(weightings.shape) != (batch, ways, positions) or tuple(logits.shape) != (batch, ways, classes):
        raise ValueError(
            f"for votes {tuple(votes.shape)}: weightings must be (B, K, T) and logits (B, K, C), got "
            f"{tuple(weightings.shape)} and {tuple(logits.shape)}"
        )
    words = is_word.sum(-1)
    tested = words >= LEAST_WORDS
    if not bool(tested.any()):
        return Affinity(0.0, 0.0, 0.0, 0)
    recorded = logits.detach().double()[tested]
    votes, is_word = votes[tested], is_word[tested]
    gap = (recorded - weightings.detach().double()[tested] @ votes).abs().max()
    mean = votes.sum(1, keepdim=True) / words[tested, None, None]
    spread = torch.where(is_word[..., None], votes - mean, 0.0).abs().max()
    magnitude = max(largest_that_moves(recorded), largest_that_moves(votes, is_word))
    return Affinity(float(gap), float(spread), magnitude, int(tested.sum()))


def largest_that_moves(logits: torch.Tensor, counted: torch.Tensor | None = None) -> float:
    """Of logits (B, N, C) the largest absolute value of a document and class whose logit is not the same N times, or in
    those of the N that are counted (B, N)."""
    left_out = torch.zeros_like(logits, dtype=torch.bool) if counted is None else ~counted[..., None].expand_as(logits)
    most, least = logits.masked_fill(left_out, -torch.inf).amax(1), logits.masked_fill(left_out, torch.inf).amin(1)
    return float((torch.maximum(most.abs(), least.abs()) * (most != least)).max())


def pooled(parts: Iterable[Affinity]) -> Affinity:
    """The affinity of a model over several batches: the largest gap against the largest spread."""
    parts = list(parts)
    return Affinity(
        gap=max((part.gap for part in parts), default=0.0),
        spread=max((part.spread for part in parts), default=0.0),
        magnitude=max((part.magnitude for part in parts), default=0.0),
        documents=sum(part.documents for part in parts),
    )


def probe_weightings(weights: Array, is_word: Array, ids: Sequence[str], seed: int = 0, draws: int = 4) -> torch.Tensor:
    """Weightings that tell an affine model from another: its own, uniform, and `draws` from a flat Dirichlet.

    Its own alone prove nothing, for a document whose attention sits on one word always passes. What is drawn for a
    document depends on the seed and its id only, and the t-th value belongs to its t-th word, however it is padded.

    Args:
        weights: (B, T) own attention.
        is_word: (B, T) bool; None: every position is a word.
        ids: B document ids.

    Returns:
        (B, 2 + draws, T) float64, 0 outside the words.

    Raises:
        ValueError, TypeError: as `entered_words`, and for another number of ids.

    >>> tried = probe_weightings([[0.5, 0.25, 0.25]], [[True, True, True]], ["a review"], seed=0)
    >>> tried.shape, tried[0, 0].tolist()
    (torch.Size([1, 6, 3]), [0.5, 0.25, 0.25])
    """
    weights, is_word = as_tensor(weights, "weights"), entered_words(is_word)
    if len(ids) != len(is_word):
        raise ValueError(f"{len(ids)} ids for {len(is_word)} documents")
    words = is_word.sum(-1)
    tried = torch.zeros(len(ids), 2 + draws, is_word.shape[1], dtype=torch.float64)  # (B, K, T)
    tried[:, 0] = weights.detach().double()
    tried[:, 1] = is_word / words[:, None]
    for row, name in enumerate(ids):
        drawn = generator(seed, name).dirichlet(np.ones(int(words[row])), size=draws)
        tried[row, 2:, is_word[row]] = torch.from_numpy(drawn)
    return tried

"""Attentions that are tried before any search, where the readout is not affine: corners and edges of the simplex.

The divergence from the model's attention is convex, so over all attentions it is largest with everything on the word of
least weight. That is an upper bound for any model, and the optimum where the output allows it.
"""

from __future__ import annotations

import torch

from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.measures.divergence import LN2, jsd
from attn_interp.readout.adversary.two_classes import shared

WORDS = 16  # on each side, of which pairs are made
PAIRS = 12  # of words, for a document
HALVINGS = 20  # of an edge: a millionth of it is left
INSIDE = 0.999  # of the tolerance, which is aimed at


def least_word(batch: ReadBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention (B, W) that diverges most from the model's own, whatever the output, and this divergence (B,)."""
    word = batch.weights.masked_fill(~batch.is_word, torch.inf).argmin(-1)
    corner = _corners(word, batch.is_word.shape[1])
    return corner, jsd(corner, batch.weights)


def balanced_pairs(batch: ReadBatch, eps: float) -> torch.Tensor:
    """Attentions (B, 2 P, W) on two words each, at which the output is eps away from the model's: two classes alone.

    With all attention on the one word the first class is more probable than it is, on the other less, so between them
    lies an attention that moves it by eps, to either side; it is found by halving, asking the model itself. Tried are
    the P pairs whose divergence is largest where the logits are taken as linear between the two words, among the words
    of least weight. A document without such a pair gets the model's own attention.
    """
    own = batch.logits.softmax(-1)[:, :1]  # (B, 1)
    score = batch.votes[..., 0] - batch.votes[..., 1]  # (B, W), all attention on one word
    value = (batch.logits[:, 0] - batch.logits[:, 1])[:, None]
    above, over, rare = _least_of(batch, score > value, score)
    below, under, scarce = _least_of(batch, score < value, score)
    over, under = over[:, :, None] - value[..., None], under[:, None] - value[..., None]  # (B, N, 1), (B, 1, N)
    part = -under / (over - under)  # of the first word
    gain = LN2 - (shared(rare[:, :, None], part) + shared(scarce[:, None], 1 - part)) / 2
    gain = gain.nan_to_num(-torch.inf).flatten(1)
    gain, chosen = gain.topk(min(PAIRS, gain.shape[1]))  # (B, P)
    width, words = batch.is_word.shape[1], above.shape[1]
    first, second = (
        torch.where(gain.isfinite()[..., None], _corners(each, width), batch.weights[:, None]).repeat(1, 2, 1)
        for each in (above.gather(1, chosen // words), below.gather(1, chosen % words))
    )  # (B, 2 P, W)
    target = torch.cat([own + INSIDE * eps, own - INSIDE * eps], 1).repeat_interleave(chosen.shape[1], 1)  # (B, 2 P)
    low, high = torch.zeros_like(target), torch.ones_like(target)  # share of the first word
    asked = batch.encoded()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = asked(_mixed(middle, first, second)).softmax(-1)[..., 0] > target
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return _mixed(torch.where(target > own, low, high), first, second)  # the end nearer to the model's own output


def _least_of(
    batch: ReadBatch, side: torch.Tensor, score: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The words (B, N) of least weight among those of a side, with their scores and weights, NaN where there are
    fewer."""
    outside = ~(side & batch.is_word)
    weights, words = batch.weights.masked_fill(outside, torch.inf).topk(min(WORDS, side.shape[1]), largest=False)
    lacking = weights.isinf()
    scores = score.gather(1, words).masked_fill(lacking, torch.nan)
    return words, scores, weights.masked_fill(lacking, torch.nan)


def _corners(words: torch.Tensor, width: int) -> torch.Tensor:
    """All attention on each of the words: (...) -> (..., W)."""
    return torch.nn.functional.one_hot(words, width).double()


def _mixed(part: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return part[..., None] * first + (1 - part[..., None]) * second

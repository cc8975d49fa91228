"""What attention could do at all: the range of every logit difference, and decisions that no attention changes."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.affine import advantages
from attn_interp.readout.entry import Array, entered_decision, entered_votes, over_positions


class LogitRange(NamedTuple):
    """Least and largest value (B, C) of each logit over all attentions, attained at one word (one per head)."""

    least: torch.Tensor
    most: torch.Tensor


def reachable(votes: Array, is_word: Array | None = None) -> LogitRange:
    """The range of each logit over all attentions: [min over words, max over words] of its votes, summed over heads.

    Softmax comes arbitrarily close to the ends and reaches none of them with two words or more. For a logit
    difference give votes of differences (`advantages`).

    Args:
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        least and most, each (B, C), in logits.

    Raises:
        ValueError, TypeError: as `entered_votes`.

    >>> least, most = reachable([[[4.0, 0.0], [0.0, 8.0]]])
    >>> least.tolist(), most.tolist()
    ([[0.0, 0.0]], [[4.0, 8.0]])
    """
    votes, is_word = entered_votes(votes, is_word)
    outside = ~over_positions(is_word, votes[..., 0])[..., None]
    least = votes.masked_fill(outside, torch.inf).amin(-2)
    most = votes.masked_fill(outside, -torch.inf).amax(-2)
    return LogitRange(least, most) if votes.ndim == 3 else LogitRange(least.sum(1), most.sum(1))


def unflippable(votes: Array, decision: Array, is_word: Array | None = None) -> torch.Tensor:
    """Whether no attention whatever changes the decision: every word votes for it over every rival.

    The condition d_t^k > 0 is strict: a word that ties could make a tie, which counts as a change. With several
    heads, the sum over heads of the least d must be positive. For three classes or more, false means that some rival
    beats the decision somewhere, not that this rival can become the decision.

    Args:
        votes: (B, T, C) or (B, H, T, C).
        decision: (B,) class indices.
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        (B,) bool.

    Raises:
        ValueError, TypeError: as `entered_votes`, and for a decision that is no class.

    >>> unflippable([[[4.0, 0.0], [1.0, 0.0]], [[4.0, 0.0], [0.0, 8.0]]], [0, 1]).tolist()
    [True, False]
    """
    votes, is_word = entered_votes(votes, is_word)
    decision = entered_decision(decision, votes)
    least = reachable(advantages(votes, decision), is_word).least  # (B, C), 0 at the decision
    own = torch.nn.functional.one_hot(decision, least.shape[-1]).bool()
    return ((least > 0) | own).all(-1)

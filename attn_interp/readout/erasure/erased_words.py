"""What erasing words from the attention does to the logits, and the fewest whose erasure changes the decision."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.readout.affine import advantages, decisions, logits_of
from attn_interp.readout.entry import Array, as_tensor, entered, entered_one_head

ROUNDING = 16 * torch.finfo(torch.float64).eps  # of a sum, relative to the sum of the sizes of its terms


def erased_logits(weights: Array, votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """The logits after each single word is erased from the attention and the rest renormalised.

    z' = sum of the others' alpha times votes over the sum of the others' alpha. The others are summed themselves,
    never taken as 1 - alpha_t, which loses everything where one word has nearly all attention. With several heads the
    word is erased in each.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        (B, T, C) logits with word t erased; NaN where there is no word and where nothing is left (in some head).

    Raises:
        ValueError, TypeError: as `entered`.

    >>> erased_logits([[0.75, 0.25]], [[[4.0, 0.0], [0.0, 8.0]]]).tolist()
    [[[0.0, 8.0], [4.0, 0.0]]]

    Reference: Serrano & Smith 2019, section 4.
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    left = sum_of_others(weights[..., None])
    erased = sum_of_others(weights[..., None] * votes) / left
    erased = torch.where(left > 0, erased, torch.nan)
    if weights.ndim == 3:
        erased = erased.sum(1)
    return torch.where(is_word[..., None], erased, torch.nan)


def zeroed_logits(weights: Array, votes: Array, is_word: Array | None, bias: Array) -> torch.Tensor:
    """The logits after each single word's attention is set to 0 and nothing renormalised: z - alpha_t (v_t - b).

    Without renormalisation the attention no longer sums to 1, so the bias, which is in every vote, must be known apart.

    Args:
        weights: (B, T) or (B, H, T).
        votes: (B, T, C) or (B, H, T, C).
        is_word: (B, T) bool; None: every position is a word.
        bias: (C,) or (B, C) the logits at a zero context; for heads (B, H, C), the part of it that each head's votes
            hold.

    Returns:
        (B, T, C); NaN where there is no word.

    Raises:
        ValueError, TypeError: as `entered`, and for a bias without heads beside weights with heads.

    >>> zeroed_logits([[0.75, 0.25]], [[[5.0, 1.0], [1.0, 9.0]]], None, bias=[1.0, 1.0]).tolist()
    [[[1.0, 3.0], [4.0, 1.0]]]
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    bias = as_tensor(bias, "bias")
    if weights.ndim == 3 and bias.ndim != 3:
        raise ValueError(f"bias must be (B, H, C) for weights (B, H, T), got {tuple(bias.shape)}")
    lost = weights[..., None] * (votes - bias.detach().double().unsqueeze(-2))
    if weights.ndim == 3:
        lost = lost.sum(1)
    return torch.where(is_word[..., None], logits_of(weights, votes)[:, None] - lost, torch.nan)


def flips_when_erased(weights: Array, votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """(B, T) true where erasing the word and renormalising makes a rival's logit exceed the decision's.

    False where the erasure is undefined. The inequality is strict: a tie is no flip. Arguments and errors as
    `erased_logits`.

    >>> flips_when_erased([[0.75, 0.25]], [[[4.0, 0.0], [0.0, 8.0]]]).tolist()
    [[True, False]]
    """
    weights, votes, is_word = entered(weights, votes, is_word)
    erased = erased_logits(weights, votes, is_word)
    decision = decisions(weights, votes)
    return advantages(erased, decision).amin(-1) < 0


def kept_sums(terms: torch.Tensor) -> torch.Tensor:
    """(B, T - 1, C) what is left of the sum of the terms (B, T, C) after the first 1, 2, ... of them are gone.

    Added up from the small end. A sum that rounding cannot tell from 0 is 0: its terms cancel, and the two classes are
    level.

    >>> kept_sums(torch.tensor([[[3.0], [0.1], [0.2], [-0.3]]], dtype=torch.float64))[0, 0].item()
    0.0
    """
    kept, size = (values.flip(1).cumsum(1).flip(1)[:, 1:] for values in (terms, terms.abs()))
    return torch.where(kept.abs() <= ROUNDING * size, 0.0, kept)


class SmallestErasure(NamedTuple):
    """Per document the smallest set of words whose erasure changes the decision.

    size (B,) float64 number of words, infinite where no set does; erased (B, T) bool the set, empty where none does;
    rival (B,) the class that then beats the decision, -1 where none does.
    """

    size: torch.Tensor
    erased: torch.Tensor
    rival: torch.Tensor


def smallest_erasure(weights: Array, votes: Array, is_word: Array | None = None) -> SmallestErasure:
    """The fewest words to erase (the rest renormalised) so that some rival's logit exceeds the decision's. Exact.

    A rival k beats the decision a once the kept words' sum of alpha_t (v_ta - v_tk) is negative, so the words with
    the largest terms go first; the smallest set over the rivals is the answer. Words of weight 0 are never erased.
    The document is never erasable (size infinite) where no word with attention votes against the decision; weaker
    than `unflippable`, which asks all words.

    Args:
        weights: (B, T).
        votes: (B, T, C).
        is_word: (B, T) bool; None: every position is a word.

    Returns:
        size (B,), infinite where no set changes the decision; erased (B, T) bool, the set; rival (B,) that then beats
        it.

    Raises:
        ValueError, TypeError: as `entered`, and for several heads, where this greedy set is not the smallest.

    >>> votes = [[[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]]]
    >>> smallest_erasure([[0.5, 0.25, 0.25]], votes).erased.tolist()
    [[True, False, False]]

    Reference: the optimum that the orders of Serrano & Smith 2019, section 5, are compared with.
    """
    weights, votes, is_word = entered_one_head("the smallest erasure is exact", weights, votes, is_word)
    decision = decisions(weights, votes)
    terms = weights[..., None] * advantages(votes, decision)  # (B, T, C)
    order = terms.argsort(dim=1, descending=True, stable=True)
    falling = terms.gather(1, order)
    # no number of erasures beyond the terms > 0 comes first, for only their removal lowers the sum
    beaten = kept_sums(falling) < 0
    batch, _, classes = terms.shape
    never = torch.full((batch, 1, classes), True, device=terms.device)
    first = torch.cat([beaten, never], 1).to(torch.uint8).argmax(1) + 1  # (B, C)
    sizes = torch.where(beaten.any(1), first.double(), torch.inf)
    size, rival = sizes.min(-1)
    found = size.isfinite()
    ranks = order.argsort(dim=1).gather(-1, rival[:, None, None].expand(-1, terms.shape[1], 1))[..., 0]
    erased = (ranks < size[:, None]) & found[:, None]
    return SmallestErasure(size, erased, torch.where(found, rival, -1))


def never_erasable(weights: Array, votes: Array, is_word: Array | None = None) -> torch.Tensor:
    """(B,) true where erasing words (of one head) never changes the decision: no attended word votes for a rival.

    Arguments and errors as `smallest_erasure`.

    >>> never_erasable([[0.75, 0.25]], [[[4.0, 0.0], [1.0, 0.0]]]).tolist()
    [True]
    """
    return smallest_erasure(weights, votes, is_word).size.isinf()


def sum_of_others(values: torch.Tensor) -> torch.Tensor:
    """For every position of the second last axis the sum over the other positions, without subtraction."""
    zero = torch.zeros_like(values[..., :1, :])
    before = torch.cat([zero, values[..., :-1, :]], -2).cumsum(-2)
    after = torch.cat([values[..., 1:, :], zero], -2).flip(-2).cumsum(-2).flip(-2)
    return before + after

"""Effective attention: the part of the weights that the values let through."""

from __future__ import annotations

from typing import NamedTuple

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.states import ENCODER, check_states_of_words, weighed_states
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.recording import record


def effective_weights(model: AttentionModel, batch: Batch, classes: torch.Tensor, states: str = ENCODER) -> Attribution:
    """The attention without its part that the states cancel: of all weightings with the same mixture of states, the
    one with the least sum of squares (see `effective_attention`).

    It may be negative, need not sum to 1, knows no class (`classes` is not used) and has the unit of attention. Where a
    document has no more words than a state has numbers it is as a rule the attention itself.

    Args:
        states: path of the module whose output (B, T, D) the attention weighs; of several heads, each weighs its own
            share of the D columns.

    Raises:
        ValueError: there is no such module, its output is not one state for each position, or the view is a mean over
            heads or queries, or weighs pieces of words.

    Reference: Brunner et al. 2020, sections 3.1 and 3.2.
    """
    check_states_of_words(model, batch, "effective attention is worked out from")
    with torch.no_grad(), record(model.module, [model.site]) as recording:
        values = weighed_states(model, batch, model.embeddings(batch), states)  # (B, T, D)
    weights = model.window(batch).rows(recording[model.site]).weights[:, None]  # (B, 1, 1, T)
    found = effective_attention(weights, values[:, None], batch.is_token).weights[:, 0, 0]
    return Attribution(model.sum_over_words(batch, found).float())


class Effective(NamedTuple):
    """What of the weights acts on the output of a head.

    Attributes:
        weights: (B, H, Q, K) float64. They may be negative and need not sum to 1.
        free: (B, H) number of independent directions in which weights can change and leave the output as it is.
    """

    weights: torch.Tensor
    free: torch.Tensor


def effective_attention(weights: torch.Tensor, values: torch.Tensor, is_key: torch.Tensor | None = None) -> Effective:
    """The weights without their part in the left null space of the values V, which the product with V cancels.

    That part is A - A V V^+, and what is left, A V V^+, is the smallest matrix that gives the output A V. A head whose
    values have d dimensions lets at most d directions through. With T <= d positions and values in general position
    nothing is lost and the effective weights are the weights; with T > d at least T - d directions are free. (Weights
    that must sum to 1 have up to one free direction less.)

    Args:
        weights: (B, H, Q, K).
        values: (B, H, K, D) of each head, after the output projection or before it. Its rank is counted at the
            precision of its type, so values that were rounded to float32 are given as float32.
        is_key: (B, K) true on positions that may be attended to; None: all. Under a causal mask each query has keys of
            its own: give the weights of one query at a time.

    Raises:
        ValueError: weights and values do not fit, or weight on a position that is no key.

    >>> weights = torch.tensor([[[[0.7, 0.2, 0.1]]]])
    >>> same = torch.tensor([[[[1.0], [1.0], [1.0]]]])  # three words with one and the same value
    >>> found = effective_attention(weights, same)
    >>> [round(x, 3) for x in found.weights.flatten().tolist()], found.free.tolist()
    ([0.333, 0.333, 0.333], [[2]])

    Reference: Brunner et al. 2020, sections 3.1 and 3.2, equation 4.
    """
    if weights.shape[:2] + weights.shape[3:] != values.shape[:3]:
        raise ValueError(
            f"values: got shape {tuple(values.shape)}, expected (batch, heads, keys, width) with "
            f"{tuple(weights.shape[:2])} and {weights.shape[3]} keys as the weights have them"
        )
    precision = torch.finfo(values.dtype).eps
    attention, mixed = weights.double(), values.double()
    if is_key is None:
        is_key = torch.ones_like(weights[:, 0, 0], dtype=torch.bool)
    elif (attention * ~is_key[:, None, None]).any():
        raise ValueError("is_key: there is weight on a position that is no key; give the mask that the model used")
    mixed = mixed * is_key[:, None, :, None]
    left, singular, _ = torch.linalg.svd(mixed, full_matrices=False)  # (B, H, K, R), (B, H, R)
    larger = is_key.sum(-1).clamp_min(values.shape[-1])[:, None, None]  # side of the values, without padding
    least = singular.amax(-1, keepdim=True) * larger * precision
    acting = singular > least  # (B, H, R)
    left = left * acting[..., None, :]
    free = is_key.sum(-1)[:, None] - acting.sum(-1)
    return Effective(attention @ left @ left.transpose(-1, -2), free)

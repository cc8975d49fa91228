"""Attention pushed back through the encoder: from the states it weighs to the input words that made them."""

from __future__ import annotations

import numpy as np
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.probability import rows_at_once, rows_of
from attn_interp.attribution.states import ENCODER, check_states_of_words, weighed_states
from attn_interp.data.batch import Batch
from attn_interp.data.draws import generator
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import to_words

DIRECTIONS = 16  # directions of the state in which derivatives are taken; exact where the state has no more


def pushed_back_attention(
    model: AttentionModel,
    batch: Batch,
    classes: torch.Tensor,
    seed: int = 0,
    states: str = ENCODER,
    directions: int = DIRECTIONS,
) -> Attribution:
    """sum_t alpha_t ||dh_t/de_i||, the Frobenius norm of the Jacobian of state h_t by the embedding of word i, shared
    out so that the words of a document sum to 1.

    A state of a BiLSTM knows all words, so attention on it is not attention on its word; this asks how much each
    word moves the states that are attended to. It is never negative, knows no class (`classes` is not used) and has the
    unit of attention. For an encoder without context it is alpha_i ||dh_i/de_i||. How much special tokens move the
    states is left out. NaN where no word moves any state.

    Derivatives are taken in `directions` orthonormal directions of the state, drawn from (seed, document id); in all
    if the state has no more, and then the values are exact. Otherwise they are sampled: the squared norm of a Jacobian
    is estimated without bias, as D / n times the sum over n directions r of ||r J||^2, and its root is taken.

    Args:
        states: path of the module whose output (B, T, D) the attention weighs; of several heads, each weighs its own
            share of the D columns.

    Raises:
        ValueError: there is no such module, its output is not one state for each position, directions < 1, or the view
            is a mean over heads or weighs pieces of words.
    """
    run = model.run(batch)
    moved = contributions(model, batch, seed, states, directions)
    return Attribution(pushed_back(run.weights, moved).masked_fill(~run.is_word, 0.0))


def contributions(
    model: AttentionModel, batch: Batch, seed: int = 0, states: str = ENCODER, directions: int = DIRECTIONS
) -> torch.Tensor:
    """(B, W, W) at [b, t, i] ||dh_t/de_i||: how much word i moves the state of word t; 0 past the last word. Arguments
    and errors are those of `pushed_back_attention`."""
    check_states_of_words(model, batch, "attention is pushed back from")
    if directions < 1:
        raise ValueError(f"directions: got {directions}, expected at least 1 direction of the state")
    embeddings = model.embeddings(batch)
    with torch.no_grad():
        width = weighed_states(model, batch, embeddings, states).shape[-1]
    directions = min(directions, width)
    longest = int(batch.is_word.sum(-1).max())
    found = embeddings.new_zeros(len(batch), longest, longest)
    for rows in torch.arange(len(batch), device=embeddings.device).split(max(1, rows_at_once(batch) // directions)):
        drawn = torch.stack(
            [drawn_directions(batch.documents[row].id, width, directions, seed) for row in rows.tolist()]
        )
        squares = _squared_norms(model, batch, embeddings, rows, states, drawn.to(embeddings))  # (R, W, W)
        words = squares.shape[1]
        found[rows, :words, :words] = squares.sqrt()
    return found


def pushed_back(weights: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """(B, W) the attention (B, W) on states as attention on the words that move them by `contributions` (B, W, W); NaN
    where no word moves any state."""
    pushed = (weights[..., None] * moved).sum(1)
    return pushed / pushed.sum(-1, keepdim=True)


def drawn_directions(document_id: str, width: int, count: int, seed: int) -> torch.Tensor:
    """(n, D) orthogonal rows of length sqrt(D / n), all directions equally likely: the sum over the rows of ||r J||^2
    is expected to be ||J||^2, and is ||J||^2 where n = D."""
    normal = generator(seed, f"directions {document_id}").standard_normal((width, count))
    rows = np.linalg.qr(normal).Q.T * np.sqrt(width / count)
    return torch.from_numpy(rows.astype(np.float32))


def _squared_norms(
    model: AttentionModel, batch: Batch, embeddings: torch.Tensor, rows: torch.Tensor, path: str, drawn: torch.Tensor
) -> torch.Tensor:
    """(R, W, W) at [r, t, i] the squared norm of dh_t/de_i of document rows[r], in the drawn directions (R, n, D).

    Every document runs n times at once; one backward pass for each t then holds all its directions and all words i.
    """
    count = drawn.shape[1]
    repeated = rows.repeat_interleave(count)
    points = embeddings[repeated].requires_grad_()
    with torch.enable_grad():
        states = weighed_states(model, rows_of(batch, repeated), points, path)  # (R * n, T, D)
        at_words, _ = to_words(states, batch.is_word[repeated])  # (R * n, W, D)
        along = (at_words * drawn.flatten(0, 1)[:, None]).sum((0, 2))  # (W,)
    chosen = rows_of(batch, rows)
    found = []
    for t in range(len(along)):
        (gradient,) = torch.autograd.grad(along[t], points, retain_graph=True)  # (R * n, T, E)
        squares = gradient.square().sum(-1).unflatten(0, (-1, count)).sum(1)  # (R, T)
        found.append(model.sum_over_words(chosen, squares))
    return torch.stack(found, 1)

"""The states that a head weighs: the output of the module that the attention reads."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import to_words

ENCODER = "encoder"  # path of the module whose states a classifier of ours weighs


def check_states_of_words(model: AttentionModel, batch: Batch, what: str) -> None:
    """Raises ValueError where the view does not weigh the states of one head, one state for each word."""
    if isinstance(model.view.head, str) or batch.piece_of is not None:
        raise ValueError(
            f"{what} the states of one head, one state for each word, and this view is a mean or weighs pieces of "
            "words; use attention rollout, which follows attention through the layers"
        )


def weighed_states(model: AttentionModel, batch: Batch, embeddings: torch.Tensor, path: str) -> torch.Tensor:
    """(B, T, D) what the view's head weighs, as it comes from the embeddings (B, T, E).

    Raises:
        ValueError: there is no module at `path`, its output is not one state for each position, or the attention is a
            part of it.
    """
    if model.view.site.startswith(f"{path}."):
        raise ValueError(
            f"states: the attention at {model.view.site!r} is inside module {path!r} and cannot weigh what that puts "
            "out; give states=, the path of the module whose output it weighs"
        )
    try:
        module = model.module.get_submodule(path)
    except AttributeError as error:
        raise ValueError(
            f"states: the model has no module {path!r}; give states=, the path of the module whose output the "
            f"attention at {model.view.site!r} weighs ({error})"
        ) from error
    held: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        held.append(output[0] if isinstance(output, tuple) else output)

    hook = module.register_forward_hook(keep)
    try:
        with model.embeddings_given(embeddings):
            model.batch_logits(batch)
    finally:
        hook.remove()
    shapes = [tuple(states.shape) for states in held]
    if len(held) != 1 or shapes[0][:-1] != tuple(batch.ids.shape):
        raise ValueError(
            f"states: module {path!r} gave {shapes or 'nothing'}, expected one (B, T, D) with (B, T) = "
            f"{tuple(batch.ids.shape)}: a state for each position"
        )
    return held[0].unflatten(-1, (model.site.heads, -1))[..., int(model.view.head), :]


def states_of_words(model: AttentionModel, batch: Batch, what: str, path: str = ENCODER) -> torch.Tensor:
    """(B, W, D) the state of each word, as the view's head weighs it; 0 past the last word.

    Args:
        what: what is made of them, for the message of an error.
        path: of the module whose output (B, T, D) the attention weighs.

    Raises:
        ValueError: as `check_states_of_words` and `weighed_states`.
    """
    check_states_of_words(model, batch, what)
    with torch.no_grad():
        states = weighed_states(model, batch, model.embeddings(batch), path)
    return to_words(states, batch.is_word)[0]


def why_no_states(model: AttentionModel, batch: Batch, path: str = ENCODER) -> str:
    """Why the states that a view weighs cannot be had at `path`, as tried on a batch; "" where they can."""
    try:
        states_of_words(model, batch, "it needs", path)
    except ValueError as error:
        return str(error)
    return ""

"""The states that a head weighs: the output of the module that the attention reads."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel


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
        ValueError: there is no module at `path`, or its output is not one state for each position.
    """
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

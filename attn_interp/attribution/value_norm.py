"""Attention times the length of what it weighs: a large weight on a short vector adds little."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.states import ENCODER, states_of_words
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel


def attention_x_value_norm(
    model: AttentionModel, batch: Batch, classes: torch.Tensor, states: str = ENCODER
) -> Attribution:
    """alpha_t ||v_t||, the length of what word t adds to the context sum_t alpha_t v_t; v_t is its state, which the
    head weighs.

    It is never negative and knows no class (`classes` is not used). Where all states are of one length it ranks the
    words as attention does. Of the layers of a transformer, `head_value_norms` has it at every position.

    Args:
        states: path of the module whose output (B, T, D) the attention weighs; of several heads, each weighs its own
            share of the D columns.

    Raises:
        ValueError: there is no such module, its output is not one state for each position, or the view is a mean over
            heads or weighs pieces of words.

    Reference: Kobayashi et al. 2020, section 3.
    """
    values = states_of_words(model, batch, "the lengths are of", states)  # (B, W, D)
    return Attribution(model.run(batch).weights * values.norm(dim=-1))

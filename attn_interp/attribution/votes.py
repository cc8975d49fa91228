"""Votes as an attribution: the decision that the model would take if all attention were on one word."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.recording.one_word import on_each_word


def votes(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """v_t,class minus the largest v_t,k of another class, v_t being the logits with all attention on word t.

    In logits, not probabilities; positive where the word alone speaks for the class. It says what a word offers to
    attention, whatever weight it has. Where the logits are affine in the attention it is exact: the decision's margin
    over a rival is the attention-weighted mean of these differences. Elsewhere it is one read of the model per word,
    which says nothing of mixtures.
    """
    run = model.run(batch)
    is_word = run.is_word  # (B, W)
    with torch.no_grad():
        logits = on_each_word(lambda weightings: model.logits_under(batch, weightings.to(run.weights)), is_word)
    own = torch.nn.functional.one_hot(classes, logits.shape[-1]).bool()[:, None]  # (B, 1, C)
    rival = logits.masked_fill(own, -torch.inf).amax(-1)
    chosen = (logits * own).sum(-1)
    return Attribution(torch.where(is_word, chosen - rival, torch.zeros_like(rival)))

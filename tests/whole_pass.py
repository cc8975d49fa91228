"""What the replay of other attention is held against: a pass of the whole model under the same change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from attn_interp.data.document import Document
from attn_interp.models.attention_model import AttentionModel
from attn_interp.recording import intervene


def uniform_is_a_whole_pass(model: AttentionModel, documents: Sequence[Document]) -> None:
    """Uniform attention over the words gives what the whole model gives under it, and that is another output."""
    batch = model.batch(documents)
    run = model.run(batch)
    uniform = run.is_word / run.is_word.sum(-1, keepdim=True)
    change = partial(model.window(batch).under, weighting=uniform)
    with torch.no_grad(), intervene(model.module, {model.site: change}):
        expected = model.batch_logits(batch)
    found = model.logits_under(batch, uniform[:, None])[:, 0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (found - run.logits).abs().max() > 1e-3

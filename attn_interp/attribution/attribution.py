"""What every attribution method returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel


@dataclass(frozen=True)
class Attribution:
    """How much each word contributed to the probability of one class, by one method.

    Attributes:
        values: (B, W) signed, in units of probability; positive speaks for the class; zero past the last word, NaN
            where the method is undefined. (Attention pushed back is in units of attention and knows no class, attention
            x value norm is a length and knows none; votes, attention x projection and AttnLRP are in logits.)
        completeness_gap: (B,) what the values miss of the change they should sum to, where the method promises a sum.
        asked: (B, W) the words that a sample of the words has a value for, NaN elsewhere; None: every word has one.
    """

    values: torch.Tensor  # (B, W)
    completeness_gap: torch.Tensor | None = None  # (B,)
    asked: torch.Tensor | None = None  # (B, W)


Method = Callable[[AttentionModel, Batch, torch.Tensor], Attribution]
"""(model, batch, classes (B,)) -> Attribution: the class that is explained may differ by document."""

"""The past that a recurrent network with intra-attention looks back on, as a lower triangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from attn_interp.figures.words.matrix import ShownMatrix, show_matrix

NAMES = ("step (query)", "earlier token (key)")


def show_steps(weights: Any, tokens: Sequence[str], about: str = "") -> ShownMatrix:
    """Show each step's weights on the steps before it: rows from the second token, columns up to the last but one.

    The first step has no past and the last token is in nobody's past, so that what is left is a lower triangle with its
    diagonal; cells above it are masked, and hatched.

    Args:
        weights: (T, T) of one document, its padding cut off: what a recording has at the encoder.
        tokens: The T tokens, start and end among them where the network reads them.

    Raises:
        ValueError: fewer than two tokens, or as `show_matrix`.
    """
    values = np.asarray(weights.detach().cpu() if hasattr(weights, "detach") else weights, dtype=np.float64)
    if len(tokens) < 2 or values.shape != (len(tokens), len(tokens)):
        raise ValueError(
            f"steps: weights of shape {values.shape} for {len(tokens)} tokens; give (T, T) of one document, two "
            "tokens or more"
        )
    return show_matrix(values[1:, :-1], tokens[1:], tokens[:-1], causal=True, names=NAMES, about=about)

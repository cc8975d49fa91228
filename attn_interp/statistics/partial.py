"""Partial rank correlation: what is left of a rank correlation when other rankings are held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the figures load this room, and no tensors
    import torch

    from attn_interp.measures.rows import Floats

LEAST_WORDS = 3  # without controls; one more for each control
ROUNDING = 1e-13  # of the squared length of the ranks: less than this is nothing left


def partial_spearman(
    x: torch.Tensor, y: torch.Tensor, controls: Sequence[torch.Tensor], is_word: torch.Tensor
) -> torch.Tensor:
    """Partial Spearman correlation of x and y given the controls, per document over its words.

    Every row is replaced by its ranks (ties at their mean rank), the ranks of x and of y by their residuals from the
    least-squares fit on those of the controls, and the residuals are correlated. With one control z that is
        (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)),
    r being Spearman's rho. In [-1, 1]; without controls it is Spearman's rho. A control that is constant, or that the
    controls before it determine, changes nothing. Only what is linear in the ranks of a control is taken out: what
    attention owes to both ends of a document stays in.

    Args:
        x, y: (B, T) values.
        controls: k tensors (B, T).
        is_word: (B, T) bool; positions outside are ignored.

    Returns:
        (B,) float64. NaN with fewer than 3 + k words (k controls can fit k + 1 points, and two residuals correlate
        perfectly), where x or y is constant or determined by the controls (its residual is 0), or where a word has
        NaN in any of them.

    Raises:
        ValueError, TypeError: as `paired_rows`.

    >>> import torch
    >>> x, z = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), torch.tensor([[2.0, 1.0, 4.0, 3.0, 5.0]])
    >>> is_word = torch.ones(1, 5, dtype=torch.bool)
    >>> round(float(partial_spearman(x, x, [z], is_word)), 6)
    1.0
    """
    import torch

    from attn_interp.measures.rank import centred_ranks
    from attn_interp.measures.rows import paired_rows, undefined_rows

    left, right, mask = paired_rows("partial_spearman", x, y, is_word)
    undefined = undefined_rows(left, right, mask) | (mask.sum(-1) < LEAST_WORDS + len(controls))
    directions: list[Floats] = []  # orthonormal, or 0 where a control adds nothing
    for control in controls:
        given, _, _ = paired_rows("partial_spearman", control, y, is_word)
        undefined |= np.isnan(given).any(-1)
        rest = _residual(centred_ranks(np.nan_to_num(given, nan=0.0), mask), directions)
        length = np.sqrt((rest * rest).sum(-1, keepdims=True))
        directions.append(rest / np.where(length > 0, length, 1.0))
    a, b = (_residual(centred_ranks(np.nan_to_num(rows, nan=0.0), mask), directions) for rows in (left, right))
    with np.errstate(invalid="ignore", divide="ignore"):
        partial = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return torch.from_numpy(np.where(undefined, np.nan, np.clip(partial, -1.0, 1.0)))


def _residual(ranks: Floats, directions: Sequence[Floats]) -> Floats:
    """(B, T) the ranks less their share of each direction; 0 where nothing but rounding is left."""
    rest = ranks
    for direction in directions:
        rest = rest - (rest * direction).sum(-1, keepdims=True) * direction
    nothing = (rest * rest).sum(-1, keepdims=True) <= ROUNDING * (ranks * ranks).sum(-1, keepdims=True)
    return np.where(nothing, 0.0, rest)

"""How well attention between two texts links the words that belong together.

Axes: B pairs of texts, Q target words (queries), K source words (keys). Links are bool (B, Q, K).
"""

from __future__ import annotations

import torch


def best_links(weights: torch.Tensor, is_link: torch.Tensor) -> torch.Tensor:
    """(B, Q, K) bool: each target word linked to the source word of most weight; to all of them where several tie.

    Args:
        weights: (B, Q, K) attention.
        is_link: (B, Q, K) bool, true where two words exist and may be linked. A target word without any has no link.

    Returns:
        (B, Q, K) bool.

    >>> best_links(torch.tensor([[[0.7, 0.3], [0.5, 0.5]]]), torch.ones(1, 2, 2, dtype=torch.bool)).tolist()
    [[[True, False], [True, True]]]
    """
    allowed = weights.masked_fill(~is_link, -torch.inf)
    return is_link & (allowed == allowed.amax(-1, keepdim=True))


def alignment_error_rate(links: torch.Tensor, sure: torch.Tensor, possible: torch.Tensor | None = None) -> torch.Tensor:
    """1 - (|A & S| + |A & P|) / (|A| + |S|), for links A, sure ones S and possible ones P, of which S is a part.

    In [0, 1]: 0 where all sure links are found and none that is not possible; 1 where none is right. NaN where there is
    neither a link nor a sure one.

    Args:
        links, sure: (B, Q, K) bool.
        possible: (B, Q, K) bool; None: the sure links alone, and the rate is then 1 - F1.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, or a sure link is not possible.

    >>> links, sure = torch.tensor([[[True, False], [True, False]]]), torch.tensor([[[True, False], [False, True]]])
    >>> float(alignment_error_rate(links, sure))
    0.5

    Reference: Och & Ney 2003, section 4.1.
    """
    possible = sure if possible is None else possible
    if not links.shape == sure.shape == possible.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (links, sure, possible))
        raise ValueError(
            f"alignment_error_rate: links, sure and possible have shapes {shapes}; give one shape (B, Q, K)"
        )
    if bool((sure & ~possible).any()):
        row = int((sure & ~possible).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"alignment_error_rate: row {row} has a sure link that is not possible; a sure one is both")
    found_sure, found_possible, made, wanted = (
        x.sum((1, 2), dtype=torch.float64) for x in (links & sure, links & possible, links, sure)
    )
    return 1 - (found_sure + found_possible) / (made + wanted)


def chance_error_rate(is_link: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """The expected alignment error rate of one source word drawn at random for each target word (exact).

    Args:
        is_link: (B, Q, K) bool, as for `best_links`.
        sure: (B, Q, K) bool, a part of `is_link`.

    Returns:
        (B,) float64 in [0, 1]; NaN where there is no word to link.

    >>> sure = torch.tensor([[[True, False], [False, True]]])
    >>> float(chance_error_rate(torch.ones(1, 2, 2, dtype=torch.bool), sure))
    0.5
    """
    choices = is_link.sum(-1, dtype=torch.float64)  # (B, Q)
    right = ((sure & is_link).sum(-1) / choices.clamp(min=1)).sum(-1)
    return 1 - 2 * right / ((choices > 0).sum(-1) + sure.sum((1, 2), dtype=torch.float64))


def mass_on_links(weights: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """The weight that a target word gives to the source words it belongs to, averaged over the target words that belong
    to any.

    Args:
        weights: (B, Q, K) attention.
        sure: (B, Q, K) bool.

    Returns:
        (B,) float64 in [0, 1]; NaN where no target word belongs to any.

    >>> sure = torch.tensor([[[True, False], [False, True]]])
    >>> float(mass_on_links(torch.tensor([[[0.75, 0.25], [0.5, 0.5]]]), sure))
    0.625
    """
    linked = sure.any(-1)  # (B, Q)
    return (weights.double() * sure).sum((1, 2)) / linked.sum(-1, dtype=torch.float64)

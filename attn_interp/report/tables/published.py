"""Published figures to hold ours against, each with where it was read."""

from __future__ import annotations

from typing import NamedTuple


class Tau(NamedTuple):
    """Kendall's tau over the documents of a class: mean, standard deviation (None: not given), share with p <= .05."""

    mean: float
    sd: float | None
    significant: float


JAIN_WALLACE_TAU: dict[tuple[str, str, str], tuple[Tau, Tau]] = {
    ("sst", "lstm", "gradient"): (Tau(0.34, 0.21, 0.48), Tau(0.36, 0.21, 0.49)),
    ("sst", "average", "gradient"): (Tau(0.61, None, 0.87), Tau(0.60, None, 0.83)),
    ("sst", "lstm", "leave-one-out"): (Tau(0.27, None, 0.33), Tau(0.32, None, 0.40)),
}
"""(corpus, encoder, compared with) -> figures for the predicted classes 0 and 1: Jain & Wallace 2019, table 2, additive
attention, as the authors' repository has them."""

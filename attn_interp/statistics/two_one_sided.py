"""Is a difference too small to matter, or large enough? Two one-sided tests against a margin that is stated before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

NEEDED, NOT_NEEDED, UNDECIDED = "needed", "not needed", "undecided"


@dataclass(frozen=True)
class Equivalence:
    """p-values of three one-sided hypotheses on a difference, each in [0, 1].

    Attributes:
        p_below: Of "the difference is at least the margin": small where it lies below.
        p_above_minus: Of "the difference is at most minus the margin": small where it lies above that.
        p_above: Of "the difference is at most the margin": small where it lies above.
    """

    p_below: float
    p_above_minus: float
    p_above: float

    @property
    def p_equivalent(self) -> float:
        """p-value of the two one-sided tests: small where the difference lies within the margin on both sides."""
        return float(np.maximum(self.p_below, self.p_above_minus))

    def verdict(self, level: float = 0.05) -> str:
        """Whether what the difference is in favour of is needed.

        "needed" where the difference is above the margin, "not needed" where it is below (within the margin on both
        sides, or even negative), "undecided" where the data allow either. A true difference of at most the margin is
        called needed, and one of at least the margin not needed, in at most a share `level` of samples.
        """
        if self.p_above <= level:
            return NEEDED
        return NOT_NEEDED if self.p_below <= level else UNDECIDED


def equivalence(estimate: float, standard_error: float, degrees: float, margin: float) -> Equivalence:
    """Student's tests of a difference against the margin on either side; all NaN where the standard error is.

    Without any spread a p-value is 0 or 1 (a half on the margin itself).

    Args:
        estimate: The difference.
        standard_error: Of the difference, at least 0.
        degrees: Of freedom, of Student's distribution.
        margin: The smallest difference that counts, above 0.

    Returns:
        An `Equivalence`: three p-values, and its `verdict`.

    Raises:
        ValueError: margin <= 0, or standard_error < 0.

    >>> equivalence(0.001, standard_error=0.004, degrees=50, margin=0.02).verdict()
    'not needed'

    Reference: Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach.
    """
    if not margin > 0:
        raise ValueError(
            f"equivalence: margin must be above 0, got {margin}; state the smallest difference that counts"
        )
    if standard_error < 0:
        raise ValueError(f"equivalence: standard_error must be at least 0, got {standard_error}")
    distances = np.array([margin - estimate, estimate + margin, estimate - margin])
    if standard_error == 0:
        return Equivalence(*map(float, (1 - np.sign(distances)) / 2))
    return Equivalence(*map(float, stats.t.sf(distances / standard_error, degrees)))

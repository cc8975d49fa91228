"""Frame -> frame: estimates with their intervals, shares that still stand, and many p-values at once."""

from attn_interp.statistics.bootstrap import Interval, interval, summarise
from attn_interp.statistics.multiplicity import benjamini_hochberg, share_of_true_nulls
from attn_interp.statistics.survival import survival

__all__ = ["Interval", "benjamini_hochberg", "interval", "share_of_true_nulls", "summarise", "survival"]

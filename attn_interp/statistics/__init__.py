"""Frame -> frame: estimates with their intervals, and many p-values at once."""

from attn_interp.statistics.bootstrap import Interval, interval, summarise
from attn_interp.statistics.multiplicity import benjamini_hochberg, share_of_true_nulls

__all__ = ["Interval", "benjamini_hochberg", "interval", "share_of_true_nulls", "summarise"]

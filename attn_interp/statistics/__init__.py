"""Estimates with their intervals, of samples, of columns of frames, and of what was measured on the same documents.

One sample: `interval`. A frame by groups: `summarise`. Two quantities of the same documents: `paired_difference`.
Many columns that are resampled together: `bootstrapped_means`, `interval_of`.
Several seeds of the same documents: `crossed_mean`, `summarise_crossed`, `resampled_means`, `seed_by_document`.
How well models classify: `macro_f1`, `auroc`, `f1_values`, `auroc_values`; `compare` conditions.
Is a difference too small to matter: `equivalence`. Many p-values: `benjamini_hochberg`, `share_of_true_nulls`.
Correlations: `rank_correlation` over documents, `partial_spearman`, `correlation_over_methods`.
What still stands: `survival`.

>>> found = interval([1.0, 2.0, 3.0, float("nan")])
>>> found.estimate, found.n, found.undefined
(2.0, 3, 1)
"""

from attn_interp.statistics.bootstrap import Interval, interval, paired_difference, summarise
from attn_interp.statistics.clusters import (
    CrossedMean,
    crossed_mean,
    resampled_means,
    seed_by_document,
    summarise_crossed,
)
from attn_interp.statistics.kaplan_meier import survival
from attn_interp.statistics.means import bootstrapped_means, interval_of
from attn_interp.statistics.multiplicity import benjamini_hochberg, share_of_true_nulls
from attn_interp.statistics.over_documents import rank_correlation
from attn_interp.statistics.over_methods import OverMethods, correlation_over_methods
from attn_interp.statistics.partial import partial_spearman
from attn_interp.statistics.scores import auroc, auroc_values, compare, f1_values, macro_f1
from attn_interp.statistics.two_one_sided import Equivalence, equivalence

__all__ = [
    "CrossedMean",
    "Equivalence",
    "Interval",
    "OverMethods",
    "auroc",
    "auroc_values",
    "benjamini_hochberg",
    "bootstrapped_means",
    "compare",
    "correlation_over_methods",
    "crossed_mean",
    "equivalence",
    "f1_values",
    "interval",
    "interval_of",
    "macro_f1",
    "paired_difference",
    "partial_spearman",
    "rank_correlation",
    "resampled_means",
    "seed_by_document",
    "share_of_true_nulls",
    "summarise",
    "summarise_crossed",
    "survival",
]

"""Tensors -> one number per document: divergence, rank agreement, agreement with what people marked,
and how alike states are.

Of two distributions: `tvd`, `jsd`, `kl`.
Of two rankings of the words of a document: `kendall_tau` (with its p-value), `weighted_tau`, `spearman`,
`top_k_overlap`, `rank_biased_overlap`.
Of scores and the words that a person marked: `average_precision`, `precision_recall_area`, `auroc`, `marked_in_top`,
`all_on_top`, `curve_points`; of marked spans: `top_words`, `span_scores`.
Of people with one another: `cohen_kappa`, `fleiss_kappa`, `pair_agreement`.
Of the states of the words of a document: `conicity`.
Of attention between two texts and the words that belong together: `best_links`, `alignment_error_rate`,
`chance_error_rate`, `mass_on_links`.

>>> import torch
>>> is_word = torch.ones(1, 3, dtype=torch.bool)
>>> tau, p_value = kendall_tau(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[3.0, 1.0, 2.0]]), is_word)
>>> round(float(tau), 3)
0.333
"""

from attn_interp.measures.annotators import cohen_kappa, fleiss_kappa, pair_agreement
from attn_interp.measures.divergence import LN2, jsd, kl, tvd
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.link_error import alignment_error_rate, best_links, chance_error_rate, mass_on_links
from attn_interp.measures.overlap import rank_biased_overlap, top_k_overlap
from attn_interp.measures.rank import spearman, weighted_tau
from attn_interp.measures.rationale_scores import (
    all_on_top,
    auroc,
    average_precision,
    curve_points,
    marked_in_top,
    precision_recall_area,
)
from attn_interp.measures.spans import span_scores, top_words
from attn_interp.measures.states import conicity

__all__ = [
    "LN2",
    "alignment_error_rate",
    "all_on_top",
    "auroc",
    "average_precision",
    "best_links",
    "chance_error_rate",
    "cohen_kappa",
    "conicity",
    "curve_points",
    "fleiss_kappa",
    "jsd",
    "kendall_tau",
    "kl",
    "marked_in_top",
    "mass_on_links",
    "pair_agreement",
    "precision_recall_area",
    "rank_biased_overlap",
    "span_scores",
    "spearman",
    "top_k_overlap",
    "top_words",
    "tvd",
    "weighted_tau",
]

"""Tensors -> one number per document: divergence, rank agreement, overlap of the most important words."""

from attn_interp.measures.divergence import jsd, kl, tvd
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.overlap import rank_biased_overlap, top_k_overlap
from attn_interp.measures.rank import spearman, weighted_tau

__all__ = ["jsd", "kendall_tau", "kl", "rank_biased_overlap", "spearman", "top_k_overlap", "tvd", "weighted_tau"]

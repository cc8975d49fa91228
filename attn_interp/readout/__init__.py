"""What attention could do at the output: exact and certified answers about (weights, votes), with no model inside.

A vote is what one word says alone: the logits with all attention on that word. Where the readout is affine in the
attention, the logits are the sum over the words of attention times votes, and everything in this room follows from the
two arrays. `affinity` measures on recorded logits whether that holds for a model.

    weights (B, W)      attention over the W words of B documents, non-negative, each row summing to 1
    votes (B, W, C)     logits of C classes
    is_word (B, W)      bool, false where a shorter document is filled up; without it every position is a word

Several heads whose logits add up have weights (B, H, W) and votes (B, H, W, C). Tensors, NumPy arrays and nested lists
are taken; what comes back are tensors, in float64.

>>> import numpy as np
>>> weights = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0]])
>>> votes = np.array([[[3.0, 0.0], [3.0, 0.0], [-4.0, 0.0]], [[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]]])
>>> is_word = np.array([[True, True, True], [True, True, False]])
>>> decisions(weights, votes).tolist()  # the first of two classes, then the second
[0, 1]
>>> found = exact_adversary(weights, votes, is_word, eps=0.01)  # as different as can be, same output within .01
>>> [round(weight, 2) for weight in found.weights[0].tolist()]
[0.0, 0.97, 0.03]
>>> smallest_erasure(weights, votes, is_word).size.tolist()  # no erasure changes the first decision
[inf, 1.0]
>>> unflippable(votes, [0, 1], is_word).tolist()  # all attention on the third word would change it
[False, False]
"""

from attn_interp.readout.adversary.inside_tanh import tanh_adversary
from attn_interp.readout.adversary.many_classes import certified_adversary
from attn_interp.readout.adversary.same_shape import permutation_adversary
from attn_interp.readout.adversary.several_heads import head_adversary
from attn_interp.readout.adversary.two_classes import exact_adversary, exact_adversary_curve
from attn_interp.readout.affine import advantages, decisions, head_votes, logits_of
from attn_interp.readout.affine_check import affinity, probe_weightings
from attn_interp.readout.derivative import pooling_and_selection, score_derivative
from attn_interp.readout.erasure.best_words import best_subset
from attn_interp.readout.erasure.erased_words import (
    erased_logits,
    flips_when_erased,
    never_erasable,
    smallest_erasure,
    zeroed_logits,
)
from attn_interp.readout.erasure.several_heads import erased_in_one_head, fewest_weights, smallest_erasure_in_heads
from attn_interp.readout.identifiability import equivalent_dimension, weight_interval
from attn_interp.readout.logit_range import reachable, unflippable
from attn_interp.readout.margin import attention_margin
from attn_interp.readout.permutation import permuted_logits

__all__ = [
    "advantages",
    "affinity",
    "attention_margin",
    "best_subset",
    "certified_adversary",
    "decisions",
    "equivalent_dimension",
    "erased_in_one_head",
    "erased_logits",
    "exact_adversary",
    "exact_adversary_curve",
    "fewest_weights",
    "flips_when_erased",
    "head_adversary",
    "head_votes",
    "logits_of",
    "never_erasable",
    "permutation_adversary",
    "permuted_logits",
    "pooling_and_selection",
    "probe_weightings",
    "reachable",
    "score_derivative",
    "smallest_erasure",
    "smallest_erasure_in_heads",
    "tanh_adversary",
    "unflippable",
    "weight_interval",
    "zeroed_logits",
]

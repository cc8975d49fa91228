"""Attention times a gradient at the attention: of the probability, with the bias in it and with the bias absorbed, and
of the difference of two logits, which projects what is weighed on the direction of the output."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.predicting import lead_of, probability_of


def attention_x_gradient(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """alpha_t dp/dalpha_t, the weights taken as free variables, so that the bias after the attention stays in it.

    For two classes and an affine readout this is p(1 - p) alpha_t (s_t - b): s_t the difference of the logits with all
    attention on word t, b the same with none. It is first order in what zeroing a weight without renormalising does.
    The weights are those over the words, which sum to 1; mass on special tokens stays where it is.

    Reference: Serrano & Smith 2019, section 5 (their product of attention and gradient).
    """
    return Attribution(_product(model, batch, classes)[0])


def attention_x_gradient_absorbed(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """alpha_t (g_t - sum_u alpha_u g_u), g = dp/dalpha: the gradient of p_class at the scores before the softmax, where
    a softmax makes the weights.

    For two classes and an affine readout this is p(1 - p) alpha_t (s_t - s.alpha), in which the bias cancels: erasing
    word t and renormalising changes the logit by -1 / (1 - alpha_t) times alpha_t (s_t - s.alpha). The values sum to 0;
    that of a document of one word is 0.
    """
    product, weights = _product(model, batch, classes)
    return Attribution(product - weights * product.sum(-1, keepdim=True))


def attention_x_projection(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """alpha_t <v_t, dm/dc>: what word t adds to the context c = sum_t alpha_t v_t, projected on the direction in which
    the lead m of the class grows.

    v_t is the value of word t, which the head weighs, and m the logit of the class minus the largest logit of another;
    the values are in logits. The derivative of m by alpha_t is <v_t, dm/dc>, so the states themselves are not needed.
    Where the logits are affine in the attention it is exact: alpha_t (s_t - b), s_t the same difference with all
    attention on word t and b that with none, and the values sum to m - b. For two classes it orders the words as
    attention x gradient does, and its differences between documents are not squeezed by p(1 - p).

    Reference: Kobayashi et al. 2020, section 3, for the vectors alpha_t v_t; the direction in place of their lengths.
    """
    return Attribution(_product(model, batch, classes, lead_of)[0])


def _product(
    model: AttentionModel,
    batch: Batch,
    classes: torch.Tensor,
    of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = probability_of,
) -> tuple[torch.Tensor, torch.Tensor]:
    """alpha_t dp/dalpha_t and alpha, both (B, W); p is what `of` makes of the logits and classes."""
    run, gradient = model.run_and_gradient(batch, classes, of)
    # The module's own weights are alpha times the mass on words, and dp/dalpha is its gradient times the same mass.
    return run.weights * (gradient * run.word_mass[:, None]), run.weights

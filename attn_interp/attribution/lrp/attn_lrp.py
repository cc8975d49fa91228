"""Layer-wise relevance propagation through attention: the lead of a class, handed back step by step to the words."""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.lrp.activations import identity_rule
from attn_interp.attribution.lrp.rules import apply_rules
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.input_embeddings import with_gradient
from attn_interp.models.predicting import lead_of


def attn_lrp(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """The share of each word in the lead of the class, handed back through every layer by rules of relevance.

    The lead m is the logit of the class minus the largest logit of another, and the values are in logits. The paper
    hands back one logit; rules are linear in what they hand back, so that these values are the difference of those of
    the two classes, in which what all logits share cancels. A layer hands its relevance to what it takes, by
    `apply_rules` and `identity_rule`. The view plays no part: every site of the model counts.

    What words, special tokens and padding have, and what is absorbed, sum to m. Absorbed is what constants add: biases,
    embeddings of positions, and in each softmax s of scores x what is not linear there, s - (ds/dx) x (proposition
    3.1). So the values of a document need not sum to m, unless nothing is added and attention is constant.

    Raises:
        ValueError: the model takes a step without a rule, as an LSTM is; or its embeddings cannot be asked at.

    Reference: Achtibat et al. 2024 (AttnLRP), section 3.
    """
    values, _ = relevance_of_positions(model, batch, classes)
    return Attribution(model.sum_over_words(batch, values))


def relevance_of_positions(
    model: AttentionModel, batch: Batch, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) the relevance of every position, special tokens among them, and (B,) the lead that is explained."""
    with model.embedding.leaves() as held, torch.enable_grad(), identity_rule(model.module):
        logits = model.batch_logits(batch)
        lead = lead_of(logits, classes)
        apply_rules(logits, held, type(model.module).__name__)
        embeddings, gradient = with_gradient(lead.sum(), held)
    return (embeddings * gradient).sum(-1), lead.detach()

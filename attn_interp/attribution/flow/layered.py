"""Attention through the layers as attributions to words.

They need attention in layers, each over the positions of the layer below. All start at the view, the state of its
query after its site (or the mean over its queries), and go down through every site before it in the order in which they
ran. Heads are put together, so the view's head plays no part. A model whose only site pools its states has one layer,
and rollout and flow are then its attention.
"""

from __future__ import annotations

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.flow.network import attention_flow
from attn_interp.attribution.flow.rollout import check_layers, gradient_relevance, rollout, with_residual
from attn_interp.attribution.flow.zeroing import shares, value_zeroing
from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.language.contexts.one_answer import OneAnswer
from attn_interp.recording import Site, record


def layers_of(model: AttentionModel) -> tuple[Site, ...]:
    """The sites up to the view's, in the order in which they run.

    Raises:
        ValueError: the model has an encoder and a decoder, whose layers do not lie on top of one another; or its
            decision is an answer, whose rows are those of its own steps.
    """
    parts = model.module.modules()  # a model may stand in another, as one that answers a prompt does
    both = (part for part in parts if getattr(getattr(part, "config", None), "is_encoder_decoder", False))
    if (two_stacks := next(both, None)) is not None:
        raise ValueError(
            f"{type(two_stacks).__name__} has an encoder and a decoder; attention is followed through the layers of "
            "one stack alone"
        )
    if isinstance(model.module, OneAnswer):
        raise ValueError(
            "an answer is said on the cache of its prompt; attention is followed through both by `sources`"
        )
    names = [site.name for site in model.sites]
    return model.sites[: names.index(model.view.site) + 1]


def rolled_out(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """How much of the view's state each word makes up, if values only mix as the attention of the layers says.

    `rollout` from the view's state to the words. In units of attention, never negative, and the same for every class;
    what falls on special tokens is left out, so the values of a document sum to at most 1.

    Reference: Abnar & Zuidema 2020, section 3.
    """
    return _to_words(model, batch, rollout(_recorded(model, batch)))


def flowed(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """The most that can flow from the view's state down to each word, the weights of the layers being capacities.

    See `attention_flow`. In units of attention, in [0, 1], and the same for every class.

    Reference: Abnar & Zuidema 2020, section 3.
    """
    layers = _recorded(model, batch)
    flows = attention_flow(layers, _start(model, batch, layers[-1].shape[2]), model.unit_of(batch))
    return Attribution(flows.float())


def relevance(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """Attention through the layers, counted where more of it would raise the logit of the class.

    `gradient_relevance` of the words. Never negative; in units of the logit. A module with a single logit z has none
    for the first of its two classes: it is explained by -z.

    Reference: Chefer, Gur & Wolf 2021 (generic attention-model explainability), section 3.1.
    """
    sites = layers_of(model)
    with torch.enable_grad(), record(model.module, sites, gradients=True) as recording:
        logits = model.batch_logits(batch)
    layers = [recording[site] for site in sites]
    single = logits.shape[1] == 2 and not logits[:, 0].any()
    if single:
        logits = torch.stack([-logits[:, 1], logits[:, 1]], 1)
    _check_stacked(model, layers)
    gradients = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), layers)
    return _to_words(model, batch, gradient_relevance([weights.detach() for weights in layers], gradients))


def value_zeroed(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """How far the view's state turns, layer by layer, when the value vectors of a word are taken out.

    `value_zeroing` of each layer, its rows made to sum to 1, multiplied through the layers as in rollout (without the
    identity: a block contains its residual connection). Each block runs once for each position. A pooling on top of the
    layers is no block, and counts by its attention. The layers must be in a list of modules.

    Reference: Mohebbi et al. 2023, section 3.
    """
    inputs = model.inputs(batch)
    *below, top = layers_of(model)
    weights = _recorded(model, batch)[-1]
    if weights.shape[2] == weights.shape[3]:
        product = shares(value_zeroing(model.module, top, *inputs))
    else:
        product = with_residual(weights)
    for site in reversed(below):
        product = product @ shares(value_zeroing(model.module, site, *inputs))
    return _to_words(model, batch, product)


def _recorded(model: AttentionModel, batch: Batch) -> list[torch.Tensor]:
    sites = layers_of(model)
    with torch.no_grad(), record(model.module, sites) as recording:
        model.batch_logits(batch)
    layers = [recording[site] for site in sites]
    _check_stacked(model, layers)
    return layers


def _check_stacked(model: AttentionModel, layers: list[torch.Tensor]) -> None:
    try:
        check_layers(layers)
    except ValueError as error:
        raise ValueError(
            f"{type(model.module).__name__} has no stack of layers that attention can be followed through: {error}"
        ) from error


def _start(model: AttentionModel, batch: Batch, queries: int) -> torch.Tensor:
    """(B, Q) float64: the share of each query in the view, equal shares where it is the mean over words."""
    window = model.window(batch)
    if window.at is None:
        return (window.word >= 0).double() / (window.word >= 0).sum(-1, keepdim=True)
    one_hot = torch.zeros(len(batch), queries, dtype=torch.float64, device=batch.ids.device)
    one_hot[torch.arange(len(batch)), window.at] = 1
    return one_hot


def _to_words(model: AttentionModel, batch: Batch, values: torch.Tensor) -> Attribution:
    """From (B, Q, T), the row of the view's query, over words."""
    row = (_start(model, batch, values.shape[1])[:, None] @ values)[:, 0]  # (B, T)
    return Attribution(model.sum_over_words(batch, row).float())

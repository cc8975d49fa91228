"""What the tokens of an answer attend to: every head of every layer, at each step of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.every_head import HeadPlace, heads_of
from attn_interp.models.language.contexts.one_answer import OneAnswer
from attn_interp.models.rows_of_attention import sum_by_word
from attn_interp.models.view import word_of
from attn_interp.recording import record
from attn_interp.recording.discovery.dry_run import in_eval_mode


@dataclass(frozen=True)
class RowsOfAnswer:
    """The attention of N heads while B answers of up to A tokens are said. A step is a query: the k-th is where the
    model says the k-th token. U units stand for words, or for sentences.

    Attributes:
        places: The N heads, layer by layer.
        weights: (B, N, A, U) the share of each step's attention that is on a unit, the sum over its tokens; the rest is
            on the prompt, on the answer so far, and on the first token.
        first: (B, N, A) the share on the first token of the prompt, which is the sink as a rule.
        norms: (B, N, A, U) the sum over the tokens of a unit of weight x norm of the value that the head weighs.
        pushes: (B, N, A, U) the sum over its tokens of weight x derivative of log p by the weight: to first order what
            the values of the unit, so weighed, add to the log-probability of the answer. None: not asked for.
        logs: (B, A) log-probability of each token of the answer.
        is_step: (B, A) false behind the end of a shorter answer.
    """

    places: tuple[HeadPlace, ...]
    weights: torch.Tensor  # (B, N, A, U)
    first: torch.Tensor  # (B, N, A)
    norms: torch.Tensor  # (B, N, A, U)
    pushes: torch.Tensor | None  # (B, N, A, U)
    logs: torch.Tensor  # (B, A)
    is_step: torch.Tensor  # (B, A)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """(B, N, A, ...) -> the mean (B, N, ...) over the steps of each answer."""
        counted = self.is_step.reshape(len(self.is_step), 1, -1, *(1,) * (values.ndim - 3)).to(values.dtype)
        return (values * counted).sum(2) / counted.sum(2)


def rows_of_answer(model: AttentionModel, batch: Batch, pushes: bool = False) -> RowsOfAnswer:
    """The rows of all heads while the answers of a batch are said, from one pass (and its gradient, for `pushes`).

    Raises:
        TypeError: the model is none of `answering`.
    """
    module = _module(model)
    from transformers import DynamicCache

    cache: Any = DynamicCache()
    with in_eval_mode(module), torch.set_grad_enabled(pushes):
        with record(module, model.sites, gradients=pushes) as recording:
            logs = module(*model.inputs(batch), cache=cache, by_token=True)
        layers = [recording[site] for site in model.sites]
        gradients = torch.autograd.grad(logs.sum(), layers) if pushes else ()
    word, steps = word_of(batch), logs.shape[1]
    first = batch.is_token.int().argmax(-1)
    parts = [_of_layer(weights.detach(), word, first, steps) for weights in layers]
    values = [_of_heads(layer.values.detach(), site.heads) for layer, site in zip(cache.layers, model.sites)]
    norms = [
        sum_by_word(weights.detach()[:, :, :steps] * value.norm(dim=-1)[:, :, None], word)
        for weights, value in zip(layers, values)
    ]
    pushed = [
        sum_by_word((weights.detach() * gradient)[:, :, :steps], word) for weights, gradient in zip(layers, gradients)
    ]
    assert batch.kinds is not None
    return RowsOfAnswer(
        heads_of(model),
        torch.cat([weights for weights, _ in parts], 1),
        torch.cat([on_first for _, on_first in parts], 1),
        torch.cat(norms, 1),
        torch.cat(pushed, 1) if pushes else None,
        logs.detach(),
        batch.kinds[:, -steps:].bool(),
    )


def layers_of_answer(model: AttentionModel, batch: Batch) -> list[torch.Tensor]:
    """The whole attention (B, H, T, T) of every layer, prompt and answer, for what follows attention through layers.
    Takes L H T T numbers of memory a document."""
    module = _module(model)
    prompt = [replace(site, name=f"{site.name}, prompt", call=0) for site in model.sites]
    with in_eval_mode(module), torch.no_grad(), record(module, [*prompt, *model.sites]) as recording:
        module(*model.inputs(batch))
    layers = []
    for before, site in zip(prompt, model.sites):
        rows = recording[site]
        start = rows.shape[-1] - rows.shape[-2]
        above = torch.nn.functional.pad(recording[before], (0, rows.shape[-1] - start))
        layers.append(torch.cat([above, rows], 2))
    return layers


def steps_of(batch: Batch) -> torch.Tensor:
    """(B, T) the share of each position in the mean over the steps of an answer: the queries that say its tokens."""
    assert batch.kinds is not None
    saying = torch.nn.functional.pad(batch.kinds[:, 1:], (0, 1)).double()
    return saying / saying.sum(-1, keepdim=True)


def _module(model: AttentionModel) -> OneAnswer:
    if not isinstance(model.module, OneAnswer):
        raise TypeError(f"answers: got a {type(model.module).__name__}, expected a model of answering(...)")
    return model.module


def _of_layer(
    weights: torch.Tensor, word: torch.Tensor, first: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = weights[:, :, :steps]
    place = first[:, None, None, None].expand(*rows.shape[:3], 1)
    return sum_by_word(rows, word), rows.gather(-1, place)[..., 0]


def _of_heads(values: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, heads, T, D) the values that each head weighs, where several share them."""
    return values.repeat_interleave(heads // values.shape[1], 1)


def spelled(model: AttentionModel, batch: Batch, row: int) -> Sequence[str]:
    """The tokens of the answer of one document, as the tokenizer writes them."""
    assert batch.kinds is not None
    tokenizer = model.collate.tokenizer  # type: ignore[attr-defined]
    return [tokenizer.decode([index]) for index in batch.ids[row][batch.kinds[row].bool()].tolist()]

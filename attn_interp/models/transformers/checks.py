"""Why a model or tokenizer of the transformers library cannot be used, said in one sentence before anything is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document

SEEN = ("eager", "sdpa")  # the attention implementations that are made of functions that recording sees
PADDING_GAP = 1e-3


def check_classifier(model: nn.Module) -> None:
    """Raises where a model is no classifier of sequences, or attends by what cannot be seen.

    Raises:
        TypeError: it is something else, such as a generator.
        ValueError: its classes, precision or attention implementation; naming the remedy.
    """
    name = type(model).__name__
    if not name.endswith("ForSequenceClassification"):
        raise TypeError(
            f"wrap: {name} does not classify sequences; load the model with AutoModelForSequenceClassification, "
            "fine-tuned on labelled documents"
        )
    if "attention_mask" not in inspect.signature(model.forward).parameters:
        raise ValueError(f"wrap: {name} takes no attention_mask, so it has no attention over words to test")
    config: Any = model.config
    if config.num_labels < 2 or config.problem_type in ("regression", "multi_label_classification"):
        raise ValueError(
            f"wrap: {name} has {config.num_labels} labels and problem_type {config.problem_type!r}, expected a "
            "single-label classifier of at least 2 classes"
        )
    used = config._attn_implementation
    if used not in (None, *SEEN):
        raise ValueError(
            f"wrap: attention implementation {used!r} computes its weights where they cannot be seen; call "
            "model.set_attn_implementation('sdpa')"
        )
    kinds = {parameter.dtype for parameter in model.parameters()}
    if not kinds <= {torch.float32, torch.float64}:
        raise ValueError(
            f"wrap: {name} has parameters of {sorted(map(str, kinds))}, in which different weights become equal; load "
            "it with dtype=torch.float32"
        )


def check_tokenizer(model: nn.Module, tokenizer: Any) -> None:
    """Raises where a tokenizer is missing or does not fit the model.

    Raises:
        TypeError: there is none.
        ValueError: it has more pieces than the model has embeddings, no padding token or another one.
    """
    if tokenizer is None:
        raise TypeError(f"wrap: give the tokenizer of the {type(model).__name__}: wrap(model, tokenizer)")
    if not hasattr(tokenizer, "get_vocab"):
        raise TypeError(f"wrap: got a {type(tokenizer).__name__}, expected the tokenizer of the model")
    table: Any = model.get_input_embeddings()  # type: ignore[operator]
    highest = max(tokenizer.get_vocab().values())
    if highest >= table.num_embeddings:
        raise ValueError(
            f"wrap: the tokenizer has ids up to {highest}, the model embeds {table.num_embeddings}; they do not belong "
            "together"
        )
    if tokenizer.pad_token_id is None:
        raise ValueError(
            "wrap: the tokenizer has no padding token; set tokenizer.pad_token, for example to tokenizer.eos_token"
        )
    padding = model.config.pad_token_id  # type: ignore[union-attr]
    if padding != tokenizer.pad_token_id:
        raise ValueError(
            f"wrap: the tokenizer pads with id {tokenizer.pad_token_id}, model.config.pad_token_id is {padding}; set "
            "the model's to the tokenizer's"
        )


@dataclass(frozen=True)
class EmbeddingCalls:
    """How a model reads its input embeddings in one pass.

    Attributes:
        module: The module that is called first.
        count: Number of calls; two in an encoder and a decoder.
        positions_first: Whether the result is (T, B, D).
    """

    module: nn.Module
    count: int
    positions_first: bool


def check_output(model: nn.Module, inputs: Callable[[Batch], tuple[Any, ...]], batch: Batch) -> EmbeddingCalls:
    """Runs a batch of one document and several positions, and watches how the input embeddings are read.

    Raises:
        ValueError: the logits are not one row for each document.
    """
    calls: list[tuple[nn.Module, tuple[int, ...]]] = []
    table: Any = model.get_input_embeddings()  # type: ignore[operator]
    # Encoder and decoder may have modules of their own that share the weight.
    sharing = [part for part in model.modules() if isinstance(part, nn.Embedding) and part.weight is table.weight]
    hooks = [
        part.register_forward_hook(lambda module, args, output: calls.append((module, tuple(output.shape[:2]))))
        for part in sharing
    ]
    try:
        with torch.no_grad():
            logits = model(*inputs(batch)).logits
    finally:
        for hook in hooks:
            hook.remove()
    expected = (len(batch), model.config.num_labels)  # type: ignore[union-attr]
    if tuple(logits.shape) != expected:
        raise ValueError(f"wrap: the logits have shape {tuple(logits.shape)}, expected {expected}")
    module, shape = calls[0]
    return EmbeddingCalls(module, len(calls), shape != tuple(batch.ids.shape))


def check_padding(
    logits: Callable[[Batch], torch.Tensor], collate: Callable[[Sequence[Document]], Batch], batch: Batch
) -> None:
    """Raises ValueError where the logits of a document depend on the padding that stands beside it."""
    with torch.no_grad():
        together = logits(batch)
        alone = torch.cat([logits(collate([document]).to(batch.ids.device)) for document in batch.documents])
    gap = (together - alone).abs().amax(-1) / (1 + alone.abs().amax(-1))
    if (worst := int(gap.argmax())) >= 0 and float(gap[worst]) > PADDING_GAP:
        raise ValueError(
            f"wrap: the logits of document {batch.documents[worst].id!r} change by {float(gap[worst]):.2g} when it is "
            "padded; set tokenizer.padding_side to the side on which the model was trained to be padded"
        )

"""Why a model or tokenizer of the transformers library cannot be used, said in one sentence before anything is run."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import torch
from torch import nn

from attn_interp.models.checks.outputs import precision_of

SEEN = ("eager", "sdpa")  # the attention implementations that are made of functions that recording sees
FEWEST = 0.97  # pieces per embedding: tables are filled up to a round number, by far less than other tokenizers differ


def check_classifier(model: nn.Module) -> None:
    """Raises where a model is no classifier of sequences, or attends by what cannot be seen.

    Raises:
        TypeError: it is something else, such as a generator.
        ValueError: its classes or attention implementation; naming the remedy.
    """
    name = type(model).__name__
    if not name.endswith("ForSequenceClassification"):
        raise TypeError(
            f"wrap: {name} does not classify sequences; load the model with AutoModelForSequenceClassification, "
            "fine-tuned on labelled documents, or give a language model prompt= and answers="
        )
    if "attention_mask" not in inspect.signature(model.forward).parameters:
        raise ValueError(f"wrap: {name} takes no attention_mask, so it has no attention over words to test")
    config: Any = model.config
    if config.num_labels < 2 or config.problem_type in ("regression", "multi_label_classification"):
        raise ValueError(
            f"wrap: {name} has {config.num_labels} labels and problem_type {config.problem_type!r}, expected a "
            "single-label classifier of at least 2 classes"
        )
    check_attention(model)


def check_attention(model: nn.Module) -> None:
    """Raises ValueError where a model attends by what cannot be seen; warns where its precision makes weights equal."""
    name = type(model).__name__
    config: Any = model.config
    used = config._attn_implementation
    if used not in (None, *SEEN):
        raise ValueError(
            f"wrap: attention implementation {used!r} computes its weights where they cannot be seen; call "
            "model.set_attn_implementation('sdpa')"
        )
    if (kind := precision_of(model)) in (torch.float16, torch.bfloat16):
        warnings.warn(
            f"wrap: {name} has parameters of {kind}, in which different weights become equal, so that words may share "
            "a rank; load it with dtype=torch.float32 where it fits",
            stacklevel=5,
        )


def check_tokenizer(model: nn.Module, tokenizer: Any, pads: bool = True, door: str = "wrap") -> None:
    """Raises where a tokenizer is missing or does not fit the model, or, where it `pads`, pads with another id; in the
    name of the function that was called, its `door`.

    Raises:
        TypeError: there is none.
        ValueError: it has no words, more pieces than the model has embeddings, no padding token or another one.
    """
    if tokenizer is None:
        raise TypeError(f"{door}: give the tokenizer of the {type(model).__name__}: {door}(model, tokenizer)")
    if not hasattr(tokenizer, "get_vocab"):
        raise TypeError(f"{door}: got a {type(tokenizer).__name__}, expected the tokenizer of the model")
    table: Any = model.get_input_embeddings()  # type: ignore[operator]
    vocabulary = tokenizer.get_vocab()
    if not any(letter.isalnum() for piece in set(vocabulary) - set(tokenizer.all_special_tokens) for letter in piece):
        raise ValueError(
            f"{door}: the tokenizer has {len(vocabulary)} entries and no word among them, as transformers makes one up "
            "for a folder without the tokenizer's files (tokenizer.json or vocab.txt); save the tokenizer of the model "
            f"there with tokenizer.save_pretrained(folder), or give it: {door}(model, tokenizer)"
        )
    highest = max(vocabulary.values())
    embedded = getattr(table, "num_embeddings", highest + 1)  # an adapter may not say
    if highest >= embedded:
        raise ValueError(
            f"{door}: the tokenizer has ids up to {highest}, the model embeds {embedded}; they do not belong together"
        )
    if highest + 1 < FEWEST * embedded:
        warnings.warn(
            f"{door}: the tokenizer has ids up to {highest}, the model embeds {embedded}; if it is another "
            "model's tokenizer, every number is about other words",
            stacklevel=4,
        )
    if not pads:
        return
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"{door}: the tokenizer has no padding token; set tokenizer.pad_token, for example to tokenizer.eos_token"
        )
    padding = model.config.pad_token_id  # type: ignore[union-attr]
    if padding != tokenizer.pad_token_id:
        raise ValueError(
            f"{door}: the tokenizer pads with id {tokenizer.pad_token_id}, model.config.pad_token_id is {padding}; set "
            "the model's to the tokenizer's"
        )

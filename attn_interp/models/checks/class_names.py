"""The class names of a model, and those of a corpus held against them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, shortened
from attn_interp.models.checks.outputs import Outputs

if TYPE_CHECKING:
    from attn_interp.models.attention_model import AttentionModel


def class_names(given: Iterable[Any]) -> tuple[str, ...]:
    """The names of the classes, checked.

    Raises:
        TypeError: they have no order, or one is no string.
        ValueError: one stands for two logits.
    """
    if isinstance(given, Set | Mapping) or not isinstance(given, Iterable):
        raise TypeError(
            f"wrap: classes are {shortened(repr(given), 60)}, expected their names in the order of the logits"
        )
    names = tuple(given)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"wrap: class {index} is {name!r}, expected a name: classes=[{str(name)!r}, ...]")
        if (first := names.index(name)) < index:
            raise ValueError(
                f"wrap: the name {name!r} stands for logit {first} and for logit {index}; give each its own name, as "
                "classes=[...]"
            )
    return names


def names_in(id2label: dict[Any, Any], count: int) -> tuple[str, ...]:
    """The names that a configuration of transformers has for `count` logits, whose numbers may be written as text.

    Raises:
        ValueError: a logit has no name, or two have the same.
    """
    named = {str(index): str(name) for index, name in id2label.items()}
    if set(named) != {str(index) for index in range(count)}:
        raise ValueError(
            f"wrap: config.id2label names the logits {', '.join(sorted(named))}, expected 0..{count - 1}; give "
            "classes=, the names in the order of the logits"
        )
    return class_names(named[str(index)] for index in range(count))


def with_classes_of(
    model: AttentionModel, classes: Sequence[str], whose: str, name: str = "the model"
) -> AttentionModel:
    """The model with its logits in the order in which somebody else has the classes.

    Names are compared where both have names: the same ones in another order are moved, and a warning says so. Else, as
    with LABEL_0 or bare numbers, the classes are those of the same number, and have the names that there are.

    Args:
        classes: The names of the others, whose labels are indices into them.
        whose: "corpus 'movies'", for the message, and
        name: that of the model.

    Raises:
        ValueError: the names differ, or how many there are; the message lists both.
    """
    own, others = ([_plain(name) for name in names] for names in (model.classes, classes))
    both = f"{name}: has classes {', '.join(model.classes)}, {whose} has {', '.join(classes)}"
    if own == others:
        return model
    if sorted(own) == sorted(others) and len(set(own)) == len(own):
        warnings.warn(f"{both}: the same in another order; the model's logits are put in that order", stacklevel=3)
        order = tuple(own.index(name) for name in others)
        return _in_order(model, order)
    if len(own) != len(others) or not (_are_numbers(own) or _are_numbers(others)):
        raise ValueError(
            f"{both}; fine-tune it on the corpus, or, if they mean the same, wrap it with classes=, the names of the "
            "corpus in the order of the model's logits"
        )
    return replace(model, classes=tuple(classes)) if _are_numbers(own) else model


def in_order_of(model: AttentionModel, classes: Sequence[str], whose: str) -> AttentionModel:
    """`with_classes_of` where both have the same names; other names are taken by number, as nobody said they differ."""
    same = sorted(map(_plain, classes)) == sorted(map(_plain, model.classes))
    return with_classes_of(model, classes, whose) if same else model


def check_labels(model: AttentionModel, documents: Iterable[Document]) -> None:
    """Raises ValueError where a label is none of the model's classes, naming the document."""
    for document in documents:
        if document.label is not None and document.label >= len(model.classes):
            raise ValueError(
                f"document {document.id!r}: label {document.label} is none of the model's classes 0.."
                f"{len(model.classes) - 1} ({', '.join(model.classes)})"
            )


def _plain(name: str) -> str:
    return name.strip().casefold()


def _are_numbers(names: Sequence[str]) -> bool:
    """LABEL_0, LABEL_1, ... or 0, 1, ..., which name nothing."""
    return all(re.fullmatch(r"((label|class)[ _-]?)?[+-]?\d+(\.0)?", name) for name in names)


def _in_order(model: AttentionModel, order: tuple[int, ...]) -> AttentionModel:
    """The model with its classes in another order: class c is what was class order[c]."""
    outputs, known, columns = model.logits_of, model.without_each_word, list(order)

    def without_each_word(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        own, without = known(batch)  # type: ignore[misc]
        return own[..., columns], without[..., columns]

    def inputs(batch: Batch) -> tuple[Any, ...]:
        asked = batch.second
        if asked is None or asked.answers is None:
            return model.inputs(batch)
        of = torch.tensor(order, device=asked.answers.device)
        answers = torch.where(asked.answers >= 0, of[asked.answers.clamp(min=0)], asked.answers)
        return model.inputs(replace(batch, second=replace(asked, answers=answers)))

    if not isinstance(outputs, Outputs):
        outputs = Outputs(outputs)
    before = outputs.order or tuple(range(len(order)))
    outputs = replace(outputs, order=tuple(before[index] for index in order))
    return replace(
        model,
        classes=tuple(model.classes[index] for index in order),
        inputs=inputs,
        logits_of=outputs,
        without_each_word=None if known is None else without_each_word,
        inside_tanh=None,
    )

"""The inputs of a dry run: those given, with one document more, and cut shorter."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Example:
    """Inputs of one dry run.

    Attributes:
        varied: What differs from the first example: '' (it is the first), 'B', a letter of a length, or 'other' (both).
        batch: Number of documents; None where it is to be read off the output.
        lengths: Letter -> number of positions: 'T' of the first input, 'S', 'U', ... of inputs with another length.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    varied: str = ""
    batch: int | None = None
    lengths: tuple[tuple[str, int], ...] = ()


def map_tensors(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The same nest with every tensor changed; other objects that a forward pass could alter are copied."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) is dict:
        return {name: map_tensors(item, change) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map_tensors(item, change) for item in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, change) for item in value))
    if value is None or isinstance(value, str | int | float | bool | torch.dtype | torch.device) or callable(value):
        return value
    return copy.deepcopy(value)


def fresh(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
    """The inputs, with nothing in them that a further pass could alter for the next (a cache, for example)."""
    args, kwargs = map_tensors((args, kwargs), torch.Tensor.detach)
    return args, kwargs


def _tensors(value: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        found.append(tensor)
        return tensor

    map_tensors(value, keep)
    return found


def _whole(tensor: torch.Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex())


def first_input(inputs: Any) -> torch.Tensor | None:
    """The input whose first two axes are documents and positions: the first 2-d tensor of ids, else the first with
    three axes or more, else the first with two (a mask)."""

    def rank(tensor: torch.Tensor) -> int:
        if tensor.ndim == 2 and _whole(tensor) and tensor.dtype != torch.bool:
            return 0
        return 1 if tensor.ndim > 2 and not _whole(tensor) else 2

    tensors = [tensor for tensor in _tensors(inputs) if tensor.ndim >= 2 and not tensor.is_nested]
    return min(tensors, key=rank, default=None)


@dataclass(frozen=True)
class _Cutter:
    """Knows which axes of an input are documents and which are positions, by their sizes.

    `first` are the first two sizes of the first input, `leading` says which of them counts documents: the first ('B')
    or the second ('T').
    """

    batch: int
    first: tuple[int, ...]
    leading: str

    def batch_axis(self, tensor: torch.Tensor) -> int | None:
        if tensor.ndim >= 2 and tuple(tensor.shape[:2]) == self.first:
            return 0 if self.leading == "B" else 1
        if tensor.ndim and tensor.shape[0] == self.batch:
            return 0
        if tensor.ndim > 2 and tensor.shape[-1] == tensor.shape[-2] and tensor.shape[0] % self.batch == 0:
            return 0 if tensor.shape[0] > 1 else None  # a mask for documents and heads folded into one axis
        return 1 if tensor.ndim > 1 and tensor.shape[1] == self.batch else None

    def length_axes(self, tensor: torch.Tensor, size: int) -> list[int]:
        batch = self.batch_axis(tensor)
        square = tensor.ndim >= 2 and tensor.shape[-1] == tensor.shape[-2] == size
        if square and batch not in (tensor.ndim - 1, tensor.ndim - 2) and (_whole(tensor) or tensor.ndim != 3):
            return [tensor.ndim - 2, tensor.ndim - 1]  # a mask (queries, keys)
        within = tensor.ndim if _whole(tensor) else 2  # what follows in a tensor of numbers is its features
        return [axis for axis in range(min(within, tensor.ndim)) if axis != batch and tensor.shape[axis] == size]

    def more(self, tensor: torch.Tensor) -> torch.Tensor:
        """With the last document once more."""
        axis = self.batch_axis(tensor)
        if axis is None:
            return tensor.detach()
        rows = tensor.shape[axis] // self.batch
        return torch.cat([tensor, tensor.narrow(axis, tensor.shape[axis] - rows, rows)], axis).detach()

    def cut(self, size: int, tensor: torch.Tensor) -> torch.Tensor:
        """With `shorter(size)` instead of `size` positions; the lengths of documents are clipped."""
        kept = shorter(size)
        counts = tensor.ndim == 1 and tensor.shape[0] == self.batch and _whole(tensor) and tensor.dtype != torch.bool
        if counts and tensor.numel() and tensor.min() >= 1 and kept < tensor.max() <= size:
            return tensor.clamp(max=kept)
        for axis in self.length_axes(tensor, size):
            tensor = tensor.narrow(axis, 0, kept)
        return tensor.detach()


def shorter(size: int) -> int:
    """Three quarters: less than most paddings leave of the longest document, and more than the width of a filter."""
    return size - max(1, size // 4)


def sliced(args: tuple[Any, ...], kwargs: dict[str, Any], leading: str = "B") -> list[Example]:
    """The inputs as they are, with the last document once more, and cut to three quarters of each length.

    `leading` says whether the first axis of the first input holds documents ('B') or positions ('T').

    Raises:
        ValueError: if there is no tensor to cut, or only one position.
    """
    first = first_input((args, kwargs))
    if first is None:
        raise ValueError(
            "no input is a tensor with two axes or more to cut; give a second example, other=(args, kwargs)"
        )
    sized = tuple(first.shape[:2])
    batch, length = sized if leading == "B" else sized[::-1]
    lengths = {"T": length}
    for tensor in _tensors((args, kwargs)):
        whole_rows = tensor.ndim == 2 and _whole(tensor)
        if leading == "B" and (whole_rows or tensor.ndim == 3) and tensor.shape[0] == batch:
            size = tensor.shape[1]
            if size > 1 and size not in lengths.values() and len(lengths) < 4:
                lengths["TSUV"[len(lengths)]] = size

    if length < 2:
        raise ValueError(
            "the inputs have one position; a dry run needs documents of two words or more. Around generate() of a "
            "prompt of one token, find the sites before on two: record(model, sites(model, input_ids=two_tokens)). "
            "Around that of an encoder and decoder, find the sites before: found = sites(model, input_ids=ids, "
            "decoder_input_ids=ids), and record(model, [site for site in found if site.name.startswith('decoder')]): "
            "the encoder runs outside"
        )
    cutter = _Cutter(batch, sized, leading)
    inputs = (args, kwargs)
    given = tuple(lengths.items())
    one, two = fresh(args, kwargs), map_tensors(inputs, cutter.more)
    if batch == 1:  # documents and heads folded into one axis are told apart by two documents
        examples = [Example(two[0], two[1], "", 2, given), Example(one[0], one[1], "B", 1, given)]
    else:
        examples = [Example(one[0], one[1], "", batch, given), Example(two[0], two[1], "B", batch + 1, given)]
    for letter, size in given:
        cut = map_tensors(inputs, partial(cutter.cut, size))
        if batch == 1:
            cut = map_tensors(cut, cutter.more)
        cut_lengths = tuple((x, shorter(n) if x == letter else n) for x, n in given)
        examples.append(Example(cut[0], cut[1], letter, max(batch, 2), cut_lengths))
    return examples


def both(args: tuple[Any, ...], kwargs: dict[str, Any], other: Inputs) -> list[Example]:
    """The inputs, and other inputs with another number of documents and another length.

    Raises:
        TypeError: if `other` is not a pair of a tuple and a dict.
    """
    if not (isinstance(other, tuple) and len(other) == 2 and isinstance(other[1], dict)):
        raise TypeError("other must be a pair (args, kwargs): a tuple of positional and a dict of named inputs")
    one, two = fresh(args, kwargs), fresh(tuple(other[0]), other[1])
    first = first_input(one)
    lengths = () if first is None else (("T", first.shape[1]),)
    return [Example(one[0], one[1], lengths=lengths), Example(two[0], two[1], "other")]

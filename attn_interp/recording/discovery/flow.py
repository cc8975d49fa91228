"""What becomes of softmaxed weights in a dry run: are they, unchanged, what is multiplied with the values?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

MIXED, CHANGED, MARKED, UNUSED = "mixed", "changed", "marked", "unused"

_PRODUCTS = frozenset(
    [
        "matmul",
        "__matmul__",
        "__rmatmul__",
        "bmm",
        "mm",
        "mv",
        "dot",
        "vdot",
        "inner",
        "baddbmm",
        "addbmm",
        "addmm",
        "addmv",
        "einsum",
        "tensordot",
        "linear",
        "bilinear",
        "multi_dot",
    ]
)
_REPEATS = frozenset(
    ["expand", "expand_as", "broadcast_to", "repeat", "repeat_interleave", "tile", "cat", "stack", "concat"]
)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists, mappings and objects with attributes, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors_in(getattr(value, name))


@dataclass(frozen=True)
class _Trace:
    index: int  # which weights this tensor comes from
    exact: bool  # it holds their values
    size: int  # elements that an elementwise function of it has


class Flow:
    """Follows the weights of each call through the functions that a dry run makes.

    Weights are mixed when they enter a product of matrices, or an elementwise product that spreads them over another
    axis. A function that keeps their number and not their values changes them.
    """

    def __init__(self) -> None:
        self.fates: list[str] = []
        self._values: list[torch.Tensor] = []
        self._traces: dict[int, _Trace] = {}
        self._kept: list[torch.Tensor] = []  # no id is used twice while its tensor lives

    def born(self, weights: torch.Tensor, marked: bool) -> None:
        """New weights; `marked` if they were shown by a mark."""
        before = self._traces.get(id(weights))
        if marked and before is not None:
            self.fates[before.index] = MARKED
        self.fates.append(MIXED if marked else UNUSED)
        self._values.append(self._sorted(weights))
        self._follow(weights, _Trace(len(self.fates) - 1, True, weights.numel()))

    def __call__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
        """Runs a function, and follows what it does with the weights."""
        result = run(*args, **kwargs)
        self._seen(function, (args, kwargs), result)
        return result

    def _seen(self, function: Any, inputs: Any, result: Any) -> None:
        traces = [self._traces[id(x)] for x in tensors_in(inputs) if id(x) in self._traces]
        if not traces:
            return
        name = getattr(function, "__name__", "")
        for trace in traces:
            if name in _PRODUCTS:
                self._mixed(trace)
                continue
            for tensor in tensors_in(result):
                self._through(name, trace, tensor)

    def _through(self, name: str, trace: _Trace, result: torch.Tensor) -> None:
        known = self._traces.get(id(result))
        if not result.is_floating_point() or (known is not None and known.index != trace.index):
            return
        if name in _REPEATS:
            self._follow(result, trace)
        elif result._base is not None and result.numel() < trace.size:
            self._follow(result, _Trace(trace.index, trace.exact, result.numel()))
        elif result.numel() == trace.size:
            same = trace.exact and self._same(trace, result)
            self._follow(result, _Trace(trace.index, same, trace.size))
        elif result.numel() > trace.size:
            self._mixed(trace)

    def _same(self, trace: _Trace, result: torch.Tensor) -> bool:
        """Equal up to the order and the precision of the result; of a part of the weights, nothing more is asked."""
        values = self._values[trace.index]
        if result.numel() != values.numel():
            return True
        precision = 1e-6 if result.dtype in (torch.float32, torch.float64) else 1e-2
        return torch.allclose(self._sorted(result), values, rtol=0, atol=precision, equal_nan=True)

    def _mixed(self, trace: _Trace) -> None:
        if trace.exact:
            self.fates[trace.index] = MIXED
        elif self.fates[trace.index] == UNUSED:
            self.fates[trace.index] = CHANGED

    def _follow(self, tensor: torch.Tensor, trace: _Trace) -> None:
        self._traces[id(tensor)] = trace
        self._kept.append(tensor)

    @staticmethod
    def _sorted(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().double().flatten().sort().values

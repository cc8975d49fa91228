"""Where a running module stands: the path of the module at work, and how often it has attended in this pass."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

Key = tuple[tuple[str, int], ...]

_HIDDEN = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
_CHECKPOINT = str(Path(torch.__file__).parent / "utils" / "checkpoint.py")


@dataclass
class Frame:
    """One running call of a module. `key` tells it from every other call of the pass: along the stack, the path of
    each module and how many calls of it the caller had made before."""

    module: nn.Module
    path: str
    key: Key
    calls: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Call:
    """One softmax, attention function or mark, met while the root runs; `weights` are the module's own."""

    path: str
    ordinal: int
    kind: str
    key_axis: int
    weights: torch.Tensor
    scores: torch.Tensor | None


class Visitor(Protocol):
    """Who wants to see attention: changes come before records."""

    changes: bool

    def begin(self, tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...

    def visit(self, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor: ...


def unwrap(module: nn.Module) -> nn.Module:
    """The module inside DataParallel, DistributedDataParallel and torch.compile."""
    while True:
        inside = module.module if isinstance(module, DataParallel | DistributedDataParallel) else None
        if inside is None:
            inside = getattr(module, "_orig_mod", None)  # what torch.compile wraps
        if not isinstance(inside, nn.Module):
            return module
        module = inside


def caller_line() -> str:
    """`file:line` of the innermost frame outside torch and this package: the line that attends."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HIDDEN):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def inside_checkpoint() -> bool:
    """True in a function that torch.utils.checkpoint runs, and will run again in the backward pass."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == _CHECKPOINT:
            return True
        frame = frame.f_back
    return False


class Tracker:
    """Follows the forward passes of one root module. A pass begins when the root is called.

    `active` says whether the interceptor that owns this tracker is in charge of the thread that asks.
    """

    def __init__(self, root: nn.Module, active: Callable[[], bool]) -> None:
        self.root = root
        self.visitors: list[Visitor] = []
        self.counts: Counter[str] = Counter()
        self.found: Any = None  # what the dry run found, kept for contexts that nest
        self._active = active
        self._stack: list[Frame] = []
        self._graded = False
        self._handles: list[Any] = []

    def install(self) -> None:
        """Raises TypeError if the root is scripted; scripted parts run as they are, unseen."""
        if isinstance(self.root, torch.jit.ScriptModule):
            raise TypeError(
                f"{type(self.root).__name__} is a TorchScript module, which runs outside Python and cannot be seen "
                "into; give the nn.Module that it was made from"
            )
        for path, module in self.root.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            self._handles.append(module.register_forward_pre_hook(self._enter(path), with_kwargs=True))
            self._handles.append(module.register_forward_hook(self._leave, always_call=True))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @property
    def frame(self) -> Frame | None:
        """The innermost running call, or None while the root is not running."""
        return self._stack[-1] if self._stack else None

    def _enter(self, path: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if not self._active():
                return
            if module is self.root:
                self._graded = torch.is_grad_enabled()
                self.counts.clear()
                for visitor in self.visitors:
                    visitor.begin(self, args, kwargs)
                self._stack = [Frame(module, path, ())]
            elif self._stack:
                above = self._stack[-1]
                self._stack.append(Frame(module, path, (*above.key, (path, above.calls[path]))))
                above.calls[path] += 1

        return enter

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._active() and self._stack and self._stack[-1].module is module:
            self._stack.pop()

    def call(self, kind: str, key_axis: int, weights: torch.Tensor, scores: torch.Tensor | None) -> Call:
        path = self._stack[-1].path
        ordinal = self.counts[path]
        self.counts[path] += 1
        return Call(path, ordinal, kind, key_axis, weights, scores)

    def refuse_checkpoint(self, name: str, what: str) -> None:
        """Raises where gradients would be silently wrong: the site would be run again without the contexts.

        Raises:
            RuntimeError: inside gradient checkpointing.
        """
        if not self._graded:
            return
        if inside_checkpoint() or (self.root.training and not torch.is_grad_enabled()):
            raise RuntimeError(
                f"site {name!r}: {what} under gradient checkpointing (gradients are on at the root and the site is run "
                "again in the backward pass) would give wrong gradients; turn checkpointing off, or use eval mode or "
                "torch.no_grad()"
            )

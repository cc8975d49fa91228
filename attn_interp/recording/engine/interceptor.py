"""The interceptor: one function mode per thread that shows attention weights to whoever asked for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from attn_interp.recording.engine.attention_functions import SOFTMAXES, masked_scores, softmax_axis, without_overloads
from attn_interp.recording.engine.switches import SWITCHES
from attn_interp.recording.engine.tracker import Tracker, Visitor, inside_checkpoint
from attn_interp.recording.site import mark

_thread = threading.local()

Around = Callable[[Any, tuple[Any, ...], dict[str, Any], Callable[..., Any]], Any]


def current() -> Interceptor | None:
    """The interceptor in charge of this thread."""
    return getattr(_thread, "interceptor", None)


class Interceptor(TorchFunctionMode):
    """Sees every torch function of this thread; shows the weights of each softmax, attention function and mark to the
    visitors of the modules that are running: first to those that change them, then to those that record.

    `around`, where set, is called as around(function, args, kwargs, run) in place of run(*args, **kwargs).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trackers: dict[nn.Module, Tracker] = {}
        self.around: Around | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if current() is not self:
            return func(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            TorchFunctionMode.__enter__(self)  # the mode is off in here, and the inner calls are to be seen
            try:
                return without_overloads(func)(*args, **kwargs)
            finally:
                TorchFunctionMode.__exit__(self, None, None, None)
        run = func
        if func in SOFTMAXES:
            run = partial(self._softmax, func)
        elif func is F.scaled_dot_product_attention:
            run = self._attend
        elif func is mark:
            run = self._mark
        return run(*args, **kwargs) if self.around is None else self.around(func, args, kwargs, run)

    def _mark(self, weights: torch.Tensor, dim: int) -> torch.Tensor:
        return self._show("mark", weights, softmax_axis(weights, dim), None)

    def _softmax(self, func: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        weights = func(*args, **kwargs)
        scores = args[0] if args else kwargs["input"]
        dim = args[1] if len(args) > 1 else kwargs.get("dim")
        return self._show("softmax", weights, softmax_axis(scores, dim), scores)

    def _attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        fused = partial(
            F.scaled_dot_product_attention,
            query,
            key,
            value,
            attn_mask,
            dropout_p,
            is_causal,
            scale=scale,
            enable_gqa=enable_gqa,
        )
        if not any(tracker.frame for tracker in self.trackers.values()):
            return fused()
        if query.is_nested:
            raise TypeError(
                "scaled_dot_product_attention on nested tensors cannot be recorded; give padded tensors and a mask"
            )
        if enable_gqa:
            key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
            value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
        # What is run again in the backward pass is run without the contexts then, and must save the same tensors now.
        again = torch.is_grad_enabled() and inside_checkpoint()
        with torch.set_grad_enabled(torch.is_grad_enabled() and not again):
            scores = masked_scores(query, key, attn_mask, is_causal, scale)
            # Fully masked rows are zero, as in the fused kernel; half precision would leave rows off by .002.
            exact = scores if scores.dtype == torch.float64 else scores.float()
            weights = self._show("sdpa", torch._safe_softmax(exact, -1), -1, scores)
        if again:
            return fused()
        return F.dropout(weights.to(scores.dtype), dropout_p) @ value

    def _show(self, kind: str, weights: torch.Tensor, key_axis: int, scores: torch.Tensor | None) -> torch.Tensor:
        running = [tracker for tracker in self.trackers.values() if tracker.frame]
        calls = [(tracker, tracker.call(kind, key_axis, weights, scores)) for tracker in running]
        for changing in (True, False):
            for tracker, call in calls:
                for visitor in tracker.visitors:
                    if visitor.changes is changing:
                        weights = visitor.visit(tracker, call, weights)
        return weights


@contextmanager
def intercepting(root: nn.Module, visitor: Visitor) -> Iterator[Tracker]:
    """Shows the attention of `root` to the visitor. What is installed is gone afterwards, also after an exception."""
    with ExitStack() as stack:
        interceptor = current()
        if interceptor is None:
            interceptor = Interceptor()
            stack.enter_context(SWITCHES.off())
            stack.enter_context(interceptor)
            _thread.interceptor = interceptor
            stack.callback(setattr, _thread, "interceptor", None)
        tracker = interceptor.trackers.get(root)
        if tracker is None:
            tracker = interceptor.trackers[root] = Tracker(root, lambda: current() is interceptor)
            stack.callback(interceptor.trackers.pop, root)
            stack.callback(tracker.remove)
            tracker.install()
        tracker.visitors.append(visitor)
        stack.callback(tracker.visitors.remove, visitor)
        yield tracker


@contextmanager
def around_functions(around: Around) -> Iterator[None]:
    """Within this context `around` runs every torch function that the interceptor in charge sees."""
    interceptor = current()
    if interceptor is None:
        raise RuntimeError("around_functions is for use within intercepting")
    before, interceptor.around = interceptor.around, around
    try:
        yield
    finally:
        interceptor.around = before


@contextmanager
def outside() -> Iterator[None]:
    """For the time being nothing of this thread's contexts is in force, as if they had not been opened."""
    interceptor = current()
    if interceptor is None:
        yield
        return
    _thread.interceptor = None
    try:
        with SWITCHES.restored():
            yield
    finally:
        _thread.interceptor = interceptor

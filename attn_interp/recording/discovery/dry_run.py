"""The dry run: finds the sites of any module, and verifies that what it found is what the module attends with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from attn_interp.recording.discovery.classify import Seen, classify
from attn_interp.recording.discovery.dry_run_inputs import Example, Inputs, both, fresh, sliced
from attn_interp.recording.discovery.flow import Flow, tensors_in
from attn_interp.recording.discovery.verification import verified
from attn_interp.recording.engine.interceptor import around_functions, intercepting, outside
from attn_interp.recording.engine.tracker import Call, Tracker, caller_line, unwrap
from attn_interp.recording.site import Site
from attn_interp.recording.wrapped import Wrapped, module_in

MARK_REMEDY = (
    "attention that is not a softmax over positions multiplied with the values as it is (sparsemax, a sigmoid, a "
    "softmax times a mask) is shown by `weights = mark(weights, dim)`, placed where the weights meet the values"
)


@contextmanager
def in_eval_mode(module: nn.Module) -> Iterator[None]:
    """Eval mode; training flags are put back."""
    training = [part for part in module.modules() if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; training flags and random state are put back."""
    devices = {x.device for x in module.parameters() if x.device.type == "cuda"}
    with torch.random.fork_rng(devices), torch.no_grad(), in_eval_mode(module):
        yield


@dataclass
class _Watcher:
    """Notes every call and where its weights go."""

    flow: Flow
    calls: list[tuple[Call, str, tuple[int, ...], bool]]
    changes = False

    def begin(self, tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...

    def visit(self, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        total = weights.sum(call.key_axis)
        normalised = bool(((total - 1).abs() < 1e-2).logical_or(total == 0).logical_or(total.isnan()).all())
        self.calls.append((call, caller_line(), tuple(weights.shape), normalised))
        self.flow.born(weights, call.kind == "mark")
        return weights

    def seen(self) -> list[Seen]:
        return [
            Seen(
                call.path,
                call.ordinal,
                line,
                call.kind,
                call.key_axis,
                shape,
                "mixed" if call.kind == "sdpa" else fate,
                normalised,
            )
            for (call, line, shape, normalised), fate in zip(self.calls, self.flow.fates)
        ]


def _watched(root: nn.Module, example: Example) -> tuple[list[Seen], Any]:
    watcher = _Watcher(Flow(), [])
    args, kwargs = fresh(example.args, example.kwargs)
    with intercepting(root, watcher), around_functions(watcher.flow):
        output = root(*args, **kwargs)
    return watcher.seen(), output


def _runs(root: nn.Module, examples: Sequence[Example]) -> tuple[list[list[Seen]], list[Any]]:
    runs, outputs = [], []
    for example in examples:
        try:
            seen, output = _watched(root, example)
        except Exception as error:
            if not example.varied:
                raise
            what = {"B": "one document more", "other": "the other example"}.get(example.varied, "cut shorter")
            raise ValueError(
                f"dry run: {type(root).__name__} fails on its inputs with {what} ({type(error).__name__}: {error}); "
                "give inputs that differ in number of documents and in length as other=(args, kwargs)"
            ) from error
        runs.append(seen)
        outputs.append(output)
    return runs, outputs


def find(
    root: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], other: Inputs | None = None
) -> tuple[Site, ...]:
    """See `sites`; the root is unwrapped and nothing else intercepts."""
    with at_rest(root):
        if other is not None:
            return _found(root, both(args, kwargs, other))
        try:
            return _found(root, sliced(args, kwargs))
        except ValueError:
            try:  # positions may lead, as in torch's own modules by default
                return _found(root, sliced(args, kwargs, leading="T"))
            except ValueError:
                pass
            raise


def _found(root: nn.Module, examples: Sequence[Example]) -> tuple[Site, ...]:
    name = type(root).__name__
    runs, outputs = _runs(root, examples)
    examples = [_with_batch(example, output) for example, output in zip(examples, outputs)]
    found, none, unmarked = classify(runs, examples)
    if unmarked:
        raise ValueError(
            f"{name}: weights are changed between softmax and values: {'; '.join(unmarked)}; {MARK_REMEDY}"
        )
    if found:
        found, silent = verified(root, found, examples[0])
        none += silent
    if not found:
        seen = f"seen: {'; '.join(none)}" if none else "no softmax and no scaled_dot_product_attention was called"
        raise ValueError(f"{name}: no attention found; {seen}; {MARK_REMEDY}")
    return tuple(found)


def _with_batch(example: Example, output: Any) -> Example:
    if example.batch is not None:
        return example
    first = next((tensor for tensor in tensors_in(output) if tensor.ndim), None)
    if first is None:
        raise ValueError("the output has no axis of documents; with other=(args, kwargs) the module must return one")
    return replace(example, batch=first.shape[0])


def sites(module: nn.Module | Wrapped, *inputs: Any, other: Inputs | None = None, **kwargs: Any) -> tuple[Site, ...]:
    """The places where a module attends, found and verified by dry runs on the inputs (in eval mode, no gradients).

    A softmax is attention if the softmaxed axis follows the number of positions T and the weights, unchanged, are
    multiplied with values. For this the module is run on the inputs, on one document more (the last one repeated), and
    on three quarters of the positions. What was found is verified: the module's own weights put back reproduce
    the recorded run exactly, and random weights move the output.

    Args:
        module: Any module. DataParallel and torch.compile are looked through. An `AttentionModel` has its sites already
            and needs no inputs.
        inputs, kwargs: What the module is called with: documents along the first axis, positions along the second
            (or the reverse, where no site is found so); two positions or more. Lengths (B,) are clipped.
        other: (args, kwargs) of a second call with another number of documents and another length, where cutting
            the inputs cannot give one.

    Returns:
        The sites in the order in which they are reached.

    Raises:
        ValueError: if there is none, if weights are changed after their softmax (use `mark`), if the layout of one is
            ambiguous, or if the module is random in eval mode.
    """
    root = unwrap(module_in(module))
    if not isinstance(module, nn.Module) and not inputs and not kwargs:
        return module.sites
    with outside():
        found = find(root, inputs, kwargs, other)
        _warn_of_fast_path(root, inputs, kwargs)
    return found


def _warn_of_fast_path(root: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """torch's fast path zeroes padded positions and is off while attention is recorded: says so if it matters."""
    fused = any(isinstance(part, nn.MultiheadAttention | nn.TransformerEncoderLayer) for part in root.modules())
    if not fused or not torch.backends.mha.get_fastpath_enabled():
        return
    with at_rest(root):
        given, named = fresh(args, kwargs)
        plain = [x for x in tensors_in(root(*given, **named)) if x.is_floating_point()]
        recorded = [x for x in tensors_in(_watched(root, Example(args, kwargs))[1]) if x.is_floating_point()]
    gap = max(
        (
            (x - y).abs().nan_to_num().max().item() / max(1.0, y.abs().nan_to_num().max().item())
            for x, y in zip(plain, recorded)
            if x.numel() and x.shape == y.shape
        ),
        default=0.0,
    )
    if gap > 1e-4 or any(x.shape != y.shape for x, y in zip(plain, recorded)):
        warnings.warn(
            f"{type(root).__name__}: torch's fast path, which recording turns off, gives other outputs (by {gap:.2g}): "
            "it zeroes padded positions, and this module reads them; torch.backends.mha.set_fastpath_enabled(False) "
            "gives the recorded outputs everywhere",
            stacklevel=3,
        )

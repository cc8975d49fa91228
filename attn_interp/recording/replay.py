"""Replay: the outputs under other attention weights, without running again what ended before the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from attn_interp.recording.discovery.dry_run import at_rest, find, in_eval_mode
from attn_interp.recording.discovery.dry_run_inputs import Inputs, fresh, map_tensors
from attn_interp.recording.discovery.flow import tensors_in
from attn_interp.recording.engine.checked_change import Change
from attn_interp.recording.engine.interceptor import Around, around_functions, intercepting, outside
from attn_interp.recording.engine.tracker import Key, Tracker, unwrap
from attn_interp.recording.engine.visitors import Changer, Recorder
from attn_interp.recording.recording import Recording
from attn_interp.recording.recording_contexts import named
from attn_interp.recording.site import Site


def _versions(output: Any) -> list[int]:
    return [-1 if tensor.is_inference() else tensor._version for tensor in tensors_in(output)]


def _same(one: Any, two: Any) -> bool:
    """Equal arguments: the same tensors, not equal ones."""
    if one is two:
        return True
    if isinstance(one, torch.Tensor) or isinstance(two, torch.Tensor) or type(one) is not type(two):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(two) and all(_same(x, y) for x, y in zip(one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_same(one[name], two[name]) for name in one)
    return (one == two) is True


@dataclass
class _Kept:
    """The output of a call that ended before the site, and how often each module attended inside it."""

    output: Any
    attended: Counter[str]
    versions: list[int]


@dataclass
class _Result:
    """The result of a torch function in a call that had not ended at the site."""

    function: Any
    inputs: tuple[Any, ...]
    output: Any
    versions: list[int]


def _altered(kept: _Kept | _Result) -> bool:
    """True if a tensor was written to since it was kept, or does not tell (an inference tensor)."""
    return -1 in kept.versions or kept.versions != _versions(kept.output)


@contextmanager
def _forwards(modules: Iterable[nn.Module], run: Callable[..., Any]) -> Iterator[None]:
    """Each module's forward goes through run(module, forward, ...); afterwards it is as it was."""
    replaced: list[tuple[nn.Module, Any]] = []
    try:
        for module in modules:
            replaced.append((module, module.__dict__.get("forward")))
            module.__dict__["forward"] = partial(run, module, module.forward)
        yield
    finally:
        for module, own in replaced:
            if own is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = own


def _is_cache(given: Any) -> bool:
    """Whether an argument is a cache of keys and values, as the transformers library has them."""
    return hasattr(given, "get_seq_length")


PRODUCTS = frozenset({torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.bmm, torch.Tensor.__matmul__})
ELEMENTWISE = frozenset({torch.mul, torch.Tensor.mul, torch.Tensor.__mul__})


def weights_first(function: Any, args: tuple[Any, ...]) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The weights (..., keys, 1) and the values (..., keys, D) that a function multiplies number by number, as where
    they are summed next; None: it does not."""
    if function not in ELEMENTWISE or len(args) != 2 or not all(isinstance(each, torch.Tensor) for each in args):
        return None
    one, other = sorted(args, key=lambda each: each.shape[-1:] != (1,))
    weighs = one.ndim == other.ndim > 2 and one.shape[-1] == 1 < min(one.shape[-2], other.shape[-1])
    return (one, other) if weighs else None


def _values_of(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The values (..., keys, D) that a function multiplies attention with; None: it does not, or not in this way."""
    if function is F.scaled_dot_product_attention and len(args) > 2:
        groups = args[0].shape[-3] // args[2].shape[-3] if kwargs.get("enable_gqa") else 1
        return args[2].repeat_interleave(groups, -3)
    if function in PRODUCTS and len(args) == 2:
        return args[1]
    pair = weights_first(function, args)
    return None if pair is None else pair[1]


@contextmanager
def skipping(kept: Replay, tracker: Tracker, change: Callable[[Any], Any] = lambda output: output) -> Iterator[None]:
    """Within this context modules that ended before the site return what was kept of them, changed."""

    def skip(module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        frame = tracker.frame
        known = kept.kept.get(frame.key) if frame is not None and frame.module is module else None
        if known is None:
            return forward(*args, **kwargs)
        tracker.counts.update(known.attended)
        return change(kept.copy(known.output))

    with _forwards(kept.skipped, skip):
        yield


class Replay:
    """One pass that was kept, and its outputs under other weights at one site.

    Kept are the outputs of the module calls that ended before the site and, in the calls that had not ended, the
    results of torch functions up to it, which are given again to the same function of the same tensors.

    Attributes:
        site: The site.
        weights: (batch, heads, queries, keys) weights of the first pass.
        output: What the module returned in the first pass.
        values: What the weights were multiplied with, (..., keys, D); None: not seen.
    """

    def __init__(self, module: nn.Module, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.site = site
        self.root = unwrap(module)
        self.inputs = fresh(args, kwargs)
        self._copies = False
        self.kept: dict[Key, _Kept] = {}
        self._results: dict[Key, list[_Result]] = {}
        self.values: torch.Tensor | None = None
        self._first()
        if any(map(_altered, self.kept.values())):
            self._copies = True  # the module goes on in place with what was kept: keep copies
            self.kept.clear()
            self._results.clear()
            self._first()
        for result in chain(*self._results.values()):
            if _altered(result):
                result.output = None
        paths = {key[-1][0] for key in self.kept}
        self.skipped = [part for path, part in self.root.named_modules() if path in paths]

    def _first(self) -> None:
        recording = Recording()
        recorder = Recorder((self.site,), recording, gradients=False)
        reads_cache = getattr(self.root, "reads_cache", False)  # then a call that fills a cache is run again
        inner = [m for m in self.root.modules() if m is not self.root and not isinstance(m, torch.jit.ScriptModule)]
        with at_rest(self.root), intercepting(self.root, recorder) as tracker:

            def keep(module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
                frame = tracker.frame
                if frame is None or frame.module is not module or recorder.reached:
                    return forward(*args, **kwargs)
                before = tracker.counts.copy()
                output = forward(*args, **kwargs)
                if not recorder.reached and not (reads_cache and any(map(_is_cache, (*args, *kwargs.values())))):
                    depth = len(frame.key)
                    for kept in (self.kept, self._results):
                        for key in [key for key in kept if key[:depth] == frame.key]:
                            del kept[key]
                    self.kept[frame.key] = _Kept(self.copy(output), tracker.counts - before, _versions(output))
                return output

            def note(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
                result = run(*args, **kwargs)
                frame = tracker.frame
                if run is function and frame and not recorder.reached:  # attention is shown every time
                    kept = _Result(function, (args, kwargs), result, _versions(result))
                    self._results.setdefault(frame.key, []).append(kept)
                if self.values is None and frame and frame.path == self.site.path and recorder.reached:
                    self.values = _values_of(function, args, kwargs)
                return result

            with _forwards(inner, keep), around_functions(note):
                args, kwargs = self._fresh()
                self.output = self.root(*args, **kwargs)
        recorder.finish("replay")
        self.weights = recording[self.site]

    def _fresh(self) -> Inputs:
        """The same tensors, and new copies of what a pass could alter (a cache, for example)."""
        args, kwargs = map_tensors(self.inputs, lambda tensor: tensor)
        return args, kwargs

    def copy(self, output: Any) -> Any:
        return map_tensors(output, torch.clone) if self._copies else output

    def under(self, change: Change, unnormalised: bool = False) -> Any:
        """What the module returns with the changed weights; equal to the same call under `intervene`, if the contexts
        around it are those of the first pass.

        Where autograd is on, gradients reach whatever the change depends on; what was kept is constant.
        """
        changer = Changer((self.site,), {self.site.name: change}, unnormalised)
        with (
            in_eval_mode(self.root),
            intercepting(self.root, changer) as tracker,
            skipping(self, tracker),
            around_functions(self._repeat(tracker)),
        ):
            args, kwargs = self._fresh()
            return self.root(*args, **kwargs)

    def _repeat(self, tracker: Tracker) -> Around:
        """Gives, up to the site, the kept results of the functions in the order in which they were called."""
        left = {key: iter(results) for key, results in self._results.items()}

        def repeat(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
            frame = tracker.frame
            if run is not function or frame is None or frame.key not in left:
                return run(*args, **kwargs)
            kept = next(left[frame.key], None)
            if kept is None or not kept.versions or kept.output is None or kept.function != function:
                return run(*args, **kwargs)
            return kept.output if _same(kept.inputs, (args, kwargs)) else run(*args, **kwargs)

        return repeat


def replay(module: nn.Module, site: Site | str, *inputs: Any, **kwargs: Any) -> Replay:
    """Runs the module once and keeps the output of every module call that ended before the site.

    `replay(...).under(change)` then gives the output under other weights, running again only the rest: exact, and for
    attention on top of an encoder far cheaper than the whole. Eval mode. With all weight on one position it gives
    the votes.

    Args:
        module: Any module.
        site: A site, or the name of one, which is then found by a dry run on the inputs.
        inputs, kwargs: What the module is called with.
    """
    if isinstance(site, str):
        with outside():
            (site,) = named(find(unwrap(module), inputs, kwargs), [site])
    return Replay(module, site, inputs, kwargs)

"""What happens at a site: its weights are changed, or recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from attn_interp.recording.change import Change, changed
from attn_interp.recording.recording import Pass, Recording
from attn_interp.recording.site import Site
from attn_interp.recording.tracker import Call, Tracker, caller_line

Resolve = Callable[[Tracker, tuple[Any, ...], dict[str, Any]], tuple[Site, ...]]


class AtSites:
    """Visits the given sites, or those that `resolve` finds at the first pass, and remembers which were reached."""

    changes = False

    def __init__(self, sites: Iterable[Site] | Resolve) -> None:
        self._resolve = sites if callable(sites) else None
        self.sites: tuple[Site, ...] = () if callable(sites) else tuple(sites)
        self.reached: set[str] = set()
        self.passes = 0
        self._visits: dict[str, int] = {}

    def begin(self, tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._resolve is not None:
            self.sites = self._resolve(tracker, args, kwargs)
            self._resolve = None
        self.passes += 1
        self._visits = {}

    def visit(self, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        site = next((site for site in self.sites if _is_at(site, call)), None)
        if site is None:
            return weights
        if call.key_axis != site.key_axis:
            raise ValueError(
                f"site {site.name!r}: softmax over axis {call.key_axis}, expected {site.key_axis}; find the sites "
                "again, with inputs of the kind that is being run"
            )
        self.reached.add(site.name)
        step = self._visits.get(site.name, 0)
        self._visits[site.name] = step + 1
        return self.at(site, step, tracker, call, weights)

    def at(self, site: Site, step: int, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def finish(self, what: str) -> None:
        """Raises if the module did not run, or a site was not reached, so that nothing is believed to have been done.

        Raises:
            RuntimeError: naming the sites.
        """
        if not self.passes:
            raise RuntimeError(f"{what}: the module was not called inside the context, so no site was reached")
        missed = sorted(site.name for site in self.sites if site.name not in self.reached)
        if missed:
            raise RuntimeError(
                f"{what}: not reached inside the context: {', '.join(missed)}; reached: "
                f"{', '.join(sorted(self.reached)) or 'none'}"
            )


def _is_at(site: Site, call: Call) -> bool:
    if site.path != call.path or site.kind != call.kind:
        return False
    return site.call == call.ordinal if site.line is None else site.line == caller_line()


class Changer(AtSites):
    """Puts changed weights in the place of the model's."""

    changes = True

    def __init__(self, sites: Iterable[Site] | Resolve, of: Mapping[str, Change], unnormalised: bool) -> None:
        super().__init__(sites)
        self._of = of
        self._unnormalised = unnormalised

    def at(self, site: Site, step: int, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        tracker.refuse_checkpoint(site.name, "a change of its weights")
        change = self._of[site.name]
        read, sink = site.read(weights)
        if site.line is not None and isinstance(change, torch.Tensor) and change.shape != read.shape:
            change = change[:, :, step : step + 1, : read.shape[-1]]
        new = changed(site, change, read, sink, call.scores, self._unnormalised)
        return site.write(new, sink, weights.shape)


class Recorder(AtSites):
    """Keeps the weights of every pass: a copy, or with gradients the tensors that the model goes on with."""

    def __init__(self, sites: Iterable[Site] | Resolve, recording: Recording, gradients: bool) -> None:
        super().__init__(sites)
        self._recording = recording
        self._gradients = gradients

    def begin(self, tracker: Tracker, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().begin(tracker, args, kwargs)
        self._recording.sites = self.sites
        self._recording.passes.append(Pass())

    def at(self, site: Site, step: int, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        if not self._gradients:
            read, sink = site.read(weights.detach())
            # A copy: the model may go on in place. Rows whose keys are all masked are zero, not NaN.
            self._recording.passes[-1].add(site, read.nan_to_num(), None if sink is None else sink.clone())
            return weights
        tracker.refuse_checkpoint(site.name, "recording with gradients")
        if not torch.is_grad_enabled():
            raise RuntimeError(f"site {site.name!r}: recording with gradients, but gradients are turned off")
        read, sink = site.read(weights if weights.requires_grad else weights.detach().requires_grad_())
        dead = read.isnan()
        if dead.any():
            read = read.masked_fill(dead, 0.0)
        self._recording.passes[-1].add(site, read, sink)
        onward = read.masked_fill(dead, torch.nan) if dead.any() else read
        return site.write(onward, sink, weights.shape).clone()

"""What happens at a site: its weights are changed, or recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from attn_interp.recording.engine.checked_change import Change, changed, fully_masked
from attn_interp.recording.engine.tracker import Call, Tracker, caller_line
from attn_interp.recording.recording import Pass, Recording
from attn_interp.recording.site import Site

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
                f"{', '.join(sorted(self.reached)) or 'none'}; if the module runs otherwise than when its sites were "
                "found, as with another attention implementation, find them again: sites(module, ...) or wrap(...)"
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
        ids = kwargs.get("input_ids")
        self._recording.passes.append(Pass(ids.clone() if isinstance(ids, torch.Tensor) else None))

    def at(self, site: Site, step: int, tracker: Tracker, call: Call, weights: torch.Tensor) -> torch.Tensor:
        _check_marked(site, call)
        kept = self._recording.passes[-1]
        if not self._gradients:
            read, sink = site.read(weights.detach())
            dead = fully_masked(site, call.scores) if call.scores is not None and read.isnan().any() else None
            # A copy, since the module may go on in place. Rows whose keys are all masked are zero, not NaN.
            kept.add(site, read.clone() if dead is None else read.masked_fill(dead, 0), _copy(sink))
            return weights
        tracker.refuse_checkpoint(site.name, "recording with gradients")
        if not torch.is_grad_enabled():
            raise RuntimeError(f"site {site.name!r}: recording with gradients, but gradients are turned off")
        read, sink = site.read(weights if weights.requires_grad else weights.detach().requires_grad_())
        onward = read
        if call.scores is not None and read.isnan().any():
            dead = fully_masked(site, call.scores)
            read = read.masked_fill(dead, 0)
            onward = read.masked_fill(dead, torch.nan)
        kept.add(site, read, sink)
        return site.write(onward, sink, weights.shape).clone()


def _copy(sink: torch.Tensor | None) -> torch.Tensor | None:
    return None if sink is None else sink.clone()


def _check_marked(site: Site, call: Call) -> None:
    """A softmax sums to 1; what a mark shows must do so where it did in the dry run."""
    if site.kind != "mark" or not site.normalised:
        return
    total = call.weights.detach().sum(site.key_axis)
    off = torch.where(total == 0, 0, (total - 1).abs()).max().item()
    if not off < 1e-2:
        raise ValueError(
            f"site {site.name!r}: marked weights sum to 1 within {off:.3g} only, and did in the dry run; find the "
            "sites again on inputs of this kind"
        )

"""A recording: the attention weights of every pass within `record`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F

from attn_interp.recording.site import Site

Steps = list[tuple[torch.Tensor, torch.Tensor | None]]


class Pass(Mapping[str, torch.Tensor]):
    """The weights (batch, heads, queries, keys) of one forward pass, by name of the site, in the order reached.

    Attributes:
        ids: (batch, positions) the `input_ids` that the module was called with; None where it was given none by name.
    """

    def __init__(self, ids: torch.Tensor | None = None) -> None:
        self.ids = ids
        self._steps: dict[str, Steps] = {}

    def add(self, site: Site, weights: torch.Tensor, sink: torch.Tensor | None) -> None:
        self._steps.setdefault(site.name, []).append((weights, sink))

    def steps(self, site: str | Site) -> tuple[torch.Tensor, ...]:
        """The weights of each step of a loop, (batch, heads, queries, keys) each; one for a site that is one call."""
        return tuple(weights for weights, _ in self._of(site))

    def sink(self, site: str | Site) -> torch.Tensor:
        """(batch, heads, queries): the mass on the sink, 0 where the site has none. It completes the rows to 1."""
        return torch.cat(
            [torch.zeros_like(weights[..., 0]) if sink is None else sink[..., 0] for weights, sink in self._of(site)],
            dim=-1,
        )

    def __getitem__(self, site: str | Site) -> torch.Tensor:
        steps = self.steps(site)
        if len(steps) == 1:
            return steps[0]
        longest = max(step.shape[-1] for step in steps)  # a step over a growing prefix has fewer keys: 0 on the rest
        return torch.cat([F.pad(step, (0, longest - step.shape[-1])) for step in steps], dim=-2)

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def _of(self, site: str | Site) -> Steps:
        name = site.name if isinstance(site, Site) else site
        if name not in self._steps:
            raise KeyError(f"no weights of site {name!r} in this pass; recorded were {sorted(self._steps)}")
        return self._steps[name]


class Recording(Mapping[str, torch.Tensor]):
    """The attention of a module: name of the site -> weights (batch, heads, queries, keys) of the latest pass.

    Attributes:
        passes: Every forward pass of the module within the context, oldest first; each is a mapping of the same kind.
        sites: The sites that are recorded; empty before the first pass where they are found by a dry run.
    """

    def __init__(self) -> None:
        self.passes: list[Pass] = []
        self.sites: tuple[Site, ...] = ()

    def latest(self) -> Pass:
        """The latest pass.

        Raises:
            RuntimeError: before the first pass.
        """
        if not self.passes:
            raise RuntimeError("nothing is recorded yet: call the module inside `with record(module) as recording:`")
        return self.passes[-1]

    def steps(self, site: str | Site) -> tuple[torch.Tensor, ...]:
        """See `Pass.steps`. Of a loop, these are the tensors that gradients flow through."""
        return self.latest().steps(site)

    def sink(self, site: str | Site) -> torch.Tensor:
        """See `Pass.sink`."""
        return self.latest().sink(site)

    def __getitem__(self, site: str | Site) -> torch.Tensor:
        return self.latest()[site]

    def __iter__(self) -> Iterator[str]:
        return iter(self.latest())

    def __len__(self) -> int:
        return len(self.latest())

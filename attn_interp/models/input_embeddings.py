"""Where a module reads its input embeddings: watched in one pass, and changed in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attn_interp.recording.engine.switches import SWITCHES


@dataclass(frozen=True)
class InputEmbeddings:
    """The module whose output are the embeddings (B, T, D) of a batch.

    Attributes:
        module: It is called once in a pass, or several times for the same result.
        positions_first: Whether the embeddings come as (T, B, D), as XLNet has them.
        why_not: Why nothing can be asked at them; None: it can.
    """

    module: nn.Module
    positions_first: bool = False
    why_not: str | None = None

    @contextmanager
    def changed(self, change: Callable[[torch.Tensor], torch.Tensor | None]) -> Iterator[None]:
        """Within this context `change` sees the embeddings (B, T, D) at each call, and what it returns takes their
        place.

        Raises:
            ValueError: nothing can be asked at the embeddings of this model, and why.
        """
        if self.why_not is not None:
            raise ValueError(self.why_not)

        def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor | None:
            new = change(output.transpose(0, 1) if self.positions_first else output)
            return new.transpose(0, 1) if new is not None and self.positions_first else new

        handle = self.module.register_forward_hook(hook)
        try:
            with SWITCHES.off():  # a compiled module does not call hooks that came later
                yield
        finally:
            handle.remove()

    @contextmanager
    def leaves(self) -> Iterator[list[torch.Tensor]]:
        """Within this context the embeddings (B, T, D) of each call are a leaf of the graph, and join the list that is
        given. Raises ValueError as `changed`."""
        held: list[torch.Tensor] = []

        def keep(output: torch.Tensor) -> torch.Tensor:
            held.append(output.detach().requires_grad_())
            return held[-1]

        with self.changed(keep):
            yield held

    def mean(self) -> torch.Tensor:
        """(D,) the mean embedding of the vocabulary, padding left out.

        Raises:
            TypeError: the module is not a torch.nn.Embedding, so its words cannot be listed.
        """
        table = self.module
        if not isinstance(table, nn.Embedding):
            raise TypeError(f"mean embedding: the input embedding is a {type(table).__name__}, expected nn.Embedding")
        vectors = table.weight.detach()
        if table.padding_idx is not None:
            vectors = torch.cat([vectors[: table.padding_idx], vectors[table.padding_idx + 1 :]])
        return vectors.double().mean(0).to(vectors)


def with_gradient(chosen: torch.Tensor, leaves: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The embeddings (B, T, D) and the gradient of a number there, summed over the calls: a word acts through all."""
    gradients = torch.autograd.grad(chosen, leaves, materialize_grads=True)
    return leaves[0].detach(), torch.stack(gradients).sum(0)


def watched(run: Callable[[], Any], name: str, modules: Sequence[nn.Module], shape: torch.Size) -> InputEmbeddings:
    """How a pass of one document reads the embeddings of its positions from some modules.

    Args:
        run: The pass.
        name: Of the embedding or the model, for the reason.
        modules: Those that may be called, as the embeddings of an encoder and a decoder that share a weight.
        shape: (1, T) of the ids, T > 1.
    """
    calls: list[tuple[nn.Module, Any]] = []
    hooks = [part.register_forward_hook(lambda part, args, output: calls.append((part, output))) for part in modules]
    try:
        with SWITCHES.off(), torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    instead = "use leave-one-out or attention"
    if not calls:
        why = f"{name} is not called in a pass (its weight may be read without a call)"
        return InputEmbeddings(modules[0], why_not=f"{why}, so no gradient can be taken there; {instead}")
    module, first = calls[0]
    size = tuple(first.shape) if isinstance(first, torch.Tensor) else ()
    if len(size) != 3 or size[:2] not in (shape, shape[::-1]):
        what = f"a result of shape {size}" if size else f"a {type(first).__name__}"
        why = f"{name} gives {what} for a document of {shape[1]} positions, expected {(*shape, 'D')}"
        return InputEmbeddings(module, why_not=f"{why}; {instead}")
    for other, output in calls[1:]:
        if other is not module or output.shape != first.shape or not torch.equal(output, first):
            why = f"{name} reads its input embeddings twice, in encoder and decoder or of other ids"
            return InputEmbeddings(module, why_not=f"{why}, so a word has no single embedding; {instead}")
    return InputEmbeddings(module, positions_first=size[:2] != shape)

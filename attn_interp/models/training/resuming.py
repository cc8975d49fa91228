"""The state of an unfinished training in one file, so that a killed training goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch.optim import Optimizer

from attn_interp.data.whole_files import whole_file
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import TrainingSettings
from attn_interp.models.classifiers.trained import Epoch


@dataclass(frozen=True)
class Progress:
    """Where a training stands after an epoch: everything but what its arguments already say.

    Attributes:
        history: The epochs so far.
        best: The weights of the best of them.
    """

    history: list[Epoch]
    best: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Resumable:
    """A training and the file that keeps its state; without a file nothing is kept.

    Attributes:
        path: The file; written whole after every epoch, and left for the caller to delete.
        module, optimisers, order: What learns, what moves it, and the generator that orders the documents; all are
            changed by `restore`.
        training, seed: What tells this training from another: a file of another one is refused.
    """

    path: Path | None
    module: Classifier
    optimisers: Sequence[Optimizer]
    order: torch.Generator
    training: TrainingSettings
    seed: int

    def keep(self, progress: Progress) -> None:
        if self.path is None:
            return
        device = self.module.head.weight.device
        state = {
            "training": self._described(),
            "history": [asdict(epoch) for epoch in progress.history],
            "best": progress.best,
            "module": self.module.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "order": self.order.get_state(),
            "random": torch.get_rng_state(),
            "random on the device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }
        with whole_file(self.path) as draft:
            torch.save(state, draft)

    def restore(self) -> Progress:
        """Put everything back as it was after the last epoch that was kept; nothing is changed where there is none.

        Raises:
            ValueError: the file belongs to another training, or is damaged.
        """
        if self.path is None or not self.path.exists():
            return Progress([], {})
        device = self.module.head.weight.device
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            described = state["training"]
        except (RuntimeError, EOFError, OSError, LookupError, TypeError, ValueError, UnpicklingError) as error:
            raise ValueError(f"{self.path}: is damaged ({error}); delete it to train from the start") from error
        if described != self._described():
            raise ValueError(
                f"{self.path}: holds the state of a training with {described}, this one has "
                f"{self._described()}; name another file"
            )
        self.module.load_state_dict(state["module"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.order.set_state(state["order"])
        torch.set_rng_state(state["random"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(state["random on the device"], device)
        best = {name: tensor.to(device) for name, tensor in state["best"].items()}
        return Progress([Epoch(**row) for row in state["history"]], best)

    def _described(self) -> dict[str, Any]:
        shapes = {name: list(tensor.shape) for name, tensor in self.module.state_dict().items()}
        return {**asdict(self.training), "seed": self.seed, "weights": shapes}

"""Attributions of every document that was read, computed once and shared by the experiments that need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from attn_interp.attribution.attribution import Attribution, Method
from attn_interp.attribution.methods import METHODS
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import Reading
from attn_interp.models.attention_model import AttentionModel


@dataclass(frozen=True)
class Attributed:
    """For each batch of a reading, the attributions by name; float64 on the CPU.

    Every attribution explains the probability of the predicted class.
    """

    batches: tuple[Mapping[str, Attribution], ...]

    @property
    def names(self) -> list[str]:
        return list(self.batches[0])


def attribute(
    model: AttentionModel, reading: Reading, methods: Mapping[str, Method] = METHODS, progress: bool = False
) -> Attributed:
    """Run every method on every document of the reading."""
    batches = []
    for read_batch in track(reading.batches, "attributions", progress):
        classes = read_batch.predicted.to(model.device)
        found = {name: method(model, read_batch.batch, classes) for name, method in methods.items()}
        batches.append({name: _settled(attribution) for name, attribution in found.items()})
    return Attributed(tuple(batches))


def _settled(attribution: Attribution) -> Attribution:
    gap = attribution.completeness_gap
    return Attribution(_double(attribution.values), None if gap is None else _double(gap))


def _double(values: torch.Tensor) -> torch.Tensor:
    return values.detach().double().cpu()

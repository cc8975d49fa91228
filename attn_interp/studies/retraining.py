"""One seed of a study that trains again: the base model, its rivals, its imitators and the models under its guides.

Each model is trained once and kept as a checkpoint; what stands on disk is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from attn_interp.data.corpus import Corpus
from attn_interp.models.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.frozen import Attention, attention_of, attention_of_rationales, uniform
from attn_interp.models.imitating import FREE, FULL, BaseOutputs, Imitator, base_outputs, imitate
from attn_interp.models.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.trained import Trained
from attn_interp.models.training import train
from attn_interp.models.wrap import wrap

STRENGTHS = (0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
"""Of the divergence in an imitator's objective, falling: each imitator goes on from the one before."""

GUIDING_STRENGTH = 0.01
"""Of the imitator whose attention guides the context-free model."""

IMITATION_EPOCHS, IMITATION_PATIENCE = 5, 2

ATTENTION, UNIFORM, MEAN, LAST = "attention", "uniform attention", "mean", "last state"
OWN, BASE, IMITATORS, RATIONALE = "own learned", "base model", "imitator", "human rationale"
NO_GUIDE = "uniform"


@dataclass(frozen=True)
class Retraining:
    """The models of one seed on one corpus.

    Attributes:
        corpus: What they are trained on.
        settings: What the base model is made of; pools by attention with one head.
        training: How base, rivals and guided models are trained.
        seed: Of every training.
        folder: Where the checkpoints are kept.
    """

    corpus: Corpus
    settings: ClassifierSettings
    training: TrainingSettings
    seed: int
    folder: Path

    @cached_property
    def base(self) -> Trained:
        """The model whose attention is in question."""
        return self._kept(ATTENTION, lambda: self._train(self.settings))

    def rivals(self) -> dict[str, Trained]:
        """The base model, and the same without learned attention: frozen to uniform, mean, and last state (LSTM)."""
        changes = {UNIFORM: {"attention": "uniform"}, MEAN: {"pooling": "mean"}}
        if self.settings.encoder == "lstm":
            changes[LAST] = {"pooling": "last"}
        found = {ATTENTION: self.base}
        for name, change in changes.items():
            settings = replace(self.settings, **change)  # type: ignore[arg-type]
            found[name] = self._kept(name, lambda settings=settings: self._train(settings))  # type: ignore[misc]
        return found

    def imitators(self) -> list[Imitator]:
        """The sweep over the strengths for each part that may learn."""
        training = replace(self.training, epochs=IMITATION_EPOCHS, patience=IMITATION_PATIENCE)
        found: list[Imitator] = []
        for free in FREE:
            start: Trained | None = None
            for strength in sorted(STRENGTHS, reverse=True):

                def imitator(free: str = free, strength: float = strength, start: Trained | None = start) -> Trained:
                    found = imitate(
                        self.base, self.corpus, strength, free, training, self.seed, start, False, self._outputs
                    )
                    return found.trained

                start = self._kept(f"imitator-{free}-{strength:g}", imitator)
                found.append(Imitator(start, free, strength))
        return found

    @cached_property
    def _outputs(self) -> BaseOutputs:
        return base_outputs(self.base, self.corpus)

    def guides(self) -> dict[str, Attention | None]:
        """What the attention of the context-free model is frozen to; None: nothing, it learns its own."""
        found: dict[str, Attention | None] = {NO_GUIDE: uniform, OWN: None}
        everything = [document for split in self.corpus.splits.values() for document in split]
        found[BASE] = attention_of(wrap(self.base), everything)
        (imitator,) = (each for each in self.imitators() if (each.free, each.strength) == (FULL, GUIDING_STRENGTH))
        found[IMITATORS] = attention_of(wrap(imitator.trained), everything)
        if any(document.rationales for document in everything):
            found[RATIONALE] = attention_of_rationales(everything)
        return found

    def guided(self) -> dict[str, tuple[Trained, Attention | None]]:
        """The context-free model under each guide, with the guide."""
        settings = replace(self.settings, encoder="average")
        return {
            name: (self._kept(f"guide-{name}", lambda given=given: self._train(settings, given)), given)  # type: ignore[misc]
            for name, given in self.guides().items()
        }

    def _train(self, settings: ClassifierSettings, attention: Attention | None = None) -> Trained:
        return train(self.corpus, settings, self.training, self.seed, progress=False, attention=attention)

    def _kept(self, name: str, make: Callable[[], Trained]) -> Trained:
        place = self.folder / name.replace(" ", "-")
        if place.exists():
            return load_checkpoint(place)
        made = make()
        save_checkpoint(made, place)
        return made

"""One seed of a study that trains again: the base model, its rivals, its imitators and the models under its guides.

Each model is trained once and kept as a checkpoint; what stands on disk is loaded. A training that was interrupted goes
on from its last epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.frozen_attention import Attention, attention_of, attention_of_rationales, uniform
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained, UnderAttention
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.imitating import FREE, FULL, BaseOutputs, base_outputs, imitate
from attn_interp.models.wrap import wrap
from attn_interp.report.run_directory import as_name
from attn_interp.studies.steps import kept

STRENGTHS = (0.5, 0.1, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Of the divergence in an imitator's objective, falling: each imitator goes on from the one before."""

GUIDING_STRENGTH = 0.01
"""Of the imitator whose attention guides the context-free model."""

IMITATION_EPOCHS, IMITATION_PATIENCE = 5, 2

ATTENTION, UNIFORM, LAST = "attention", "uniform attention", "last state"
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
        folder: Where the checkpoints are kept, and the state of a training that is not at its end.
        vectors: Makes the word vectors (V, E) that base, rivals and guided models start from, or None for random ones.
        say: Is told what begins.
    """

    corpus: Corpus
    settings: ClassifierSettings
    training: TrainingSettings
    seed: int
    folder: Path
    vectors: Callable[[], torch.Tensor | None] = lambda: None
    say: Callable[[str], None] = lambda text: None

    @cached_property
    def base(self) -> Trained:
        """The model whose attention is in question."""
        return self._kept(ATTENTION, lambda state: self._train(self.settings, state))

    def rivals(self) -> dict[str, Trained]:
        """The base model, and the same without learned attention: frozen to uniform, which is the mean of the states,
        and the last state (LSTM)."""
        changes = {UNIFORM: {"attention": "uniform"}}
        if self.settings.encoder == "lstm":
            changes[LAST] = {"pooling": "last"}
        found = {ATTENTION: self.base}
        for name, change in changes.items():
            settings = replace(self.settings, **change)  # type: ignore[arg-type]
            found[name] = self._kept(name, lambda state, settings=settings: self._train(settings, state))  # type: ignore[misc]
        return found

    def imitators(self) -> dict[tuple[str, float], AttentionModel]:
        """The sweep over the strengths for each part that may learn: (free, strength) -> imitator."""
        pairs = [(free, strength) for free in FREE for strength in sorted(STRENGTHS, reverse=True)]
        return {(free, strength): wrap(self.imitator(free, strength)) for free, strength in pairs}

    def imitator(self, free: str, strength: float) -> Trained:
        """One of them; if it is trained, it goes on from that of the next higher strength."""
        higher = [each for each in STRENGTHS if each > strength]
        training = replace(self.training, epochs=IMITATION_EPOCHS, patience=IMITATION_PATIENCE, steps=None)

        def make(state: Path) -> Trained:
            start = self.imitator(free, min(higher)) if higher else None
            arguments = (self.base, self.corpus, strength, free, training, self.seed, start, False, self._outputs)
            return imitate(*arguments, resume=state).trained

        return self._kept(f"imitator-{free}-{strength:g}", make)

    @cached_property
    def _outputs(self) -> BaseOutputs:
        return base_outputs(self.base, self.corpus)

    @property
    def guides(self) -> tuple[str, ...]:
        """Whose attention the context-free model is given."""
        annotated = any(document.rationales for split in self.corpus.splits.values() for document in split)
        return (NO_GUIDE, OWN, BASE, IMITATORS, *([RATIONALE] if annotated else []))

    def attention(self, guide: str, documents: Sequence[Document]) -> Attention | None:
        """What the attention of the context-free model is frozen to on these documents; None: nothing, it learns."""
        if guide == NO_GUIDE:
            return uniform
        if guide == OWN:
            return None
        if guide == RATIONALE:
            return attention_of_rationales(documents)
        guiding = self.base if guide == BASE else self.imitator(FULL, GUIDING_STRENGTH)
        return attention_of(wrap(guiding), documents)

    def guided(self, guide: str, documents: Sequence[Document]) -> UnderAttention:
        """The context-free model that was trained under this guide, with the guide's attention on the documents."""
        settings = replace(self.settings, encoder="average")
        learned = [*self.corpus.train, *self.corpus.dev]
        trained = self._kept(
            f"guide-{guide}", lambda state: self._train(settings, state, self.attention(guide, learned))
        )
        return UnderAttention(trained, self.attention(guide, documents))

    def _train(self, settings: ClassifierSettings, state: Path, attention: Attention | None = None) -> Trained:
        return fit_classifier(
            self.corpus,
            settings,
            self.training,
            self.seed,
            progress=False,
            embeddings=self.vectors(),
            attention=attention,
            resume=state,
        )

    def _kept(self, name: str, make: Callable[[Path], Trained]) -> Trained:
        return kept(self.folder / as_name(name), make, self.say)

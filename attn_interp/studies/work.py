"""What a cell does: the experiments, and what they share while they run, each thing made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.examples import examples
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.adversary_curve import adversary_curve
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.jain_wallace.same_shape import same_shape
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.sentence_view import sentence_count
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.studies.cell import Cell
from attn_interp.studies.pretrained import pretrained

FEW = 100  # documents whose adversary is searched for, or certified at every tolerance: a minute or a few
WORDS_OF_SENTENCES = "word_attention"
CHECKPOINT, STATE = "model", "training.state"


@dataclass(frozen=True)
class Work:
    """A cell while it runs.

    Attributes:
        cell, corpus: What is run.
        model_folder: Where the trained model stands, for every cell that has this model; while it is trained, the state
            after the last epoch.
        progress: Whether long work shows a bar.
    """

    cell: Cell
    corpus: Corpus
    model_folder: Path
    progress: bool

    @property
    def is_trained(self) -> bool:
        return (self.model_folder / CHECKPOINT).exists()

    @cached_property
    def trained(self) -> Trained:
        place, state = self.model_folder / CHECKPOINT, self.model_folder / STATE
        if not self.is_trained:
            trained = fit_classifier(
                self.corpus,
                self.cell.settings,
                self.cell.training,
                seed=self.cell.seed,
                progress=self.progress,
                embeddings=pretrained(self.cell, self.corpus, self.model_folder),
                resume=state,
            )
            save_checkpoint(trained, place)
        state.unlink(missing_ok=True)
        return load_checkpoint(place)

    @cached_property
    def model(self) -> AttentionModel:
        return wrap(self.trained, site=self.cell.site)

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        documents = self.corpus.test
        if self.cell.site == WORDS_OF_SENTENCES:
            documents = tuple(each for each in documents if sentence_count(each, self.trained.vocabulary) == 1)
        return sample(documents, self.cell.documents, seed=0)  # the same for models of every seed

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.cell.seed)

    @cached_property
    def attributed(self) -> Attributed:
        return attribute(self.model, self.reading, progress=self.progress)

    @property
    def shared(self) -> dict[str, Any]:
        """The arguments that every experiment on a reading takes."""
        return {
            "model": self.model,
            "documents": self.documents,
            "seed": self.cell.seed,
            "reading": self.reading,
        }

    @property
    def shared_by_few(self) -> dict[str, Any]:
        """The same for what takes about a second a document: `FEW` of the documents."""
        few = sample(self.documents, FEW, seed=0)
        if len(few) == len(self.documents):
            return self.shared
        reading = replace(read(self.model, few, self.cell.seed), affinity=self.reading.affinity)
        return {**self.shared, "documents": few, "reading": reading}


STEPS: dict[str, Callable[[Work], Result]] = {
    "quality": lambda work: quality(work.trained, work.corpus, seed=work.cell.seed),
    "agreement": lambda work: agreement(**work.shared, attributed=work.attributed),
    "permutation": lambda work: permutation(**work.shared, draws=work.cell.draws, progress=work.progress),
    "adversary": lambda work: adversary(
        **(work.shared if work.reading.affine else work.shared_by_few),
        eps=work.cell.eps,
        method="both" if work.cell.search else "best",
        progress=work.progress,
    ),
    "adversary_curve": lambda work: adversary_curve(
        **(work.shared if len(work.corpus.classes) == 2 else work.shared_by_few), progress=work.progress
    ),
    "same_shape": lambda work: same_shape(**work.shared, eps=work.cell.eps, progress=work.progress),
    "reach": lambda work: reach(**work.shared, progress=work.progress),
    "single_erasure": lambda work: single_erasure(**work.shared, progress=work.progress),
    "erasure": lambda work: erasure(**work.shared, attributed=work.attributed, progress=work.progress),
    "examples": lambda work: examples(**work.shared, eps=work.cell.eps),
}
"""The experiments of a cell, in the order in which they run; each has its row in `OWN_SETTINGS`."""


def why_not(name: str, work: Work) -> str | None:
    """Why an experiment does not apply to the model of this cell, or None where it does."""
    if name in ("reach", "same_shape", "adversary_curve") and not work.reading.affine:
        return "the readout is not affine in the attention"
    if name == "same_shape" and len(work.corpus.classes) > 2:
        return f"{len(work.corpus.classes)} classes; it is for two"
    return None

"""A classifier cell while it runs: the model, what it reads, and the experiments it is put to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments import experiment_of
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.parts.edited import MASK
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record import Experiment
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.units.coarse import SENTENCE, WORD
from attn_interp.models.units.sentence_view import sentence_count
from attn_interp.models.wrap import wrap
from attn_interp.studies.pretrained import pretrained
from attn_interp.studies.questions import asked_of_a_reading, put, why_not
from attn_interp.studies.steps import Step, kept

if TYPE_CHECKING:
    from attn_interp.studies.cell import Cell

WORDS_OF_SENTENCES = "word_attention"
CHECKPOINT = "model"
EDITED = 60  # documents whose words are masked, some hundred times each
EVERYTHING = "quality"  # is asked of all test documents, however few the others look at


def classifier_of(cell: Cell, corpus: Corpus, models: Path, progress: bool) -> Trained:
    """The classifier of the cell, trained on the corpus unless it stands in the folder `models`."""

    def make(state: Path) -> Trained:
        vectors = pretrained(cell, corpus, models)
        training = (corpus, cell.settings, cell.training, cell.seed)
        return fit_classifier(*training, device=cell.device, progress=progress, embeddings=vectors, resume=state)

    return kept(models / CHECKPOINT, make, device=cell.device)


@dataclass(frozen=True)
class ClassifierWork:
    """A cell while it runs.

    Attributes:
        cell: What is run.
        models: Where the trained model stands, for every cell that has this model; while it is trained, the state after
            the last epoch.
        progress: Whether long work shows a bar.
    """

    cell: Cell
    models: Path
    progress: bool

    def prepare(self) -> None:
        """Train the model unless it stands there."""
        _ = self.trained

    @cached_property
    def trained(self) -> Trained:
        return classifier_of(self.cell, self.cell.load_corpus(), self.models, self.progress)

    @cached_property
    def whole(self) -> Reading:
        """Of all test documents."""
        corpus = self.cell.load_corpus()
        return read(wrap(self.trained, device=self.cell.device), corpus.test, self.cell.seed, corpus, self.progress)

    @cached_property
    def reading(self) -> Reading:
        """Of the documents and the attention that the cell looks at."""
        if self.cell.site is None and self.cell.documents is None:
            return self.whole
        corpus = self.cell.load_corpus()
        documents: Sequence[Document] = corpus.test
        if self.cell.site == WORDS_OF_SENTENCES:
            documents = tuple(each for each in documents if sentence_count(each, self.trained.vocabulary) == 1)
        chosen = sample(documents, self.cell.documents, seed=0)  # the same for models of every seed
        model = wrap(self.trained, site=self.cell.site, device=self.cell.device)
        return read(model, chosen, self.cell.seed, corpus, self.progress)

    @cached_property
    def in_sentences(self) -> Reading:
        """The same with sentences in the place of words."""
        of = self.reading
        return read(of.model, of.documents, of.seed, of.training, self.progress, SENTENCE)

    def steps(self) -> Sequence[Step]:
        """Every experiment that is asked of one model, and two variants; some are run by name alone."""
        of_sentences = self._step(experiment_of("plausibility"), SENTENCE)
        masked = Step(
            f"faithfulness, {MASK}",
            lambda: faithfulness(self.reading.sample(EDITED), operator=MASK),
            decided_by={"documents": min(EDITED, self.cell.documents or EDITED)},
            by_name=True,
        )
        plain = [self._step(experiment) for experiment in asked_of_a_reading()]
        return [*plain, replace(of_sentences, by_name=True), masked]

    def _step(self, experiment: Experiment, unit: str = WORD) -> Step:
        """One experiment, under the options of the cell; of coarser units it is a variant."""
        name = experiment.name
        options = {each: self.cell.options[each] for each in experiment.decided_by if each in self.cell.options}
        own = {} if name == EVERYTHING else {"site": self.cell.site, "documents": self.cell.documents}

        def reading() -> Reading:
            if unit != WORD:
                return self.in_sentences
            return self.whole if name == EVERYTHING else self.reading

        return Step(
            name if unit == WORD else f"{name}, {unit}",
            lambda: put(experiment, reading(), options),
            lambda: why_not(experiment, reading()),
            {**own, **options},
            bool(experiment.by_name),
        )

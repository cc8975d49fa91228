"""A language model that answers, put to the questions of the three papers beside classifiers that were trained, all on
the same documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments import experiment_of
from attn_interp.experiments.deep.uniform_layers import ALL, NONE, uniform_layers
from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record.overview import overview
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import with_classes_of
from attn_interp.models.classifiers.settings import ClassifierSettings, require_at_least
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.models.wrap import wrap
from attn_interp.report.sentence import sentence
from attn_interp.report.tables.wide import stacked
from attn_interp.studies.ask import Answers, compare
from attn_interp.studies.deep import MODEL, DeepStudy, classifier, fitting
from attn_interp.studies.questions import put, why_not
from attn_interp.studies.run import CellRun, StudyCell, name_of
from attn_interp.studies.steps import Step, StudyWork

BILSTM = "bilstm"
FROM_THE_TOP = "uniform_layers, from the top"
METHODS = (GRADIENT, LEAVE_ONE_OUT)
OF_ALL = ("quality", "sink", "agreement", "permutation", "single_erasure", "plausibility")
"""Asked of every document of the study; the other questions cost many runs of the model for each."""
OF_FEW = ("adversary", "erasure", FROM_THE_TOP)
OF_FEWEST = ("uniform_layers", "heads")


@dataclass(frozen=True)
class Prompted:
    """A language model and how it is asked, as `wrap` takes it.

    Attributes:
        model: A name of `list_models`, a folder or a name on the hub.
        prompt: A text with {text} in it.
        answers: Class of the corpus -> what the model would write; None: the names of the classes.
        calibrate: A text without content whose answer is taken off; None: nothing is.
    """

    model: str = "smollm2"
    prompt: str = "Review: {text}\nSentiment:"
    answers: Mapping[str, str] | None = None
    calibrate: str | None = None

    def wrapped(self, corpus: Corpus) -> AttentionModel:
        answers = {name: f" {name}" for name in corpus.classes} if self.answers is None else self.answers
        model = wrap(self.model, prompt=self.prompt, answers=answers, calibrate=self.calibrate)
        return with_classes_of(model, corpus.classes, f"corpus {corpus.name!r}", "the answers")


@dataclass(frozen=True)
class LanguageStudy:
    """One model of the comparison, and how many documents the questions are asked of.

    Attributes:
        name: Of the model in the tables.
        subject: The language model, or how the classifier beside it is trained.
        documents: Test documents in all, at most.
        few: How many of these for questions of `OF_FEW`,
        fewest: and of `OF_FEWEST`, which take a run for every layer and head.
        seed: Of training and everything drawn. The documents are the same for every seed.

    Raises:
        ValueError: one of these counts is below 1.
    """

    name: str
    subject: Prompted | DeepStudy = field(default_factory=Prompted)
    documents: int = 100
    few: int = 20
    fewest: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("documents", "few", "fewest"):
            require_at_least(name, getattr(self, name), 1)


def beside_each_other(
    prompted: Prompted, trained: Sequence[str], tuning: FineTuningSettings, **counts: int
) -> list[LanguageStudy]:
    """The language model, and each classifier beside it: "bilstm", or a pretrained one that is fine-tuned.

    Args:
        trained: Their names.
        tuning: How pretrained ones are fine-tuned.
        counts: documents, few, fewest and seed of `LanguageStudy`.
    """
    seed = counts["seed"]
    subjects: dict[str, Prompted | DeepStudy] = {prompted.model: prompted}
    for name in trained:
        own = DeepStudy(own=ClassifierSettings(), seed=seed)
        subjects[name] = own if name == BILSTM else DeepStudy(name, tuning, seed=seed)
    return [LanguageStudy(Path(name).name, subject, **counts) for name, subject in subjects.items()]


@dataclass(frozen=True)
class LanguageCell(StudyCell):
    """One model of the comparison on one corpus, as a cell."""

    study: LanguageStudy

    @property
    def labels(self) -> dict[str, str]:
        return {"corpus": self.corpus.name, "model": self.study.name}

    def model_name(self) -> str:
        """Named by what decides the model, so that studies of other documents share it."""
        described = self.about()
        subject = {"subject": described["study"]["subject"], "corpus": described["corpus"]["fingerprint"]}
        return name_of(self.labels, self.seed, subject | {"seed": self.seed})

    def work(self, models: Path, progress: bool) -> LanguageWork:
        return LanguageWork(self.study, self.corpus, models, progress)


@dataclass(frozen=True)
class LanguageWork(StudyWork):
    """One model of the comparison while it is asked."""

    study: LanguageStudy

    @cached_property
    def model(self) -> AttentionModel:
        subject = self.study.subject
        if isinstance(subject, Prompted):
            return subject.wrapped(self.corpus)
        return classifier(subject, self.corpus, self.models / MODEL)

    @cached_property
    def documents(self) -> Sequence[Document]:
        """The test documents, the same for every model and seed."""
        return fitting(self.model, sample(self.corpus.test, self.study.documents, 0), self.say)

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.study.seed, self.corpus, self.progress)

    def steps(self) -> Sequence[Step]:
        """The steps in their order."""
        counts = {OF_ALL: self.study.documents, OF_FEW: self.study.few, OF_FEWEST: self.study.fewest}
        return [self._step(name, count) for names, count in counts.items() for name in names]

    def _step(self, name: str, count: int) -> Step:
        experiment = experiment_of(name.partition(", ")[0])
        own: dict[str, Callable[[Reading], Result]] = {
            "agreement": partial(agreement, methods=METHODS),
            "plausibility": partial(plausibility, methods=METHODS),
            FROM_THE_TOP: lambda reading: uniform_layers(reading, choices=from_the_top(reading.model)),
        }
        make = own.get(name, partial(put, experiment, options={}))
        return Step(
            name,
            lambda: make(self.reading.sample(count)),
            lambda: why_not(experiment, self.reading),
            {"documents": count},
        )


def from_the_top(model: AttentionModel) -> dict[str, tuple[str, ...]]:
    """No layer, the last layer, the last two, four and so on, and all: name -> names of sites."""
    names = tuple(site.name for site in model.sites)
    counts = [2**power for power in range(len(names)) if 2**power < len(names)]
    return {NONE: (), **{f"last {count}": names[-count:] for count in counts}, ALL: names}


def language_tables(runs: Sequence[CellRun]) -> dict[str, pd.DataFrame]:
    """Name -> table; every table begins with the labels of the model and the seed.

    overview: what each experiment finds, with its interval over documents and its status; sentences: the same in a
    sentence a model; differences: each model against the first one on the documents of both (`compare`); layers and
    heads: the shares outside the words, and what taking attention away does, layer by layer and head by head.
    """
    labelled = [({**run.labels, "seed": str(run.cell.seed)}, run.results) for run in runs]
    tables = {
        "overview": stacked((labels, overview(_plain(results))) for labels, results in labelled),
        "sentences": stacked(
            (labels, pd.DataFrame({"sentence": [_sentence(results)]})) for labels, results in labelled
        ),
    }
    for name, steps in {"layers": ("sink", "uniform_layers", FROM_THE_TOP), "heads": ("heads",)}.items():
        parts = [
            ({**labels, "experiment": step}, results[step].summary())
            for labels, results in labelled
            for step in steps
            if step in results
        ]
        if parts:
            tables[name] = stacked(parts)
    if len(runs) > 1:
        asked = {f"{run.labels['model']}, seed {run.cell.seed}": Answers(_plain(run.results), {}, {}) for run in runs}
        tables["differences"] = compare(asked)
    return tables


def _plain(results: Mapping[str, Result]) -> dict[str, Result]:
    """The results without variants of an experiment."""
    return {name: result for name, result in results.items() if "," not in name}


def _sentence(results: Mapping[str, Result]) -> str:
    return sentence(_plain(results))


CAPTIONS = {
    "overview": "What each experiment finds of each model on the same documents, with 95 % intervals over documents, "
    "and what kind of number it is.",
    "sentences": "What is said of each model.",
}

"""A study of one deep classifier: experiments that need no closed form, its heads and layers, and the tables."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from attn_interp.attribution.flow.layered import layers_of
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments.deep.head_combination import head_combination
from attn_interp.experiments.deep.head_reach import head_reach
from attn_interp.experiments.deep.head_reach import why_not as no_head_reach
from attn_interp.experiments.deep.heads import heads
from attn_interp.experiments.deep.uniform_layers import layer_choices, made_uniform, uniform_layers
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import with_classes_of
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.adapter import cut_to_fit
from attn_interp.models.transformers.fine_tuning import (
    FineTuningSettings,
    fine_tune,
    load_to_fine_tune,
    save_fine_tuned,
)
from attn_interp.models.transformers.subwords import InPieces
from attn_interp.models.wrap import wrap
from attn_interp.report.tables.wide import stacked
from attn_interp.studies.run import StudyCell, name_of, run_cell
from attn_interp.studies.steps import Say, Step, StudyWork, kept, say_aloud

LAYERED = ("attention rollout", "gradient-weighted relevance", "value zeroing")
MODEL = "model"
RETRAINED = "uniform_layers, retrained"


OWN = ClassifierSettings(
    encoder="transformer", pooling="mean", embedding_width=64, hidden=64, layers=2, encoder_heads=4
)


def own_of_width(width: int) -> ClassifierSettings:
    """Our own transformer of about this width: the next multiple of its heads."""
    width = OWN.encoder_heads * -(-width // OWN.encoder_heads)
    return replace(OWN, embedding_width=width, hidden=width)


@dataclass(frozen=True)
class DeepStudy:
    """What is asked of one classifier.

    Attributes:
        model: A folder, a name of `list_models` or a name on the hub; None: a small transformer of our own, trained
            on the corpus.
        fine_tuned: How the named model is fine-tuned on the corpus first; None: it is a classifier and stays as it is.
        own: What our own is made of, and
        training: how it is trained.
        retraining: How models with uniform layers are trained on from where our own stands; a named model that is
            fine-tuned is trained on as it was fine-tuned, and one that stays as it is is not.
        documents: Test documents that are looked at, at most.
        searched: How many of those the adversary is searched for, and attention on every word is zeroed.
        seed: Of training and everything drawn.

    Raises:
        ValueError: a model is to be fine-tuned and none is named.
    """

    model: str | None = None
    fine_tuned: FineTuningSettings | None = None
    own: ClassifierSettings = OWN
    training: TrainingSettings = field(default_factory=TrainingSettings)
    retraining: FineTuningSettings = field(default_factory=lambda: FineTuningSettings(learning_rate=1e-3))
    documents: int = 500
    searched: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fine_tuned is not None and self.model is None:
            raise ValueError("fine-tuning needs the name of a model: our own is trained on the corpus anyway")

    @property
    def continued(self) -> FineTuningSettings | None:
        """How models with uniform layers are trained on; None: they are not."""
        return self.retraining if self.model is None else self.fine_tuned


def classifier(study: DeepStudy, corpus: Corpus, place: Path) -> AttentionModel:
    """The model of the study, trained or fine-tuned where it is not at `place` yet.

    Raises:
        ValueError: the model has other classes than the corpus.
    """
    if study.model is None:
        own = study.own, study.training, study.seed
        return wrap(kept(place, lambda state: fit_classifier(corpus, *own, resume=state)))
    if study.fine_tuned is None:
        return with_classes_of(wrap(study.model), corpus.classes, f"corpus {corpus.name!r}", study.model)
    if not place.exists():
        model = wrap(*load_to_fine_tune(study.model, corpus.classes, study.seed), classes=corpus.classes)
        save_fine_tuned(model, fine_tune(model, corpus, study.fine_tuned, study.seed), place)
    return wrap(place)


def fitting(model: AttentionModel, documents: Sequence[Document], say: Say) -> Sequence[Document]:
    """The documents, cut where a model of the transformers library has no more positions; says what was cut."""
    if not isinstance(model.collate, InPieces):
        return documents
    cut = cut_to_fit(model, documents)
    if cut.lost:
        say(str(cut))
    return cut.documents


@dataclass(frozen=True)
class DeepCell(StudyCell):
    """A deep study of one corpus, as a cell."""

    study: DeepStudy

    @property
    def labels(self) -> dict[str, str]:
        name = self.study.own.encoder if self.study.model is None else Path(self.study.model).name
        return {"corpus": self.corpus.name, "encoder": name}

    def model_name(self) -> str:
        """Named by what decides the model, so that studies of other documents share it."""
        described = self.about()
        decisive = {name: value for name, value in described["study"].items() if name not in ("documents", "searched")}
        return name_of(self.labels, self.seed, {"study": decisive, "corpus": described["corpus"]["fingerprint"]})

    def work(self, models: Path, progress: bool) -> DeepWork:
        return DeepWork(self.study, self.corpus, models, progress)


@dataclass(frozen=True)
class DeepWork(StudyWork):
    """A deep study while it runs."""

    study: DeepStudy

    @cached_property
    def model(self) -> AttentionModel:
        return classifier(self.study, self.corpus, self.models / MODEL)

    @cached_property
    def documents(self) -> Sequence[Document]:
        """The test documents, cut where the model has no more positions."""
        return fitting(self.model, sample(self.corpus.test, self.study.documents, self.study.seed), self.say)

    @cached_property
    def whole(self) -> Reading:
        return read(self.model, self.corpus.test, self.study.seed, self.corpus, self.progress)

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.study.seed, self.corpus, self.progress)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Gradients and leave-one-out, and beside them attention followed through the layers, where they lie on top of
        one another."""
        try:
            layers_of(self.model)
        except ValueError:
            return (GRADIENT, "integrated gradients", LEAVE_ONE_OUT)
        return (GRADIENT, "integrated gradients", LEAVE_ONE_OUT, *LAYERED)

    def steps(self) -> Sequence[Step]:
        """The steps in their order."""
        steps: dict[str, Callable[[], Result]] = {
            "quality": lambda: quality(self.whole),
            "agreement": lambda: agreement(self.reading, methods=self.methods),
            "permutation": lambda: permutation(self.reading),
            "adversary": lambda: adversary(
                self.reading.only(sample(self.documents, self.study.searched, self.study.seed))
            ),
            "erasure": lambda: erasure(self.reading),
            f"faithfulness, {DELETE}": lambda: self._faithful(DELETE),
            f"faithfulness, {ATTENTION_MASK}": lambda: self._faithful(ATTENTION_MASK),
            "heads": lambda: heads(self.reading),
            "head_combination": lambda: head_combination(self.reading),
            "head_reach": lambda: head_reach(self.reading),
            "uniform_layers": lambda: uniform_layers(self.reading),
        }
        if (settings := self.study.continued) is not None:
            steps[RETRAINED] = lambda: uniform_layers(
                self.reading, retrained=trained_uniform(self.model, self.corpus, settings, self.study.seed)
            )
        against = {"head_reach": lambda: no_head_reach(self.reading)}
        return [Step(name, make, against.get(name, lambda: "")) for name, make in steps.items()]

    def _faithful(self, operator: str) -> Result:
        return faithfulness(self.reading, operator=operator, methods=self.methods)


def run_deep(study: DeepStudy, corpus: Corpus, folder: Path, say: Say = say_aloud) -> dict[str, Result]:
    """All results of the study by step, each saved and drawn in its folder; what stands there is not done again."""
    return run_cell(DeepCell(study, corpus), folder, progress=sys.stderr.isatty(), say=say).results


def trained_uniform(
    model: AttentionModel, corpus: Corpus, settings: FineTuningSettings, seed: int
) -> dict[str, AttentionModel]:
    """Each of `layer_choices` -> a copy of the model trained on from where it stands with these layers uniform; the one
    without any is trained as long as the others."""
    copies = {choice: replace(model, module=copy.deepcopy(model.module)) for choice in layer_choices(model)}
    for choice, chosen in layer_choices(model).items():
        with made_uniform(copies[choice], chosen):
            fine_tune(copies[choice], corpus, settings, seed)
    return copies


def tables(results: Mapping[str, Result]) -> dict[str, pd.DataFrame]:
    """Name -> table; every row has its status: exact, certified, sampled, search or measured.

    overview: the statements of every experiment; agreement: every pair of rankings; heads, head_combination and
    uniform_layers: their summaries.
    """
    told = [result.statements().assign(experiment=name) for name, result in results.items()]
    overview = pd.concat(told, ignore_index=True)
    shown = ["experiment", "question", "statistic", "estimate", "low", "high", "n", "undefined", "status"]
    pairs = results["agreement"].summary()
    pairs = pairs[(pairs["grouping"] == "all") & (pairs["statistic"] == "mean")].drop(columns=["grouping", "group"])
    found = {"overview": overview[shown], "agreement": pairs.assign(status="measured").reset_index(drop=True)}
    for name in ("heads", "head_combination"):
        found[name] = results[name].summary().assign(status=results[name].settings["status"])
    layers = [results[name] for name in ("uniform_layers", RETRAINED) if name in results]
    parts = [each.summary().assign(status=each.settings["status"]) for each in layers]
    for part, each in zip(parts, layers):
        part.insert(0, "retrained", each.settings["retrained"])
    return {**found, "uniform_layers": pd.concat(parts, ignore_index=True)}


def seed_tables(runs: Mapping[int, Mapping[str, Result]]) -> dict[str, pd.DataFrame]:
    """Seed -> results of the study: the `tables` of all seeds, with a column of the seed."""
    of_seed = {seed: tables(results) for seed, results in runs.items()}
    names = next(iter(of_seed.values()))
    return {name: stacked(({"seed": seed}, found[name]) for seed, found in of_seed.items()) for name in names}


CAPTIONS = {
    "overview": "What each experiment finds, with 95 % intervals over documents, and what kind of number it is.",
    "agreement": "Agreement of rankings of words, means over documents with 95 % intervals.",
    "heads": "Every head: agreement with leave-one-out and gradients, and what taking it out changes.",
    "head_combination": "Readings of the attention of all heads, held against leave-one-out on held-out documents.",
    "uniform_layers": "Uniform attention in chosen layers: at test time alone, and where it is retrained in training "
    "too, from where the model stands; with no layer uniform trained on as long.",
}

"""A study of one deep classifier: experiments that need no closed form, its heads and layers, and the tables."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pandas as pd

from attn_interp.attribution.flow.layered import layers_of
from attn_interp.attribution.methods import named
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.deep.head_combination import head_combination
from attn_interp.experiments.deep.heads import heads
from attn_interp.experiments.deep.uniform_layers import layer_choices, made_uniform, uniform_layers
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result, replace_file
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.adapter import CollatePieces, cut_to_fit
from attn_interp.models.transformers.fine_tuning import (
    FineTuningSettings,
    fine_tune,
    load_to_fine_tune,
    save_fine_tuned,
)
from attn_interp.models.wrap import wrap
from attn_interp.report.latex import table as latex_table
from attn_interp.report.statements import statements
from attn_interp.studies.run import draw, facts, say_aloud

GRADIENT, LEAVE_ONE_OUT = "gradient x input (detached)", "leave-one-out"
LAYERED = ("attention rollout", "gradient-weighted relevance", "value zeroing")
MODEL, SETTINGS = "model", "settings.json"
RETRAINED = "uniform_layers, retrained"


OWN = ClassifierSettings(
    encoder="transformer", pooling="mean", embedding_width=64, hidden=64, layers=2, encoder_heads=4
)


@dataclass(frozen=True)
class DeepStudy:
    """What is asked of one classifier.

    Attributes:
        model: A folder or a name on the hub; None: a small transformer of our own, trained on the corpus.
        fine_tuned: How the named model is fine-tuned on the corpus first; None: it is a classifier and stays as it is.
        own: What our own is made of, and
        training: how it is trained.
        retraining: How models with uniform layers are trained on from where our own stands; a named model that is
            fine-tuned is trained on as it was fine-tuned, and one that stays as it is is not.
        documents: Test documents that are looked at, at most.
        searched: How many of those the adversary is searched for, and attention on every word is zeroed.
        seed: Of training and everything drawn.
    """

    model: str | None = None
    fine_tuned: FineTuningSettings | None = None
    own: ClassifierSettings = OWN
    training: TrainingSettings = field(default_factory=TrainingSettings)
    retraining: FineTuningSettings = field(default_factory=lambda: FineTuningSettings(learning_rate=1e-3))
    documents: int = 500
    searched: int = 60
    seed: int = 0


def classifier(study: DeepStudy, corpus: Corpus, folder: Path) -> AttentionModel:
    """The model of the study, trained or fine-tuned where it is not in `folder`/model yet.

    Raises:
        ValueError: the model has other classes than the corpus, in number.
    """
    place = folder / MODEL
    if study.model is None:
        if not place.exists():
            save_checkpoint(fit_classifier(corpus, study.own, study.training, study.seed), place)
        return wrap(load_checkpoint(place))
    if study.fine_tuned is None:
        model = wrap(study.model)
        if len(model.classes) != len(corpus.classes):
            raise ValueError(
                f"{study.model}: has classes {', '.join(model.classes)}, corpus {corpus.name!r} has "
                f"{', '.join(corpus.classes)}; fine-tune it on the corpus"
            )
        return wrap(model.module, model.collate.tokenizer, classes=corpus.classes)  # type: ignore[attr-defined]
    if not place.exists():
        model = wrap(*load_to_fine_tune(study.model, corpus.classes, study.seed), classes=corpus.classes)
        save_fine_tuned(model, fine_tune(model, corpus, study.fine_tuned, study.seed), place)
    return wrap(place)


def run_deep(
    study: DeepStudy, corpus: Corpus, folder: Path, say: Callable[[str], None] = say_aloud
) -> dict[str, Result]:
    """All results of the study, each saved in `folder` and drawn in its figures/ as soon as it is done; what stands
    there is not done again.

    Raises:
        ValueError: the folder holds another study.
    """
    _settle(study, corpus, folder)
    model = classifier(study, corpus, folder)
    documents, cut = _that_fit(model, corpus, study)
    if cut:
        say(cut)
    steps = _steps(study, corpus, _Shared(model, documents, study.seed))
    results = {}
    for name, step in steps.items():
        experiment, _, variant = name.partition(", ")
        own = folder / variant.replace(" ", "_") if variant else folder
        path = own / f"{experiment}.parquet"
        if not path.exists():
            say(f"{folder.name}: {name}")
            step().save(own)
        results[name] = Result.load(path)
        draw(results[name], own / "figures")
    return results


class _Shared:
    """The model, its documents, and what several experiments read of them, computed when it is asked for."""

    def __init__(self, model: AttentionModel, documents: list[Document], seed: int) -> None:
        self.model, self.documents, self.seed = model, documents, seed
        self._reading: Reading | None = None
        self._attributed: Attributed | None = None

    @property
    def reading(self) -> Reading:
        self._reading = self._reading or read(self.model, self.documents, self.seed)
        return self._reading

    @property
    def attributed(self) -> Attributed:
        """Gradients and leave-one-out, and beside them attention followed through the layers, where they lie on top of
        one another."""
        if self._attributed is None:
            methods = named(GRADIENT, "integrated gradients", LEAVE_ONE_OUT)
            try:
                layers_of(self.model)
            except ValueError:
                layered: tuple[str, ...] = ()
            else:
                layered = LAYERED
            methods |= named(*layered)
            self._attributed = attribute(self.model, self.reading, methods, progress=True)
        return self._attributed


def _steps(study: DeepStudy, corpus: Corpus, shared: _Shared) -> Mapping[str, Callable[[], Result]]:
    """Name -> how it is computed, in their order."""
    model, documents, seed = shared.model, shared.documents, study.seed

    def faithful(operator: str) -> Result:
        return faithfulness(
            model, documents, operator=operator, seed=seed, reading=shared.reading, attributed=shared.attributed
        )

    steps: dict[str, Callable[[], Result]] = {
        "quality": lambda: quality(model, corpus, seed=seed),
        "agreement": lambda: agreement(
            model, documents, seed=seed, reading=shared.reading, attributed=shared.attributed
        ),
        "permutation": lambda: permutation(model, documents, seed=seed, reading=shared.reading, progress=True),
        "adversary": lambda: adversary(model, sample(documents, study.searched, seed), seed=seed, progress=True),
        "erasure": lambda: erasure(
            model, documents, seed=seed, reading=shared.reading, attributed=shared.attributed, progress=True
        ),
        f"faithfulness, {DELETE}": lambda: faithful(DELETE),
        f"faithfulness, {ATTENTION_MASK}": lambda: faithful(ATTENTION_MASK),
        "heads": lambda: heads(model, documents, seed=seed, progress=True),
        "head_combination": lambda: head_combination(model, documents, seed=seed, progress=True),
        "uniform_layers": lambda: uniform_layers(model, documents, seed=seed, progress=True),
    }
    retraining = study.retraining if study.model is None else study.fine_tuned
    if retraining is not None:
        settings = retraining
        steps[RETRAINED] = lambda: uniform_layers(
            model, documents, retrained=trained_uniform(model, corpus, settings, seed), seed=seed, progress=True
        )
    return steps


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


def _that_fit(model: AttentionModel, corpus: Corpus, study: DeepStudy) -> tuple[list[Document], str]:
    """The test documents, cut where the model has no more positions, and what is to be said of that."""
    documents = sample(corpus.test, study.documents, study.seed)
    if not isinstance(model.collate, CollatePieces):
        return list(documents), ""
    cut = cut_to_fit(model, documents)
    return list(cut.documents), str(cut) if cut.lost else ""


def _settle(study: DeepStudy, corpus: Corpus, folder: Path) -> None:
    content = json.loads(json.dumps({"study": asdict(study), **facts(corpus)}))
    path = folder / SETTINGS
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, (json.dumps(content, indent=2) + "\n").encode())
        return
    settled = json.loads(path.read_bytes())
    if any(settled[part] != content[part] for part in ("study", "corpus")):
        raise ValueError(f"{path}: the folder holds a study of other settings; name another one with --results")


def tables(results: Mapping[str, Result]) -> dict[str, pd.DataFrame]:
    """Name -> table; every row has its status: exact, certified, sampled, search or measured.

    overview: the statements of every experiment; agreement: every pair of rankings; heads, head_combination and
    uniform_layers: their summaries.
    """
    told = []
    for name, result in results.items():
        rows = statements(result.experiment, result.summary(), result.settings)
        told.append(rows.assign(experiment=name))
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


def write_tables(results: Mapping[str, Result], folder: Path) -> dict[str, pd.DataFrame]:
    """Each table as CSV and LaTeX."""
    found = tables(results)
    for name, table in found.items():
        replace_file(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
        latex_table(table, folder / f"{name}.tex", caption=CAPTIONS[name])
    return found


CAPTIONS = {
    "overview": "What each experiment finds, with 95 % intervals over documents, and what kind of number it is.",
    "agreement": "Agreement of rankings of words, means over documents with 95 % intervals.",
    "heads": "Every head: agreement with leave-one-out and gradients, and what taking it out changes.",
    "head_combination": "Readings of the attention of all heads, held against leave-one-out on held-out documents.",
    "uniform_layers": "Uniform attention in chosen layers: at test time alone, and where it is retrained in training "
    "too, from where the model stands; with no layer uniform trained on as long.",
}

"""A model compared with people: trained once, every experiment run and drawn; what stands on disk is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from attn_interp.attribution.methods import named
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.people.external import external
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE, OPERATORS
from attn_interp.experiments.people.parts.word_scores import ATTENTION, WordScores, word_scores
from attn_interp.experiments.people.plausibility import per_document, plausibility
from attn_interp.experiments.people.plausibility_curves import plausibility_curves
from attn_interp.experiments.people.positions import positions
from attn_interp.experiments.people.shift import shift
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result, replace_file
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.threads import one_thread
from attn_interp.models.wrap import wrap
from attn_interp.studies.alone import alone_in, remove_drafts
from attn_interp.studies.cell import Cell
from attn_interp.studies.people.rationale_sets import RationaleSet
from attn_interp.studies.run import MODELS, draw, say_aloud
from attn_interp.studies.work import Work

FORMAT = 2
EXPERIMENTS = ("plausibility", "plausibility_curves", "positions", "external", "shift")
COMPARED_BY = (DELETE, ATTENTION_MASK)  # as ERASER erases, and where the optimum is known
SHOWN = (0.1, 0.5, 0.9)  # quantiles of plausibility by attention: the documents that are drawn
READABLE = 60  # words: a longer document fills a page


@dataclass(frozen=True)
class Comparison:
    """One model compared with people on one set of documents.

    Attributes:
        marked: The corpus and the documents.
        settings, training: What the classifier is made of, and how it is trained.
        methods: Names of attributions, ranked by absolute value throughout.
        edited: At most this many documents are edited for faithfulness and shift, drawn by the seed.
        seed: Of training and of everything drawn.
    """

    marked: RationaleSet
    settings: ClassifierSettings
    training: TrainingSettings
    methods: tuple[str, ...]
    edited: int
    seed: int

    @property
    def labels(self) -> dict[str, str]:
        """What tells this comparison from the others in a table."""
        return {"corpus": self.marked.name, "encoder": self.settings.encoder}

    @property
    def cell(self) -> Cell:
        """Names the model, which comparisons on the same corpus share."""
        return Cell(settings=self.settings, training=self.training, seed=self.seed)

    def folder(self, results: Path) -> Path:
        return results / f"{self.marked.name}-{self.settings.encoder}-seed{self.seed}-{self.key[:8]}"

    @cached_property
    def key(self) -> str:
        """Equal for two comparisons exactly when settings and texts are equal."""
        return hashlib.sha256(json.dumps(self.described(), sort_keys=True).encode()).hexdigest()

    def described(self) -> dict[str, Any]:
        """Everything that decides the numbers, as plain JSON values."""
        marked = self.marked
        texts = [[each.id, each.words, each.label, each.rationales] for each in (*marked.documents, *marked.others)]
        return {
            "format": FORMAT,
            "model": self.cell.model_name(marked.corpus),
            "documents": len(marked.documents),
            "texts": hashlib.sha256(json.dumps(texts).encode()).hexdigest(),
            "others": len(marked.others),
            "lexicon": marked.lexicon,
            "word_labels": len(marked.word_labels),
            "methods": list(self.methods),
            "edited": self.edited,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Compared:
    """What stands of a comparison on disk.

    Attributes:
        labels: What tells it from the others.
        marked: What was compared.
        folder: Where it stands.
        results: By experiment; human_agreement only where documents have two annotators.
        faithful: Operator of erasure -> result of faithfulness.
        summaries: By experiment, as they stand on disk.
        faithful_summaries: By operator.
    """

    labels: dict[str, str]
    marked: RationaleSet
    folder: Path
    results: dict[str, Result]
    faithful: dict[str, Result]
    summaries: dict[str, pd.DataFrame]
    faithful_summaries: dict[str, pd.DataFrame]


def compare(comparison: Comparison, results: Path) -> Compared:
    """Train the model unless that is done, run and draw what is missing, and return all results."""
    folder = comparison.folder(results)
    model_folder = results / MODELS / comparison.cell.model_name(comparison.marked.corpus)
    with one_thread(), threadpool_limits(limits=1):
        with alone_in(model_folder, say_aloud):
            remove_drafts(model_folder)
            trained = Work(comparison.cell, comparison.marked.corpus, model_folder, False).trained
        remove_drafts(folder)
        _Run(comparison, trained, folder).complete()
    return _finished(comparison, folder)


def compare_all(comparisons: Sequence[Comparison], results: Path, jobs: int) -> list[Compared]:
    """`compare` for each, `jobs` at a time; those that share a model wait for its training."""
    from joblib import Parallel, delayed

    calls = [delayed(compare)(comparison, results) for comparison in comparisons]
    return list(Parallel(n_jobs=min(jobs, len(calls)))(calls))


def _finished(comparison: Comparison, folder: Path) -> Compared:
    found = {path.stem: Result.load(path) for path in sorted(folder.glob("*.parquet"))}
    summaries = {name: pd.read_csv(folder / f"{name}.summary.csv") for name in found}
    places = {operator: _place(folder, operator) for operator in OPERATORS}
    faithful = {operator: Result.load(place) for operator, place in places.items()}
    of_faithful = {operator: pd.read_csv(place / "faithfulness.summary.csv") for operator, place in places.items()}
    return Compared(comparison.labels, comparison.marked, folder, found, faithful, summaries, of_faithful)


def _place(folder: Path, operator: str) -> Path:
    """Where the result of faithfulness under one operator stands."""
    return folder / operator.replace(" ", "_")


@dataclass(frozen=True)
class _Run:
    """A comparison while it runs; each thing is made when it is first asked for."""

    comparison: Comparison
    trained: Trained
    folder: Path

    @cached_property
    def model(self) -> AttentionModel:
        return wrap(self.trained)

    @property
    def documents(self) -> tuple[Document, ...]:
        return self.comparison.marked.documents

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.comparison.seed)

    @cached_property
    def attributed(self) -> Attributed:
        return attribute(self.model, self.reading, named(*self.comparison.methods))

    @cached_property
    def scored(self) -> WordScores:
        baselines = self.comparison.marked.baselines(self.comparison.seed)
        return word_scores(
            self.model,
            self.documents,
            baselines=baselines,
            seed=self.comparison.seed,
            reading=self.reading,
            attributed=self.attributed,
        )

    @cached_property
    def few(self) -> tuple[Document, ...]:
        """The documents that are edited, in their order."""
        return sample(self.documents, self.comparison.edited, self.comparison.seed)

    @cached_property
    def reading_of_few(self) -> Reading:
        return replace(read(self.model, self.few, self.comparison.seed), affinity=self.reading.affinity)

    @cached_property
    def attributed_of_few(self) -> Attributed:
        return attribute(self.model, self.reading_of_few, named(*self.comparison.methods))

    def complete(self) -> None:
        for name in ("quality", *EXPERIMENTS, "human_agreement"):
            if not (self.folder / f"{name}.parquet").exists() and self._applies(name):
                say_aloud(f"{self.folder.name}: {name}")
                self._result(name).save(self.folder)
            if (self.folder / f"{name}.parquet").exists():
                draw(Result.load(self.folder / f"{name}.parquet"), self.folder / "figures")
        for operator in OPERATORS:
            place = _place(self.folder, operator)
            if not (place / "faithfulness.parquet").exists():
                say_aloud(f"{self.folder.name}: faithfulness, {operator}")
                self._faithfulness(operator).save(place)
            if operator in COMPARED_BY:
                draw(Result.load(place), place / "figures")
        if not (self.folder / "figures" / "plausibility_groups.csv").exists():
            self._draw_more()
        described = json.dumps(self.comparison.described(), indent=2) + "\n"
        replace_file(self.folder / "settings.json", described.encode())

    def _applies(self, name: str) -> bool:
        return name != "human_agreement" or any(len(document.rationales) > 1 for document in self.documents)

    def _result(self, name: str) -> Result:
        seed, marked = self.comparison.seed, self.comparison.marked
        if name == "quality":  # of the documents that people marked, which are another domain perhaps
            splits = {**marked.corpus.splits, "test": self.documents}
            return quality(self.trained, replace(marked.corpus, splits=splits), seed=seed)
        if name == "human_agreement":
            return human_agreement(self.documents, seed)
        if name == "external":
            return external(
                self.model,
                self.documents,
                marked.signals(),
                seed=seed,
                reading=self.reading,
                attributed=self.attributed,
            )
        if name == "shift":
            return shift(self.model, self.few, marked.corpus.train, seed=seed)
        if name == "positions":
            return positions(self.model, self.documents, seed=seed, scored=self.scored)
        experiment = plausibility if name == "plausibility" else plausibility_curves
        return experiment(self.model, self.documents, seed=seed, scored=self.scored)

    def _faithfulness(self, operator: str) -> Result:
        """Of all methods as words are deleted and under the attention mask; of the two other operators only what is set
        beside the shift."""
        nothing = attribute(self.model, self.reading_of_few, {})
        return faithfulness(
            self.model,
            self.few,
            operator=operator,
            signed=False,  # as plausibility ranks them
            seed=self.comparison.seed,
            reading=self.reading_of_few,
            attributed=self.attributed_of_few if operator in COMPARED_BY else nothing,
        )

    def _draw_more(self) -> None:
        """By length and annotator; and three documents, a figure each, with every annotator, attention and two
        attributions."""
        from attn_interp.figures.draw.files import save_figure
        from attn_interp.figures.people import annotators, plausibility_groups

        found = Result.load(self.folder / "plausibility.parquet")
        place = self.folder / "figures"
        names = (ATTENTION, *self.comparison.methods[:2])
        for quantile, row in chosen(found).items():
            document = self.documents[row]
            scores = {name: self.scored.scores[name][row] for name in names}
            about = f"predicted {self.scored.about['predicted'].iloc[row]}"
            page = annotators.figure(document, scores, about)
            save_figure(page, place / f"annotators_{quantile:.0%}".rstrip("%"), annotators.drawn(document, scores))
        save_figure(plausibility_groups.figure(found), place / "plausibility_groups", plausibility_groups.drawn(found))


def chosen(found: Result) -> dict[float, int]:
    """Rows of the documents to show, not picked by hand: those at the 10th, 50th and 90th percentile of the AUROC of
    attention, among the documents of at most 60 words (or, where there are fewer, the shortest tenth)."""
    table = per_document(found)
    table = table[table["scorer"] == ATTENTION].reset_index(drop=True)
    table = table[table["auroc"].notna()]
    if table.empty:
        return {}
    readable = table[table["words"] <= max(READABLE, float(np.quantile(table["words"], 0.1)))]
    ordered = readable.sort_values("auroc", kind="stable").index
    return {quantile: int(ordered[round(quantile * (len(ordered) - 1))]) for quantile in SHOWN}

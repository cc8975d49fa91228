"""A model compared with people: trained once, every experiment run and drawn; what stands on disk is not done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from attn_interp.data.draws import sample
from attn_interp.experiments.people.external import external
from attn_interp.experiments.people.faithfulness import faithfulness
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.people.human_agreement import why_not as nobody_else
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE, OPERATORS
from attn_interp.experiments.people.parts.word_baselines import Baseline
from attn_interp.experiments.people.parts.word_scores import ATTENTION, word_scores
from attn_interp.experiments.people.plausibility import per_document, plausibility
from attn_interp.experiments.people.plausibility_curves import plausibility_curves
from attn_interp.experiments.people.positions import positions
from attn_interp.experiments.people.shift import shift
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.wrap import wrap
from attn_interp.report.run_directory import MODELS, as_name
from attn_interp.studies.cell import Cell
from attn_interp.studies.people.rationale_sets import PLANTED, Effort, RationaleSet
from attn_interp.studies.run import CellRun, run_cells
from attn_interp.studies.steps import Step, key_of
from attn_interp.studies.work import classifier_of

COMPARED_BY = (DELETE, ATTENTION_MASK)  # as ERASER erases, and where the optimum is known
SHOWN = (0.1, 0.5, 0.9)  # quantiles of plausibility by attention: the documents that are drawn
WIDTH, NARROW, HIDDEN_PER_WIDTH = 300, 50, 128 / 300
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

    def folder_name(self) -> str:
        return f"{as_name(self.marked.name)}-{self.settings.encoder}-seed{self.seed}-{self.key[:8]}"

    def model_name(self) -> str:
        decisive = {"settings": self.cell.described(), "corpus": self.marked.corpus.fingerprint()}
        name = as_name(self.marked.corpus.name)
        return f"{name}-{self.settings.encoder}-seed{self.seed}-{key_of(decisive)[:8]}"

    @cached_property
    def key(self) -> str:
        """Equal for two comparisons exactly when settings and texts are equal."""
        return key_of(self.about())

    def about(self) -> dict[str, Any]:
        """Everything that decides the numbers, as plain JSON values."""
        marked = self.marked
        texts = [
            [each.id, each.words, each.label, each.rationales, *([each.second.words] if each.second else [])]
            for each in (*marked.documents, *marked.others)
        ]
        return {
            "trained": self.model_name(),
            "documents": len(marked.documents),
            "texts": key_of(texts),
            "others": len(marked.others),
            "lexicon": marked.lexicon,
            "word_labels": len(marked.word_labels),
            "methods": list(self.methods),
            "edited": self.edited,
            "seed": self.seed,
        }

    def work(self, models: Path, progress: bool) -> ComparisonWork:
        return ComparisonWork(self, models, progress)


def comparisons(
    sets: Sequence[RationaleSet],
    seeds: Sequence[int],
    efforts: Mapping[int, Effort],
    width: int | None = None,
    documents: int | None = None,
) -> list[Comparison]:
    """An LSTM compared with people on each set under each seed; on the planted corpus a context-free model beside it.

    The states of an LSTM mix words, those of the context-free model do not. On planted documents a wide model attends
    to the evidence at seed 0, as every ranking then finds it; a narrow one does not, and shows what may happen.

    Args:
        efforts: What is done with documents of which length: see `RationaleSet.effort`.
        width: Of the word vectors; None: 300, and 50 for the planted corpus.
        documents: At most this many of each set; None: all.
    """
    found = []
    for marked in (each.first(documents) for each in sets):
        planted = marked.name == PLANTED
        own = width or (NARROW if planted else WIDTH)
        hidden = max(2, 2 * round(own * HIDDEN_PER_WIDTH / 2))
        for encoder in ("average", "lstm") if planted else ("lstm",):
            settings = ClassifierSettings(encoder=encoder, embedding_width=own, hidden=hidden)
            effort = marked.effort(efforts)
            found += [Comparison(marked, settings, TrainingSettings(), *effort, seed) for seed in seeds]
    return found


@dataclass(frozen=True)
class ComparisonWork:
    """A comparison while it runs; each thing is made when it is first asked for."""

    comparison: Comparison
    models: Path
    progress: bool

    def prepare(self) -> None:
        _ = self.trained

    @cached_property
    def trained(self) -> Trained:
        return classifier_of(self.comparison.cell, self.comparison.marked.corpus, self.models, False)

    @cached_property
    def reading(self) -> Reading:
        marked = self.comparison.marked
        return read(wrap(self.trained), marked.documents, self.comparison.seed, marked.corpus, self.progress)

    @cached_property
    def few(self) -> Reading:
        """Of the documents that are edited."""
        documents = sample(self.comparison.marked.documents, self.comparison.edited, self.comparison.seed)
        return self.reading.only(documents)

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        return self.comparison.marked.baselines(self.comparison.seed)

    def steps(self) -> Sequence[Step]:
        """The steps in their order; of the four ways of erasing two are of all methods, the others are set beside the
        shift."""
        marked, methods, seed = self.comparison.marked, self.comparison.methods, self.comparison.seed
        steps: dict[str, Callable[[], Result]] = {
            "quality": lambda: quality(self.reading),  # of the documents that people marked, another domain perhaps
            "plausibility": lambda: plausibility(self.reading, methods=methods, baselines=self.baselines),
            "plausibility_curves": lambda: plausibility_curves(self.reading, methods=methods, baselines=self.baselines),
            "positions": lambda: positions(self.reading, methods=methods),
            "external": lambda: external(self.reading, signals=marked.signals(), methods=methods),
            "shift": lambda: shift(self.few),
            "human_agreement": lambda: human_agreement(marked.documents, seed=seed),
            **{f"faithfulness, {operator}": partial(self._faithful, operator) for operator in OPERATORS},
        }
        against = {"human_agreement": lambda: nobody_else(self.reading)}
        return [Step(name, make, against.get(name, lambda: "")) for name, make in steps.items()]

    def _faithful(self, operator: str) -> Result:
        """Attributions by absolute value, as plausibility ranks them."""
        methods = self.comparison.methods if operator in COMPARED_BY else ()
        return faithfulness(self.few, operator=operator, signed=False, methods=methods)


@dataclass(frozen=True)
class Compared:
    """What stands of a comparison on disk.

    Attributes:
        marked: What was compared.
        run: Its results, by step; human_agreement only where documents have two annotators.
    """

    marked: RationaleSet
    run: CellRun

    @property
    def labels(self) -> dict[str, str]:
        return self.run.labels

    @property
    def results(self) -> dict[str, Result]:
        return self.run.results

    @property
    def faithful(self) -> dict[str, Result]:
        """Operator of erasure -> result of faithfulness."""
        return {operator: self.results[f"faithfulness, {operator}"] for operator in OPERATORS}


def compare_all(comparisons: Sequence[Comparison], results: Path, jobs: int) -> list[Compared]:
    """Run what is missing of each, `jobs` at a time; those that share a model wait for its training.

    Raises:
        RuntimeError: something failed; the rest is done.
    """
    found = []
    for comparison, run in zip(comparisons, run_cells(comparisons, results, jobs), strict=True):
        if not (run.folder / "figures" / "plausibility_groups.csv").exists():
            _draw_more(comparison, run, results)
        found.append(Compared(comparison.marked, run))
    return found


def _draw_more(comparison: Comparison, run: CellRun, results: Path) -> None:
    """By length and annotator; and three documents, a figure each, with every annotator, attention and two
    attributions."""
    from attn_interp.figures.draw.files import save_figure
    from attn_interp.figures.people import annotators, plausibility_groups

    found, place = run.results["plausibility"], run.folder / "figures"
    names = comparison.methods[:2]
    work = comparison.work(results.resolve() / MODELS / comparison.model_name(), False)
    for quantile, row in chosen(found).items():
        document = comparison.marked.documents[row]
        scored = word_scores(work.reading.only([document]), names, {})
        scores = {name: scored.scores[name][0] for name in (ATTENTION, *names)}
        page = annotators.figure(document, scores, f"predicted {scored.about['predicted'].iloc[0]}")
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

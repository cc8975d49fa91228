"""The tests of Wiegreffe & Pinter 2019 on one corpus: what each seed measures, and what the seeds say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import sample
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.adversary_curve import EPS, adversary_curve
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.jain_wallace.same_shape import same_shape, why_not
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.imitation import imitation, together
from attn_interp.experiments.wiegreffe_pinter.ladder import Rungs, ladder
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.experiments.wiegreffe_pinter.seeds import QUANTITIES, conclusions, seeds
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.wrap import wrap
from attn_interp.studies.cell import Cell
from attn_interp.studies.pretrained import pretrained
from attn_interp.studies.retraining.kept_models import UNIFORM, Retraining
from attn_interp.studies.run import CellRun, corpus_facts, group_steps, run_cells
from attn_interp.studies.steps import Step, say_aloud

EXACT_EPS = (1e-5, 1e-4, *EPS)
SAME_SHAPE_EPS = (1e-4, 0.002, 0.01, 0.05, 0.2)
AGAINST_UNIFORM = "seeds, uniform"


@dataclass(frozen=True)
class ConsistencyCell(Cell):
    """One seed: a classifier cell whose model is trained again in several ways."""

    def model_name(self) -> str:
        """The models are this seed's alone: the base, its rivals, its imitators and those under its guides."""
        return f"retrained-{self.folder_name()}"

    def about(self) -> dict[str, Any]:
        return {"retrained": self.described(), "corpus": corpus_facts(self.load_corpus())}

    def work(self, models: Path, progress: bool) -> ConsistencyWork:
        return ConsistencyWork(self, models, progress)


@dataclass(frozen=True)
class ConsistencyWork:
    """One seed while it runs: its models, and what is measured on the base model."""

    cell: ConsistencyCell
    folder: Path
    progress: bool

    @cached_property
    def corpus(self) -> Corpus:
        return self.cell.load_corpus()

    @cached_property
    def models(self) -> Retraining:
        cell, folder = self.cell, self.folder
        vectors = partial(pretrained, cell, self.corpus, folder)
        return Retraining(self.corpus, cell.settings, cell.training, cell.seed, folder, vectors, say_aloud)

    def prepare(self) -> None:
        self.models.rivals()
        for name in self.models.guides:
            self.models.guided(name, self.documents)

    @cached_property
    def documents(self) -> Sequence[Document]:
        return sample(self.corpus.test, self.cell.documents, seed=0)

    @cached_property
    def whole(self) -> Reading:
        return read(wrap(self.models.base), self.corpus.test, self.cell.seed, self.corpus, self.progress)

    @cached_property
    def reading(self) -> Reading:
        return self.whole.only(self.documents)

    def steps(self) -> Sequence[Step]:
        """What needs no other seed."""
        cell = self.cell
        return [
            Step("adversary_curve", lambda: adversary_curve(self.reading, eps=EXACT_EPS)),
            *(
                Step(
                    f"same_shape, eps {eps:g}",
                    partial(lambda eps: same_shape(self.reading, eps=eps), eps),
                    lambda: why_not(self.reading),
                )
                for eps in SAME_SHAPE_EPS
            ),
            Step("imitation", lambda: imitation(self.reading, self.models.imitators())),
            Step(AGAINST_UNIFORM, lambda: seeds(self.reading, {-1: wrap(self.models.rivals()[UNIFORM])})),
            Step("quality", lambda: quality(self.whole)),
            Step("agreement", lambda: agreement(self.reading)),
            Step("permutation", lambda: permutation(self.reading, draws=cell.draws)),
            Step("adversary", lambda: adversary(self.reading, eps=cell.eps)),
        ]

    def against(self, others: Mapping[int, AttentionModel]) -> Result:
        """The base model against those of other seeds."""
        return seeds(self.reading, others)


def run_seeds(cells: Sequence[ConsistencyCell], results: Path, jobs: int = 1) -> list[CellRun]:
    """Run every seed, `jobs` at a time, each in a process of its own; in the order of the cells.

    Raises:
        ValueError: there are fewer than two seeds.
        RuntimeError: something failed; the rest is done.
    """
    if len({cell.seed for cell in cells}) < 2:
        raise ValueError(f"run_seeds: got seeds {[cell.seed for cell in cells]}; nothing can be said of one seed alone")
    return run_cells(cells, results, jobs)


def answers(runs: Sequence[CellRun], results: Path, margin: float) -> dict[str, Result]:
    """What the seeds say together: necessity, seeds (of the first), guide, imitation, the ladder and quality.

    Each is saved with its figure in the folder of the results, but for quality, which stands with each seed.
    """
    works = {run.cell.seed: _work(run, results) for run in runs}
    found = {run.cell.seed: run.results for run in runs}
    first = next(iter(works))
    documents = works[first].documents

    def of_others(seed: int) -> Result:
        return works[seed].against({other: work.reading.model for other, work in works.items() if other != seed})

    of_seeds = {seed: of_others(seed) for seed in works}
    rivals = {seed: work.models.rivals() for seed, work in works.items()}
    guides = works[first].models.guides
    conditions = {name: {seed: own[name] for seed, own in rivals.items()} for name in rivals[first]}
    guided = {name: {seed: work.models.guided(name, documents) for seed, work in works.items()} for name in guides}
    steps = [
        Step("necessity", lambda: necessity(conditions, documents, margin=margin)),
        Step("seeds", lambda: of_seeds[first]),
        Step("guide", lambda: guide(guided, documents, margin=margin)),
        Step("imitation", lambda: together({seed: own["imitation"] for seed, own in found.items()})),
        Step("ladder", lambda: ladder({seed: rungs(own, of_seeds[seed]) for seed, own in found.items()})),
    ]
    said = group_steps(steps, results)
    return {**said, "quality": over_seeds({seed: own["quality"] for seed, own in found.items()})}


def tables(runs: Sequence[CellRun], results: Path, margin: float) -> dict[str, pd.DataFrame]:
    """The summaries of `answers`, and how far the conclusions of other experiments move between the seeds."""
    told = {name: result.summary() for name, result in answers(runs, results, margin).items()}
    own = {run.cell.seed: {name: run.results[name] for name in QUANTITIES} for run in runs}
    return {**told, "conclusions": conclusions(own)}


def rungs(found: Mapping[str, Result], of_seeds: Result) -> Rungs:
    """What was measured on one base model, as the ladder takes it."""
    shapes = [result for name, result in found.items() if name.startswith("same_shape")]
    return Rungs(found["adversary_curve"], shapes, found["imitation"], of_seeds, found[AGAINST_UNIFORM])


def _work(run: CellRun, results: Path) -> ConsistencyWork:
    cell: Any = run.cell
    return ConsistencyWork(cell, results.resolve() / "models" / cell.model_name(), False)

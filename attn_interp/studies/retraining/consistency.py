"""The tests of Wiegreffe & Pinter 2019 on one corpus: what each seed measures, and what the seeds say together.

Everything is kept where it was made: models as checkpoints, results as Parquet. What stands on disk is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.adversary_curve import EPS, adversary_curve
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.jain_wallace.same_shape import same_shape
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.imitation import imitation, together
from attn_interp.experiments.wiegreffe_pinter.ladder import Rungs, ladder
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import Guided
from attn_interp.experiments.wiegreffe_pinter.seeds import seeds
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.threads import one_thread
from attn_interp.models.wrap import wrap
from attn_interp.studies.alone import alone_in, remove_drafts
from attn_interp.studies.cell import Cell
from attn_interp.studies.pretrained import pretrained
from attn_interp.studies.retraining.kept_models import UNIFORM, Retraining
from attn_interp.studies.run import draw, say_aloud
from attn_interp.studies.tables import over_seeds

EXACT_EPS = (1e-5, 1e-4, *EPS)
SAME_SHAPE_EPS = (1e-4, 0.002, 0.01, 0.05, 0.2)


@dataclass(frozen=True)
class SeedRun:
    """One seed: its models and what was measured on the base model.

    Attributes:
        cell: Corpus, settings, training and seed.
        results: The folder that holds one folder for each seed.
    """

    cell: Cell
    results: Path

    @cached_property
    def corpus(self) -> Corpus:
        return self.cell.load_corpus()

    @cached_property
    def folder(self) -> Path:
        return self.results / self.cell.folder_name(self.corpus)

    @cached_property
    def models(self) -> Retraining:
        cell, folder = self.cell, self.folder
        return Retraining(
            self.corpus,
            cell.settings,
            cell.training,
            cell.seed,
            folder / "models",
            lambda: pretrained(cell, self.corpus, folder),
            say_aloud,
        )

    @property
    def documents(self) -> tuple[Document, ...]:
        return self.corpus.test[: self.cell.documents]

    @cached_property
    def model(self) -> AttentionModel:
        return wrap(self.models.base)

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.cell.seed)

    def rungs(self) -> Rungs:
        """What the ladder needs of this seed alone."""
        model, documents, seed = self.model, self.documents, self.cell.seed
        curve = self._kept("adversary_curve", lambda: adversary_curve(model, documents, EXACT_EPS, seed, self.reading))
        shapes = []
        if len(self.corpus.classes) == 2 and self.reading.affine:
            for eps in SAME_SHAPE_EPS:
                shape = f"same_shape-{eps:g}/same_shape"
                shapes.append(
                    self._kept(shape, lambda eps=eps: same_shape(model, documents, eps, seed, self.reading))  # type: ignore[misc]
                )
        imitators = self._kept(
            "imitation", lambda: imitation(model, self.models.imitators(), documents, seed, self.reading)
        )
        uniform = self._kept("uniform/seeds", lambda: self._against({-1: wrap(self.models.rivals()[UNIFORM])}))
        return Rungs(curve, shapes, imitators, uniform=uniform)

    def against(self, others: Mapping[int, AttentionModel]) -> Result:
        """The base model against those of other seeds."""
        return self._kept("seeds", lambda: self._against(others))

    def quality(self) -> Result:
        """How well the base model classifies all test documents."""
        return self._kept("quality", lambda: quality(self.models.base, self.corpus, seed=self.cell.seed))

    def conclusions(self) -> dict[str, Result]:
        """The experiments of Jain & Wallace 2019, whose conclusions may depend on the seed."""
        cell, model, documents, seed = self.cell, self.model, self.documents, self.cell.seed
        made: dict[str, Callable[[], Result]] = {
            "agreement": lambda: agreement(model, documents, seed=seed, reading=self.reading),
            "permutation": lambda: permutation(model, documents, draws=cell.draws, seed=seed, reading=self.reading),
            "adversary": lambda: adversary(model, documents, eps=cell.eps, seed=seed, reading=self.reading),
        }
        return {name: self._kept(name, make) for name, make in made.items()}

    def run(self) -> None:
        """Everything that needs no other seed, on one thread."""
        with alone_in(self.folder, say_aloud), one_thread():
            remove_drafts(self.folder)
            described = {"cell": self.cell.described(), "corpus": self.corpus.fingerprint()}
            replace_file(self.folder / "settings.json", (json.dumps(described, indent=2) + "\n").encode())
            self.models.rivals()
            for name in self.models.guides:
                self.models.guided(name)
            self.rungs()
            self.quality()
            self.conclusions()

    def guided(self) -> dict[str, Guided]:
        """The context-free model under each guide, with that guide's attention on the documents."""
        models = self.models
        return {name: Guided(models.guided(name), models.attention(name, self.documents)) for name in models.guides}

    def _against(self, others: Mapping[int, AttentionModel]) -> Result:
        return seeds(self.model, others, self.documents, self.cell.seed, self.reading)

    def _kept(self, name: str, make: Callable[[], Result]) -> Result:
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            make().save(path.parent)
        return Result.load(path)


def run_seeds(cells: Sequence[Cell], results: Path, jobs: int = 1) -> list[SeedRun]:
    """Run every seed, `jobs` at a time, each in a process of its own; in the order of the cells.

    Raises:
        ValueError: there are fewer than two seeds.
    """
    from joblib import Parallel, delayed

    if len({cell.seed for cell in cells}) < 2:
        raise ValueError(f"run_seeds: got seeds {[cell.seed for cell in cells]}; nothing can be said of one seed alone")
    runs = [SeedRun(cell, results) for cell in cells]
    Parallel(n_jobs=min(jobs, len(runs)))(delayed(run.run)() for run in runs)
    return runs


def answers(runs: Sequence[SeedRun], margin: float) -> dict[str, Result]:
    """What the seeds say together: necessity, seeds (of the first), guide, imitation, the ladder and quality.

    Each has its figure in the folder of the results, and is saved there, but for quality, which stands with each seed.
    """
    documents = runs[0].documents
    rivals = [run.models.rivals() for run in runs]
    guided = [run.guided() for run in runs]
    of_seeds = {
        run.cell.seed: run.against({other.cell.seed: other.model for other in runs if other is not run}) for run in runs
    }
    rungs = {run.cell.seed: run.rungs() for run in runs}
    found = [
        necessity({name: [each[name] for each in rivals] for name in rivals[0]}, documents, margin),
        of_seeds[runs[0].cell.seed],
        guide({name: [each[name] for each in guided] for name in guided[0]}, documents, margin),
        together([rung.imitation for rung in rungs.values() if rung.imitation is not None]),
        ladder(
            {
                seed: Rungs(rung.adversary_curve, rung.same_shape, rung.imitation, of_seeds[seed], rung.uniform)
                for seed, rung in rungs.items()
            }
        ),
    ]
    for result in found:
        result.save(runs[0].results)
    found.append(over_seeds({run.cell.seed: run.quality() for run in runs}))
    for result in found:
        draw(result, runs[0].results / "figures")
    return {result.experiment: result for result in found}

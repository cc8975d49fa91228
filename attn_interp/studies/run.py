"""Running a cell: train once, run every experiment, draw the figures. What stands on disk is not done again."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.embeddings import load_embeddings
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.experiments.adversary import adversary
from attn_interp.experiments.adversary_curve import adversary_curve
from attn_interp.experiments.agreement import agreement
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.erasure import erasure
from attn_interp.experiments.examples import examples
from attn_interp.experiments.permutation import permutation
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result, replace_file
from attn_interp.experiments.same_shape import same_shape
from attn_interp.experiments.single_erasure import single_erasure
from attn_interp.models.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.threads import one_thread
from attn_interp.models.trained import Trained
from attn_interp.models.training import train
from attn_interp.models.wrap import wrap
from attn_interp.models.wrapper import AttentionModel
from attn_interp.studies.cell import Cell

CERTIFIED_AT_MOST = 100  # documents of several classes whose adversary is certified at every tolerance: a minute
Say = Callable[[str], None]


@dataclass(frozen=True)
class CellRun:
    """The results of a cell, by experiment, and the folder where they stand."""

    cell: Cell
    corpus: str
    folder: Path
    results: dict[str, Result]

    @property
    def labels(self) -> dict[str, str]:
        """What tells this model from the others in a table."""
        settings = self.cell.settings
        return {"corpus": self.corpus, "encoder": settings.encoder, "attention": settings.attention}


@dataclass(frozen=True)
class _Work:
    """A cell while it runs: each thing is made when it is first asked for."""

    cell: Cell
    corpus: Corpus
    folder: Path
    progress: bool

    @cached_property
    def trained(self) -> Trained:
        place = self.folder / "model"
        if place.exists():
            return load_checkpoint(place)
        trained = train(
            self.corpus,
            self.cell.settings,
            self.cell.training,
            seed=self.cell.seed,
            progress=self.progress,
            embeddings=self._pretrained(),
        )
        save_checkpoint(trained, place)
        return trained

    def _pretrained(self) -> torch.Tensor | None:
        """The pretrained word vectors, if any; how much of the corpus they cover is written to embeddings.json."""
        if self.cell.embeddings is None:
            return None
        vocabulary = Vocabulary.build(self.corpus.train, self.cell.training.least_count)
        width = self.cell.settings.embedding_width
        found = load_embeddings(self.cell.embeddings, vocabulary, self.corpus.train, width, seed=self.cell.seed)
        coverage = {
            "source": found.source,
            "width": width,
            "words_of_the_vocabulary_found": found.type_coverage,
            "words_of_the_training_texts_found": found.token_coverage,
        }
        replace_file(self.folder / "embeddings.json", (json.dumps(coverage, indent=2) + "\n").encode())
        return found.matrix

    @cached_property
    def model(self) -> AttentionModel:
        return wrap(self.trained)

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        return self.corpus.test[: self.cell.documents]

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
        """The same for what takes long with several classes: the first `CERTIFIED_AT_MOST` documents."""
        few = self.documents[:CERTIFIED_AT_MOST]
        if len(self.corpus.classes) == 2 or len(few) == len(self.documents):
            return self.shared
        return {**self.shared, "documents": few, "reading": read(self.model, few, self.cell.seed)}


STEPS: dict[str, Callable[[_Work], Result]] = {
    "quality": lambda work: quality(work.trained, work.corpus, seed=work.cell.seed),
    "agreement": lambda work: agreement(**work.shared, attributed=work.attributed),
    "permutation": lambda work: permutation(**work.shared, draws=work.cell.draws, progress=work.progress),
    "adversary": lambda work: adversary(
        **work.shared,
        eps=work.cell.eps,
        method="both" if work.cell.search else "best",
        progress=work.progress,
    ),
    "adversary_curve": lambda work: adversary_curve(**work.shared_by_few, progress=work.progress),
    "same_shape": lambda work: same_shape(**work.shared, eps=work.cell.eps, progress=work.progress),
    "reach": lambda work: reach(**work.shared, progress=work.progress),
    "single_erasure": lambda work: single_erasure(**work.shared, progress=work.progress),
    "erasure": lambda work: erasure(**work.shared, attributed=work.attributed, progress=work.progress),
    "examples": lambda work: examples(**work.shared, eps=work.cell.eps),
}
"""The experiments of a cell, in the order in which they run."""


def _why_not(name: str, work: _Work) -> str | None:
    """Why an experiment does not apply to the model of this cell, or None where it does."""
    if name in ("reach", "same_shape") and not work.reading.affine:
        return "the readout is not affine in the attention"
    if name == "same_shape" and len(work.corpus.classes) > 2:
        return f"{len(work.corpus.classes)} classes; it is for two"
    return None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_cell(cell: Cell, results: Path, progress: bool = True, say: Say = _say) -> CellRun:
    """Run what is missing of a cell and return all its results.

    The folder `results`/<name of the cell> holds settings.json, model/, one Parquet file and summary per experiment,
    and figures/. Every file is moved into place whole, so a killed run is taken up where it stopped. Torch computes on
    one thread, so that the numbers do not depend on how many cells run beside.
    """
    with one_thread():
        return _run(cell, results, progress, say)


def _run(cell: Cell, results: Path, progress: bool, say: Say) -> CellRun:
    corpus = cell.load_corpus()
    folder = results / cell.folder_name(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    _write_settings(cell, corpus, folder)
    work = _Work(cell, corpus, folder, progress)
    found = {}
    for name, step in STEPS.items():
        path = folder / f"{name}.parquet"
        if path.exists():
            found[name] = Result.load(path)
        elif reason := _why_not(name, work):
            say(f"{folder.name}: {name} left out: {reason}")
            continue
        else:
            say(f"{folder.name}: {name}")
            found[name] = step(work)
            found[name].save(folder)
        draw(found[name], folder / "figures")
    return CellRun(cell, corpus.name, folder, found)


def run_cells(cells: Sequence[Cell], results: Path, jobs: int = 1) -> list[CellRun]:
    """Run several cells, `jobs` at a time, each in a process of its own; the runs in the order of the cells."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=min(jobs, len(cells)))(delayed(run_cell)(cell, results, False) for cell in cells))


def draw(result: Result, folder: Path) -> None:
    """The figure of a result as PDF, PNG and CSV, unless it stands there already."""
    path = folder / result.experiment
    if path.with_suffix(".csv").exists():
        return
    from attn_interp.figures.files import save_figure

    module = import_module(f"attn_interp.figures.{result.experiment}")
    save_figure(module.figure(result), path, module.drawn(result))


def _write_settings(cell: Cell, corpus: Corpus, folder: Path) -> None:
    packages = ("attn-interp", "torch", "numpy", "scipy", "pandas", "captum", "scikit-learn", "matplotlib")
    settings = {
        "cell": cell.described(),
        "key": cell.key(corpus),
        "corpus": {
            "name": corpus.name,
            "classes": list(corpus.classes),
            "documents": {split: len(documents) for split, documents in corpus.splits.items()},
            "licence": corpus.licence,
            "source": corpus.source,
            "fingerprint": corpus.fingerprint(),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }
    path = folder / "settings.json"
    if not path.exists():
        replace_file(path, (json.dumps(settings, indent=2) + "\n").encode())

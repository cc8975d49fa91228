"""The tasks on two texts of Jain & Wallace 2019, with the sizes of their code, as cells of a study."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.report.tables.pairs import beside_published, evidence_table
from attn_interp.statistics.clusters import SEED
from attn_interp.studies.arguments import cells
from attn_interp.studies.cell import Cell
from attn_interp.studies.run import CellRun
from attn_interp.studies.tables import study_tables


@dataclass(frozen=True)
class PairTask:
    """A task, and how it is trained.

    Attributes:
        corpus: Name of the corpus.
        options: Further arguments of `load`.
        sizes: Fields of `ClassifierSettings`.
        training: How it is trained, but for the number of epochs.
        epochs: At most.
    """

    corpus: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 25


SMALL: dict[str, Any] = {"embedding_width": 50, "hidden": 32, "dropout": 0.0}
STORIES: dict[str, Any] = {"sizes": SMALL, "training": {"batch_size": 50, "least_count": 1}, "epochs": 100}
ENTAILMENT: dict[str, Any] = {"training": {"batch_size": 128, "least_count": 3}}
TASKS = {
    **{f"babi-{task}": PairTask("babi", {"task": task}, **STORIES) for task in (1, 2, 3)},
    **{f"facts-{task}": PairTask("facts", {"task": task, "documents": 4000}, **STORIES) for task in (1, 2, 3)},
    "snli": PairTask("snli", **ENTAILMENT),
    "sick": PairTask("sick", **ENTAILMENT),
}
"""Of SNLI and bAbI the sizes of the authors' code; the made-up facts are trained as bAbI is, and SICK as SNLI."""

EVIDENCE = ("plausibility", "plausibility, sentence")
ASKED = ("quality", "agreement", "permutation", "adversary", "other_question", *EVIDENCE)


def task_tables(runs: Sequence[CellRun]) -> dict[str, pd.DataFrame]:
    """Name -> table: the overview over seeds beside the released figures, and, where facts are marked, how well each
    model finds them (a row for each seed)."""
    tables = {"overview": beside_published(study_tables(runs)["overview"])}
    marked = [(run, run.results[name]) for run in runs for name in EVIDENCE if name in run.results]
    if marked:
        tables["evidence"] = evidence_table(({**run.labels, SEED: run.cell.seed}, found) for run, found in marked)
    return tables


def task_cells(asked: Namespace, networks: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """A cell for each network and seed that is asked for: of the task that is named, or of a corpus.

    Args:
        asked: What `arguments.told` returns, with task (None: the corpus as it is named) and epochs (None: the task's).
        networks: Encoder and attention of each, as `arguments.cells` takes them.
    """
    if asked.task is None:
        return cells(asked, networks)
    task = TASKS[asked.task]
    epochs = task.epochs if asked.epochs is None else asked.epochs
    training = TrainingSettings(epochs=epochs, patience=epochs, **task.training)
    return [
        Cell(
            corpus=task.corpus,
            corpus_options={**task.options, **asked.options},
            settings=ClassifierSettings(**network, **task.sizes),
            training=training,
            seed=seed,
            embeddings=asked.embeddings,
            documents=asked.documents,
            search=asked.search,
        )
        for network in networks
        for seed in asked.seeds
    ]

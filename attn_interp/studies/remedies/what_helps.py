"""Every remedy on one corpus, over seeds: the cells of a study, its table and its figure."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.report.tables.remedies import QUESTIONS, remedies_sentences, remedies_table
from attn_interp.studies.cell import Cell
from attn_interp.studies.remedies.kinds import PLAIN, UNIFORM, Remedy, changed, named
from attn_interp.studies.run import run_cells

ASKED = tuple(dict.fromkeys(question.step for question in QUESTIONS))


def cells_of(
    remedies: Sequence[Remedy], asked: Namespace, settings: ClassifierSettings, training: TrainingSettings
) -> tuple[dict[str, list[Cell]], dict[str, str]]:
    """Name of a remedy -> a cell for each seed; and why the others cannot be had.

    Args:
        asked: What `arguments.told` returns, with corpus, embeddings and documents.
    """
    corpus = Cell(asked.corpus, asked.options).load_corpus()
    made: dict[str, list[Cell]] = {}
    reasons: dict[str, str] = {}
    for remedy in remedies:
        try:
            own, how = changed(remedy, corpus, settings, training)
        except ValueError as error:
            reasons[remedy.name] = str(error)
            continue
        shared = {"settings": own, "training": how, "embeddings": asked.embeddings, "documents": asked.documents}
        made[remedy.name] = [Cell(asked.corpus, asked.options, seed=seed, **shared) for seed in asked.seeds]
    return made, reasons


def what_helps(asked: Namespace, settings: ClassifierSettings, training: TrainingSettings) -> dict[str, pd.DataFrame]:
    """Name -> table: `what_helps`, remedies and questions with intervals over seeds and documents; `sentences` of them;
    and `left_out`, the remedies that the corpus does not allow and why, where there are some.

    Args:
        asked: What `arguments.told` returns, with corpus, embeddings, documents, remedies, jobs and results.
    """
    made, reasons = cells_of(named(asked.remedies), asked, settings, training)
    runs = run_cells([cell for cells in made.values() for cell in cells], Path(asked.results), asked.jobs, ASKED)
    found = {run.cell.folder_name(): run.results for run in runs}
    results: Mapping[str, Mapping[int, Mapping[str, Result]]] = {
        name: {cell.seed: found[cell.folder_name()] for cell in cells if cell.folder_name() in found}
        for name, cells in made.items()
    }
    table = remedies_table(results, PLAIN, UNIFORM if UNIFORM in results else None)
    tables = {"what_helps": table, "sentences": remedies_sentences(table)}
    if reasons:
        tables["left_out"] = pd.DataFrame(reasons.items(), columns=["model", "reason"])
    return tables

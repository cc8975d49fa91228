"""A cell small enough to be run many times, and one run of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.reading import Reading
from attn_interp.experiments.result import Result
from attn_interp.figures.draw.style import SETTINGS
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.studies import work as work_module
from attn_interp.studies.cell import Cell
from attn_interp.studies.run import CellRun, run_cell


@pytest.fixture(scope="session")
def cell() -> Cell:
    return Cell(
        corpus="planted",
        corpus_options={"documents": 120, "least_length": 3, "most_length": 9},
        settings=ClassifierSettings(encoder="average", embedding_width=7, hidden=4, dropout=0.0),
        training=TrainingSettings(epochs=2),
        seed=3,
        documents=9,
        draws=6,
    )


@pytest.fixture(scope="session")
def first_run(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> CellRun:
    """Never change anything in its folder: copy it. Its pictures are coarse: nobody looks at them."""
    savefig = Figure.savefig

    def coarse(figure: Figure, file: Any, **options: Any) -> None:
        savefig(figure, file, **{**options, "dpi": 40})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", coarse)
        patch.setitem(SETTINGS, "pdf.fonttype", 3)  # a font of type 42 is cut to its letters, which takes longer
        return run_cell(cell, tmp_path_factory.mktemp("results"), progress=False, say=lambda text: None)


Instead = Callable[[str, Callable[[Reading], Result]], None]


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Instead:
    """Puts a function of the reading in the place of an experiment of the cells; undone with the monkeypatch."""

    def replaced(name: str, function: Callable[[Reading], Result]) -> None:
        put = work_module.put

        def chosen(experiment, reading, options):
            return function(reading) if experiment.name == name else put(experiment, reading, options)

        monkeypatch.setattr(work_module, "put", chosen)

    return replaced


@pytest.fixture
def copied(first_run: CellRun, tmp_path: Path) -> Path:
    """A folder of results with the finished run in it, times of files included."""
    import shutil

    shutil.copytree(first_run.folder.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path
